"""The past at full speed: frames with their receive times through the same protocols, pump and record as live ones.

No socket and no clock: time is the frames' own. What a protocol sends or asks goes back to where the frames come
from, which answers in its turn.
"""

import asyncio
from collections import defaultdict, deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, Protocol

from streaming_worker.core.events import Event, FeedLost
from streaming_worker.core.units import Nanos
from streaming_worker.errors import FeedError
from streaming_worker.protocols.base import FeedProtocol, HttpRequest
from streaming_worker.service.gaps import STOPPED
from streaming_worker.service.intake import FrameRecord, Intake
from streaming_worker.service.pump import Pump

FRAMES_BETWEEN_PAUSES: Final = 256


class PastFrame(Protocol):
    """One thing that arrived; ``request`` is the key of the call that an answer belongs to."""

    @property
    def received_ns(self) -> Nanos:
        """When it arrived."""
        ...

    @property
    def feed(self) -> str:
        """The feed it is for."""
        ...

    @property
    def kind(self) -> str:
        """One of connected, frame, http, closed."""
        ...

    @property
    def request(self) -> str | None:
        """The key of the answered call."""
        ...

    @property
    def data(self) -> bytes:
        """The frame or body; the reason where the venue hung up."""
        ...


class Past(Protocol):
    """Where the frames come from."""

    def __iter__(self) -> Iterator[PastFrame]:
        """Yield frames in the order of their arrival."""
        ...

    def send(self, feed: str, frame: bytes) -> None:
        """Send a frame on the feed's connection, now."""
        ...

    def call(self, feed: str, request: HttpRequest) -> None:
        """Make a call for the feed, now."""
        ...


@dataclass(slots=True)
class HistoryCount:
    """How much has been captured."""

    frames: int = 0
    received_ns: Nanos = 0


class PastFeed:
    """One feed of the past: its intake, its connection number and the calls that wait for an answer."""

    def __init__(self, name: str, protocol: FeedProtocol, intake: Intake, past: Past) -> None:
        self._name = name
        self._protocol = protocol
        self._intake = intake
        self._past = past
        self._asked: defaultdict[str, deque[HttpRequest]] = defaultdict(deque)
        self.connection = 0
        self.is_open = False

    def take(self, frame: PastFrame) -> list[Event]:
        """Return the events of one frame, and pass on what the protocol wants next."""
        events = self._events(frame)
        for wish in self._protocol.outgoing():
            self._send(wish, frame.received_ns)
        for request in self._protocol.http_requests():
            self._asked[request.key].append(request)
            self._past.call(self._name, request)
        return events

    def lost(self, reason: str, received_ns: Nanos) -> list[Event]:
        """End the connection."""
        if not self.is_open:
            return []
        self.is_open = False
        return [FeedLost(self._protocol.feed, self.connection, reason, None, received_ns)]

    def _events(self, frame: PastFrame) -> list[Event]:
        match frame.kind:
            case "connected":
                return self._opened(frame.received_ns)
            case "frame":
                return self._intake.received(frame.data, frame.received_ns)
            case "http":
                request = self._asked[frame.request or ""].popleft()
                return self._intake.answered(request, frame.data, frame.received_ns)
            case "closed":
                return self.lost(frame.data.decode(), frame.received_ns)
            case _:
                raise FeedError(f"expected a history frame of a known kind, received {frame.kind!r}")

    def _opened(self, received_ns: Nanos) -> list[Event]:
        self.connection += 1
        self.is_open = True
        events = self._intake.opened(self.connection, received_ns)
        for message in self._protocol.opening_messages():
            self._send(message, received_ns)
        return events

    def _send(self, frame: bytes, sent_ns: Nanos) -> None:
        self._intake.sent(frame, sent_ns)
        self._past.send(self._name, frame)


async def capture_history(
    past: Past,
    protocols: Mapping[str, FeedProtocol],
    *,
    pump: Pump,
    record: FrameRecord,
    has_raw_frames: bool,
    progress: Callable[[Nanos], None] = lambda _: None,
) -> HistoryCount:
    """Capture everything that ``past`` yields; the books end with its last frame.

    ``protocols`` go by the names that ``past`` uses. ``progress`` gets the time of a frame now and then.
    """
    feeds = {
        name: PastFeed(name, protocol, Intake(protocol, record, has_raw_frames=has_raw_frames), past)
        for name, protocol in protocols.items()
    }
    done = HistoryCount()
    for frame in past:
        for event in feeds[frame.feed].take(frame):
            pump.process(event)
        done.frames += 1
        done.received_ns = frame.received_ns
        if done.frames % FRAMES_BETWEEN_PAUSES == 0:
            progress(frame.received_ns)
            await pump.wait_for_record()
            await asyncio.sleep(0)
    for feed in feeds.values():
        for event in feed.lost(STOPPED, done.received_ns):
            pump.process(event)
    pump.finish(done.received_ns)
    return done
