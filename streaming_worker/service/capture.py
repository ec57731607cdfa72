"""One supervised task per feed: connect, run, and when it breaks, say so once and try again.

This is the only place of the worker that catches ``Exception``: a defect in one feed is logged, counted and
restarted like a lost connection, and never stops another feed.
"""

import asyncio
from collections import Counter
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from dataclasses import asdict, dataclass, field
from random import Random
from typing import Final, NoReturn
from urllib.parse import urlsplit

import structlog

from streaming_worker.adapters.clock import Clock
from streaming_worker.core.events import FeedLost, GapCause
from streaming_worker.core.units import NANOS_PER_SECOND
from streaming_worker.errors import TransportError
from streaming_worker.protocols.base import BookCopy, FeedProtocol
from streaming_worker.service.bus import Bus
from streaming_worker.service.connection import (
    ConnectionSettings,
    FeedConnection,
    HttpCaller,
    Order,
    Socket,
    TransportStatus,
)
from streaming_worker.service.gaps import STOPPED
from streaming_worker.service.intake import FrameRecord, Intake
from streaming_worker.service.metrics import Reading

_LOG: Final = structlog.get_logger("capture")
_MAX_DOUBLINGS: Final = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """Where a feed can be had, and the protocol spoken there."""

    websocket_url: str = field(repr=False)
    rest_urls: tuple[str, ...] = field(repr=False)
    protocol: FeedProtocol

    @property
    def host(self) -> str:
        """The only part of the URL that may be shown."""
        return urlsplit(self.websocket_url).hostname or "(no host)"


@dataclass(frozen=True, slots=True, kw_only=True)
class RetrySettings:
    """Backoff with full jitter: a wait is drawn from zero to ``base * 2^failures``, at most ``cap``.

    A connection that held for ``stable_after_s`` clears the count. After ``primary_attempts`` failures the fallback
    is tried, then both in turn. A venue that says how long it wants to be left alone is, for at most
    ``retry_after_cap_s``, and the drawn wait comes on top.
    """

    backoff_base_s: float = 1.0
    backoff_cap_s: float = 60.0
    stable_after_s: float = 60.0
    primary_attempts: int = 3
    retry_after_cap_s: float = 300.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Edge:
    """The world outside, as functions: how to open a socket and how to make calls."""

    open_socket: Callable[[str], AbstractAsyncContextManager[Socket, None]]
    open_http: Callable[[tuple[str, ...]], AbstractAsyncContextManager[HttpCaller, None]]
    clock: Clock
    random: Random


@dataclass(frozen=True, slots=True)
class _Loss:
    reason: str
    close_code: int | None
    retry_after_s: float | None = None


class FeedSupervisor:
    """Keeps one feed running until it is cancelled."""

    def __init__(
        self,
        feed: str,
        endpoints: tuple[Endpoint, ...],
        *,
        edge: Edge,
        bus: Bus,
        record: FrameRecord,
        has_raw_frames: bool,
        connection_settings: ConnectionSettings,
        retry_settings: RetrySettings,
        on_copy: Callable[[BookCopy], None] = lambda _: None,
    ) -> None:
        self.feed = feed
        self._on_copy = on_copy
        self._connection: FeedConnection | None = None
        self.status = TransportStatus(host=endpoints[0].host)
        self._endpoints = endpoints
        self._edge = edge
        self._bus = bus
        self._callers: list[HttpCaller] = []
        self._intakes = [Intake(e.protocol, record, has_raw_frames=has_raw_frames) for e in endpoints]
        self._connection_settings = connection_settings
        self._retry = retry_settings

    async def run(self) -> None:
        """Connect again and again; only cancellation ends it."""
        async with AsyncExitStack() as stack:
            self._callers = [
                await stack.enter_async_context(self._edge.open_http(endpoint.rest_urls))
                for endpoint in self._endpoints
            ]
            while True:
                index = self._endpoint_index()
                loss = await self._attempt(index, self._callers[index])
                await self._back_off(loss)

    def ask_resync(self, instrument: str, cause: GapCause) -> bool:
        """Have a book dropped and asked for anew; False without a connection."""
        return self._connection is not None and self._connection.order(Order(instrument, cause))

    def ask_check(self, instrument: str) -> bool:
        """Have a book compared with the venue's own copy; False without a connection."""
        return self._connection is not None and self._connection.order(Order(instrument, None))

    def complaints(self) -> list[str]:
        """Return what the protocols find odd about their venue."""
        complaints = [endpoint.protocol.complaint for endpoint in self._endpoints]
        return [f"{self.feed}: {complaint}" for complaint in complaints if complaint is not None]

    def reading(self) -> Reading:
        """Return the transport's numbers and what the protocols counted."""
        counted: Counter[str] = Counter()
        for endpoint in self._endpoints:
            counted.update(endpoint.protocol.counters)
        counted["call_retries"] = sum(caller.retries for caller in self._callers)
        counted["calls_limited"] = sum(caller.limited for caller in self._callers)
        return asdict(self.status) | counted

    def _endpoint_index(self) -> int:
        beyond = self.status.failures - self._retry.primary_attempts
        if len(self._endpoints) == 1 or beyond < 0:
            return 0
        return (beyond + 1) % len(self._endpoints)

    async def _attempt(self, index: int, caller: HttpCaller) -> _Loss:
        """Run one connection to its end and say why it ended."""
        self.status.host = self._endpoints[index].host
        self.status.retry_at_ns = None
        try:
            await self._connect_and_run(self._endpoints[index], self._intakes[index], caller)
        except TransportError as e:
            return _Loss(str(e), e.close_code, e.retry_after_s)
        except Exception as e:
            self.status.defects += 1
            _LOG.exception("feed_defect", feed=self.feed, error=type(e).__name__)
            return _Loss(f"defect in the worker: {type(e).__name__}", None)
        except asyncio.CancelledError:
            # The record must say that this feed's books end here.
            if self.status.is_open:
                self._announce_loss(_Loss(STOPPED, None))
            raise

    async def _connect_and_run(self, endpoint: Endpoint, intake: Intake, caller: HttpCaller) -> NoReturn:
        status = self.status
        async with self._edge.open_socket(endpoint.websocket_url) as socket:
            status.connection += 1
            status.is_open = True
            status.opened_ns = self._edge.clock.now_ns()
            _LOG.info("feed_connected", feed=self.feed, host=endpoint.host, connection=status.connection)
            connection = FeedConnection(
                protocol=endpoint.protocol,
                intake=intake,
                socket=socket,
                http=caller,
                bus=self._bus,
                clock=self._edge.clock,
                settings=self._connection_settings,
                status=status,
                on_copy=self._on_copy,
            )
            self._connection = connection
            try:
                await connection.run()
            finally:
                self._connection = None

    async def _back_off(self, loss: _Loss) -> None:
        status, clock, retry = self.status, self._edge.clock, self._retry
        if self._was_stable():
            status.failures = 0
        ceiling_s = min(retry.backoff_cap_s, retry.backoff_base_s * 2.0 ** min(status.failures, _MAX_DOUBLINGS))
        asked_s = min(loss.retry_after_s or 0.0, retry.retry_after_cap_s)
        delay_s = asked_s + self._edge.random.uniform(0, ceiling_s)
        status.failures += 1
        status.retry_at_ns = clock.now_ns() + round(delay_s * NANOS_PER_SECOND)
        _LOG.warning(
            "feed_lost",
            feed=self.feed,
            reason=loss.reason,
            close_code=loss.close_code,
            attempt=status.failures,
            retry_in=round(delay_s, 2),
        )
        self._announce_loss(loss)
        await clock.sleep(delay_s)

    def _was_stable(self) -> bool:
        status = self.status
        if not status.is_open or status.opened_ns is None:
            return False
        return self._edge.clock.now_ns() - status.opened_ns >= self._retry.stable_after_s * NANOS_PER_SECOND

    def _announce_loss(self, loss: _Loss) -> None:
        status = self.status
        status.is_open = False
        status.losses += 1
        status.reason, status.close_code = loss.reason, loss.close_code
        now_ns = self._edge.clock.now_ns()
        self._bus.announce([FeedLost(self.feed, status.connection, loss.reason, loss.close_code, now_ns)])
