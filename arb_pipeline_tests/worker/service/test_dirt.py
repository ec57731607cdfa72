"""What counts as odd, event by event."""

from arb_pipeline_tests.fixtures.frames import NOW_NS
from streaming_worker.core.book import Book
from streaming_worker.core.events import (
    BookDelta,
    BookSnapshot,
    ClockTick,
    FeedGap,
    FeedHeartbeat,
    GapCause,
    TakerSide,
    TradePrint,
)
from streaming_worker.core.outputs import (
    Direction,
    RejectionCount,
    RejectionReason,
    RiskCause,
    RiskState,
    RiskTransition,
)
from streaming_worker.service.dirt import DirtCount, far_levels, spread_bps

KEY = "venue:A"


def _trade(exchange_ns: int | None, *, is_historical: bool = False) -> TradePrint:
    return TradePrint(KEY, "1", 1, 1, TakerSide.BUY, exchange_ns, NOW_NS, is_historical)


def test_ages_are_signed_and_old_trades_have_none() -> None:
    dirt = DirtCount()
    for event in (
        BookSnapshot(KEY, [(3, 1), (2, 1), (1, 1)], [(4, 1), (5, 1)], NOW_NS + 18, NOW_NS),
        BookDelta(KEY, [(1, 1), (3, 1), (2, 1)], [], NOW_NS - 500, NOW_NS),
        BookDelta(KEY, [], [(9, 0)], None, NOW_NS),
        _trade(NOW_NS + 12),
        _trade(NOW_NS - 10**12, is_historical=True),
    ):
        dirt.observe(1, event, [])
    book = dirt.books[KEY]
    assert (book.events, book.trades, book.historical_trades, book.unsorted_events) == (5, 1, 1, 1)
    assert (book.events_without_time, book.negative_ages, book.largest_event_levels) == (1, 2, 5)
    assert (book.least_age_ns, book.greatest_age_ns) == (-18, 500)
    assert dirt.negative_ages == 2


def test_heartbeats_gaps_and_outputs_are_counted() -> None:
    dirt = DirtCount()
    rejection = RejectionCount(
        "i", "p", Direction.BUY_POOL_SELL_CEX, RejectionReason.NO_EDGE, 7, None, NOW_NS - 1, NOW_NS
    )
    risk = RiskTransition(RiskState.ACTIVE, RiskState.PAUSED, RiskCause.STALE_FEED, "engine", "x", 0, NOW_NS)
    dirt.observe(1, FeedHeartbeat("venue", NOW_NS + 1, None, NOW_NS), [rejection, risk])
    dirt.observe(2, FeedHeartbeat("venue", None, None, NOW_NS), [rejection])
    dirt.observe(3, FeedGap("venue", KEY, GapCause.UPDATE_ID, 1, 3, NOW_NS), [])
    dirt.observe(4, FeedGap("venue", None, GapCause.SEQUENCE, 1, 3, NOW_NS), [])
    dirt.observe(5, ClockTick(NOW_NS), [])
    assert (dirt.heartbeats, dirt.negative_ages) == (2, 1)
    assert dirt.gap_causes == {"update_id": 1, "sequence": 1}
    assert dirt.books[KEY].gaps == 1
    assert dirt.rejections == {"no_edge": 14}
    assert (dirt.opportunities, dirt.simulated_trades) == (0, 0)


def test_far_levels_are_ten_times_away() -> None:
    book = Book.load([(1_000, 1), (101, 1), (100, 1), (1, 1)], [(1_001, 1), (10_009, 1), (10_010, 1)])
    assert far_levels(book) == 3
    assert far_levels(Book()) == 0


def test_the_spread_is_over_the_mid_price() -> None:
    assert spread_bps(Book.load([(99_000, 1)], [(101_000, 1)])) == 200
    assert spread_bps(Book.load([(101_000, 1)], [(99_000, 1)])) == -200
    assert spread_bps(Book.load([(99_000, 1)], [])) is None
    assert spread_bps(Book.load([(0, 1)], [(0, 1)])) is None
