"""Coinbase Advanced: books, trades, heartbeats, and what a loss does."""

import pytest

from arb_pipeline_tests.fixtures.frames import NOW_NS, Coinbase, book_event, frame, instrument, sent
from streaming_worker.core.events import (
    BookDelta,
    BookSnapshot,
    FeedConnected,
    FeedGap,
    FeedHeartbeat,
    GapCause,
    TakerSide,
    TradePrint,
)
from streaming_worker.core.instrument import Venue
from streaming_worker.errors import FeedFormatError
from streaming_worker.protocols.base import HttpRequest
from streaming_worker.protocols.coinbase import CoinbaseAdvanced

SOL, BTC = "coinbase:SOL-USD", "coinbase:BTC-USD"
SNAPSHOT = (("bid", "150.01", "2"), ("offer", "150.03", "1.5"), ("bid", "149", "7"))
EVENT_NS = NOW_NS + 250_000_000
ENVELOPE_NS = NOW_NS + 500_000_000


def _protocol() -> CoinbaseAdvanced:
    sol = instrument(Venue.COINBASE, "SOL-USD", aliases=("SOL-USDC",))
    protocol = CoinbaseAdvanced("coinbase", [sol, instrument(Venue.COINBASE, "BTC-USD")])
    assert protocol.opened(3, NOW_NS) == [FeedConnected("coinbase", 3, NOW_NS)]
    return protocol


def _synced() -> tuple[CoinbaseAdvanced, Coinbase]:
    protocol, venue = _protocol(), Coinbase()
    protocol.receive(venue.book("snapshot", *SNAPSHOT), NOW_NS)
    protocol.receive(venue.book("snapshot", ("bid", "65000", "1"), product="BTC-USD"), NOW_NS)
    return protocol, venue


def test_each_channel_is_subscribed_in_its_own_message() -> None:
    protocol = _protocol()
    assert sent(protocol.opening_messages()) == [
        {"type": "subscribe", "channel": "heartbeats"},
        {"type": "subscribe", "product_ids": ["SOL-USD", "BTC-USD"], "channel": "level2"},
        {"type": "subscribe", "product_ids": ["SOL-USD", "BTC-USD"], "channel": "market_trades"},
    ]
    assert (protocol.keepalive, protocol.http_requests(), protocol.outgoing()) == (None, [], [])


def test_a_snapshot_then_a_delta_with_sides_bid_and_offer() -> None:
    protocol, venue = _protocol(), Coinbase()
    assert protocol.receive(venue.book("snapshot", *SNAPSHOT), NOW_NS) == [
        BookSnapshot(SOL, [(15_001_000_000, 200_000_000), (14_900_000_000, 700_000_000)],
                     [(15_003_000_000, 150_000_000)], EVENT_NS, NOW_NS, 0)
    ]  # fmt: skip
    assert protocol.receive(venue.book("update", ("offer", "150.03", "0")), NOW_NS + 1) == [
        BookDelta(SOL, [], [(15_003_000_000, 0)], EVENT_NS, NOW_NS + 1, 1)
    ]


def test_all_events_of_a_message_are_read() -> None:
    protocol, venue = _synced()
    both = venue.envelope(
        "l2_data", book_event("update", ("bid", "1", "1")), book_event("update", ("bid", "2", "2"), product="BTC-USD")
    )
    assert [event.instrument for event in protocol.receive(both, NOW_NS)] == [SOL, BTC]


@pytest.mark.parametrize("placeholder", ["1970-01-01T00:00:00Z", "0001-01-01T00:00:00Z"])
def test_a_placeholder_event_time_gives_way_to_the_envelope_time(placeholder: str) -> None:
    (event,) = _protocol().receive(Coinbase().book("snapshot", *SNAPSHOT, event_time=placeholder), NOW_NS)
    assert event.exchange_ns == ENVELOPE_NS


def test_the_newest_event_time_counts() -> None:
    protocol, venue = _synced()
    mixed = book_event("update", ("bid", "1", "1"), ("bid", "2", "1"))
    mixed["updates"][1]["event_time"] = "2026-09-21T14:13:20.3Z"
    (event,) = protocol.receive(venue.envelope("l2_data", mixed), NOW_NS)
    assert event.exchange_ns == NOW_NS + 300_000_000


def test_an_empty_update_has_the_envelope_time() -> None:
    protocol, venue = _synced()
    assert protocol.receive(venue.book("update"), NOW_NS) == [BookDelta(SOL, [], [], ENVELOPE_NS, NOW_NS, 2)]


def test_an_alias_is_the_canonical_book() -> None:
    protocol, venue = _synced()
    (event,) = protocol.receive(venue.book("update", ("bid", "1", "1"), product="SOL-USDC"), NOW_NS)
    assert event.instrument == SOL


def test_trades_name_the_makers_side_and_old_ones_are_marked() -> None:
    protocol, venue = _protocol(), Coinbase()

    def trade(trade_id: str, side: str, product: str = "SOL-USD") -> dict[str, str]:
        time = "2026-09-21T14:13:19.1Z"
        return {"product_id": product, "trade_id": trade_id, "price": "150", "size": "2", "time": time, "side": side}

    old = protocol.receive(venue.envelope("market_trades", {"type": "snapshot", "trades": [trade("1", "BUY")]}), NOW_NS)
    new = [trade("2", "SELL"), trade("3", "?"), trade("4", "BUY", "DOGE-USD")]
    now = protocol.receive(venue.envelope("market_trades", {"type": "update", "trades": new}), NOW_NS)
    at_ns = NOW_NS - 900_000_000
    assert old == [TradePrint(SOL, "1", 15_000_000_000, 200_000_000, TakerSide.SELL, at_ns, NOW_NS, is_historical=True)]
    assert [(event.trade_id, event.taker_side, event.is_historical) for event in now] == [
        ("2", TakerSide.BUY, False),
        ("3", TakerSide.UNKNOWN, False),
    ]
    assert protocol.counters["unknown_products"] == 1


@pytest.mark.parametrize("counter", [41_691, "41691"])
def test_a_heartbeat_counter_is_a_number_or_text(counter: object) -> None:
    beat = Coinbase().envelope("heartbeats", {"current_time": "x", "heartbeat_counter": counter})
    assert _protocol().receive(beat, NOW_NS) == [FeedHeartbeat("coinbase", ENVELOPE_NS, 41_691, NOW_NS)]


def test_a_jump_of_the_heartbeat_counter_loses_every_book() -> None:
    protocol, venue = _synced()
    protocol.receive(venue.envelope("heartbeats", {"heartbeat_counter": 7}), NOW_NS)
    gap, beat = protocol.receive(venue.envelope("heartbeats", {"heartbeat_counter": 9}), NOW_NS)
    assert gap == FeedGap("coinbase", None, GapCause.HEARTBEAT_COUNTER, 8, 9, NOW_NS)
    assert beat.counter == 9


def test_a_missing_number_drops_every_book_and_subscribes_again() -> None:
    protocol, venue = _synced()
    venue.number += 1
    events = protocol.receive(venue.book("update", ("bid", "1", "1")), NOW_NS)
    assert events == [FeedGap("coinbase", None, GapCause.SEQUENCE, 2, 3, NOW_NS)]
    assert sent(protocol.outgoing()) == [
        {"type": action, "product_ids": ["SOL-USD", "BTC-USD"], "channel": "level2"}
        for action in ("unsubscribe", "subscribe")
    ]
    assert protocol.receive(venue.book("update", ("bid", "1", "1")), NOW_NS) == []
    (again,) = protocol.receive(venue.book("snapshot", *SNAPSHOT), NOW_NS)
    assert isinstance(again, BookSnapshot)
    assert len(protocol.receive(venue.book("update", ("bid", "1", "1")), NOW_NS)) == 1
    assert (protocol.counters["sequence_gaps"], protocol.counters["deltas_without_snapshot"]) == (1, 2)


def test_a_gap_is_not_reported_again_by_the_heartbeat_after_it() -> None:
    protocol, venue = _synced()
    protocol.receive(venue.envelope("heartbeats", {"heartbeat_counter": 7}), NOW_NS)
    venue.number += 3
    protocol.receive(venue.envelope("status"), NOW_NS)
    (beat,) = protocol.receive(venue.envelope("heartbeats", {"heartbeat_counter": 10}), NOW_NS)
    assert isinstance(beat, FeedHeartbeat)


def test_a_number_seen_before_is_ignored() -> None:
    protocol, venue = _synced()
    venue.number = 1
    assert protocol.receive(venue.book("update", ("bid", "1", "1")), NOW_NS) == []
    assert protocol.counters["old_sequences"] == 1


def test_every_channel_counts_in_the_sequence_known_or_not() -> None:
    protocol, venue = _synced()
    assert protocol.receive(venue.envelope("subscriptions", {"subscriptions": {}}), NOW_NS) == []
    assert protocol.receive(venue.envelope("ticker", {"tickers": [1]}), NOW_NS) == []
    assert len(protocol.receive(venue.book("update", ("bid", "1", "1")), NOW_NS)) == 1
    assert (protocol.counters["acknowledgements"], protocol.counters["unknown_channels"]) == (1, 1)


def test_numbering_restarts_with_the_connection() -> None:
    protocol, _ = _synced()
    protocol.opened(4, NOW_NS)
    assert protocol.receive(Coinbase().book("update", ("bid", "1", "1")), NOW_NS) == []
    assert len(protocol.receive(Coinbase(1).book("snapshot", *SNAPSHOT), NOW_NS)) == 1


def test_an_error_message_is_passed_on_in_words() -> None:
    with pytest.raises(FeedFormatError, match="invalid product_ids: FOO"):
        _protocol().receive(frame({"type": "error", "message": "invalid product_ids: FOO"}), NOW_NS)


def test_a_message_without_a_number_is_refused() -> None:
    with pytest.raises(FeedFormatError, match="expected a sequence_num"):
        _protocol().receive(frame({"channel": "l2_data"}), NOW_NS)


@pytest.mark.parametrize("bad", [b"", b"\xff", b"[]", b'{"channel":"\xff"}', b'{"sequence_num":-1}'])
def test_hostile_bytes_are_refused(bad: bytes) -> None:
    with pytest.raises(FeedFormatError, match="coinbase"):
        _protocol().receive(bad, NOW_NS)


def test_one_unreadable_book_is_named_and_can_be_asked_for_alone() -> None:
    protocol, venue = _synced()
    with pytest.raises(FeedFormatError, match=r"SOL-USD.*0\.-10000") as caught:
        protocol.receive(venue.book("update", ("bid", "1", "0.-10000")), NOW_NS)
    assert caught.value.instrument == SOL
    assert protocol.resync(SOL, GapCause.BAD_FRAME, NOW_NS) == [
        FeedGap("coinbase", SOL, GapCause.BAD_FRAME, None, None, NOW_NS)
    ]
    assert [message["product_ids"] for message in sent(protocol.outgoing())] == [["SOL-USD"], ["SOL-USD"]]
    assert protocol.receive(venue.book("update", ("bid", "1", "1")), NOW_NS) == []
    assert len(protocol.receive(venue.book("update", ("bid", "1", "1"), product="BTC-USD"), NOW_NS)) == 1


def test_of_several_books_in_an_unreadable_message_all_are_in_doubt() -> None:
    protocol, venue = _synced()
    bad = book_event("update", ("bid", "x", "1"), product="BTC-USD")
    with pytest.raises(FeedFormatError) as caught:
        protocol.receive(venue.envelope("l2_data", book_event("update", ("bid", "1", "1")), bad), NOW_NS)
    assert caught.value.instrument is None


def test_an_unreadable_message_after_a_gap_puts_the_whole_feed_in_doubt() -> None:
    protocol, venue = _synced()
    venue.number += 1
    with pytest.raises(FeedFormatError) as caught:
        protocol.receive(venue.book("snapshot", ("bid", "x", "1")), NOW_NS)
    assert caught.value.instrument is None


def test_an_unknown_product_is_counted() -> None:
    protocol, venue = _synced()
    assert protocol.receive(venue.book("update", ("bid", "1", "1"), product="DOGE-USD"), NOW_NS) == []
    assert protocol.counters["unknown_products"] == 1


def test_an_answer_that_nobody_asked_for_is_refused() -> None:
    with pytest.raises(FeedFormatError):
        _protocol().receive_http(HttpRequest("x", "GET", "/"), b"{}", NOW_NS)


TRADE = {
    "product_id": "SOL-USD",
    "trade_id": "1",
    "price": "x",
    "size": "2",
    "time": "2026-09-21T14:13:19Z",
    "side": "BUY",
}


@pytest.mark.parametrize("trades", [[TRADE], [{"product_id": "SOL-USD"}], 7])
def test_a_trade_that_cannot_be_read_harms_no_book(trades: object) -> None:
    protocol, venue = _synced()
    with pytest.raises(FeedFormatError, match="in a trade") as caught:
        protocol.receive(venue.envelope("market_trades", {"type": "update", "trades": trades}), NOW_NS)
    assert caught.value.is_harmless
    assert len(protocol.receive(venue.book("update", ("bid", "1", "1")), NOW_NS)) == 1


def test_a_gap_that_an_unreadable_trade_shows_is_not_harmless() -> None:
    protocol, venue = _synced()
    venue.number += 1
    with pytest.raises(FeedFormatError) as caught:
        protocol.receive(venue.envelope("market_trades", {"type": "update", "trades": [TRADE]}), NOW_NS)
    assert not caught.value.is_harmless


def _second(number: int) -> str:
    return f"2026-09-21T14:{13 + (20 + number) // 60:02d}:{(20 + number) % 60:02d}Z"


def test_a_snapshot_of_long_ago_on_a_new_connection_is_asked_for_again() -> None:
    """The books of a connection once were what an old one had begun with; event times may be the epoch, so no help."""
    protocol, venue = _synced()
    later_ns = NOW_NS + 40 * 10**9
    protocol.opened(2, later_ns)
    venue = Coinbase()
    protocol.receive(venue.envelope("heartbeats", {"heartbeat_counter": 7}, timestamp=_second(40)), later_ns)
    old = [book_event("snapshot", *SNAPSHOT), book_event("snapshot", ("bid", "65000", "1"), product="BTC-USD")]
    other = book_event("snapshot", ("bid", "1", "1"), product="DOGE-USD")
    gaps = protocol.receive(venue.envelope("l2_data", *old, other, timestamp=_second(0)), later_ns)
    assert gaps == [FeedGap("coinbase", key, GapCause.UNALIGNED_SNAPSHOT, None, None, later_ns) for key in (SOL, BTC)]
    assert [message["type"] for message in sent(protocol.outgoing())] == ["unsubscribe", "subscribe"]
    assert protocol.receive(venue.envelope("l2_data", old[0], timestamp=_second(1)), later_ns) == []
    assert (
        protocol.receive(
            venue.envelope("l2_data", book_event("update", ("bid", "1", "1")), timestamp=_second(40)), later_ns
        )
        == []
    )
    (snapshot,) = protocol.receive(venue.envelope("l2_data", old[0], timestamp=_second(41)), later_ns + 10**9)
    assert isinstance(snapshot, BookSnapshot)
    assert protocol.counters["older_than_connection"] == 2
