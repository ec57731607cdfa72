"""The worker's own numbers and the files of the record, in the shapes of the system screen."""

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import msgspec

from streaming_worker.api.schemas.base import maybe_moment
from streaming_worker.api.schemas.machine import FeedCounters, Files, Queue, Writer
from streaming_worker.core.units import NANOS_PER_DAY, NANOS_PER_HOUR, NANOS_PER_MICROSECOND, Nanos
from streaming_worker.service.metrics import Reading
from streaming_worker.storage.segments import SegmentInfo, list_segments

_FEED: Final = "feed."
_DROPPED: Final = "dropped."


def queue(metrics: Mapping[str, Reading]) -> Queue | None:
    """Return what waits for the engine, None while the worker has not said."""
    bus = metrics.get("bus")
    if bus is None:
        return None
    return Queue(
        waiting=_whole(bus, "waiting"),
        capacity=_whole(bus, "capacity"),
        high_water=_whole(bus, "high_water"),
        dropped={name.removeprefix(_DROPPED): _whole(bus, name) for name in bus if name.startswith(_DROPPED)},
    )


def writer(metrics: Mapping[str, Reading]) -> Writer | None:
    """Return how the writer is, None while the worker has not said."""
    sink = metrics.get("sink")
    if sink is None:
        return None
    failure = sink.get("failure")
    return Writer(
        committed_rows=_whole(sink, "committed_rows"),
        commits=_whole(sink, "commits"),
        commit_p50_us=_microseconds(sink, "commit_p50_ns"),
        commit_p95_us=_microseconds(sink, "commit_p95_ns"),
        commit_p99_us=_microseconds(sink, "commit_p99_ns"),
        queue_depth=_whole(sink, "queue_depth"),
        queue_limit=_whole(sink, "queue_limit"),
        saturated_puts=_whole(sink, "saturated_puts"),
        committed_at=maybe_moment(_maybe(sink, "committed_ns")),
        live_rows=_whole(sink, "live_rows"),
        failure=None if failure is None else str(failure),
    )


def feed_counters(metrics: Mapping[str, Reading]) -> list[FeedCounters]:
    """Return what each feed has counted, by name."""
    return [
        FeedCounters(
            feed=name.removeprefix(_FEED),
            counters={key: value for key, value in reading.items() if type(value) is int and not key.endswith("_ns")},
        )
        for name, reading in sorted(metrics.items())
        if name.startswith(_FEED)
    ]


def files(data_dir: Path, now_ns: Nanos) -> Files:
    """Return what is on disk. Blocks for a look at each sealed file."""
    sizes = {info: size for info in list_segments(data_dir) if (size := _size(info.path)) is not None}
    published = data_dir / "published" / "arb.duckdb"
    published_bytes = _size(published)
    free = shutil.disk_usage(data_dir).free
    return Files(
        segments=len(sizes),
        segment_bytes=sum(sizes.values()),
        newest_segment_at=maybe_moment(max((info.newest_ns for info in sizes), default=None)),
        published_at=None if published_bytes is None else maybe_moment(published.stat().st_mtime_ns),
        published_bytes=published_bytes,
        free_bytes=free,
        days_left=_days_left(sizes, free, now_ns),
    )


def _days_left(sizes: Mapping[SegmentInfo, int], free: int, now_ns: Nanos) -> int | None:
    """Rounds: down. The pace is that of the segments whose newest row is of the last hour."""
    recent = {info: size for info, size in sizes.items() if 0 <= now_ns - info.newest_ns < NANOS_PER_HOUR}
    if len(recent) < 2:
        return None
    first = min(info.newest_ns for info in recent)
    spent = sum(size for info, size in recent.items() if info.newest_ns > first)
    span_ns = max(info.newest_ns for info in recent) - first
    return None if spent == 0 or span_ns == 0 else free * span_ns // (spent * NANOS_PER_DAY)


def _size(path: Path) -> int | None:
    try:
        return path.stat().st_size
    except FileNotFoundError:  # compacted and removed meanwhile, or not published yet
        return None


def _whole(reading: Reading, name: str) -> int:
    return int(reading.get(name) or 0)


def _maybe(reading: Reading, name: str) -> int | None:
    value = reading.get(name)
    return None if value is None else int(value)


def _microseconds(reading: Reading, name: str) -> int | None:
    value = _maybe(reading, name)
    return None if value is None else value // NANOS_PER_MICROSECOND


def readings(metrics: Mapping[str, Reading]) -> bytes:
    """Return everything that the worker counts, as JSON."""
    return msgspec.json.format(msgspec.json.encode(metrics), indent=2)
