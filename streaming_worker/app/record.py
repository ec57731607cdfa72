"""The record of one run: who writes it, with which settings, and what happened before it began."""

from datetime import UTC, datetime
from importlib.metadata import version
from typing import Final

import msgspec
import structlog

from streaming_worker.adapters.websocket import host_of
from streaming_worker.config import Config
from streaming_worker.core.controls import Controls
from streaming_worker.core.events import GapCause
from streaming_worker.core.units import NANOS_PER_SECOND, Nanos, format_e8
from streaming_worker.errors import StorageError
from streaming_worker.service.last_controls import read_controls
from streaming_worker.storage.disk import MEGABYTE, DiskLimits
from streaming_worker.storage.live_file import WorkerRun
from streaming_worker.storage.sink import Sink, SinkSettings

_LOG: Final = structlog.get_logger("record")
_DISTRIBUTION: Final = "arb-platform"
NO_FEED: Final = "worker"


def worker_run(config: Config, started_ns: Nanos) -> WorkerRun:
    """Name a run: its start, to the nanosecond, and its worker."""
    seconds, nanos = divmod(started_ns, NANOS_PER_SECOND)
    stamp = datetime.fromtimestamp(seconds, UTC).strftime("%Y%m%dT%H%M%S")
    return WorkerRun(
        worker=config.worker.name,
        run_id=f"{stamp}.{nanos:09d}Z-{config.worker.name}",
        version=version(_DISTRIBUTION),
        settings=_settings_in_force(config),
    )


def sink_settings(config: Config) -> SinkSettings:
    """Return how the record is written."""
    capture = config.capture
    return SinkSettings(
        commit_ms=capture.commit_ms, rotate_seconds=capture.rotate_seconds, rotate_rows=capture.rotate_rows
    )


def disk_limits(config: Config) -> DiskLimits:
    """Return below how much free space what is no longer written."""
    disk = config.disk
    return DiskLimits(
        warn=disk.warn_free_mb * MEGABYTE,
        raw_frames=disk.raw_frames_free_mb * MEGABYTE,
        capture=disk.capture_free_mb * MEGABYTE,
    )


def open_record(sink: Sink) -> Nanos | None:
    """Start the sink, which recovers what was left; returns the last moment that was recorded before. Blocks.

    Raises: StorageError when the worker already runs, or the disk refuses.
    """
    sink.start()
    for item in sink.recovered:
        _LOG.warning(
            "segment_recovered",
            live=item.live.name,
            sealed=None if item.sealed is None else item.sealed.name,
            last_seq=item.last_seq,
            cuts=len(item.cuts),
            set_aside=[path.name for path in item.set_aside],
            problem=item.problem,
        )
    return sink.last_recorded_ns


def last_controls(sink: Sink, config: Config, last_ns: Nanos | None) -> Controls | None:
    """Return what people had set in the run before, None on a first start. Blocks for some seconds at most.

    What cannot be read is no reason not to start: then ``problem`` says so, and the engine begins paused.
    """
    if last_ns is None:
        return None
    try:
        controls = read_controls(config.paths.data_dir, config.worker.name, last_ns)
    except StorageError as e:
        controls = Controls(run_id=None, problem=str(e))
    damaged = [item.live.name for item in sink.recovered if item.is_damaged]
    if damaged and controls.problem is None:
        controls = msgspec.structs.replace(controls, problem=f"damaged: {', '.join(damaged)}")
    _tell(controls)
    return controls


def _tell(controls: Controls) -> None:
    if controls.problem is not None:
        _LOG.error("controls_unknown", run=controls.run_id, problem=controls.problem, now="paused")
    risk, names = controls.risk, [one.name for one in controls.limits]
    held = {
        "risk": None if risk is None else risk.state.value,
        "actor": None if risk is None else risk.actor,
        "limits": names,
        "halts": [one.scope for one in controls.halts],
        "daily_net_usd": format_e8(controls.daily_net_usd_e8),
    }
    tell = _LOG.warning if risk is not None or names or controls.halts else _LOG.info
    tell("controls_restored", run=controls.run_id, **held)


def write_down_downtime(sink: Sink, last_ns: Nanos | None, now_ns: Nanos) -> None:
    """Record the time between two runs as a gap of every feed; a first start has none."""
    if last_ns is not None:
        sink.put_gap(
            now_ns, NO_FEED, None, GapCause.WORKER_RESTART.value, start_ns=last_ns, end_ns=max(now_ns, last_ns)
        )


def _settings_in_force(config: Config) -> str:
    """JSON without secrets: of a URL only the host is kept."""
    feeds = [
        {
            "name": feed.name,
            "protocol": feed.protocol,
            "host": host_of(feed.websocket_url),
            "fallback": None if feed.fallback is None else feed.fallback.protocol,
            "instruments": feed.instruments,
            "pools": feed.pools,
        }
        for feed in config.feeds
    ]
    content = {"profile": config.profile, "capture": config.capture, "feeds": feeds, "engine": config.engine}
    return msgspec.json.encode(content).decode()
