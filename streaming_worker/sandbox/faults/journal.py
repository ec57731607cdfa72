"""What was true at each moment of the last minutes: every book level for level, and the pool slot by slot.

Kept apart from the market itself, so that neither a fault nor a reader can change what was.
"""

from bisect import bisect_right
from collections import deque
from collections.abc import Sequence
from itertools import islice
from typing import Final

import msgspec

from streaming_worker.core.units import NANOS_PER_SECOND
from streaming_worker.sandbox.market.book import BookModel
from streaming_worker.sandbox.market.changes import Level, LevelsChanged, MarketChange, SlotAdvanced
from streaming_worker.sandbox.market.stepper import Market

KEPT_NS: Final = 600 * NANOS_PER_SECOND
_CHECKPOINT_NS: Final = 10 * NANOS_PER_SECOND


class PastBook(msgspec.Struct, frozen=True):
    """A book as it was: levels from the best on, and when it had changed last."""

    changed_ns: int
    update_id: int
    bids: list[Level]
    asks: list[Level]


class _Checkpoint(msgspec.Struct, frozen=True):
    """The whole book at a moment, and the changes after it."""

    ns: int
    changed_ns: int
    update_id: int
    bids: dict[int, int]
    asks: dict[int, int]
    changes: list[LevelsChanged]


class _BookPast:
    """One book's last minutes."""

    def __init__(self, book: BookModel, now_ns: int) -> None:
        self._book = book
        self._checkpoints: deque[_Checkpoint] = deque()
        self._begin(now_ns)

    def note(self, change: LevelsChanged) -> None:
        """Add a change of this book."""
        self._checkpoints[-1].changes.append(change)

    def tick(self, now_ns: int) -> None:
        """Begin a new stretch where the last one is long enough; forget what is too old."""
        if now_ns - self._checkpoints[-1].ns >= _CHECKPOINT_NS:
            self._begin(now_ns)
        while len(self._checkpoints) > 1 and now_ns - self._checkpoints[1].ns > KEPT_NS:
            self._checkpoints.popleft()

    def at(self, at_ns: int) -> PastBook | None:
        """Return the book at a moment; None before the memory begins."""
        index = bisect_right(self._checkpoints, at_ns, key=lambda checkpoint: checkpoint.ns)
        if index == 0:
            return None
        start = self._checkpoints[index - 1]
        bids, asks = dict(start.bids), dict(start.asks)
        changed_ns, update_id = start.changed_ns, start.update_id
        count = bisect_right(start.changes, at_ns, key=lambda change: change.ns)
        for change in islice(start.changes, count):
            bids.update(change.bids)
            asks.update(change.asks)
            changed_ns, update_id = change.ns, change.update_id
        return PastBook(changed_ns, update_id, _left(bids, falling=True), _left(asks, falling=False))

    def _begin(self, now_ns: int) -> None:
        book = self._book
        self._checkpoints.append(
            _Checkpoint(now_ns, book.changed_ns, book.update_id, dict(book.bids.levels), dict(book.asks.levels), [])
        )


class TruthJournal:
    """The last minutes of a market."""

    def __init__(self, market: Market) -> None:
        self._market = market
        self._books = {book.key: _BookPast(book, market.now_ns) for book in market.books}
        self._slots: deque[SlotAdvanced] = deque()

    def follow(self, changes: Sequence[MarketChange], now_ns: int) -> None:
        """Write down what has changed."""
        for change in changes:
            if isinstance(change, LevelsChanged):
                self._books[change.venue, change.symbol].note(change)
            elif isinstance(change, SlotAdvanced):
                self._slots.append(change)
        for past in self._books.values():
            past.tick(now_ns)
        while self._slots and now_ns - self._slots[0].ns > KEPT_NS:
            self._slots.popleft()

    def book(self, venue: str, symbol: str, at_ns: int) -> PastBook | None:
        """Return a book as it was; None where nothing is known of it then."""
        past = self._books.get((venue, symbol))
        return None if past is None or at_ns > self._market.now_ns else past.at(at_ns)

    def slot(self, at_ns: int) -> SlotAdvanced | None:
        """Return the last block before a moment, with the pool's market after it."""
        index = bisect_right(self._slots, at_ns, key=lambda change: change.ns)
        return self._slots[index - 1] if index and at_ns <= self._market.now_ns else None


def _left(levels: dict[int, int], *, falling: bool) -> list[Level]:
    return sorted(((price, lots) for price, lots in levels.items() if lots), reverse=falling)
