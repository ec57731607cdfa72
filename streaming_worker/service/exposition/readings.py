"""What the worker's parts count themselves, from the readings that ``/state`` shows too."""

from collections.abc import Iterable, Mapping
from typing import Final

from streaming_worker.core.units import NANOS_PER_SECOND
from streaming_worker.service.exposition.text import Sample
from streaming_worker.service.metrics import Metrics, Reading
from streaming_worker.storage.disk import DiskLevel

_FEED_PREFIX: Final = "feed."
_DROPPED: Final = "dropped."
_PLAIN: Final[Mapping[str, Mapping[str, str]]] = {
    "pump": {
        "outputs": "arb_outputs_total",
        "sink_pauses": "arb_sink_pauses_total",
        "open_gaps": "arb_gaps_open",
    },
    "bus": {
        "waiting": "arb_queue_depth",
        "capacity": "arb_queue_capacity",
        "high_water": "arb_queue_high_water",
    },
    "sink": {
        "queue_depth": "arb_sink_queue_depth",
        "commits": "arb_sink_commits_total",
        "committed_rows": "arb_sink_rows_total",
        "saturated_puts": "arb_sink_saturated_total",
        "sealed_segments": "arb_segments_sealed_total",
        "recovered_segments": "arb_segments_recovered_total",
        "live_rows": "arb_segment_live_rows",
    },
    "disk": {
        "free_bytes": "arb_disk_free_bytes",
        "raw_frames_held_back": "arb_raw_frames_held_back_total",
    },
}
"""By source: the reading's name and the metric that it is, unchanged."""
_OF_FEED: Final[Mapping[str, str]] = {
    "defects": "arb_feed_defects_total",
    "calls": "arb_rpc_calls_total",
    "failed_calls": "arb_rpc_failed_calls_total",
    "call_retries": "arb_rpc_retries_total",
    "calls_limited": "arb_rpc_limited_total",
}
_QUANTILES: Final = (("commit_p50_ns", "0.5"), ("commit_p95_ns", "0.95"), ("commit_p99_ns", "0.99"))


def reading_samples(metrics: Metrics) -> Iterable[Sample]:
    """Yield what every part counts."""
    snapshot = metrics.snapshot()
    for source, names in _PLAIN.items():
        yield from plain_samples(snapshot.get(source, {}), names)
    yield from _sink(snapshot.get("sink", {}), snapshot.get("pump", {}))
    yield from disk_samples(snapshot.get("disk", {}))
    for name, dropped in snapshot.get("bus", {}).items():
        if name.startswith(_DROPPED):
            yield "arb_queue_dropped_total", (name.removeprefix(_DROPPED),), _number(dropped)
    for name, value in snapshot.get("clock", {}).items():
        if name == "drift_ns":
            yield "arb_clock_offset_seconds", (), _number(value) / NANOS_PER_SECOND
    for source, reading in snapshot.items():
        if source.startswith(_FEED_PREFIX):
            yield from plain_samples(reading, _OF_FEED, source.removeprefix(_FEED_PREFIX))


def plain_samples(reading: Reading, names: Mapping[str, str], *labels: str) -> Iterable[Sample]:
    """Yield the named readings that have a value."""
    for name, metric in names.items():
        value = reading.get(name)
        if value is not None:
            yield metric, labels, _number(value)


def disk_samples(reading: Reading) -> Iterable[Sample]:
    """Yield the disk's level as a number."""
    level = reading.get("level")
    if level is not None:
        yield "arb_disk_level", (), DiskLevel[str(level).upper()].value


def _sink(sink: Reading, pump: Reading) -> Iterable[Sample]:
    if not sink:
        return
    waiting = _number(pump.get("events") or 0) - _number(sink["acknowledged_seq"])
    yield "arb_sink_unacknowledged_events", (), max(waiting, 0)
    yield "arb_sink_failed", (), sink["failure"] is not None
    for name, quantile in _QUANTILES:
        value = sink[name]
        if value is not None:
            yield "arb_sink_commit_seconds", (quantile,), _number(value) / NANOS_PER_SECOND
    committed_ns = sink["committed_ns"]
    if committed_ns is not None:
        yield "arb_sink_last_commit_timestamp_seconds", (), _number(committed_ns) / NANOS_PER_SECOND


def _number(value: object) -> float:
    assert isinstance(value, int | float)
    return value
