"""What the feeds share whose books begin with a snapshot over the socket and whose check copies come by a call."""

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Mapping, Sequence

from streaming_worker.core.events import Event, FeedConnected, GapCause
from streaming_worker.core.instrument import Instrument
from streaming_worker.core.units import Nanos
from streaming_worker.protocols.base import BookCopy, HttpRequest
from streaming_worker.protocols.copies import CopyDesk, Read
from streaming_worker.protocols.resync import BookTrust


class SnapshotFeed(ABC):
    """Trust in the books, frames to send and copies; the venue's own rules are the heirs'.

    ``symbols`` are the venue's names by instrument key; ``copy_path`` takes the symbol and the depth.
    """

    keepalive: bytes | None = None
    reconnect_reason: str | None = None

    def __init__(
        self,
        feed: str,
        instruments: Sequence[Instrument],
        symbols: Mapping[str, str],
        *,
        copy_path: str,
        read_copy: Read,
    ) -> None:
        self.feed = feed
        self.counters: Counter[str] = Counter()
        self._symbols = symbols
        self._size_digits = {instrument.key: instrument.size_digits for instrument in instruments}
        self._trust = BookTrust(feed, symbols)
        self._copies = CopyDesk(copy_path, read_copy, symbols, self._size_digits)
        self._outgoing: list[bytes] = []

    def opened(self, connection: int, received_ns: Nanos) -> list[Event]:
        """Start a fresh connection: every book waits for its snapshot."""
        self._trust.forget()
        self._copies.forget()
        self._outgoing.clear()
        self._forget(received_ns)
        return [FeedConnected(self.feed, connection, received_ns)]

    def receive_http(self, request: HttpRequest, body: bytes, received_ns: Nanos) -> list[Event]:
        """Take a copy of a book that was asked for; nothing else comes by a call. Raises FeedFormatError."""
        self._copies.answer(request, body, received_ns)
        return []

    def resync(self, instrument: str | None, cause: GapCause, received_ns: Nanos) -> list[Event]:
        """Distrust a book (or all) and subscribe again: the subscription then begins with a new snapshot."""
        gap = self._trust.lose(instrument, cause, received_ns)
        self._request_due(received_ns)
        return [gap]

    def outgoing(self) -> list[bytes]:
        """Return and clear the frames to send now."""
        frames, self._outgoing = self._outgoing, []
        return frames

    def http_requests(self) -> list[HttpRequest]:
        """Return and clear the calls to make now; snapshots come over the socket."""
        return self._copies.take_calls()

    def check(self, instrument: str, _received_ns: Nanos) -> None:
        """Ask for a copy of a book."""
        self._copies.ask(instrument)

    def copies(self) -> list[BookCopy]:
        """Return and clear the copies that came."""
        return self._copies.take_copies()

    @abstractmethod
    def _forget(self, opened_ns: Nanos) -> None:
        """Drop what the venue's rules remember of the last connection."""

    @abstractmethod
    def _request_due(self, received_ns: Nanos) -> None:
        """Queue the frames that get the snapshots that are due."""
