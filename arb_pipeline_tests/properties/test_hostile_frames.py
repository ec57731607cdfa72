"""Any bytes give events that the record can hold, or a FeedFormatError: damaged frames against every protocol."""

import json
import re
from collections import Counter
from copy import deepcopy
from datetime import UTC, datetime
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
from streaming_worker.protocols.base import FeedProtocol, HttpRequest
from streaming_worker.protocols.bitstamp import Bitstamp
from streaming_worker.protocols.build import PROTOCOL_NAMES, build_protocol
from streaming_worker.protocols.coinbase import CoinbaseAdvanced
from streaming_worker.protocols.coinbase_exchange import CoinbaseExchange
from streaming_worker.protocols.solana import Solana
from streaming_worker.storage.rows import event_rows

FRAMES = 10_000
SLOW_FRAMES = 200_000
TOKENS = (
    b"null", b"true", b'""', b"{}", b"[]", b"-1", b"0", b"1e309", b"1e-08", b"18446744073709551616", b'"0.-10000"',
    b'"\xff"', b'"\\ud800\\udc00"', b'"\\ud800x"', b'"0001-01-01T00:00:00Z"', b'"99999999999999999999"', b"9" * 5_000,
    b'"' + b"9" * 5_000 + b'"', b"[[[[", b"NaN", b'"1e5"', b'"-1"', b'" 1"',
)  # fmt: skip
VALUES = (
    None, True, "", {}, [], -1, 0, 1.5, 2**63 - 1, 2**63, 2**64, 10**30, "0.-10000", "0001-01-01T00:00:00Z", "1e5",
    "9" * 30, "9" * 5_000, "\u0661", [["1", "2"]], ["a", "base64"], "150", "SOL-USD",
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


def _bitstamp() -> list[bytes]:
    levels = {"timestamp": "1790000000", "microtimestamp": str(NOW_NS // 1_000), "bids": [["150.01", "2"]]}
    changes = levels | {"bids": [["150.01", "0.00"], ["0", "3"]], "asks": [["150.03", "1"]]}
    trade = {
        "id": 12, "microtimestamp": str(NOW_NS // 1_000), "amount": 0.25, "amount_str": "0.25", "price": 150.5,
        "price_str": "150.5", "type": 0,
    }  # fmt: skip
    return [
        frame({"event": "bts:subscription_succeeded", "channel": "diff_order_book_solusd", "data": {}}),
        frame({"event": "data", "channel": "diff_order_book_solusd", "data": changes}),
        frame({"event": "data", "channel": "order_book_solusd", "data": levels | {"asks": [["150.03", "1"]]}}),
        frame({"event": "trade", "channel": "live_trades_solusd", "data": trade}),
        frame({"event": "bts:heartbeat", "channel": "", "data": {"status": "success"}}),
    ]


def _solana() -> list[bytes]:
    node = Node()
    node.subscriptions[ADDRESS] = 502
    array = next(address for address in node.accounts if address != ADDRESS)
    node.subscriptions[array] = 503
    return [
        frame({"id": 1, "result": 501}),
        frame({"id": 2, "result": 502}),
        node.notification(ADDRESS),
        node.notification(array),
        node.next_slot(),
        frame({"id": 3, "error": {"code": -32601, "message": "no"}}),
    ]


VALID = dict(zip(PROTOCOL_NAMES, (_coinbase, _exchange, _gemini, _gemini_v2, _bitstamp, _solana), strict=True))

BOOKS = {"BookSnapshot", "BookDelta", "TradePrint", "FeedHeartbeat"}
STEP_NS = {"bitstamp": 300_000_000}
"""Time from frame to frame, where a book takes a while, and a sound frame after each damaged one, to come back."""
KINDS = dict.fromkeys(PROTOCOL_NAMES, BOOKS) | {"solana": {"PoolUpdate", "SlotAdvanced"}}


def _protocol(name: str) -> FeedProtocol:
    venue = Venue(name.partition("_")[0]) if name != "solana" else Venue.GEMINI
    symbol = "SOL-USD" if venue is Venue.COINBASE else "SOLUSD"
    pool = Pool(venue=Venue.ORCA, address=ADDRESS, base="SOL", quote="USDC", base_decimals=9, quote_decimals=6)
    protocol = build_protocol(name, feed="feed", instruments=[instrument(venue, symbol)], pools=[pool])
    protocol.opened(1, NOW_NS)
    protocol.opening_messages()
    return protocol


def _damaged(valid: list[bytes], random: Random) -> bytes:
    """Return a frame with wounds: half the time in its bytes, half in its values, so that it often stays JSON."""
    content = random.choice(valid)
    if random.random() < 0.5:
        message = json.loads(content)
        for _ in range(random.randrange(3)):
            _wound_value(message, random)
        return json.dumps(message, separators=(",", ":")).encode()
    wounded = bytearray(content)
    for _ in range(random.randrange(1, 4)):
        _wound(wounded, random, valid)
    return bytes(wounded)


def _wound(content: bytearray, random: Random, valid: list[bytes]) -> None:
    at = random.randrange(len(content) + 1)
    end = min(at + random.randrange(1, 24), len(content))
    match random.randrange(5):
        case 0:
            content[at:end] = bytes(random.randrange(256) for _ in range(end - at))
        case 1:
            del content[at:end]
        case 2:
            content[at:at] = content[at:end]
        case 3:
            other = random.choice(valid)
            content[at:] = other[random.randrange(len(other)) :]
        case _:
            content[at:end] = random.choice(TOKENS)


def _wound_value(node: Any, random: Random) -> None:
    """Walk down at random and replace, remove or repeat what stands there."""
    places = list(node) if isinstance(node, dict) else list(range(len(node)))
    if not places:
        return
    place = random.choice(places)
    if isinstance(node[place], dict | list) and random.random() < 0.8:
        _wound_value(node[place], random)
    elif random.random() < 0.2:
        del node[place]
    else:
        node[place] = deepcopy(random.choice(VALUES))


def _renumber(protocol: FeedProtocol, content: bytes, random: Random, now_ns: int) -> bytes:
    """Give a frame the number, subscription or time that is due (mostly), else all damage would pass for old news."""
    if random.random() < 0.05:
        return content
    if isinstance(protocol, CoinbaseAdvanced):
        content = re.sub(rb'"sequence_num":[0-9]+', b'"sequence_num":%d' % protocol._sequence.expected, content)
        return re.sub(rb'"timestamp":"[^"]{8,32}"', b'"timestamp":"%s"' % _moment(now_ns), content)
    if isinstance(protocol, CoinbaseExchange):
        return re.sub(rb'"time":"[^"]{8,32}"', b'"time":"%s"' % _moment(now_ns), content)
    if isinstance(protocol, Bitstamp):
        return re.sub(rb'"microtimestamp":"[0-9]+"', b'"microtimestamp":"%d"' % (now_ns // 1_000), content)
    if isinstance(protocol, Solana):
        numbers = [number for number, (_, address) in protocol._subscribed.items() if address == ADDRESS]
        return re.sub(rb'"subscription": ?[0-9]+', b'"subscription":%d' % max(numbers, default=1), content)
    return content


def _moment(now_ns: int) -> bytes:
    seconds, rest = divmod(now_ns, 10**9)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{rest:09d}Z".encode()


def _feed(protocol: FeedProtocol, content: bytes, now_ns: int) -> list[Event]:
    """Let the protocol read a frame, and the venue confirm whatever it asks for then."""
    try:
        events = protocol.receive(content, now_ns)
    except FeedFormatError as e:
        events = [] if e.is_harmless else protocol.resync(e.instrument, GapCause.BAD_FRAME, now_ns)
    for call in protocol.http_requests():
        if "order_book" in call.path:
            events += _answered(protocol, call, now_ns)
    while frames := protocol.outgoing():
        for message in map(json.loads, frames):
            if "jsonrpc" in message:
                events += protocol.receive(frame({"id": message["id"], "result": 500 + message["id"]}), now_ns)
            elif "id" in message:
                events += protocol.receive(frame({"id": message["id"], "status": 200}), now_ns)
    return events


def _answered(protocol: FeedProtocol, call: HttpRequest, now_ns: int) -> list[Event]:
    """Answer a call for a book: the truth, now and then damaged."""
    copy = {"microtimestamp": str(now_ns // 1_000), "bids": [["150", "2"]], "asks": [["151", "1"]]}
    body = json.dumps(copy).encode()
    try:
        return protocol.receive_http(call, body[: -(now_ns // 300_000_000 % 3) or None], now_ns)
    except FeedFormatError as e:
        return [] if e.is_harmless else protocol.resync(e.instrument, GapCause.BAD_FRAME, now_ns)


def _assert_recordable(events: list[Event]) -> None:
    for event in events:
        for _, row in event_rows(1, event):
            for value in row:
                assert not isinstance(value, int) or -I64_MAX - 1 <= value <= I64_MAX, event
                assert not isinstance(value, str) or value.encode() is not None


def _attack(name: str, count: int, seed: int) -> None:
    random = Random(seed)
    protocol, valid = _protocol(name), VALID[name]()
    kinds: Counter[str] = Counter()
    for number in range(count):
        now_ns = NOW_NS + number * STEP_NS.get(name, 1_000_000)
        if number % 100 == 0:
            protocol.opened(number, now_ns)
            protocol.opening_messages()
            for whole in valid:
                _feed(protocol, _renumber(protocol, whole, random, now_ns), now_ns)
        content = _renumber(protocol, _damaged(valid, random), random, now_ns)
        events = _feed(protocol, content, now_ns)
        if name in STEP_NS:
            events += _feed(protocol, _renumber(protocol, valid[1], random, now_ns), now_ns)
        _assert_recordable(events)
        kinds.update(type(event).__name__ for event in events)
    assert kinds.pop("FeedGap") > count // 10
    assert min(kinds.values()) > count // 1_000, kinds
    assert kinds.keys() >= KINDS[name]


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
