"""A frame becomes events, or a dead letter and a fresh start; the same for live connections and for history."""

from typing import Final, Protocol

import msgspec

from streaming_worker.core.events import Event, GapCause
from streaming_worker.core.units import Nanos
from streaming_worker.errors import FeedFormatError
from streaming_worker.protocols.base import FeedProtocol, HttpRequest

RECEIVED: Final = "recv"
SENT: Final = "send"
ANSWERED: Final = "http"


class FrameRecord(Protocol):
    """Where frames are kept: the sink's part that is used here."""

    def put_dead_letter(self, received_ns: Nanos, feed: str, error: str, frame: bytes) -> None:
        """Keep a frame that could not be used, whole."""
        ...

    def put_raw_frame(self, received_ns: Nanos, feed: str, connection: int, kind: str, frame: bytes) -> None:
        """Keep a frame as it was."""
        ...


class Intake:
    """One protocol and where its frames are kept.

    A raw frame of a call is the request as JSON, a line break, and the answer's body: an answer means nothing alone.
    """

    def __init__(self, protocol: FeedProtocol, record: FrameRecord, *, has_raw_frames: bool) -> None:
        self._protocol = protocol
        self._record = record
        self._has_raw_frames = has_raw_frames
        self.connection = 0
        self.bad_frames = 0
        self.harmful_frames = 0

    def opened(self, connection: int, received_ns: Nanos) -> list[Event]:
        """Start a fresh connection."""
        self.connection = connection
        return self._protocol.opened(connection, received_ns)

    def received(self, frame: bytes, received_ns: Nanos) -> list[Event]:
        """Return the events of a frame."""
        self._keep(RECEIVED, received_ns, frame)
        try:
            return self._protocol.receive(frame, received_ns)
        except FeedFormatError as e:
            return self._start_over(e, frame, received_ns)

    def answered(self, request: HttpRequest, body: bytes, received_ns: Nanos) -> list[Event]:
        """Return the events of the answer to a call."""
        if self._has_raw_frames:
            self._keep(ANSWERED, received_ns, msgspec.json.encode(request) + b"\n" + body)
        try:
            return self._protocol.receive_http(request, body, received_ns)
        except FeedFormatError as e:
            return self._start_over(e, body, received_ns)

    def sent(self, frame: bytes, sent_ns: Nanos) -> None:
        """Keep what we sent."""
        self._keep(SENT, sent_ns, frame)

    def _start_over(self, error: FeedFormatError, frame: bytes, received_ns: Nanos) -> list[Event]:
        self.bad_frames += 1
        self._record.put_dead_letter(received_ns, self._protocol.feed, str(error), frame)
        if error.is_harmless:
            return []
        self.harmful_frames += 1
        return self._protocol.resync(error.instrument, GapCause.BAD_FRAME, received_ns)

    def _keep(self, kind: str, received_ns: Nanos, frame: bytes) -> None:
        if self._has_raw_frames:
            self._record.put_raw_frame(received_ns, self._protocol.feed, self.connection, kind, frame)
