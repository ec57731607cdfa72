"""Measure whether anyone waits for a rotation: minutes of load, a new file every 15 s as in production.

A wait is how long rows stay unacknowledged, how long a commit takes, how late the event loop runs. Each is told for
the seconds around a rotation and for the rest of the same run, so that a slow disk is not blamed on rotating.
"""

import asyncio
import tempfile
from bisect import bisect_left
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from streaming_worker.adapters.clock import AnchoredClock
from streaming_worker.core.events import BookDelta
from streaming_worker.core.units import NANOS_PER_MILLISECOND, NANOS_PER_SECOND, Nanos
from streaming_worker.service.bench_load import load
from streaming_worker.storage.live_file import WorkerRun
from streaming_worker.storage.sink import Sink, SinkSettings

STALL_NS: Final = 100 * NANOS_PER_MILLISECOND
_STEP_S: Final = 0.005
_BEFORE_NS: Final = 1_500 * NANOS_PER_MILLISECOND
_AFTER_NS: Final = 500 * NANOS_PER_MILLISECOND


@dataclass(slots=True)
class _Series:
    """Durations with the moment at which each ended."""

    found: list[tuple[Nanos, Nanos]] = field(default_factory=list)

    def facts(self, seals: list[Nanos]) -> dict[str, dict[str, float]]:
        """Return percentiles around the seals and elsewhere."""
        near = [took for at, took in self.found if _is_near(at, seals)]
        elsewhere = [took for at, took in self.found if not _is_near(at, seals)]
        return {"around_rotations": _percentiles(near), "elsewhere": _percentiles(elsewhere)}


def bench_rotation(*, seconds: float, rotate_seconds: float = 15.0) -> dict[str, object]:
    """Return how long rows, commits and the event loop waited, around rotations and elsewhere. Units: ms."""
    with tempfile.TemporaryDirectory(prefix="arb-bench-") as folder:
        return asyncio.run(_run(Path(folder), seconds, rotate_seconds))


async def _run(data_dir: Path, seconds: float, rotate_seconds: float) -> dict[str, object]:
    run = WorkerRun(worker="bench", run_id="bench", version="bench", settings="{}")
    sink = Sink(data_dir, run, AnchoredClock(), SinkSettings(rotate_seconds=rotate_seconds))
    watch = _Watch(sink)
    sink.start()
    try:
        async with asyncio.TaskGroup() as group:
            watching = group.create_task(watch.run())
            _, _, cpu_seconds, elapsed = await load(watch.put, seconds)
            await sink.flush()
            watching.cancel()
        stats = sink.stats()
    finally:
        await asyncio.to_thread(sink.stop)
    return {
        "seconds": round(elapsed, 1),
        "rotations": len(watch.seals),
        "rows": stats.committed_rows,
        "rows_per_second": round(stats.committed_rows / elapsed),
        "cpu_percent": round(100 * cpu_seconds / elapsed, 1),
        "until_acknowledged_ms": watch.waits.facts(watch.seals),
        "commit_ms": watch.commits.facts(watch.seals),
        "loop_lag_ms": watch.lags.facts(watch.seals),
    }


class _Watch:
    """Looks at the sink from the event loop every few milliseconds."""

    def __init__(self, sink: Sink) -> None:
        self.seals: list[Nanos] = []
        self.waits, self.commits, self.lags = _Series(), _Series(), _Series()
        self._sink = sink
        self._clock = AnchoredClock()
        self._last_put = 0
        self._unacknowledged: deque[tuple[int, Nanos]] = deque()
        self._commits_seen = 0

    def put(self, seq: int, event: BookDelta) -> None:
        """Hand one event to the sink."""
        self._last_put = seq
        self._sink.put_event(seq, event)

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            before_ns = self._clock.monotonic_ns()
            await asyncio.sleep(_STEP_S)
            now_ns = self._clock.monotonic_ns()
            self.lags.found.append((now_ns, now_ns - before_ns - round(_STEP_S * NANOS_PER_SECOND)))
            self._look(now_ns)

    def _look(self, now_ns: Nanos) -> None:
        sink, waiting = self._sink, self._unacknowledged
        if self._last_put and (not waiting or waiting[-1][0] < self._last_put):
            waiting.append((self._last_put, now_ns))
        while waiting and waiting[0][0] <= sink.acknowledged_seq:
            self.waits.found.append((now_ns, now_ns - waiting.popleft()[1]))
        laps = sink.commit_laps
        self.commits.found += [(now_ns, took) for took in laps.since(self._commits_seen)]
        self._commits_seen = laps.count
        self.seals += [now_ns] * (sink.sealed_segments - len(self.seals))


def _is_near(at_ns: Nanos, seals: list[Nanos]) -> bool:
    """Say whether a moment lies around a seal: the swap comes some hundred milliseconds before it."""
    following = bisect_left(seals, at_ns - _AFTER_NS)
    return following < len(seals) and seals[following] - _BEFORE_NS <= at_ns


def _percentiles(durations: list[Nanos]) -> dict[str, float]:
    ordered = sorted(durations)
    facts: dict[str, float] = {"count": len(ordered), "over_100_ms": sum(took > STALL_NS for took in ordered)}
    for name, percent in (("p50", 50), ("p99", 99), ("max", 100)):
        at = max(0, -(-len(ordered) * percent // 100) - 1)
        facts[name] = round(ordered[at] / NANOS_PER_MILLISECOND, 2) if ordered else 0.0
    return facts
