"""How each feed is, and the worker as a whole: read from the engine's state and the transports, never guessed.

No message is not staleness: a feed is judged by signs of life of its transport, by whether its books are whole, and
by the delay of its messages by the venue's own clock. The status file is what other processes may read at any time.
"""

import asyncio
import os
from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Final, NoReturn, Protocol

import msgspec
import structlog

from streaming_worker.adapters.clock import Clock
from streaming_worker.core.outputs import RiskState
from streaming_worker.core.units import NANOS_PER_MILLISECOND, NANOS_PER_SECOND, Nanos, format_e8
from streaming_worker.engine.engine import Engine
from streaming_worker.engine.settings import FeedScope
from streaming_worker.engine.state import BookView, PoolView
from streaming_worker.service.connection import TransportStatus
from streaming_worker.service.metrics import Reading

_LOG: Final = structlog.get_logger("health")
WRITE_INTERVAL_S: Final = 1.0


class FeedState(StrEnum):
    """CONNECTING: no full state yet. QUIET: alive, nothing changes. LAGGING: alive, but delivers late. GAP: a book is
    being rebuilt. LOST: no transport. DEAD: the socket is open and nothing comes."""

    CONNECTING = "connecting"
    SYNCED = "synced"
    QUIET = "quiet"
    LAGGING = "lagging"
    GAP = "gap"
    LOST = "lost"
    DEAD = "dead"


class Status(StrEnum):
    """OK: every feed is synced or quiet, and nothing else is wrong. DOWN: no feed is."""

    OK = "ok"
    DEGRADED = "degraded"
    DOWN = "down"


HEALTHY: Final = frozenset({FeedState.SYNCED, FeedState.QUIET})


class HealthLimits(msgspec.Struct, frozen=True, kw_only=True):
    """Beyond these a feed is not simply synced. Units: ns."""

    alive_ns: Nanos = 10 * NANOS_PER_SECOND
    quiet_ns: Nanos = 10 * NANOS_PER_SECOND
    lag_ns: Nanos = 500 * NANOS_PER_MILLISECOND


class FeedHealth(msgspec.Struct, frozen=True, kw_only=True):
    """One feed. Ages are null where nothing has come yet; ``lag_ms`` is by the venue's clock."""

    state: FeedState
    detail: str
    host: str
    connection: int
    alive_age_ms: int | None
    data_age_ms: int | None
    lag_ms: int | None
    unsynced: list[str]
    failures: int
    losses: int
    close_code: int | None
    retry_in_ms: int | None
    frames: int
    bytes_received: int
    bad_frames: int


class RiskHealth(msgspec.Struct, frozen=True, kw_only=True):
    """The risk state with its cause; money as exact decimal text."""

    state: RiskState
    cause: str | None
    daily_net_usd: str


class HealthReport(msgspec.Struct, frozen=True, kw_only=True):
    """The whole worker at ``at_ns``; ``why`` has one line for each thing that is not as it should be.

    ``warnings`` are things to know that make nothing worse.
    """

    worker: str
    run_id: str
    pid: int
    status: Status
    why: list[str]
    warnings: list[str]
    is_ready: bool
    at_ns: Nanos
    started_ns: Nanos
    feeds: dict[str, FeedHealth]
    risk: RiskHealth
    events: int
    digest: str
    sink: Reading


class Health:
    """Makes reports on request; holds references, no state of its own but the time it began."""

    def __init__(
        self,
        *,
        worker: str,
        run_id: str,
        engine: Engine,
        transports: Mapping[str, TransportStatus],
        sink: Callable[[], Reading],
        complaints: Callable[[], list[str]],
        clock: Clock,
        limits: HealthLimits,
        warnings: Sequence[str] = (),
    ) -> None:
        self._worker = worker
        self._run_id = run_id
        self._engine = engine
        self._transports = transports
        self._sink = sink
        self._complaints = complaints
        self._clock = clock
        self._limits = limits
        self._warnings = list(warnings)
        self._started_ns = clock.now_ns()

    def report(self) -> HealthReport:
        """Judge everything now."""
        now_ns = self._clock.now_ns()
        scopes = self._engine.state.settings.feeds
        feeds = {scope.name: self._feed(scope, now_ns) for scope in scopes if scope.name in self._transports}
        risk = self._engine.state.risk
        why = [
            f"{name}: {feed.state.value}, {feed.detail}" for name, feed in feeds.items() if feed.state not in HEALTHY
        ]
        if risk.state is not RiskState.ACTIVE:
            why.append(f"risk is {risk.state.value}" + (f" ({risk.cause.value})" if risk.cause else ""))
        why += self._complaints()
        return HealthReport(
            worker=self._worker,
            run_id=self._run_id,
            pid=os.getpid(),
            status=_status(feeds, why),
            why=why,
            warnings=self._warnings,
            is_ready=all(feed.state in HEALTHY for feed in feeds.values()),
            at_ns=now_ns,
            started_ns=self._started_ns,
            feeds=feeds,
            risk=RiskHealth(
                state=risk.state,
                cause=None if risk.cause is None else risk.cause.value,
                daily_net_usd=format_e8(risk.daily_net_usd_e8),
            ),
            events=self._engine.event_count,
            digest=self._engine.state.chain_digest.hex(),
            sink=self._sink(),
        )

    def _feed(self, scope: FeedScope, now_ns: Nanos) -> FeedHealth:
        state = self._engine.state
        transport = self._transports[scope.name]
        views: list[BookView | PoolView] = [state.books[key] for key in scope.instruments]
        views += [state.pools[key] for key in scope.pools]
        unsynced = [view.key for view in views if not view.is_synced]
        data_ns = max((_received_ns(view) for view in views), default=0) or None
        lags = [view.lag_ns for view in views if isinstance(view, BookView) and view.lag_ns is not None]
        data_age = None if data_ns is None else now_ns - data_ns
        lag_ns = max(lags, default=None)
        feed_state = self._judge(transport, views, data_age_ns=data_age, lag_ns=lag_ns, now_ns=now_ns)
        return FeedHealth(
            state=feed_state,
            detail=_detail(feed_state, transport, unsynced),
            host=transport.host,
            connection=transport.connection,
            alive_age_ms=_milliseconds(now_ns, transport.last_frame_ns),
            data_age_ms=_milliseconds(now_ns, data_ns),
            lag_ms=None if lag_ns is None else lag_ns // NANOS_PER_MILLISECOND,
            unsynced=unsynced,
            failures=transport.failures,
            losses=transport.losses,
            close_code=transport.close_code,
            retry_in_ms=None if transport.retry_at_ns is None else _milliseconds(transport.retry_at_ns, now_ns),
            frames=transport.frames,
            bytes_received=transport.bytes_received,
            bad_frames=transport.bad_frames,
        )

    def _judge(
        self,
        transport: TransportStatus,
        views: list[BookView | PoolView],
        *,
        data_age_ns: Nanos | None,
        lag_ns: Nanos | None,
        now_ns: Nanos,
    ) -> FeedState:
        """The first that applies, from worst to best."""
        limits = self._limits
        if not transport.is_open:
            return FeedState.LOST if transport.losses else FeedState.CONNECTING
        if now_ns - (transport.last_frame_ns or now_ns) > limits.alive_ns:
            return FeedState.DEAD
        missing = [view for view in views if not view.is_synced]
        if missing:
            return FeedState.GAP if any(view.updates for view in missing) else FeedState.CONNECTING
        if lag_ns is not None and lag_ns > limits.lag_ns:
            return FeedState.LAGGING
        if data_age_ns is None or data_age_ns > limits.quiet_ns:
            return FeedState.QUIET
        return FeedState.SYNCED


class Reporter(Protocol):
    """Whoever can say how the worker is."""

    def report(self) -> msgspec.Struct:
        """Judge everything now."""
        ...


async def write_status(reporter: Reporter, path: Path, clock: Clock) -> NoReturn:
    """Write the report to ``path`` every second, atomically, away from the event loop.

    A disk that does not take it is logged once; what it means for the record is for the record to say.
    """
    is_failing = False
    while True:
        failure = await asyncio.to_thread(put_status, reporter.report(), path)
        if failure is not None and not is_failing:
            _LOG.warning("status_not_written", path=str(path), error=failure)
        is_failing = failure is not None
        await clock.sleep(WRITE_INTERVAL_S)


def put_status(report: msgspec.Struct, path: Path) -> str | None:
    """Write one report in its place; returns why that was not possible, None when it was. Blocks."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        replace_file(path, msgspec.json.format(msgspec.json.encode(report), indent=2))
    except OSError as e:
        return e.strerror or str(e)
    return None


def replace_file(path: Path, content: bytes) -> None:
    """Put ``content`` in place so that a reader sees the old file or the new one, never a part."""
    temporary = path.with_suffix(path.suffix + ".tmp")
    temporary.write_bytes(content)
    temporary.replace(path)


def _status(feeds: Mapping[str, FeedHealth], why: list[str]) -> Status:
    if not why:
        return Status.OK
    return Status.DEGRADED if any(feed.state in HEALTHY for feed in feeds.values()) else Status.DOWN


def _detail(state: FeedState, transport: TransportStatus, unsynced: list[str]) -> str:
    match state:
        case FeedState.LOST:
            return transport.reason or "no reason known"
        case FeedState.DEAD:
            return f"{transport.host} is connected but sends nothing"
        case FeedState.CONNECTING if not transport.is_open:
            return f"trying {transport.host}"
        case FeedState.CONNECTING | FeedState.GAP:
            return f"waits for the full state of {', '.join(unsynced)}"
        case FeedState.LAGGING:
            return f"{transport.host} delivers late by its own clock"
        case FeedState.QUIET:
            return "alive, nothing changes"
        case FeedState.SYNCED:
            return "alive"


def _received_ns(view: BookView | PoolView) -> Nanos:
    return view.received_ns or 0


def _milliseconds(later_ns: Nanos, earlier_ns: Nanos | None) -> int | None:
    return None if earlier_ns is None else max(later_ns - earlier_ns, 0) // NANOS_PER_MILLISECOND
