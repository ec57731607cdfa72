"""What every face offers: a session per connection and answers to HTTP calls; no socket, no clock.

The live servers and the history generator drive the same sessions, so that both speak alike.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol, TypeAlias, runtime_checkable

from streaming_worker.sandbox.market.changes import MarketChange

NEVER: Final = 2**62


@dataclass(frozen=True, slots=True, kw_only=True)
class Hangup:
    """The venue closes the connection. ``code`` None drops it without a closing handshake."""

    code: int | None
    reason: str = ""


Output: TypeAlias = bytes | Hangup
"""One text frame, or the end of the connection."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpCall:
    """One REST or RPC call. ``path`` may carry a query; ``key`` names the call for whoever made it."""

    key: str
    method: str
    path: str
    body: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpReply:
    """The answer to a call; the body is JSON. It comes ``after_ns`` later than the call."""

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)
    after_ns: int = 0


class VenueSession(Protocol):
    """One connection, from the venue's side."""

    @property
    def waits_for_reader(self) -> bool:
        """Whether frames may be held back while the reader is slow; a market never waits, a recording does."""
        ...

    def receive(self, frame: bytes, now_ns: int, /) -> Sequence[Output]:
        """Answer one client frame."""
        ...

    def on_market(self, changes: Sequence[MarketChange], now_ns: int, /) -> Sequence[Output]:
        """Say what has changed, and whatever else is due by ``now_ns``."""
        ...

    def due_ns(self) -> int:
        """Return when ``on_market`` must be called even if nothing changes; NEVER if it need not be."""
        ...


class Face(Protocol):
    """One venue: opens sessions and answers calls."""

    def open(self, path: str, query: Mapping[str, str], now_ns: int, /) -> VenueSession:
        """Begin a session for a new connection."""
        ...

    def answer(self, call: HttpCall, now_ns: int, /) -> HttpReply:
        """Answer one HTTP call."""
        ...


@runtime_checkable
class Follower(Protocol):
    """Whoever must see every change of the market, also while no client is connected."""

    def follow(self, changes: Sequence[MarketChange], now_ns: int, /) -> None:
        """Take note of what has changed up to ``now_ns``."""
        ...
