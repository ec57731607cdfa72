"""Gemini's new API: snapshots by their ids, the overlap rule, and how a book is asked for again."""

import json

import pytest

from arb_pipeline_tests.fixtures.frames import NOW_NS, depth, frame, instrument, sent
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
from streaming_worker.protocols.gemini import Gemini

SOL = "gemini:SOLUSD"
BID, ASK = ["150.01000", "2.50000000"], ["150.03000", "1.00000000"]
SNAPSHOT = depth(100, 100, [BID], [ASK])


def _protocol() -> Gemini:
    books = [instrument(Venue.GEMINI, "SOLUSD"), instrument(Venue.GEMINI, "BTCUSD", size_digits=10)]
    protocol = Gemini("gemini", books)
    assert protocol.opened(1, NOW_NS) == [FeedConnected("gemini", 1, NOW_NS)]
    assert len(protocol.opening_messages()) == 1
    return protocol


def _synced() -> Gemini:
    protocol = _protocol()
    protocol.receive(SNAPSHOT, NOW_NS)
    return protocol


def test_one_depth_stream_and_trades_per_symbol_in_lower_case() -> None:
    protocol = Gemini("gemini", [instrument(Venue.GEMINI, "SOLUSD")])
    assert sent(protocol.opening_messages()) == [
        {"id": "1", "method": "subscribe", "params": ["solusd@depth@100ms", "solusd@trade"]}
    ]
    assert json.loads(protocol.keepalive or b"") == {"id": "ping", "method": "ping"}
    assert protocol.http_requests() == []


def test_the_first_update_with_equal_ids_is_the_snapshot() -> None:
    exact = depth(100, 100, [BID], [ASK], at_ns=1_790_732_601_672_464_421)
    assert _protocol().receive(exact, NOW_NS) == [
        BookSnapshot(
            SOL,
            [(15_001_000_000, 250_000_000)],
            [(15_003_000_000, 100_000_000)],
            1_790_732_601_672_464_421,
            NOW_NS,
            100,
        )
    ]


def test_an_update_overlaps_the_one_before() -> None:
    protocol = _synced()
    first = protocol.receive(depth(100, 107, [["150.01", "0.0000000000"]], []), NOW_NS + 1)
    assert first == [BookDelta(SOL, [(15_001_000_000, 0)], [], NOW_NS, NOW_NS + 1, 107)]
    assert len(protocol.receive(depth(107, 109, [], [ASK]), NOW_NS)) == 1
    assert protocol.receive(depth(107, 109, [], [ASK]), NOW_NS) == []
    assert protocol.counters["old_sequences"] == 1


def _with_steps(protocol: Gemini, steps: int, overlaps: int = 0) -> None:
    last = 100
    for number in range(steps + overlaps):
        first = last + (number < steps)
        protocol.receive(depth(first, last + 5, [BID], []), NOW_NS)
        last += 5


def test_a_step_of_one_id_is_no_gap_where_it_is_accepted_and_is_counted_all_the_same() -> None:
    protocol = Gemini("gemini", [instrument(Venue.GEMINI, "SOLUSD")], accepts_next_id=True)
    protocol.opened(1, NOW_NS)
    protocol.receive(SNAPSHOT, NOW_NS)
    (delta,) = protocol.receive(depth(101, 105, [BID], []), NOW_NS)
    assert isinstance(delta, BookDelta)
    (gap,) = protocol.receive(depth(107, 109, [BID], []), NOW_NS)
    assert isinstance(gap, FeedGap)
    assert (protocol.counters["one_id_steps"], protocol.counters["sequence_gaps"]) == (1, 1)


def test_steps_of_one_id_that_are_the_norm_of_a_connection_are_complained_of() -> None:
    protocol = Gemini("gemini", [instrument(Venue.GEMINI, "SOLUSD")], accepts_next_id=True)
    protocol.opened(1, NOW_NS)
    protocol.receive(SNAPSHOT, NOW_NS)
    _with_steps(protocol, 4)
    assert protocol.complaint is None
    protocol.opened(2, NOW_NS)
    protocol.receive(SNAPSHOT, NOW_NS)
    _with_steps(protocol, 5)
    assert protocol.complaint == "updates follow without overlap, 5 of 5: accepted"
    protocol.opened(3, NOW_NS)
    protocol.receive(SNAPSHOT, NOW_NS)
    _with_steps(protocol, 5, overlaps=5)
    assert protocol.complaint is None


def test_each_of_them_is_a_gap_unless_it_is_accepted_and_the_complaint_says_how() -> None:
    protocol = _protocol()
    for _ in range(5):
        protocol.receive(SNAPSHOT, NOW_NS)
        protocol.receive(depth(101, 105, [BID], []), NOW_NS)
        protocol.receive(frame({"id": str(protocol._requests), "status": 200}), NOW_NS)
    assert protocol.counters["sequence_gaps"] == 5
    assert "integrity.gemini_accepts_next_id" in (protocol.complaint or "")


@pytest.mark.parametrize(("first", "one_id_steps"), [(101, 1), (102, 0), (5_000, 0)])
def test_an_update_that_starts_after_the_last_id_is_a_gap(first: int, one_id_steps: int) -> None:
    protocol = _synced()
    assert protocol.receive(depth(first, first + 3, [BID], []), NOW_NS) == [
        FeedGap("gemini", SOL, GapCause.UPDATE_ID, 100, first, NOW_NS)
    ]
    assert (protocol.counters["sequence_gaps"], protocol.counters["one_id_steps"]) == (1, one_id_steps)


def test_a_lost_book_is_unsubscribed_and_subscribed_again_only_after_the_venue_confirms() -> None:
    protocol = _synced()
    protocol.receive(depth(200, 201, [BID], []), NOW_NS)
    assert sent(protocol.outgoing()) == [{"id": "2", "method": "unsubscribe", "params": ["solusd@depth@100ms"]}]
    # An update of the old subscription that happens to look like a snapshot must not pass for it.
    assert protocol.receive(depth(201, 201, [BID], []), NOW_NS) == []
    assert protocol.receive(frame({"id": "2", "status": 200}), NOW_NS) == []
    assert sent(protocol.outgoing()) == [{"id": "3", "method": "subscribe", "params": ["solusd@depth@100ms"]}]
    (event,) = protocol.receive(depth(300, 300, [BID], []), NOW_NS)
    assert isinstance(event, BookSnapshot)
    assert protocol.receive(frame({"id": "3", "status": 200}), NOW_NS) == []
    assert protocol.outgoing() == []
    assert len(protocol.receive(depth(300, 301, [BID], []), NOW_NS)) == 1


def test_a_request_that_stays_unanswered_is_made_again() -> None:
    protocol = _synced()
    protocol.receive(depth(200, 201, [BID], []), NOW_NS)
    protocol.outgoing()
    protocol.receive(frame({"id": "ping", "status": 200}), NOW_NS + 2 * 10**9)
    assert [message["id"] for message in sent(protocol.outgoing())] == ["3"]
    protocol.receive(frame({"id": "2", "status": 200}), NOW_NS + 2 * 10**9)
    assert protocol.outgoing() == []


def test_a_first_update_with_different_ids_shows_a_missed_snapshot() -> None:
    protocol = _protocol()
    assert protocol.receive(depth(100, 107, [BID], []), NOW_NS) == [
        FeedGap("gemini", SOL, GapCause.UNALIGNED_SNAPSHOT, None, 100, NOW_NS)
    ]
    assert protocol.receive(depth(107, 109, [BID], []), NOW_NS) == []
    assert protocol.counters["deltas_without_snapshot"] == 2


def test_ids_restart_with_the_connection() -> None:
    protocol = _synced()
    protocol.opened(2, NOW_NS)
    (event,) = protocol.receive(depth(7, 7, [BID], [ASK]), NOW_NS)
    assert isinstance(event, BookSnapshot)


def test_ids_that_run_backwards_are_refused() -> None:
    with pytest.raises(FeedFormatError, match="U 9 and u 8") as caught:
        _synced().receive(depth(9, 8, [BID], []), NOW_NS)
    assert caught.value.instrument == SOL


@pytest.mark.parametrize(("buyer_is_maker", "taker"), [(True, TakerSide.SELL), (False, TakerSide.BUY)])
def test_a_trade_says_whether_the_buyer_was_the_maker(buyer_is_maker: bool, taker: TakerSide) -> None:
    trade = frame({"E": NOW_NS, "s": "solusd", "t": 12, "p": "150.5", "q": "0.25", "m": buyer_is_maker})
    assert _protocol().receive(trade, NOW_NS + 5) == [
        TradePrint(SOL, "12", 15_050_000_000, 25_000_000, taker, NOW_NS, NOW_NS + 5)
    ]


def test_sizes_finer_than_1e_8_keep_every_digit() -> None:
    (event,) = _protocol().receive(depth(1, 1, [["65000", "0.1437398746"]], [], symbol="btcusd"), NOW_NS)
    assert event.bids == [(6_500_000_000_000, 1_437_398_746)]


def test_a_ping_or_time_reply_is_the_heartbeat() -> None:
    protocol = _protocol()
    assert protocol.receive(frame({"id": "ping", "status": 200}), NOW_NS) == [
        FeedHeartbeat("gemini", None, None, NOW_NS)
    ]
    reply = frame({"id": "time", "status": 200, "result": {"serverTime": 1_790_000_002_153}})
    assert protocol.receive(reply, NOW_NS) == [FeedHeartbeat("gemini", 1_790_000_002_153_000_000, None, NOW_NS)]


def test_what_is_not_read_is_counted() -> None:
    protocol = _protocol()
    ticker = {"u": 1, "E": NOW_NS, "s": "solusd", "b": "", "B": "", "a": "150.03", "A": "1"}
    assert protocol.receive(frame(ticker), NOW_NS) == []
    assert protocol.receive(frame({"e": "somethingNew"}), NOW_NS) == []
    assert protocol.receive(frame({"id": "1", "status": 200}), NOW_NS) == []
    assert protocol.receive(depth(1, 1, [], [], symbol="dogeusd"), NOW_NS) == []
    assert protocol.counters == {
        "book_tickers": 1, "unknown_channels": 1, "acknowledgements": 1, "unknown_products": 1,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("reply", "words"),
    [
        ({"id": "1", "status": 400, "error": {"code": -1121, "msg": "Invalid symbol"}}, "Invalid symbol"),
        ({"result": "error", "reason": "InvalidJson", "message": "cannot parse"}, "cannot parse"),
        ({"id": "1", "status": 200, "error": {"code": 1}}, "refused"),
        ({}, "book ticker or reply"),
    ],
)
def test_a_refusal_is_passed_on_in_words(reply: dict[str, object], words: str) -> None:
    with pytest.raises(FeedFormatError, match=words) as caught:
        _protocol().receive(frame(reply), NOW_NS)
    assert caught.value.instrument is None


def test_a_refused_book_is_named() -> None:
    protocol = _synced()
    assert protocol.resync(SOL, GapCause.CROSS_CHECK, NOW_NS) == [
        FeedGap("gemini", SOL, GapCause.CROSS_CHECK, None, None, NOW_NS)
    ]
    with pytest.raises(FeedFormatError) as caught:
        protocol.receive(frame({"id": "2", "status": 400}), NOW_NS)
    assert caught.value.instrument == SOL


@pytest.mark.parametrize("bad", [b"", b"\xff", b'{"s":"\xff"}', b'{"e":"depthUpdate","s":"solusd","U":-1}'])
def test_hostile_bytes_are_refused(bad: bytes) -> None:
    with pytest.raises(FeedFormatError):
        _protocol().receive(bad, NOW_NS)


def test_an_answer_that_nobody_asked_for_is_refused() -> None:
    with pytest.raises(FeedFormatError):
        _protocol().receive_http(HttpRequest("x", "GET", "/"), b"{}", NOW_NS)


def test_a_trade_that_cannot_be_read_harms_no_book() -> None:
    with pytest.raises(FeedFormatError, match="SOLUSD") as caught:
        _synced().receive(frame({"E": NOW_NS, "s": "solusd", "t": 12, "p": "x", "q": "0.25", "m": True}), NOW_NS)
    assert caught.value.is_harmless
