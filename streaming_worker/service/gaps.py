"""Which stretches of time the record cannot be trusted for: opened by a loss, closed by the next full state.

A pure ledger over events in the pump's order; it stores nothing and reads no clock.
"""

from collections.abc import Iterable
from typing import Final

import msgspec

from streaming_worker.core.events import (
    BookDelta,
    BookSnapshot,
    Event,
    FeedGap,
    FeedLost,
    PoolUpdate,
    TickArrayUpdate,
)
from streaming_worker.core.units import Nanos
from streaming_worker.engine.settings import FeedScope

# A stop is not a loss: the data was good until then, and the time after it is for the next run to tell.
STOPPED: Final = "worker stopped"


class Gap(msgspec.Struct, frozen=True, kw_only=True):
    """A closed stretch; ``instrument`` is the registry key of a book or pool."""

    feed: str
    instrument: str | None
    cause: str
    close_code: int | None = None
    start_ns: Nanos
    end_ns: Nanos
    expected: int | None = None
    received: int | None = None


class _Open(msgspec.Struct, frozen=True):
    cause: str
    close_code: int | None
    start_ns: Nanos
    expected: int | None
    received: int | None


class GapLedger:
    """Open gaps by feed and book. A book that is already in a gap keeps its first cause and start."""

    def __init__(self, scopes: Iterable[FeedScope]) -> None:
        self._books = {scope.name: (*scope.instruments, *scope.pools) for scope in scopes}
        self._feed_of = {key: feed for feed, keys in self._books.items() for key in keys}
        self._trusted_ns: dict[str, Nanos] = {}
        self._open: dict[str, _Open] = {}

    @property
    def open_count(self) -> int:
        """How many books wait for a full state."""
        return len(self._open)

    def observe(self, event: Event) -> list[Gap]:
        """Follow one event; returns the gaps that it closes."""
        if isinstance(event, BookDelta):
            self._trust(event.instrument, event.received_ns)
        elif isinstance(event, TickArrayUpdate):
            self._trust(event.pool, event.received_ns)
        elif isinstance(event, BookSnapshot):
            return self._rebuilt(event.instrument, event.received_ns)
        elif isinstance(event, PoolUpdate):
            return self._rebuilt(event.pool, event.received_ns)
        elif isinstance(event, FeedLost) and event.reason != STOPPED:
            opened = _Open(event.reason, event.close_code, event.received_ns, None, None)
            self._lose(self._books.get(event.feed, ()), opened)
        elif isinstance(event, FeedGap):
            opened = _Open(event.cause.value, None, event.received_ns, event.expected, event.received)
            books = self._books.get(event.feed, ()) if event.instrument is None else (event.instrument,)
            self._lose(books, opened)
        return []

    def close_all(self, now_ns: Nanos) -> list[Gap]:
        """Close what is still open when the run ends."""
        return [self._closed(key, now_ns) for key in list(self._open)]

    def _trust(self, key: str, received_ns: Nanos) -> None:
        if key not in self._open:
            self._trusted_ns[key] = received_ns

    def _rebuilt(self, key: str, received_ns: Nanos) -> list[Gap]:
        closed = [self._closed(key, received_ns)] if key in self._open else []
        self._trusted_ns[key] = received_ns
        return closed

    def _lose(self, keys: Iterable[str], opened: _Open) -> None:
        for key in keys:
            if key not in self._open:
                start_ns = self._trusted_ns.get(key, opened.start_ns)
                self._open[key] = msgspec.structs.replace(opened, start_ns=start_ns)

    def _closed(self, key: str, end_ns: Nanos) -> Gap:
        opened = self._open.pop(key)
        return Gap(
            feed=self._feed_of.get(key, ""),
            instrument=key,
            cause=opened.cause,
            close_code=opened.close_code,
            start_ns=opened.start_ns,
            end_ns=max(end_ns, opened.start_ns),
            expected=opened.expected,
            received=opened.received,
        )
