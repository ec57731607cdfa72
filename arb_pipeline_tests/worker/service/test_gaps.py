"""A stretch without trust runs from the last good moment of a book to its next full state."""

from arb_pipeline_tests.fixtures.market import COINBASE, POOL, settings
from streaming_worker.core.amm.pool_state import TickArray
from streaming_worker.core.events import (
    BookDelta,
    BookSnapshot,
    ClockTick,
    FeedGap,
    FeedLost,
    GapCause,
    TickArrayUpdate,
)
from streaming_worker.engine.settings import FeedScope
from streaming_worker.service.gaps import STOPPED, Gap, GapLedger

OTHER = "coinbase:BTC-USD"


def ledger() -> GapLedger:
    return GapLedger([FeedScope("coinbase", (COINBASE, OTHER)), FeedScope("solana", (), (POOL,))])


def snapshot(at: int, instrument: str = COINBASE) -> BookSnapshot:
    return BookSnapshot(instrument, [], [], None, at)


def delta(at: int, instrument: str = COINBASE) -> BookDelta:
    return BookDelta(instrument, [], [], None, at)


def lost(at: int, code: int | None = 1006) -> FeedLost:
    return FeedLost("coinbase", 1, "gone", code, at)


def test_a_lost_feed_opens_a_gap_for_each_of_its_books_from_their_own_last_moment() -> None:
    gaps = ledger()
    for event in (snapshot(10), snapshot(11, OTHER), delta(20), delta(30, OTHER), lost(50)):
        assert gaps.observe(event) == []
    assert gaps.open_count == 2
    assert gaps.observe(snapshot(70)) == [
        Gap(feed="coinbase", instrument=COINBASE, cause="gone", close_code=1006, start_ns=20, end_ns=70)
    ]
    assert gaps.observe(snapshot(71, OTHER)) == [
        Gap(feed="coinbase", instrument=OTHER, cause="gone", close_code=1006, start_ns=30, end_ns=71)
    ]
    assert gaps.open_count == 0


def test_a_sequence_gap_concerns_one_book_and_keeps_the_numbers() -> None:
    gaps = ledger()
    for event in (snapshot(10), snapshot(10, OTHER), FeedGap("coinbase", COINBASE, GapCause.UPDATE_ID, 5, 9, 40)):
        gaps.observe(event)
    assert gaps.observe(snapshot(45, OTHER)) == []
    assert gaps.observe(snapshot(60)) == [
        Gap(feed="coinbase", instrument=COINBASE, cause="update_id", start_ns=10, end_ns=60, expected=5, received=9)
    ]


def test_a_book_in_a_gap_keeps_its_first_cause_and_deltas_do_not_end_it() -> None:
    gaps = ledger()
    for event in (
        snapshot(10),
        FeedGap("coinbase", None, GapCause.BAD_FRAME, None, None, 20),
        delta(25),
        lost(30),
        FeedGap("coinbase", COINBASE, GapCause.SEQUENCE, 1, 3, 35),
    ):
        assert gaps.observe(event) == []
    closed = gaps.observe(snapshot(90))
    assert [(gap.cause, gap.start_ns, gap.end_ns) for gap in closed] == [("bad_frame", 10, 90)]


def test_a_feed_that_never_had_a_state_is_in_a_gap_from_its_loss_on() -> None:
    gaps = ledger()
    gaps.observe(lost(5))
    assert [(gap.instrument, gap.start_ns, gap.end_ns) for gap in gaps.close_all(100)] == [
        (COINBASE, 5, 100),
        (OTHER, 5, 100),
    ]
    assert gaps.close_all(200) == []


def test_a_pool_is_followed_by_its_accounts() -> None:
    gaps = ledger()
    gaps.observe(TickArrayUpdate(POOL, 1, TickArray(0, ()), 12))
    gaps.observe(FeedGap("solana", POOL, GapCause.INCONSISTENT_POOL, None, None, 20))
    assert [(gap.feed, gap.start_ns) for gap in gaps.close_all(30)] == [("solana", 12)]


def test_a_stop_and_a_tick_are_no_loss() -> None:
    gaps = ledger()
    for event in (snapshot(10), FeedLost("coinbase", 1, STOPPED, None, 20), ClockTick(30)):
        assert gaps.observe(event) == []
    assert gaps.open_count == 0


def test_the_scopes_are_those_of_the_engine() -> None:
    gaps = GapLedger(settings().feeds)
    gaps.observe(lost(5))
    assert gaps.open_count == 1
