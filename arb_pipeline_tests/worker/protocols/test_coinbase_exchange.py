"""Coinbase Exchange, the fallback: level2_batch books, matches, heartbeats."""

from typing import Any

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
from streaming_worker.protocols.coinbase_exchange import CoinbaseExchange

SOL = "coinbase:SOL-USD"
TIME = "2026-09-21T14:13:20.818Z"
SNAPSHOT = {"type": "snapshot", "product_id": "SOL-USD", "asks": [["150.03", "1"]], "bids": [["150.01", "2"]]}


def _protocol() -> CoinbaseExchange:
    books = [instrument(Venue.COINBASE, "SOL-USD"), instrument(Venue.COINBASE, "BTC-USD")]
    protocol = CoinbaseExchange("coinbase", books)
    assert protocol.opened(1, NOW_NS) == [FeedConnected("coinbase", 1, NOW_NS)]
    return protocol


def _update(*changes: tuple[str, str, str], time: str = TIME, product: str = "SOL-USD") -> bytes:
    return frame({"type": "l2update", "product_id": product, "changes": changes, "time": time})


def test_the_free_batch_channel_is_subscribed() -> None:
    protocol = _protocol()
    assert sent(protocol.opening_messages()) == [
        {"type": "subscribe", "product_ids": ["SOL-USD", "BTC-USD"], "channels": ["level2_batch", "heartbeat"]}
    ]
    assert (protocol.keepalive, protocol.http_requests()) == (None, [])


def test_a_snapshot_with_asks_first_and_without_a_time() -> None:
    assert _protocol().receive(frame(SNAPSHOT), NOW_NS) == [
        BookSnapshot(SOL, [(15_001_000_000, 200_000_000)], [(15_003_000_000, 100_000_000)], None, NOW_NS)
    ]


def test_a_snapshot_may_carry_a_time() -> None:
    (event,) = _protocol().receive(frame({**SNAPSHOT, "time": TIME}), NOW_NS)
    assert event.exchange_ns == NOW_NS + 818_000_000


def test_changes_go_to_their_side() -> None:
    protocol = _protocol()
    protocol.receive(frame(SNAPSHOT), NOW_NS)
    changes = (("sell", "150.03", "0.00000000"), ("buy", "150.0200", "5"))
    assert protocol.receive(_update(*changes), NOW_NS + 1) == [
        BookDelta(SOL, [(15_002_000_000, 500_000_000)], [(15_003_000_000, 0)], NOW_NS + 818_000_000, NOW_NS + 1)
    ]


def test_a_valid_change_with_a_time_of_year_one_has_no_time() -> None:
    protocol = _protocol()
    protocol.receive(frame(SNAPSHOT), NOW_NS)
    (event,) = protocol.receive(_update(("buy", "1", "1"), time="0001-01-01T00:00:00.000000Z"), NOW_NS)
    assert (event.exchange_ns, event.bids) == (None, [(100_000_000, 100_000_000)])


def test_changes_before_the_snapshot_are_counted_not_applied() -> None:
    protocol = _protocol()
    assert protocol.receive(_update(("buy", "1", "1")), NOW_NS) == []
    assert protocol.counters["deltas_without_snapshot"] == 1


@pytest.mark.parametrize(
    ("kind", "side", "taker", "is_historical"),
    [("match", "sell", TakerSide.BUY, False), ("last_match", "buy", TakerSide.SELL, True),
     ("match", "", TakerSide.UNKNOWN, False)],
)  # fmt: skip
def test_a_match_names_the_makers_side(kind: str, side: str, taker: TakerSide, is_historical: bool) -> None:
    match = {"type": kind, "trade_id": 9, "side": side, "size": "2", "price": "150", "product_id": "SOL-USD"}
    (trade,) = _protocol().receive(frame({**match, "time": TIME}), NOW_NS)
    assert (trade.trade_id, trade.taker_side, trade.is_historical) == ("9", taker, is_historical)
    assert (trade.price_e8, trade.size_e8, trade.exchange_ns) == (15_000_000_000, 200_000_000, NOW_NS + 818_000_000)


def test_heartbeats_and_what_is_not_read() -> None:
    protocol = _protocol()
    beat = {"type": "heartbeat", "sequence": 90, "last_trade_id": 2, "product_id": "SOL-USD", "time": TIME}
    assert protocol.receive(frame(beat), NOW_NS) == [FeedHeartbeat("coinbase", NOW_NS + 818_000_000, None, NOW_NS)]
    ignored: list[dict[str, Any]] = [
        {"type": "ticker", "product_id": "SOL-USD"},
        {"type": "ticker", "product_id": "DOGE-USD"},
        {"type": "subscriptions", "channels": []},
        {"type": "status"},
    ]
    assert [protocol.receive(frame(message), NOW_NS) for message in ignored] == [[], [], [], []]
    assert protocol.counters == {"unknown_channels": 1, "unknown_products": 2, "acknowledgements": 1}


def test_a_malformed_quantity_names_the_book_and_only_that_is_asked_for() -> None:
    protocol = _protocol()
    with pytest.raises(FeedFormatError, match="SOL-USD") as caught:
        protocol.receive(frame({**SNAPSHOT, "bids": [["40531.19", "0.-10000"]]}), NOW_NS)
    assert caught.value.instrument == SOL
    assert protocol.resync(SOL, GapCause.BAD_FRAME, NOW_NS) == [
        FeedGap("coinbase", SOL, GapCause.BAD_FRAME, None, None, NOW_NS)
    ]
    assert sent(protocol.outgoing()) == [
        {"type": action, "product_ids": ["SOL-USD"], "channels": ["level2_batch"]}
        for action in ("unsubscribe", "subscribe")
    ]
    assert len(protocol.receive(frame(SNAPSHOT), NOW_NS)) == 1


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        (frame({"type": "error", "message": "Failed to subscribe", "reason": "SOL-USD is delisted"}), "is delisted"),
        (b'{"type":"l2update"', "coinbase exchange"),
        (b'{"type":"\xff"}', "coinbase exchange"),
        (b"[]", "coinbase exchange"),
    ],
)
def test_what_cannot_be_read_is_refused_in_words(bad: bytes, words: str) -> None:
    with pytest.raises(FeedFormatError, match=words):
        _protocol().receive(bad, NOW_NS)


def test_an_answer_that_nobody_asked_for_is_refused() -> None:
    with pytest.raises(FeedFormatError):
        _protocol().receive_http(HttpRequest("x", "GET", "/"), b"{}", NOW_NS)


def test_a_match_that_cannot_be_read_harms_no_book() -> None:
    with pytest.raises(FeedFormatError) as caught:
        _protocol().receive(frame({"type": "match", "product_id": "SOL-USD", "trade_id": 9}), NOW_NS)
    assert caught.value.is_harmless


def _later() -> CoinbaseExchange:
    """Return a protocol on its second connection, forty seconds after its first."""
    protocol = _protocol()
    beat = {"type": "heartbeat", "product_id": "SOL-USD"}
    protocol.receive(frame({**beat, "time": "2026-09-21T14:13:20Z"}), NOW_NS)
    protocol.opened(2, LATER_NS)
    protocol.receive(frame({**beat, "time": "2026-09-21T14:14:00Z"}), LATER_NS)
    return protocol


LATER_NS = NOW_NS + 40 * 10**9
GAP = FeedGap("coinbase", SOL, GapCause.UNALIGNED_SNAPSHOT, None, None, LATER_NS)


def test_what_an_earlier_connection_began_with_is_asked_for_again() -> None:
    protocol = _later()
    assert protocol.receive(frame({**SNAPSHOT, "time": TIME}), LATER_NS) == [GAP]
    assert [message["type"] for message in sent(protocol.outgoing())] == ["unsubscribe", "subscribe"]
    assert protocol.receive(_update(("buy", "150", "1")), LATER_NS) == []
    (again,) = protocol.receive(frame({**SNAPSHOT, "time": "2026-09-21T14:14:00Z"}), LATER_NS)
    assert isinstance(again, BookSnapshot)
    assert protocol.counters["older_than_connection"] == 2


def test_an_old_snapshot_without_a_time_is_found_out_by_what_follows_it() -> None:
    protocol = _later()
    (book,) = protocol.receive(frame(SNAPSHOT), LATER_NS)
    assert isinstance(book, BookSnapshot)
    assert protocol.receive(_update(("buy", "150", "1")), LATER_NS) == [GAP]


def test_a_book_that_did_not_change_for_long_is_taken_when_the_same_comes_again() -> None:
    protocol = _later()
    quiet = frame({**SNAPSHOT, "time": TIME})
    assert protocol.receive(quiet, LATER_NS) == [GAP]
    (book,) = protocol.receive(quiet, LATER_NS + 1)
    assert isinstance(book, BookSnapshot)
