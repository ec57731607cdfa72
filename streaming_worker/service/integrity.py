"""Act on books in doubt: one that stays crossed is asked for again, one that stands still while it matters is compared.

Follows the pump's ticks, so that it looks at what the engine holds, in the engine's time. It changes nothing itself: it
asks the book's feed, and what comes of that is an event like every other.
"""

from collections.abc import Mapping, Sequence
from typing import Protocol, TypeAlias

import msgspec
import structlog

from streaming_worker.core.events import ClockTick, Event, GapCause
from streaming_worker.core.outputs import Output
from streaming_worker.core.units import NANOS_PER_SECOND, Nanos
from streaming_worker.engine.engine import Engine
from streaming_worker.engine.state import BookView, PoolView
from streaming_worker.protocols.base import BookCopy
from streaming_worker.protocols.top_check import differing_levels
from streaming_worker.service.metrics import Reading

_LOG = structlog.get_logger("integrity")
_LONGEST_WAIT_NS = 60 * NANOS_PER_SECOND
_View: TypeAlias = BookView | PoolView


class Feed(Protocol):
    """What can be asked of a feed; False when it has no connection, or too much is asked of it already."""

    def ask_resync(self, instrument: str, cause: GapCause) -> bool:
        """Drop a book and get a new snapshot."""
        ...

    def ask_check(self, instrument: str) -> bool:
        """Get what shows whether a book is as held."""
        ...


class IntegrityLimits(msgspec.Struct, frozen=True, kw_only=True):
    """How long a book may be crossed, and how long a leg may stand still while an opportunity is open. Units: ns."""

    crossed_ns: Nanos = 2 * NANOS_PER_SECOND
    frozen_ns: Nanos = 5 * NANOS_PER_SECOND


class _Asked(msgspec.Struct):
    """When something was last asked of a book, and how long to wait before it is asked again."""

    at_ns: Nanos
    wait_ns: Nanos


class _Suspected(msgspec.Struct, frozen=True):
    """A book when it was compared: what it had received last, and whether it differed from the copy before."""

    received_ns: Nanos
    differed: bool = False


class IntegrityWatch:
    """One for a worker. Memory: a few numbers a book."""

    def __init__(self, engine: Engine, feeds: Mapping[str, Feed], limits: IntegrityLimits) -> None:
        self._engine = engine
        self._feeds = feeds
        self._limits = limits
        self._crossed: dict[str, _Asked] = {}
        self._checked: dict[str, _Asked] = {}
        self._compared: dict[str, _Suspected] = {}
        self.crossed_resyncs = 0
        self.checks = 0
        self.copies_equal = 0
        self.copies_differing = 0
        self.mismatches = 0

    def observe(self, _seq: int, event: Event, _outputs: Sequence[Output]) -> None:
        """Follow the pump: look once a tick."""
        if isinstance(event, ClockTick):
            self._look_at_crossed()
            self._look_at_frozen()

    def compare(self, copy: BookCopy) -> None:
        """Hold a copy against a book that has not changed since it was asked for; twice different is a mismatch."""
        view, asked = self._engine.state.books[copy.instrument], self._compared.get(copy.instrument)
        if asked is None or not view.is_synced or view.received_ns != asked.received_ns:
            return
        if not differing_levels(view.book, copy.bids, copy.asks, depth=copy.depth):
            self.copies_equal += 1
            self._compared[view.key] = _Suspected(view.received_ns)
            return
        self.copies_differing += 1
        if not asked.differed:
            # The change may be on its way: the socket is given the time until the next copy to bring it.
            self._compared[view.key] = _Suspected(view.received_ns, differed=True)
            return
        self.mismatches += 1
        del self._compared[view.key]
        _LOG.warning("book_differs", instrument=view.key)
        self._feeds[view.feed.name].ask_resync(view.key, GapCause.CROSS_CHECK)

    def reading(self) -> Reading:
        """Return how often something was asked, and what came of it."""
        return {
            "crossed_resyncs": self.crossed_resyncs,
            "checks": self.checks,
            "copies_equal": self.copies_equal,
            "copies_differing": self.copies_differing,
            "mismatches": self.mismatches,
        }

    def _look_at_crossed(self) -> None:
        now_ns = self._engine.state.now_ns
        for key, view in self._engine.state.books.items():
            since_ns = view.crossed_since_ns
            if since_ns is None:
                self._crossed.pop(key, None)
            elif view.is_synced and now_ns - since_ns >= self._limits.crossed_ns:
                self._resync_crossed(view, now_ns)

    def _resync_crossed(self, view: BookView, now_ns: Nanos) -> None:
        """Ask for the book, at growing intervals: some venues show crossed books for hours."""
        asked = self._crossed.get(view.key)
        if asked is not None and now_ns - asked.at_ns < asked.wait_ns:
            return
        if self._feeds[view.feed.name].ask_resync(view.key, GapCause.CROSSED):
            self.crossed_resyncs += 1
            _LOG.warning("book_stays_crossed", instrument=view.key)
            wait_ns = self._limits.crossed_ns if asked is None else asked.wait_ns
            self._crossed[view.key] = _Asked(now_ns, min(2 * wait_ns, _LONGEST_WAIT_NS))

    def _look_at_frozen(self) -> None:
        state = self._engine.state
        needed: dict[str, _View] = {}
        for route in state.routes:
            if route.episode is not None:
                needed |= {view.key: view for view in (route.book, route.pool) if view.is_synced}
        for gone in [key for key in self._checked if key not in needed]:
            del self._checked[gone]
        for view in needed.values():
            if state.now_ns - view.received_ns >= self._limits.frozen_ns:
                self._check(view, state.now_ns)

    def _check(self, view: _View, now_ns: Nanos) -> None:
        asked = self._checked.get(view.key)
        if asked is not None and now_ns - asked.at_ns < asked.wait_ns:
            return
        if not self._feeds[view.feed.name].ask_check(view.key):
            return
        self.checks += 1
        known = self._compared.get(view.key)
        if known is None or known.received_ns != view.received_ns:
            self._compared[view.key] = _Suspected(view.received_ns)
        self._checked[view.key] = _Asked(now_ns, self._limits.frozen_ns)
