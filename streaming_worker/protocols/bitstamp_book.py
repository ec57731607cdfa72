"""One Bitstamp book: changes wait until a copy got by a call fits under them; later copies check the result.

Nothing here knows a frame; bitstamp.py reads those. Memory is bounded: a book, the last changes, one copy.
"""

from collections import Counter, deque
from typing import Final

import msgspec

from streaming_worker.core.book import Book
from streaming_worker.core.events import BookDelta, BookSnapshot, Event, FeedGap, GapCause, Levels
from streaming_worker.core.sequence import Continuity, SnapshotAlignment
from streaming_worker.core.units import NANOS_PER_MICROSECOND, NANOS_PER_MILLISECOND, NANOS_PER_SECOND, Nanos
from streaming_worker.protocols.timestamps import microseconds_ns
from streaming_worker.protocols.top_check import TopCheck

MOST_KEPT_CHANGES: Final = 1_000
MOST_KEPT_LEVELS: Final = 50_000
TOP_LEVELS: Final = 100
_FIRST_WAIT_NS: Final = 500 * NANOS_PER_MILLISECOND
_LONGEST_WAIT_NS: Final = 8 * NANOS_PER_SECOND
_ANSWER_WAIT_NS: Final = 30 * NANOS_PER_SECOND
_SETTLED_NS: Final = 10 * NANOS_PER_SECOND
"""The oldest copy that the venue was ever said to give out: one asked for later than this is of the time since."""
_CHECK_WAIT_NS: Final = 3 * NANOS_PER_SECOND
_STEADY_NS: Final = 3 * NANOS_PER_SECOND
_UNSTEADY_NS: Final = 500 * NANOS_PER_MILLISECOND
DISCARDED: Final = "changes_discarded"
"""Counter, with the book's key behind a point: changes that the copy under them held already."""


class Levelled(msgspec.Struct, frozen=True, gc=False):
    """A change, a copy of the top or a whole copy: levels as of a venue time in microseconds."""

    micros: int
    bids: Levels
    asks: Levels
    received_ns: Nanos


class BitstampBook:
    """One book of one feed. ``check_every_ns`` is how often a whole copy is asked for while all is well."""

    def __init__(self, feed: str, key: str, counters: Counter[str], *, check_every_ns: Nanos) -> None:
        self.key = key
        self._feed = feed
        self._counters = counters
        self._check_every_ns = check_every_ns
        self._alignment = SnapshotAlignment()
        self._top = TopCheck()
        self._book = Book()
        self._kept: deque[Levelled] = deque()
        self._kept_levels = 0
        self._steady_from: Levelled | None = None
        self._copy: Levelled | None = None
        self._intact_since_ns: Nanos | None = None
        self._asked_ns: Nanos | None = None
        self._ask_from_ns: Nanos = 0
        self._wait_ns = _FIRST_WAIT_NS
        self._is_crossed = False

    @property
    def is_aligned(self) -> bool:
        """Whether the book stands."""
        return self._alignment.last is not None

    @property
    def is_subscribed(self) -> bool:
        """Whether the venue said that changes will come."""
        return self._intact_since_ns is not None

    def forget(self) -> None:
        """Start a connection: nothing is held and nothing is asked for until the subscription stands."""
        self._start_over()
        self._copy = self._intact_since_ns = self._asked_ns = None
        self._ask_from_ns = 0
        self._wait_ns = _FIRST_WAIT_NS

    def subscribed(self, received_ns: Nanos) -> None:
        """Note that the venue confirmed the subscription of changes."""
        self._intact_since_ns = received_ns

    def lose(
        self, cause: GapCause, received_ns: Nanos, *, expected: int | None = None, received: int | None = None
    ) -> FeedGap:
        """Drop the book; a new copy is asked for at once, unless one was refused just now."""
        if self.is_aligned:
            self._ask_from_ns = received_ns
            self._asked_ns = None
        self._start_over()
        self._copy = None
        if self.is_subscribed:
            self._intact_since_ns = received_ns
        return FeedGap(self._feed, self.key, cause, expected, received, received_ns)

    def note_other(self, micros: int, received_ns: Nanos) -> list[Event]:
        """Take the venue time of another message of the connection, one that came without delay."""
        if self.is_aligned or not self.is_subscribed:
            return []
        self._alignment.note_other(micros)
        return self._try_align(received_ns)

    def change(self, change: Levelled, *, is_prompt: bool) -> list[Event]:
        """Take a change. ``is_prompt``: it came with no more delay than others, so it is of this stream."""
        if self.is_aligned:
            return self._apply(change)
        if self._kept and change.micros < self._kept[-1].micros:
            return [self._went_back(self._kept[-1].micros, change)]
        self._keep(change)
        if is_prompt:
            self._alignment.note_change(change.micros)
        else:
            self._note_steady(change)
        return self._try_align(change.received_ns)

    def answered(self) -> None:
        """Note that the call was answered, with whatever: the next one need not wait for it."""
        self._asked_ns = None

    def copy(self, copy: Levelled, *, asked_ns: Nanos | None) -> list[Event]:
        """Take a whole copy: the beginning of the book, or a check of it."""
        self._copy = copy
        if self.is_aligned:
            return self._verify(copy, copy.received_ns)
        if asked_ns is not None and self._is_settled(asked_ns):
            self._alignment.note_dropped(copy.micros)
        return self._try_align(copy.received_ns)

    def _is_settled(self, asked_ns: Nanos) -> bool:
        """Whether a copy begins the book of a market in which nothing had happened for long when it was asked for."""
        since_ns = self._intact_since_ns
        is_silent = self._alignment.runs_since is None
        return is_silent and since_ns is not None and asked_ns - since_ns >= _SETTLED_NS

    def top(self, top: Levelled) -> None:
        """Take a copy of the best levels; one that is older than the book says nothing."""
        last = self._alignment.last
        if last is not None and top.micros >= last:
            self._top.compare(self._book, top.bids, top.asks, top.received_ns, depth=TOP_LEVELS)

    def look(self, now_ns: Nanos) -> list[Event]:
        """Let time pass: a suspicion or a check may have waited long enough."""
        if not self.is_aligned:
            return []
        if self._top.has_mismatch(now_ns):
            self._counters["top_mismatches"] += 1
            return [self.lose(GapCause.CROSS_CHECK, now_ns)]
        copy = self._copy
        if copy is not None and now_ns - copy.received_ns >= _CHECK_WAIT_NS:
            return self._verify(copy, now_ns)
        return []

    def take_due(self, now_ns: Nanos) -> bool:
        """Whether to ask for a copy now; notes that it was asked for."""
        is_waiting = self._asked_ns is not None and now_ns - self._asked_ns < _ANSWER_WAIT_NS
        if not self.is_subscribed or is_waiting or now_ns < self._ask_from_ns:
            return False
        self._asked_ns = now_ns
        self._ask_from_ns = now_ns + self._wait_ns
        self._wait_ns = min(2 * self._wait_ns, _LONGEST_WAIT_NS)
        return True

    def check_now(self, now_ns: Nanos) -> None:
        """Let a copy be asked for at once, unless one is on its way."""
        self._ask_from_ns = min(self._ask_from_ns, now_ns)

    def _note_steady(self, change: Levelled) -> None:
        """Take a late change for one of this stream once others have come as late as it for some seconds.

        What is left over from before comes at once, not at the pace of its own times; after the venue set its clock
        back everything looks late, for a minute or more.
        """
        first = self._steady_from
        if first is None or abs(_delay_ns(change) - _delay_ns(first)) > _UNSTEADY_NS:
            self._steady_from = change
        elif change.received_ns - first.received_ns >= _STEADY_NS:
            self._alignment.note_change(first.micros)

    def _start_over(self) -> None:
        self._alignment.restart()
        self._steady_from = None
        self._top.forget()
        self._kept.clear()
        self._kept_levels = 0
        self._is_crossed = False

    def _keep(self, change: Levelled) -> None:
        """Keep a change; the oldest go when there are too many, and copies must then be younger than those."""
        self._kept.append(change)
        self._kept_levels += len(change.bids) + len(change.asks)
        while len(self._kept) > MOST_KEPT_CHANGES or self._kept_levels > MOST_KEPT_LEVELS:
            dropped = self._kept.popleft()
            self._kept_levels -= len(dropped.bids) + len(dropped.asks)
            self._alignment.note_dropped(dropped.micros)
            self._steady_from = None
            self._intact_since_ns = change.received_ns

    def _try_align(self, received_ns: Nanos) -> list[Event]:
        copy = self._copy
        if copy is None or not self._alignment.covers(copy.micros):
            return []
        self._copy = None
        kept = list(self._kept)
        self._begin(copy)
        events: list[Event] = [BookSnapshot(self.key, copy.bids, copy.asks, None, received_ns, copy.micros)]
        for change in kept:
            events += self._apply(change)
        self._wait_ns = _FIRST_WAIT_NS
        self._ask_from_ns = received_ns + self._check_every_ns
        return events

    def _begin(self, copy: Levelled) -> None:
        self._start_over()
        self._alignment.align(copy.micros)
        self._book.apply_snapshot(copy.bids, copy.asks)
        self._note_crossing()

    def _apply(self, change: Levelled) -> list[Event]:
        last = self._alignment.last
        continuity = self._alignment.check(change.micros)
        if continuity is Continuity.GAP:
            return [self._went_back(last, change)]
        if continuity is Continuity.OLD:
            self._counters[f"{DISCARDED}.{self.key}"] += 1
            return []
        self._keep(change)
        self._top.explain(change.bids, change.asks)
        self._book.apply_delta(change.bids, change.asks)
        self._note_crossing()
        exchange_ns = microseconds_ns(change.micros)
        delta = BookDelta(self.key, change.bids, change.asks, exchange_ns, change.received_ns, change.micros)
        copy = self._copy
        if copy is not None and change.micros >= copy.micros:
            return [delta, *self._verify(copy, change.received_ns)]
        return [delta]

    def _went_back(self, expected: int | None, change: Levelled) -> FeedGap:
        self._counters["disordered_changes"] += 1
        return self.lose(GapCause.SEQUENCE, change.received_ns, expected=expected, received=change.micros)

    def _verify(self, copy: Levelled, now_ns: Nanos) -> list[Event]:
        """Compare a copy, carried on by the kept changes, with the book. One ahead of the book waits a moment."""
        last = self._alignment.last
        assert last is not None
        if copy.micros > last and now_ns - copy.received_ns < _CHECK_WAIT_NS:
            return []
        self._copy = None
        if not self._alignment.covers(copy.micros):
            self._counters["copies_too_old"] += 1
            return []
        if self._carried_on(copy).dump() != self._book.dump():
            self._counters["copy_mismatches"] += 1
            return [self.lose(GapCause.CROSS_CHECK, now_ns)]
        self._counters["copies_equal"] += 1
        self._wait_ns = _FIRST_WAIT_NS
        self._ask_from_ns = now_ns + self._check_every_ns
        return []

    def _carried_on(self, copy: Levelled) -> Book:
        book = Book.load(copy.bids, copy.asks)
        for change in self._kept:
            if change.micros > copy.micros:
                book.apply_delta(change.bids, change.asks)
        return book

    def _note_crossing(self) -> None:
        was_crossed, self._is_crossed = self._is_crossed, self._book.is_crossed
        if self._is_crossed and not was_crossed:
            self._counters["crossed_episodes"] += 1


def _delay_ns(change: Levelled) -> Nanos:
    """Return received minus venue time: the clocks' difference and the way."""
    return change.received_ns - change.micros * NANOS_PER_MICROSECOND
