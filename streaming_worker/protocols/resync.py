"""Which books of a feed are trustworthy, and which must be asked for again.

A book is trusted from its snapshot until a loss. A lost book is asked for at once and, until a snapshot comes, again
after 2 s, doubling to 60 s: a lost answer does not leave it lost, and a venue that answers every request with the same
bad frame is not flooded. Where the venue refuses a request, what is missing is asked for book by book, so that one
that it does not know takes no other down.
"""

from collections.abc import Iterable
from typing import Final

from streaming_worker.core.events import FeedGap, GapCause
from streaming_worker.core.units import NANOS_PER_SECOND, Nanos

_FIRST_WAIT_NS: Final = 2 * NANOS_PER_SECOND
_LONGEST_WAIT_NS: Final = 60 * NANOS_PER_SECOND


class BookTrust:
    """Trust in each book (or pool) of one feed, connection by connection."""

    __slots__ = ("_feed", "_is_apart", "_keys", "_lost", "_not_before_ns", "_trusted", "_wait_ns")

    def __init__(self, feed: str, keys: Iterable[str]) -> None:
        self._feed = feed
        self._keys = tuple(keys)
        self._trusted: set[str] = set()
        self._lost: dict[str, None] = {}
        self._not_before_ns: dict[str, Nanos] = {}
        self._wait_ns: dict[str, Nanos] = {}
        self._is_apart = False

    def forget(self) -> None:
        """Start a connection: nothing is trusted and nothing is lost yet."""
        self._trusted.clear()
        self._lost.clear()
        self._not_before_ns.clear()
        self._wait_ns.clear()
        self._is_apart = False

    @property
    def is_apart(self) -> bool:
        """Whether the venue refused a request on this connection."""
        return self._is_apart

    def is_trusted(self, key: str) -> bool:
        """Whether deltas of the book may be applied."""
        return key in self._trusted

    def is_lost(self, key: str) -> bool:
        """Whether a loss of the book was said on this connection and no snapshot came since."""
        return key in self._lost

    def trust(self, key: str) -> None:
        """Note a snapshot."""
        self._trusted.add(key)
        self._lost.pop(key, None)
        self._wait_ns.pop(key, None)

    def lose(
        self,
        key: str | None,
        cause: GapCause,
        received_ns: Nanos,
        *,
        expected: int | None = None,
        received: int | None = None,
    ) -> FeedGap:
        """Distrust one book, or all when ``key`` is None; return the event that says so."""
        for lost in self._keys if key is None else (key,):
            self._trusted.discard(lost)
            self._lost[lost] = None
        return FeedGap(self._feed, key, cause, expected, received, received_ns)

    def refuse(self) -> None:
        """Note that the venue refused a request: what is not there is asked for one by one."""
        self._is_apart = True
        self._lost |= dict.fromkeys(key for key in self._keys if key not in self._trusted)

    def take_requests(self, now_ns: Nanos) -> list[list[str]]:
        """Return the lost books to ask for now, by request, and note that they were asked for."""
        due = self.take_due(now_ns)
        return [[key] for key in due] if self._is_apart else [due] if due else []

    def take_due(self, now_ns: Nanos) -> list[str]:
        """Return the lost books to ask for now, and note that they were asked for."""
        if not self._lost:
            return []
        due = [key for key in self._lost if self._not_before_ns.get(key, now_ns) <= now_ns]
        for key in due:
            wait_ns = self._wait_ns.get(key, _FIRST_WAIT_NS)
            self._not_before_ns[key] = now_ns + wait_ns
            self._wait_ns[key] = min(2 * wait_ns, _LONGEST_WAIT_NS)
        return due
