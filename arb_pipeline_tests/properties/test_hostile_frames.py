"""Any bytes give events that the record can hold, or a FeedFormatError: damaged frames against every protocol."""

import json
from collections.abc import Iterator
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arb_pipeline_tests.fixtures.frames import NOW_NS, Coinbase, depth, frame, instrument
from arb_pipeline_tests.fixtures.market import ADDRESS
from arb_pipeline_tests.fixtures.node import Node
from streaming_worker.core.events import Event, GapCause
from streaming_worker.core.instrument import Pool, Venue
from streaming_worker.core.units import I64_MAX
from streaming_worker.errors import FeedFormatError
from streaming_worker.protocols.base import FeedProtocol
from streaming_worker.protocols.build import PROTOCOL_NAMES, build_protocol
from streaming_worker.storage.rows import event_rows

FRAMES = 10_000
SLOW_FRAMES = 200_000
TOKENS = (
    b"null", b"true", b'""', b"{}", b"[]", b"-1", b"0", b"1e309", b"1e-08", b"18446744073709551616", b'"0.-10000"',
    b'"\xff"', b'"\\ud800\\udc00"', b'"\\ud800x"', b'"0001-01-01T00:00:00Z"', b'"99999999999999999999"', b"9" * 5_000,
    b'"' + b"9" * 5_000 + b'"', b"[[[[", b"NaN", b'"1e5"', b'"-1"', b'" 1"',
)  # fmt: skip


def _coinbase() -> list[bytes]:
    venue = Coinbase()
    trade = {
        "product_id": "SOL-USD", "trade_id": "1", "price": "150", "size": "2", "time": "2026-09-21T14:13:20.1Z",
        "side": "BUY",
    }  # fmt: skip
    return [
        venue.book("snapshot", ("bid", "150.01", "2"), ("offer", "150.03", "1.5")),
        venue.book("update", ("offer", "150.03", "0"), ("bid", "149", "7")),
        venue.envelope("market_trades", {"type": "update", "trades": [trade]}),
        venue.envelope("heartbeats", {"heartbeat_counter": 41_691}),
        venue.envelope("subscriptions", {"subscriptions": {"level2": ["SOL-USD"]}}),
    ]


def _exchange() -> list[bytes]:
    time = "2026-09-21T14:13:20.8Z"
    product = {"product_id": "SOL-USD"}
    return [
        frame({"type": "snapshot", **product, "asks": [["150.03", "1"]], "bids": [["150", "2"]]}),
        frame({"type": "l2update", **product, "changes": [["buy", "150.01", "5"], ["sell", "151", "0"]], "time": time}),
        frame({"type": "match", **product, "trade_id": 1, "side": "buy", "size": "2", "price": "150", "time": time}),
        frame({"type": "heartbeat", **product, "sequence": 90, "time": time}),
    ]


def _gemini() -> list[bytes]:
    return [
        depth(100, 100, [["150.01", "2.5"]], [["150.03", "1"]]),
        depth(100, 107, [["150.01", "0.00"]], []),
        frame({"E": NOW_NS, "s": "solusd", "t": 12, "p": "150.5", "q": "0.25", "m": True}),
        frame({"id": "time", "status": 200, "result": {"serverTime": 1_790_000_002_153}}),
        frame({"u": 1, "E": NOW_NS, "s": "solusd", "b": "150", "B": "1", "a": "151", "A": "1"}),
    ]


def _gemini_v2() -> list[bytes]:
    trade = {
        "type": "trade", "symbol": "SOLUSD", "event_id": 11, "timestamp": 1_790_000_000_007, "price": "150",
        "quantity": "2", "side": "buy", "tid": 5,
    }  # fmt: skip
    levels = {"type": "l2_updates", "symbol": "SOLUSD", "changes": [["buy", "150", "2"], ["sell", "151", "1"]]}
    return [
        frame({**levels, "trades": [trade], "auction_events": []}),
        frame(levels),
        frame(trade),
        frame({"type": "heartbeat", "timestamp": 1_790_000_005_331}),
    ]


def _solana() -> list[bytes]:
    node = Node()
    node.subscriptions[ADDRESS] = 502
    replies = [frame({"jsonrpc": "2.0", "result": 500 + number, "id": number}) for number in range(1, 9)]
    return [
        *replies[:2],
        node.notification(ADDRESS),
        *replies[2:],
        node.next_slot(),
        frame({"id": 3, "error": {"code": 1}}),
    ]


VALID = dict(zip(PROTOCOL_NAMES, (_coinbase, _exchange, _gemini, _gemini_v2, _solana), strict=True))


def _protocol(name: str) -> FeedProtocol:
    venue = Venue.GEMINI if name.startswith("gemini") else Venue.COINBASE
    symbol = "SOLUSD" if venue is Venue.GEMINI else "SOL-USD"
    pool = Pool(venue=Venue.ORCA, address=ADDRESS, base="SOL", quote="USDC", base_decimals=9, quote_decimals=6)
    protocol = build_protocol(name, feed="feed", instruments=[instrument(venue, symbol)], pools=[pool])
    protocol.opened(1, NOW_NS)
    protocol.opening_messages()
    return protocol


def _damaged(valid: list[bytes], random: Random, count: int) -> Iterator[bytes]:
    """Yield frames with one to four wounds; now and then a whole one, so that states are reached."""
    for _ in range(count):
        wounded = bytearray(random.choice(valid))
        for _ in range(random.randrange(5)):
            _wound(wounded, random, valid)
        yield bytes(wounded)


def _wound(content: bytearray, random: Random, valid: list[bytes]) -> None:
    at = random.randrange(len(content) + 1)
    end = min(at + random.randrange(1, 24), len(content))
    match random.randrange(6):
        case 0:
            content[at:end] = bytes(random.randrange(256) for _ in range(end - at))
        case 1:
            del content[at:end]
        case 2:
            content[at:at] = content[at:end]
        case 3:
            _replace_value(content, random)
        case 4:
            other = random.choice(valid)
            content[at:] = other[random.randrange(len(other)) :]
        case _:
            content[at:end] = random.choice(TOKENS)


def _replace_value(content: bytearray, random: Random) -> None:
    """Put a token in place of what follows some colon, so that the frame often stays JSON."""
    colons = [index for index, byte in enumerate(content[:2_000]) if byte == ord(":")]
    if not colons:
        return
    start = random.choice(colons) + 1
    stop = next((index for index in range(start, len(content)) if content[index] in b",]}"), len(content))
    content[start:stop] = random.choice(TOKENS)


def _feed(protocol: FeedProtocol, content: bytes, now_ns: int) -> list[Event]:
    try:
        events = protocol.receive(content, now_ns)
    except FeedFormatError as e:
        events = protocol.resync(e.instrument, GapCause.BAD_FRAME, now_ns)
    assert all(json.loads(one) for one in protocol.outgoing())
    protocol.http_requests()
    return events


def _assert_recordable(events: list[Event]) -> None:
    for event in events:
        for _, row in event_rows(1, event):
            for value in row:
                assert not isinstance(value, int) or -I64_MAX - 1 <= value <= I64_MAX, event
                assert not isinstance(value, str) or value.encode() is not None


def _attack(name: str, count: int, seed: int) -> None:
    random = Random(seed)
    protocol, valid = _protocol(name), VALID[name]()
    produced = 0
    for number, content in enumerate(_damaged(valid, random, count)):
        if number % 500 == 0:
            protocol.opened(number, NOW_NS)
            protocol.opening_messages()
            for whole in valid:
                _feed(protocol, whole, NOW_NS)
        events = _feed(protocol, content, NOW_NS + number * 1_000_000)
        _assert_recordable(events)
        produced += len(events)
    assert produced > count // 100


@pytest.mark.parametrize("name", PROTOCOL_NAMES)
def test_damaged_frames_give_events_or_a_feed_error(name: str) -> None:
    _attack(name, FRAMES, seed=1)


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", PROTOCOL_NAMES)
def test_many_damaged_frames_give_events_or_a_feed_error(name: str) -> None:
    _attack(name, SLOW_FRAMES, seed=2)


@pytest.mark.parametrize("name", PROTOCOL_NAMES)
@given(content=st.binary(max_size=64))
def test_noise_gives_events_or_a_feed_error(name: str, content: bytes) -> None:
    _assert_recordable(_feed(_protocol(name), content, NOW_NS))


JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)


@pytest.mark.parametrize("name", PROTOCOL_NAMES)
@given(data=st.data())
def test_any_json_in_the_place_of_a_field_gives_events_or_a_feed_error(name: str, data: st.DataObject) -> None:
    message = json.loads(data.draw(st.sampled_from(VALID[name]())))
    field = data.draw(st.sampled_from(sorted(message)))
    message[field] = data.draw(JSON)
    protocol = _protocol(name)
    _assert_recordable(_feed(protocol, json.dumps(message).encode("utf-8", "surrogatepass"), NOW_NS))
