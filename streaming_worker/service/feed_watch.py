"""Look at transports and at the engine's books, and say the state of each; the rules are in core/feed_state.py."""

from collections.abc import Mapping

import msgspec

from streaming_worker.core.feed_state import (
    BookSigns,
    FeedLimits,
    FeedState,
    TransportSigns,
    book_state,
    feed_state,
    transport_state,
)
from streaming_worker.core.units import Nanos
from streaming_worker.engine.engine import Engine
from streaming_worker.engine.settings import FeedScope
from streaming_worker.engine.state import BookView, PoolView
from streaming_worker.service.connection import TransportStatus
from streaming_worker.service.metrics import Reading


class FeedLook(msgspec.Struct, frozen=True, kw_only=True):
    """One feed at one moment. ``books`` has its books and pools by key; ``lag_ns`` is that of the latest of them."""

    state: FeedState
    transport: FeedState
    books: dict[str, FeedState]
    lag_ns: Nanos | None


class FeedWatch:
    """Holds references only; whoever looks gets the states of now."""

    def __init__(self, engine: Engine, transports: Mapping[str, TransportStatus], limits: FeedLimits) -> None:
        self._engine = engine
        self._transports = transports
        self._limits = limits

    def look(self, now_ns: Nanos) -> dict[str, FeedLook]:
        """Return every feed that has a transport."""
        scopes = self._engine.state.settings.feeds
        return {scope.name: self._feed(scope, now_ns) for scope in scopes if scope.name in self._transports}

    def reading(self, now_ns: Nanos) -> Reading:
        """Return every state by the name of its feed or book."""
        reading: dict[str, str] = {}
        for name, feed in self.look(now_ns).items():
            reading[f"feed.{name}"] = feed.state.value
            reading[f"transport.{name}"] = feed.transport.value
            reading |= {f"book.{key}": state.value for key, state in feed.books.items()}
        return reading

    def _feed(self, scope: FeedScope, now_ns: Nanos) -> FeedLook:
        state = self._engine.state
        transport = transport_state(_signs(self._transports[scope.name], now_ns), self._limits)
        signs = {key: _book_signs(state.books[key], now_ns) for key in scope.instruments}
        signs |= {key: self._pool_signs(state.pools[key], now_ns) for key in scope.pools}
        books = {key: book_state(transport, one, self._limits) for key, one in signs.items()}
        lags = [one.lag_ns for one in signs.values() if one.lag_ns is not None]
        return FeedLook(
            state=feed_state(transport, list(books.values())),
            transport=transport,
            books=books,
            lag_ns=max(lags, default=None),
        )

    def _pool_signs(self, view: PoolView, now_ns: Nanos) -> BookSigns:
        """A pool is old when its chain stands or is old by its own clock; below that limit neither says much."""
        chain = self._engine.state.chains[view.feed.name]
        slot_age_ns = 0 if chain.slot_received_ns is None else now_ns - chain.slot_received_ns
        age_ns = max(slot_age_ns, chain.lag_ns or 0)
        lag_ns = age_ns if age_ns > self._limits.old_ns else None
        return BookSigns(view.is_synced, view.updates > 0, lag_ns, _since(view.received_ns, now_ns))


def _signs(transport: TransportStatus, now_ns: Nanos) -> TransportSigns:
    silence_ns = 0 if transport.last_frame_ns is None else now_ns - transport.last_frame_ns
    return TransportSigns(transport.is_open, transport.losses > 0, silence_ns)


def _book_signs(view: BookView, now_ns: Nanos) -> BookSigns:
    was_synced = view.snapshots > 0
    return BookSigns(view.is_synced, was_synced, view.lag_ns, _since(view.received_ns, now_ns))


def _since(received_ns: Nanos, now_ns: Nanos) -> Nanos | None:
    return now_ns - received_ns if received_ns else None
