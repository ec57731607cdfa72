"""Compare a held book with the venue's own copies of its top: what stays different has been lost.

A copy and a stream of changes are never of the same moment, so a difference is only a suspicion. It becomes a mismatch
when it stands for longer than the bound and no change of that level has come. Nothing is repaired here.
"""

from collections.abc import Iterator
from typing import Final, TypeAlias

from streaming_worker.core.book import Book
from streaming_worker.core.events import Levels
from streaming_worker.core.units import NANOS_PER_SECOND, Nanos

DEFAULT_BOUND_NS: Final = 3 * NANOS_PER_SECOND
_Place: TypeAlias = tuple[bool, int]
"""(is a bid, price)"""


class TopCheck:
    """The suspicions against one book; at most as many as a copy and the book's own top have levels."""

    __slots__ = ("_bound_ns", "_suspected_ns")

    def __init__(self, bound_ns: Nanos = DEFAULT_BOUND_NS) -> None:
        self._bound_ns = bound_ns
        self._suspected_ns: dict[_Place, Nanos] = {}

    def forget(self) -> None:
        """Start over with a new book."""
        self._suspected_ns.clear()

    def explain(self, bids: Levels, asks: Levels) -> None:
        """Take a change: whatever was suspected of its levels is settled."""
        if self._suspected_ns:
            for is_bid, levels in ((True, bids), (False, asks)):
                for price, _ in levels:
                    self._suspected_ns.pop((is_bid, price), None)

    def compare(self, book: Book, bids: Levels, asks: Levels, received_ns: Nanos, *, depth: int) -> None:
        """Take a copy of the best ``depth`` levels of each side; a side with fewer levels is a whole one."""
        differing = differing_levels(book, bids, asks, depth=depth)
        self._suspected_ns = {place: self._suspected_ns.get(place, received_ns) for place in differing}

    def has_mismatch(self, now_ns: Nanos) -> bool:
        """Whether a suspicion has stood for longer than the bound."""
        return any(now_ns - since_ns >= self._bound_ns for since_ns in self._suspected_ns.values())


def differing_levels(book: Book, bids: Levels, asks: Levels, *, depth: int) -> list[_Place]:
    """Return where a book and a copy of its best ``depth`` levels differ."""
    return [
        *_differing(book.bids_from_best(), bids, depth, is_bid=True),
        *_differing(book.asks_from_best(), asks, depth, is_bid=False),
    ]


def _differing(held: Iterator[tuple[int, int]], copy: Levels, depth: int, *, is_bid: bool) -> Iterator[_Place]:
    sizes = dict(copy)
    worst = None if len(copy) < depth else (min if is_bid else max)(sizes)
    for price, size in held:
        if worst is not None and (price < worst if is_bid else price > worst):
            break
        if sizes.pop(price, None) != size:
            yield is_bid, price
    for price, size in sizes.items():
        if size:
            yield is_bid, price
