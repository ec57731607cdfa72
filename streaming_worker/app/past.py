"""Synthetic history: some hours of the local venues' market, captured at full speed into an empty record.

The frames are the venues' own, the protocols, the pump, the engine and the record are the worker's: what comes out
differs from a live capture only in how long it took.
"""

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import structlog

from streaming_worker.adapters.clock import Clock, HandClock
from streaming_worker.app.feeds import feed_protocol
from streaming_worker.app.record import open_record, sink_settings, worker_run
from streaming_worker.config import Config, FeedConfig
from streaming_worker.core.units import NANOS_PER_HOUR, NANOS_PER_SECOND, Nanos
from streaming_worker.engine.engine import Engine
from streaming_worker.errors import ConfigError
from streaming_worker.protocols.base import HttpRequest
from streaming_worker.sandbox.faces.session import HttpCall
from streaming_worker.sandbox.history import History, HistoryFrame
from streaming_worker.sandbox.market.spec import HISTORY_PACE, default_market
from streaming_worker.sandbox.market.stepper import Market
from streaming_worker.service.gaps import GapLedger
from streaming_worker.service.health import replace_file
from streaming_worker.service.history import capture_history
from streaming_worker.service.pump import Pump
from streaming_worker.storage.sink import Sink
from streaming_worker.storage.worker_files import has_record

_LOG: Final = structlog.get_logger("history")
# One file at a time is open anyway; a history is not read before it is whole.
_ROTATE_SECONDS: Final = 3_600.0
_FACES: Final = {
    "coinbase_advanced": "coinbase",
    "coinbase_exchange": "coinbase_exchange",
    "gemini": "gemini",
    "gemini_v2": "gemini_v2",
    "bitstamp": "bitstamp",
    "solana": "solana",
}
"""Protocol and the local venue that speaks it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryReport:
    """What was captured. ``seconds`` is how long it took."""

    frames: int
    events: int
    rows: int
    segments: int
    digest: str
    seconds: float


class SandboxPast:
    """The sandbox's history, asked in the worker's words."""

    def __init__(self, history: History) -> None:
        self._history = history

    def __iter__(self) -> Iterator[HistoryFrame]:
        return iter(self._history)

    def send(self, feed: str, frame: bytes) -> None:
        self._history.send(feed, frame)

    def call(self, feed: str, request: HttpRequest) -> None:
        call = HttpCall(key=request.key, method=request.method, path=request.path, body=request.body or b"")
        self._history.request(feed, call)


async def capture_synthetic_history(
    config: Config,
    *,
    hours: int,
    seed: int,
    market_state: Path,
    clock: Clock,
    progress: Callable[[Nanos, Nanos, Nanos], None] = lambda _start, _now, _end: None,
) -> HistoryReport | None:
    """Capture ``hours`` whole hours and the running one up to now, and save the market for the live venues.

    Does nothing, and returns None, where the worker has a record already. ``progress`` gets (start, now, end), ns.
    Raises: ConfigError for a feed without a local venue, StorageError when the record cannot be written.
    """
    if has_record(config.paths.data_dir, config.worker.name):
        return None
    end_ns = clock.now_ns()
    start_ns = (end_ns // NANOS_PER_HOUR - hours) * NANOS_PER_HOUR
    spec = default_market(extra_books=config.venues.extra_books)
    market = Market.start(seed=seed, start_ns=start_ns, spec=spec, pace=HISTORY_PACE)
    report = await _capture(config, market, end_ns, clock, lambda now_ns: progress(start_ns, now_ns, end_ns))
    await asyncio.to_thread(_save, market_state, market.dump())
    _LOG.info("history_captured", hours=hours, frames=report.frames, rows=report.rows, seconds=report.seconds)
    return report


async def _capture(
    config: Config, market: Market, end_ns: Nanos, clock: Clock, progress: Callable[[Nanos], None]
) -> HistoryReport:
    started_ns = clock.monotonic_ns()
    faces = {face_of(feed): feed for feed in config.feeds}
    history = History(market, end_ns=end_ns, feeds={face: target_of(feed) for face, feed in faces.items()})
    run = worker_run(config, clock.now_ns())
    sink = Sink(config.paths.data_dir, run, clock, replace(sink_settings(config), rotate_seconds=_ROTATE_SECONDS))
    engine = Engine(config.engine)
    pump = Pump(engine, sink, clock=HandClock(market.now_ns), gaps=GapLedger(config.engine.feeds))
    await asyncio.to_thread(open_record, sink)
    try:
        count = await capture_history(
            SandboxPast(history),
            {face: feed_protocol(feed, config) for face, feed in faces.items()},
            pump=pump,
            record=sink,
            has_raw_frames=config.capture.raw_frames,
            progress=progress,
        )
    finally:
        await asyncio.to_thread(sink.stop)
    stats = sink.stats()
    return HistoryReport(
        frames=count.frames,
        events=engine.event_count,
        rows=stats.committed_rows,
        segments=stats.sealed_segments,
        digest=engine.digest(),
        seconds=(clock.monotonic_ns() - started_ns) / NANOS_PER_SECOND,
    )


def face_of(feed: FeedConfig) -> str:
    """Return the local venue that speaks a feed's protocol. Raises ConfigError where none does."""
    face = _FACES.get(feed.protocol)
    if face is None:
        raise ConfigError(f"feed {feed.name}: no local venue speaks {feed.protocol}", key="feeds[].protocol")
    return face


def target_of(feed: FeedConfig) -> str:
    """Return path and query of the feed's socket, as the venue sees them."""
    parts = urlsplit(feed.websocket_url)
    return (parts.path or "/") + (f"?{parts.query}" if parts.query else "")


def _save(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    replace_file(path, content)
