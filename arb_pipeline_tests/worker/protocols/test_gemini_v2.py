"""Gemini v2, the fallback: snapshots that only their trades mark, changes without time or number."""

import pytest

from arb_pipeline_tests.fixtures.frames import NOW_NS, frame, instrument, sent
from streaming_worker.core.events import (
    BookDelta,
    BookSnapshot,
    FeedConnected,
    FeedGap,
    FeedHeartbeat,
    GapCause,
    TakerSide,
)
from streaming_worker.core.instrument import Venue
from streaming_worker.errors import FeedFormatError
from streaming_worker.protocols.base import HttpRequest
from streaming_worker.protocols.gemini_v2 import GeminiV2

SOL, BTC = "gemini:SOLUSD", "gemini:BTCUSD"
CHANGES = [["buy", "150.01", "2.5"], ["sell", "150.03", "1"]]
TRADE = {
    "type": "trade", "symbol": "SOLUSD", "event_id": 11, "timestamp": 1_790_000_000_007, "price": "150",
    "quantity": "2",
}  # fmt: skip


def _protocol() -> GeminiV2:
    books = [instrument(Venue.GEMINI, "SOLUSD"), instrument(Venue.GEMINI, "BTCUSD", size_digits=10)]
    protocol = GeminiV2("gemini", books)
    assert protocol.opened(2, NOW_NS) == [FeedConnected("gemini", 2, NOW_NS)]
    return protocol


def _levels(changes: list[list[str]], *, symbol: str = "SOLUSD", **marks: object) -> bytes:
    return frame({"type": "l2_updates", "symbol": symbol, "changes": changes, **marks})


def test_symbols_are_subscribed_in_upper_case() -> None:
    protocol = GeminiV2("gemini", [instrument(Venue.GEMINI, "solusd")])
    assert sent(protocol.opening_messages()) == [
        {"type": "subscribe", "subscriptions": [{"name": "l2", "symbols": ["SOLUSD"]}]}
    ]
    assert (protocol.keepalive, protocol.http_requests()) == (None, [])


@pytest.mark.parametrize("marks", [{"trades": [], "auction_events": []}, {"auction_events": []}, {"trades": []}])
def test_a_frame_with_trades_or_auctions_is_the_snapshot(marks: dict[str, object]) -> None:
    bids, asks = [(15_001_000_000, 250_000_000)], [(15_003_000_000, 100_000_000)]
    assert _protocol().receive(_levels(CHANGES, **marks), NOW_NS) == [BookSnapshot(SOL, bids, asks, None, NOW_NS)]


def test_a_snapshot_replaces_at_any_time_and_carries_old_trades() -> None:
    protocol = _protocol()
    protocol.receive(_levels(CHANGES, trades=[]), NOW_NS)
    trades = [{**TRADE, "side": "sell", "tid": 22}, {**TRADE, "side": "block"}]
    book, first, second = protocol.receive(_levels([], trades=trades, auction_events=[{"x": 1}]), NOW_NS)
    assert book == BookSnapshot(SOL, [], [], None, NOW_NS)
    assert (first.trade_id, first.taker_side, first.is_historical) == ("22", TakerSide.SELL, True)
    assert (second.trade_id, second.taker_side) == ("11", TakerSide.UNKNOWN)


def test_changes_after_the_snapshot_have_neither_time_nor_number() -> None:
    protocol = _protocol()
    protocol.receive(_levels(CHANGES, trades=[]), NOW_NS)
    assert protocol.receive(_levels([["sell", "150.03", "0"]]), NOW_NS + 1) == [
        BookDelta(SOL, [], [(15_003_000_000, 0)], None, NOW_NS + 1)
    ]


def test_changes_without_a_snapshot_are_one_gap_and_a_new_subscription() -> None:
    protocol = _protocol()
    first = protocol.receive(_levels(CHANGES), NOW_NS)
    second = protocol.receive(_levels(CHANGES), NOW_NS)
    assert first == [FeedGap("gemini", SOL, GapCause.UNALIGNED_SNAPSHOT, None, None, NOW_NS)]
    assert second == []
    assert protocol.counters["deltas_without_snapshot"] == 2
    assert sent(protocol.outgoing()) == [
        {"type": action, "subscriptions": [{"name": "l2", "symbols": ["SOLUSD"]}]}
        for action in ("unsubscribe", "subscribe")
    ]


def test_after_a_reconnect_the_book_starts_over() -> None:
    protocol = _protocol()
    protocol.receive(_levels(CHANGES, trades=[]), NOW_NS)
    protocol.opened(3, NOW_NS)
    (event,) = protocol.receive(_levels(CHANGES), NOW_NS)
    assert isinstance(event, FeedGap)


def test_sizes_finer_than_1e_8_keep_every_digit() -> None:
    (event,) = _protocol().receive(_levels([["buy", "65000", "0.1437398746"]], symbol="BTCUSD", trades=[]), NOW_NS)
    assert event.bids == [(6_500_000_000_000, 1_437_398_746)]


@pytest.mark.parametrize(
    ("side", "taker"), [("buy", TakerSide.BUY), ("sell", TakerSide.SELL), ("block", TakerSide.UNKNOWN)]
)
def test_a_trade_names_the_takers_side(side: str, taker: TakerSide) -> None:
    (trade,) = _protocol().receive(frame({**TRADE, "side": side}), NOW_NS)
    assert (trade.taker_side, trade.is_historical, trade.exchange_ns) == (taker, False, NOW_NS + 7_000_000)
    assert (trade.price_e8, trade.size_e8) == (15_000_000_000, 200_000_000)


def test_heartbeats_and_what_is_not_read() -> None:
    protocol = _protocol()
    assert protocol.receive(frame({"type": "heartbeat", "timestamp": 1_790_000_005_331}), NOW_NS) == [
        FeedHeartbeat("gemini", 1_790_000_005_331_000_000, None, NOW_NS)
    ]
    assert protocol.receive(frame({"type": "candles_1m_updates", "symbol": "SOLUSD"}), NOW_NS) == []
    assert protocol.receive(frame({**TRADE, "symbol": "DOGEUSD", "side": "buy"}), NOW_NS) == []
    assert protocol.receive(frame({"type": "trade"}), NOW_NS) == []
    assert protocol.counters == {"unknown_channels": 1, "unknown_products": 2}


@pytest.mark.parametrize(
    ("bad", "instrument_key", "words"),
    [
        (_levels([["buy", "", "1"]], trades=[]), SOL, "plain decimal"),
        (_levels([["bid", "1", "1"]], trades=[]), SOL, "bid"),
        (frame({**TRADE, "side": "buy", "price": "1e5"}), SOL, "plain decimal"),
        (frame({"result": "error", "reason": "InvalidSymbol", "message": "l2 FOO"}), None, "InvalidSymbol: l2 FOO"),
        (b"\xff", None, "gemini"),
        (b'{"type":"\xff"}', None, "gemini"),
    ],
)
def test_what_cannot_be_read_is_refused_and_names_its_book(bad: bytes, instrument_key: str | None, words: str) -> None:
    with pytest.raises(FeedFormatError, match=words) as caught:
        _protocol().receive(bad, NOW_NS)
    assert caught.value.instrument == instrument_key


def test_a_resync_of_the_feed_asks_for_every_book() -> None:
    protocol = _protocol()
    assert protocol.resync(None, GapCause.BAD_FRAME, NOW_NS) == [
        FeedGap("gemini", None, GapCause.BAD_FRAME, None, None, NOW_NS)
    ]
    assert sent(protocol.outgoing())[1]["subscriptions"] == [{"name": "l2", "symbols": ["SOLUSD", "BTCUSD"]}]


def test_an_answer_that_nobody_asked_for_is_refused() -> None:
    with pytest.raises(FeedFormatError):
        _protocol().receive_http(HttpRequest("x", "GET", "/"), b"{}", NOW_NS)


def test_a_trade_that_cannot_be_read_harms_no_book() -> None:
    with pytest.raises(FeedFormatError, match="SOLUSD") as caught:
        _protocol().receive(frame({**TRADE, "price": "x"}), NOW_NS)
    assert caught.value.is_harmless
