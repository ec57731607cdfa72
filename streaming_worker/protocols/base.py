"""What every venue protocol offers: bytes in, events and outgoing bytes out; no socket, no clock, no retry.

A protocol instance lives as long as its feed and sees many connections one after another. The adapter
calls ``opened`` for each, sends ``opening_messages``, then feeds it frames. After every call the adapter drains
``outgoing`` (frames to send) and ``http_requests`` (REST or RPC calls to make).
"""

from collections.abc import Mapping
from typing import Annotated, Protocol, TypeAlias

import msgspec

from streaming_worker.core.events import Event, GapCause, Levels
from streaming_worker.core.units import I64_MAX

WholeNumber: TypeAlias = Annotated[int, msgspec.Meta(ge=0, le=I64_MAX - 1)]
"""A count, id, slot or time on the wire; what the record's 64 bits could not hold, it or the next, is refused."""


class HttpRequest(msgspec.Struct, frozen=True, omit_defaults=True):
    """A call that the protocol wants made. ``path`` is joined to the feed's REST base URL; ``key`` names it.

    Where ``may_fail``, no answer costs nothing but the call: the protocol asks again by itself.
    """

    key: str
    method: str
    path: str
    body: bytes | None = None
    may_fail: bool = False


class BookCopy(msgspec.Struct, frozen=True):
    """The best ``depth`` levels of a book as a call gave them; a side with fewer levels is a whole one."""

    instrument: str
    bids: Levels
    asks: Levels
    depth: int
    received_ns: int


class FeedProtocol(Protocol):
    """One venue's connection rules as a state machine."""

    @property
    def feed(self) -> str:
        """The feed's name in events and tables."""
        ...

    @property
    def counters(self) -> Mapping[str, int]:
        """How often something odd or ignored came, by name, over the feed's life."""
        ...

    @property
    def keepalive(self) -> bytes | None:
        """A frame to send every ``keepalive_seconds`` while connected, where the venue wants one."""
        ...

    @property
    def reconnect_reason(self) -> str | None:
        """Why the connection should be given up for a new one, as the venue asked or the protocol found; else None."""
        ...

    @property
    def complaint(self) -> str | None:
        """What an operator should know of how the venue behaves on this connection; else None."""
        ...

    def opened(self, connection: int, received_ns: int) -> list[Event]:
        """Start a fresh connection: forget all sequence state; returns FeedConnected."""
        ...

    def opening_messages(self) -> list[bytes]:
        """Return the subscribe frames of a fresh connection, in order."""
        ...

    def receive(self, frame: bytes, received_ns: int) -> list[Event]:
        """Decode one frame.

        Raises: FeedFormatError; the caller records it and, unless it is harmless, calls ``resync`` with its
        ``instrument``.
        """
        ...

    def receive_http(self, request: HttpRequest, body: bytes, received_ns: int) -> list[Event]:
        """Decode the answer to one of ``http_requests``. Raises FeedFormatError."""
        ...

    def resync(self, instrument: str | None, cause: GapCause, received_ns: int) -> list[Event]:
        """Invalidate a book (or all) and queue what gets a new snapshot; returns the FeedGap."""
        ...

    def check(self, instrument: str, received_ns: int) -> None:
        """Queue a call that shows whether a book or pool that long did not change is still as held."""
        ...

    def copies(self) -> list[BookCopy]:
        """Return and clear what such calls gave, where the protocol holds no book itself to compare it with."""
        ...

    def outgoing(self) -> list[bytes]:
        """Return and clear the frames to send now."""
        ...

    def http_requests(self) -> list[HttpRequest]:
        """Return and clear the calls to make now."""
        ...
