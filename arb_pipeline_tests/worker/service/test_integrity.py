"""Books in doubt: what stays crossed is asked for again, what stands still while it matters is compared."""

import pytest

from arb_pipeline_tests.fixtures.market import COINBASE, GEMINI, POOL, Script, opened, started
from streaming_worker.core.book import Book
from streaming_worker.core.events import Event, FeedGap, FeedHeartbeat, GapCause, Levels
from streaming_worker.core.outputs import Output
from streaming_worker.core.units import E8, NANOS_PER_SECOND
from streaming_worker.protocols.base import BookCopy
from streaming_worker.service.integrity import IntegrityLimits, IntegrityWatch

S = NANOS_PER_SECOND
Asked = tuple[int, str, GapCause | None]


class Desk:
    """Feeds that write down what is asked of them, with the second of it."""

    def __init__(self, script: Script) -> None:
        self.script = script
        self.asked: list[Asked] = []
        self.is_connected = True

    def ask_resync(self, instrument: str, cause: GapCause) -> bool:
        return self._note(instrument, cause)

    def ask_check(self, instrument: str) -> bool:
        return self._note(instrument, None)

    def _note(self, instrument: str, cause: GapCause | None) -> bool:
        if self.is_connected:
            self.asked.append(((self.script.now_ns - self.script.began_ns) // S, instrument, cause))  # type: ignore[attr-defined]
        return self.is_connected


class Watched(Script):
    """A calm market whose every event the watch follows."""

    def __init__(self, script: Script, **limits: int) -> None:
        super().__init__(script.engine, now_ns=script.now_ns)
        self.slot = script.slot
        self.began_ns = script.now_ns
        self.desk = Desk(self)
        feeds = dict.fromkeys(("coinbase", "gemini", "solana"), self.desk)
        self.watch = IntegrityWatch(self.engine, feeds, IntegrityLimits(**limits))

    def send(self, event: Event) -> list[Output]:
        outputs = super().send(event)
        self.watch.observe(self.engine.event_count, event, outputs)
        return outputs

    def seconds(self, count: int, *, noise: str | None = None) -> None:
        """Let time pass with heartbeats; ``noise`` keeps one book from standing still."""
        for second in range(count):
            self.wait(S)
            for feed in ("coinbase", "gemini"):
                self.send(FeedHeartbeat(feed, None, None, self.now_ns))
            if noise is not None:
                self.delta(noise, bids=[(100 * E8, (second + 1) * E8)])


def _cross(script: Watched) -> None:
    script.delta(GEMINI, bids=[(151 * E8, E8)])


def test_a_book_crossed_for_two_seconds_is_asked_for_again_ever_more_seldom() -> None:
    script = Watched(started())
    _cross(script)
    script.seconds(100)
    assert [(second, key, cause) for second, key, cause in script.desk.asked] == [
        (second, GEMINI, GapCause.CROSSED) for second in (2, 6, 14, 30, 62)
    ]
    assert script.watch.reading()["crossed_resyncs"] == 5


def test_a_short_crossing_is_left_alone_and_a_later_one_counts_anew() -> None:
    script = Watched(started())
    for _ in range(3):
        _cross(script)
        script.seconds(1)
        script.delta(GEMINI, bids=[(151 * E8, 0)])
        script.seconds(1)
    assert script.desk.asked == []


def test_how_long_is_configured_and_a_lost_connection_is_not_asked() -> None:
    script = Watched(started(), crossed_ns=S // 2)
    script.desk.is_connected = False
    _cross(script)
    script.seconds(3)
    assert script.watch.crossed_resyncs == 0
    script.desk.is_connected = True
    script.seconds(1)
    assert script.watch.crossed_resyncs == 1


def test_a_crossed_book_that_is_being_rebuilt_is_not_asked_for_again() -> None:
    script = Watched(started())
    _cross(script)
    script.send(FeedGap("gemini", GEMINI, GapCause.CROSSED, None, None, script.now_ns))
    script.seconds(10)
    assert script.desk.asked == []


def test_legs_that_stand_still_are_checked_while_an_opportunity_is_open() -> None:
    script = Watched(started())
    script.seconds(20)
    assert script.desk.asked == []
    opened(script)
    script.seconds(11, noise=GEMINI)
    assert {(key, cause) for _, key, cause in script.desk.asked} == {(POOL, None)}
    script.desk.asked.clear()
    script.seconds(11)
    assert {key for _, key, _ in script.desk.asked} == {GEMINI, POOL}
    assert [second for second, key, _ in script.desk.asked if key == GEMINI] == [36, 41]
    script.book(GEMINI, 150 * E8 - 1, 150 * E8 + 1)
    script.desk.asked.clear()
    script.seconds(20)
    assert script.desk.asked == []


def test_a_check_that_cannot_be_made_is_tried_at_the_next_tick() -> None:
    script = Watched(started())
    opened(script)
    script.desk.is_connected = False
    script.seconds(6)
    assert script.watch.checks == 0
    script.desk.is_connected = True
    script.seconds(1)
    assert script.watch.checks == 2


def _copy(script: Watched, *, bids: Levels | None = None, depth: int = 5) -> BookCopy:
    held: Book = script.engine.books[GEMINI].book
    mine, asks = (side[:depth] for side in held.dump())
    return BookCopy(GEMINI, mine if bids is None else bids, asks, depth, script.now_ns)


def _frozen() -> Watched:
    script = Watched(started())
    opened(script)
    script.seconds(6)
    return script


def test_two_copies_in_a_row_that_differ_are_a_mismatch() -> None:
    script = _frozen()
    script.desk.asked.clear()
    script.watch.compare(_copy(script, bids=[(1, 1)]))
    assert script.desk.asked == []
    script.watch.compare(_copy(script, bids=[(1, 1)]))
    assert [(key, cause) for _, key, cause in script.desk.asked] == [(GEMINI, GapCause.CROSS_CHECK)]
    reading = script.watch.reading()
    assert (reading["copies_differing"], reading["mismatches"]) == (2, 1)
    script.watch.compare(_copy(script, bids=[(1, 1)]))
    assert script.watch.mismatches == 1


def test_an_equal_copy_ends_the_suspicion() -> None:
    script = _frozen()
    for bids in ([(1, 1)], None, [(1, 1)]):
        script.watch.compare(_copy(script, bids=bids))
    assert (script.watch.mismatches, script.watch.copies_equal, script.watch.copies_differing) == (0, 1, 2)


@pytest.mark.parametrize("what", ["changed", "lost", "never asked"])
def test_a_copy_of_a_book_that_is_not_as_it_was_says_nothing(what: str) -> None:
    script = _frozen() if what != "never asked" else Watched(started())
    if what == "changed":
        script.now_ns += 1
        script.delta(GEMINI, bids=[(100 * E8, E8)])
    elif what == "lost":
        script.send(FeedGap("gemini", GEMINI, GapCause.UPDATE_ID, 1, 5, script.now_ns))
    for _ in range(3):
        script.watch.compare(_copy(script, bids=[(1, 1)]))
    assert (script.watch.copies_differing, script.watch.mismatches) == (0, 0)


def test_a_change_between_two_copies_starts_the_comparison_again() -> None:
    script = _frozen()
    script.watch.compare(_copy(script, bids=[(1, 1)]))
    script.delta(GEMINI, bids=[(100 * E8, E8)])
    script.seconds(6)
    script.watch.compare(_copy(script, bids=[(1, 1)]))
    assert script.watch.mismatches == 0


def test_books_of_which_nobody_asks_are_left_alone() -> None:
    script = Watched(started())
    opened(script)
    script.seconds(30)
    assert COINBASE not in {key for _, key, _ in script.desk.asked}
