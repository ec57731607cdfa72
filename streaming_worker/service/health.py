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
from streaming_worker.core.feed_state import HEALTHY, FeedState
from streaming_worker.core.outputs import RiskState
from streaming_worker.core.units import NANOS_PER_MILLISECOND, Nanos, format_e8
from streaming_worker.engine.engine import Engine
from streaming_worker.engine.settings import FeedScope
from streaming_worker.engine.state import BookView, PoolView
from streaming_worker.service.connection import TransportStatus
from streaming_worker.service.feed_watch import FeedLook, FeedWatch
from streaming_worker.service.metrics import Reading

_LOG: Final = structlog.get_logger("health")
WRITE_INTERVAL_S: Final = 1.0


class Status(StrEnum):
    """OK: every feed is synced or quiet, and nothing else is wrong. DOWN: no feed is."""

    OK = "ok"
    DEGRADED = "degraded"
    DOWN = "down"


class FeedHealth(msgspec.Struct, frozen=True, kw_only=True):
    """One feed. Ages are null where nothing has come yet; ``lag_ms`` is by the venue's clock.

    ``transport`` is the state of the connection alone, ``books`` that of each book and pool on it. ``gaps``: how often
    books were dropped and built anew. ``slot`` is the newest that the node of a chain reported, ``slot_age_ms`` for
    how long it has reported no newer one.
    """

    state: FeedState
    detail: str
    transport: FeedState
    books: dict[str, FeedState]
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
    gaps: int | None = None
    slot: int | None = None
    slot_age_ms: int | None = None


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
        watch: FeedWatch,
        warnings: Callable[[], Sequence[str]] = tuple,
    ) -> None:
        self.worker = worker
        self.run_id = run_id
        self._engine = engine
        self._transports = transports
        self._sink = sink
        self._complaints = complaints
        self._clock = clock
        self._watch = watch
        self._warnings = warnings
        self._started_ns = clock.now_ns()

    def report(self) -> HealthReport:
        """Judge everything now."""
        now_ns = self._clock.now_ns()
        looks = self._watch.look(now_ns)
        scopes = {scope.name: scope for scope in self._engine.state.settings.feeds}
        feeds = {name: self._feed(scopes[name], look, now_ns) for name, look in looks.items()}
        risk = self._engine.state.risk
        why = [
            f"{name}: {feed.state.value}, {feed.detail}" for name, feed in feeds.items() if feed.state not in HEALTHY
        ]
        if risk.state is not RiskState.ACTIVE:
            why.append(f"risk is {risk.state.value}" + (f" ({risk.cause.value})" if risk.cause else ""))
        why += self._complaints()
        return HealthReport(
            worker=self.worker,
            run_id=self.run_id,
            pid=os.getpid(),
            status=_status(feeds, why),
            why=why,
            warnings=list(self._warnings()),
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

    def _feed(self, scope: FeedScope, look: FeedLook, now_ns: Nanos) -> FeedHealth:
        state = self._engine.state
        chain = state.chains[scope.name]
        transport = self._transports[scope.name]
        views: list[BookView | PoolView] = [state.books[key] for key in scope.instruments]
        views += [state.pools[key] for key in scope.pools]
        unsynced = [view.key for view in views if not view.is_synced]
        data_ns = max((view.received_ns for view in views), default=0) or None
        return FeedHealth(
            state=look.state,
            detail=_detail(look, transport, unsynced),
            transport=look.transport,
            books=look.books,
            host=transport.host,
            connection=transport.connection,
            alive_age_ms=_milliseconds(now_ns, transport.last_frame_ns),
            data_age_ms=_milliseconds(now_ns, data_ns),
            lag_ms=None if look.lag_ns is None else look.lag_ns // NANOS_PER_MILLISECOND,
            unsynced=unsynced,
            failures=transport.failures,
            losses=transport.losses,
            close_code=transport.close_code,
            retry_in_ms=None if transport.retry_at_ns is None else _milliseconds(transport.retry_at_ns, now_ns),
            frames=transport.frames,
            bytes_received=transport.bytes_received,
            bad_frames=transport.bad_frames,
            gaps=state.feeds[scope.name].gaps,
            slot=chain.slot,
            slot_age_ms=_milliseconds(now_ns, chain.slot_received_ns),
        )


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


def _detail(look: FeedLook, transport: TransportStatus, unsynced: list[str]) -> str:
    named = ", ".join(key for key, state in look.books.items() if state is look.state)
    match look.state:
        case FeedState.LOST:
            return transport.reason or "no reason known"
        case FeedState.DEAD:
            is_silent = look.transport is FeedState.DEAD
            return f"{transport.host} is connected but " + ("sends nothing" if is_silent else f"{named} is old from it")
        case FeedState.CONNECTING if not transport.is_open:
            return f"trying {transport.host}"
        case FeedState.CONNECTING | FeedState.GAP:
            return f"waits for the full state of {', '.join(unsynced)}"
        case FeedState.LAGGING:
            return f"{transport.host} delivers {named} late by its own clock"
        case _:
            return "alive" if look.state is FeedState.SYNCED else "alive, nothing changes"


def _milliseconds(later_ns: Nanos, earlier_ns: Nanos | None) -> int | None:
    return None if earlier_ns is None else max(later_ns - earlier_ns, 0) // NANOS_PER_MILLISECOND
