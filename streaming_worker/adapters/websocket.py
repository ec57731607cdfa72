"""Carry frames between a WebSocket and whoever asks; knows nothing of what the frames mean.

Every way in which a connection can fail leaves here as TransportError with the host, one line of reason
and the close code. A URL can hold a key, so only its host is ever written anywhere.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Self
from urllib.parse import urlsplit

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus, WebSocketException
from websockets.frames import DATA_OPCODES, CloseCode, Frame
from websockets.protocol import Event

from streaming_worker.adapters.clock import Clock
from streaming_worker.adapters.names import Names
from streaming_worker.adapters.retry_after import retry_after_s
from streaming_worker.core.units import Nanos
from streaming_worker.errors import ConfigError, TransportError

MIB: Final = 1 << 20
MAX_FRAME_BYTES: Final = 64 * MIB
# The library logs a failed ping with a traceback; the supervisor says the same in one line.
_LIBRARY_LOG: Final = logging.getLogger("websockets.client")


@dataclass(frozen=True, slots=True, kw_only=True)
class WebSocketSettings:
    """Limits and timeouts of one connection. Coinbase's BTC-USD snapshot is 5.1 MB, hence the frame limit."""

    max_frame_bytes: int = 16 * MIB
    open_timeout_s: float = 10.0
    close_timeout_s: float = 1.0
    ping_interval_s: float = 10.0
    ping_timeout_s: float = 10.0
    send_timeout_s: float = 10.0
    is_compressed: bool = True

    def __post_init__(self) -> None:
        if not 0 < self.max_frame_bytes <= MAX_FRAME_BYTES:
            raise ConfigError(
                f"max_frame_bytes must be from 1 to {MAX_FRAME_BYTES}, received {self.max_frame_bytes}",
                key="max_frame_bytes",
            )


class _StampedConnection(ClientConnection):
    """Notes when the last fragment of each message came, before the message waits for a reader."""

    def __init__(self, *args: Any, now_ns: Callable[[], Nanos], **options: Any) -> None:
        super().__init__(*args, **options)
        self._now_ns = now_ns
        self.received_ns: deque[Nanos] = deque()

    def process_event(self, event: Event) -> None:
        """Stamp a complete message, then let the library queue it."""
        if isinstance(event, Frame) and event.fin and event.opcode in DATA_OPCODES:
            self.received_ns.append(self._now_ns())
        super().process_event(event)


class VenueSocket:
    """One connection: frames in with their receive time, frames out. Entering connects, leaving closes."""

    def __init__(self, url: str, settings: WebSocketSettings, clock: Clock, names: Names) -> None:
        self._url = url
        self._host = host_of(url)
        self._settings = settings
        self._clock = clock
        self._names = names

    async def __aenter__(self) -> Self:
        """Connect. Raises TransportError when the venue cannot be reached."""
        try:
            await self._names.check(self._host, self._settings.open_timeout_s)
            connection = await self._connect()
        except (OSError, WebSocketException, TimeoutError) as e:
            wait_s = retry_after_s(_retry_after(e), self._clock.now_ns())
            raise TransportError(
                f"cannot reach {self._host}: {reason_of(e)}", host=self._host, retry_after_s=wait_s
            ) from e
        assert isinstance(connection, _StampedConnection)
        self._connection = connection
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close, in bounded time."""
        await _close(self._connection, self._settings)

    async def receive(self) -> tuple[bytes, Nanos]:
        """Return the next frame and when it came off the wire. Raises TransportError when there will be none."""
        try:
            frame = await self._connection.recv(decode=False)
        except ConnectionClosed as e:
            raise _lost(self._host, e) from e
        return frame, self._connection.received_ns.popleft()

    async def send(self, frame: bytes) -> None:
        """Send one text frame. Raises TransportError when the connection is gone or does not take it."""
        limit_s = self._settings.send_timeout_s
        try:
            async with asyncio.timeout(limit_s):
                await self._connection.send(frame, text=True)
        except ConnectionClosed as e:
            raise _lost(self._host, e) from e
        except TimeoutError as e:
            raise TransportError(f"{self._host} took no frame for {limit_s:g} s", host=self._host) from e

    async def _connect(self) -> ClientConnection:
        settings = self._settings

        def create(*args: Any, **options: Any) -> _StampedConnection:
            return _StampedConnection(*args, now_ns=self._clock.now_ns, **options)

        return await connect(
            self._url,
            max_size=settings.max_frame_bytes,
            open_timeout=settings.open_timeout_s,
            close_timeout=settings.close_timeout_s,
            ping_interval=settings.ping_interval_s,
            ping_timeout=settings.ping_timeout_s,
            compression="deflate" if settings.is_compressed else None,
            proxy=None,
            create_connection=create,  # type: ignore[arg-type]  # a factory does as well as a class
            logger=_LIBRARY_LOG,
        )


async def _close(connection: ClientConnection, settings: WebSocketSettings) -> None:
    """Say goodbye, or cut the line: the library waits without limit for a peer that takes no bytes."""
    try:
        async with asyncio.timeout(2 * settings.close_timeout_s):
            await connection.close()
    except TimeoutError:
        connection.transport.abort()
        await connection.wait_closed()


def host_of(url: str) -> str:
    """Return the host of a URL, the only part of it that may be shown."""
    return urlsplit(url).hostname or "(no host)"


def reason_of(error: BaseException) -> str:
    """Return one short line on why a connection failed, without the URL."""
    if isinstance(error, TimeoutError):
        return "no answer in time"
    if isinstance(error, InvalidStatus):
        return f"HTTP status {error.response.status_code}"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return type(error).__name__


def _retry_after(error: BaseException) -> str | None:
    return error.response.headers.get("Retry-After") if isinstance(error, InvalidStatus) else None


def _lost(host: str, error: ConnectionClosed) -> TransportError:
    """Say who ended it; a close frame of ours (1009 too big, 1011 no pong) tells more than the lack of theirs."""
    if error.rcvd is not None:
        code, said = error.rcvd.code, f"closed by venue: {error.rcvd.reason or 'no reason given'}"
    elif error.sent is not None:
        code, said = error.sent.code, f"closed by us: {error.sent.reason or 'no reason given'}"
    else:
        code, said = CloseCode.ABNORMAL_CLOSURE, "connection broke without a close frame"
    return TransportError(f"{host} {said}", host=host, close_code=int(code))
