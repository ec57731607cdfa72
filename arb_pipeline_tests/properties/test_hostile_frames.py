"""Any bytes give events that the record can hold, or a FeedFormatError: damaged frames against every protocol."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arb_pipeline_tests.fixtures.frames import NOW_NS, Coinbase, depth, frame, instrument
from arb_pipeline_tests.fixtures.hostile import assert_recordable, attack, feed
from arb_pipeline_tests.fixtures.market import ADDRESS
from arb_pipeline_tests.fixtures.node import Node
from streaming_worker.core.instrument import Pool, Venue
from streaming_worker.protocols.base import FeedProtocol
from streaming_worker.protocols.build import PROTOCOL_NAMES, build_protocol

FRAMES = 10_000
SLOW_FRAMES = 200_000


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


def _attack(name: str, count: int, seed: int) -> None:
    valid = VALID[name]()
    step_ns = STEP_NS.get(name, 1_000_000)
    sound = valid[1] if name in STEP_NS else None
    kinds = attack(
        _protocol(name), valid, opening=valid, count=count, seed=seed, start_ns=NOW_NS, step_ns=step_ns, sound=sound
    )
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
    assert_recordable(feed(_protocol(name), content, NOW_NS))


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
    assert_recordable(feed(protocol, json.dumps(message).encode("utf-8", "surrogatepass"), NOW_NS))
