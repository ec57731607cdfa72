"""One connection of one feed: frames to the protocol, its events to the bus, its wishes to the venue.

It ends only by TransportError (or cancellation); what happens next is the supervisor's business.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, NoReturn, Protocol, TypeVar

import structlog

from streaming_worker.adapters.clock import Clock
from streaming_worker.core.events import Event, FeedGap, GapCause
from streaming_worker.core.units import NANOS_PER_SECOND, Nanos
from streaming_worker.errors import TransportError, first_cause
from streaming_worker.protocols.base import BookCopy, FeedProtocol, HttpRequest
from streaming_worker.service.bus import Bus
from streaming_worker.service.intake import Intake

_LOG: Final = structlog.get_logger("connection")
OUTBOX_LIMIT: Final = 1_024
CALL_LIMIT: Final = 256
ORDER_LIMIT: Final = 256
CALL_WORKERS: Final = 2
_Wish = TypeVar("_Wish", bytes, HttpRequest)


class Socket(Protocol):
    """An open WebSocket, as adapters/websocket.py gives it."""

    async def receive(self) -> tuple[bytes, Nanos]:
        """Return the next frame and its receive time. Raises TransportError."""
        ...

    async def send(self, frame: bytes) -> None:
        """Send one frame. Raises TransportError."""
        ...


class HttpCaller(Protocol):
    """REST or RPC, as adapters/http.py gives it; counts the attempts that failed and those that were limited."""

    retries: int
    limited: int

    async def call(self, request: HttpRequest) -> tuple[bytes, Nanos]:
        """Return the body and its receive time. Raises TransportError."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionSettings:
    """Rules of one connection.

    ``silence_s``: no frame at all for this long means that the venue is gone although the socket is open.
    ``keepalive_s``: Gemini sends nothing by itself while nothing changes; its answers to our pings are the sign of
    life that the risk rules want every ten seconds, so that two may be lost. ``messages_per_second``: Coinbase allows
    8 per address. ``bad_frame_limit`` unusable frames that put a book in doubt, within ``bad_frame_window_s``, end the
    connection.
    """

    silence_s: float = 30.0
    keepalive_s: float = 4.0
    messages_per_second: int = 8
    bad_frame_limit: int = 20
    bad_frame_window_s: float = 60.0


@dataclass(slots=True, kw_only=True)
class TransportStatus:
    """What is known of a feed's transport, kept up to date by its supervisor; health only reads it."""

    host: str = ""
    connection: int = 0
    is_open: bool = False
    opened_ns: Nanos | None = None
    last_frame_ns: Nanos | None = None
    failures: int = 0
    reason: str | None = None
    close_code: int | None = None
    retry_at_ns: Nanos | None = None
    frames: int = 0
    bytes_received: int = 0
    bad_frames: int = 0
    calls: int = 0
    failed_calls: int = 0
    losses: int = 0
    defects: int = 0


@dataclass(frozen=True, slots=True)
class Order:
    """What the worker wants of a book: a new snapshot for a cause, or, without one, a check."""

    instrument: str
    cause: GapCause | None


class FeedConnection:
    """Runs one protocol over one open socket. Every queue here is bounded."""

    def __init__(
        self,
        *,
        protocol: FeedProtocol,
        intake: Intake,
        socket: Socket,
        http: HttpCaller,
        bus: Bus,
        clock: Clock,
        settings: ConnectionSettings,
        status: TransportStatus,
        on_copy: Callable[[BookCopy], None] = lambda _: None,
    ) -> None:
        self._protocol = protocol
        self._on_copy = on_copy
        self._orders: asyncio.Queue[Order] = asyncio.Queue(ORDER_LIMIT)
        self._intake = intake
        self._socket = socket
        self._http = http
        self._bus = bus
        self._clock = clock
        self._settings = settings
        self._status = status
        self._outbox: asyncio.Queue[bytes] = asyncio.Queue(OUTBOX_LIMIT)
        self._calls: asyncio.Queue[HttpRequest] = asyncio.Queue(CALL_LIMIT)
        self._sent_ns: deque[Nanos] = deque(maxlen=settings.messages_per_second)
        self._bad_ns: deque[Nanos] = deque(maxlen=settings.bad_frame_limit)
        self._harmful_frames = intake.harmful_frames

    async def run(self) -> NoReturn:
        """Subscribe and receive until the connection is gone. Raises TransportError."""
        opened_ns = self._clock.now_ns()
        self._status.last_frame_ns = opened_ns
        self._bus.announce(self._intake.opened(self._status.connection, opened_ns))
        for message in self._protocol.opening_messages():
            self._post(self._outbox, message)
        self._take_wishes()
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._send_frames())
                group.create_task(self._keep_alive())
                group.create_task(self._watch_silence())
                group.create_task(self._obey())
                for _ in range(CALL_WORKERS):
                    group.create_task(self._make_calls())
                await self._receive_frames()
        except ExceptionGroup as failures:
            raise first_cause(failures) from failures

    def order(self, order: Order) -> bool:
        """Take an order for the protocol; False when too many wait."""
        try:
            self._orders.put_nowait(order)
        except asyncio.QueueFull:
            return False
        return True

    async def _obey(self) -> NoReturn:
        while True:
            order = await self._orders.get()
            now_ns = self._clock.now_ns()
            if order.cause is None:
                self._protocol.check(order.instrument, now_ns)
                self._publish([], now_ns)
            else:
                self._publish(self._protocol.resync(order.instrument, order.cause, now_ns), now_ns)

    async def _receive_frames(self) -> NoReturn:
        status = self._status
        while True:
            frame, received_ns = await self._socket.receive()
            status.last_frame_ns = received_ns
            status.frames += 1
            status.bytes_received += len(frame)
            self._publish(self._intake.received(frame, received_ns), received_ns)

    def _publish(self, events: list[Event], received_ns: Nanos) -> None:
        """Pass on the events of one frame, and what the protocol wants next."""
        feed = self._protocol.feed
        if events and not self._bus.offer(feed, events):
            self._bus.announce([FeedGap(feed, None, GapCause.QUEUE_OVERFLOW, None, None, received_ns)])
            raise self._given_up("was dropped: the queue to the engine is full")
        self._take_wishes()
        self._status.bad_frames = self._intake.bad_frames
        if self._intake.harmful_frames != self._harmful_frames:
            self._count_bad_frame(received_ns)
        if self._protocol.reconnect_reason is not None:
            raise self._given_up(f"is connected anew: {self._protocol.reconnect_reason}")

    def _count_bad_frame(self, received_ns: Nanos) -> None:
        """Give up a venue that sends little else: asking it again and again would not help."""
        self._harmful_frames = self._intake.harmful_frames
        self._bad_ns.append(received_ns)
        window_s = self._settings.bad_frame_window_s
        if len(self._bad_ns) == self._bad_ns.maxlen and received_ns - self._bad_ns[0] < window_s * NANOS_PER_SECOND:
            raise self._given_up(f"sent {len(self._bad_ns)} unusable frames within {window_s:g} s")

    def _take_wishes(self) -> None:
        for frame in self._protocol.outgoing():
            self._post(self._outbox, frame)
        for request in self._protocol.http_requests():
            self._post(self._calls, request)

    def _post(self, queue: asyncio.Queue[_Wish], wish: _Wish) -> None:
        try:
            queue.put_nowait(wish)
        except asyncio.QueueFull as e:
            raise self._given_up(f"was dropped: over {queue.maxsize} messages wait to be sent") from e

    async def _send_frames(self) -> NoReturn:
        while True:
            frame = await self._outbox.get()
            await self._pace()
            await self._socket.send(frame)
            self._intake.sent(frame, self._clock.now_ns())

    async def _pace(self) -> None:
        """Wait until fewer than the allowed messages were sent within the last second."""
        if len(self._sent_ns) == self._sent_ns.maxlen:
            wait_ns = self._sent_ns[0] + NANOS_PER_SECOND - self._clock.monotonic_ns()
            if wait_ns > 0:
                await self._clock.sleep(wait_ns / NANOS_PER_SECOND)
        self._sent_ns.append(self._clock.monotonic_ns())

    async def _keep_alive(self) -> None:
        frame = self._protocol.keepalive
        while frame is not None:
            await self._clock.sleep(self._settings.keepalive_s)
            self._post(self._outbox, frame)

    async def _watch_silence(self) -> NoReturn:
        limit_ns = round(self._settings.silence_s * NANOS_PER_SECOND)
        while True:
            quiet_ns = self._clock.now_ns() - (self._status.last_frame_ns or 0)
            if quiet_ns >= limit_ns:
                raise self._given_up(f"sent nothing for {self._settings.silence_s:g} s although the socket is open")
            await self._clock.sleep((limit_ns - quiet_ns) / NANOS_PER_SECOND)

    async def _make_calls(self) -> NoReturn:
        while True:
            request = await self._calls.get()
            try:
                body, received_ns = await self._http.call(request)
            except TransportError as e:
                if not request.may_fail:
                    raise
                self._status.failed_calls += 1
                _LOG.warning("call_failed", feed=self._protocol.feed, error=str(e))
                continue
            self._status.calls += 1
            self._publish(self._intake.answered(request, body, received_ns), received_ns)
            for copy in self._protocol.copies():
                self._on_copy(copy)

    def _given_up(self, reason: str) -> TransportError:
        return TransportError(f"{self._status.host} {reason}", host=self._status.host)
