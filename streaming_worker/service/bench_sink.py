"""Measure the sink against a plain DuckDB file under the same load, in the same run.

The load is 20,000 rows a second in ticks of 50 ms: nine small ticks, then a burst of 6,000 rows. The two take turns,
so that a noisy machine disturbs both; the medians over the rounds are what counts. Nothing is left on the disk.
"""

import asyncio
import statistics
import tempfile
import threading
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import duckdb

from streaming_worker.adapters.clock import AnchoredClock
from streaming_worker.core.events import BookDelta
from streaming_worker.service.bench_load import TICK_S, load, milliseconds
from streaming_worker.storage.batch import Batch
from streaming_worker.storage.laps import Laps
from streaming_worker.storage.live_file import WorkerRun
from streaming_worker.storage.rows import event_rows
from streaming_worker.storage.schema import TABLES
from streaming_worker.storage.segments import list_segments
from streaming_worker.storage.sink import Sink


@dataclass(frozen=True, slots=True, kw_only=True)
class _Round:
    """What one contestant did in one round."""

    rows: int
    bytes_on_disk: int
    commits: Laps
    puts: Laps
    lags: Laps
    cpu_seconds: float
    seconds: float

    def facts(self) -> dict[str, float]:
        """Return the numbers that are compared; milliseconds, microseconds and bytes as named."""
        facts: dict[str, float] = {"rows": self.rows, "rows_per_second": round(self.rows / self.seconds)}
        for percent in (50, 95, 99):
            facts[f"commit_p{percent}_ms"] = milliseconds(self.commits, percent)
        facts["loop_lag_p99_ms"] = milliseconds(self.lags, 99)
        facts["put_p50_us"] = round((self.puts.percentile(50) or 0) / 1_000, 3)
        facts["cpu_percent"] = round(100 * self.cpu_seconds / self.seconds, 1)
        facts["cpu_us_per_row"] = round(1e6 * self.cpu_seconds / self.rows, 2)
        facts["bytes_per_row"] = round(self.bytes_on_disk / self.rows, 1)
        return facts


def bench_sink(*, seconds: float = 4.0, rounds: int = 3) -> dict[str, object]:
    """Return the medians over ``rounds`` of ``seconds`` each: the sink, a plain DuckDB file, and no writing at all."""
    found: dict[str, list[dict[str, float]]] = {"sink": [], "plain_duckdb": [], "no_writing": []}
    with tempfile.TemporaryDirectory(prefix="arb-bench-") as folder:
        for number in range(rounds):
            data_dir = Path(folder) / str(number)
            data_dir.mkdir()
            found["sink"].append(asyncio.run(_run_sink(data_dir, seconds)).facts())
            found["plain_duckdb"].append(asyncio.run(_run_plain(data_dir / "plain.duckdb", seconds)).facts())
            found["no_writing"].append(asyncio.run(_run_idle(seconds / 2)))
    medians = {name: _medians(facts) for name, facts in found.items()}
    return {"seconds": seconds, "rounds": rounds, **medians}


async def _run_sink(data_dir: Path, seconds: float) -> _Round:
    run = WorkerRun(worker="bench", run_id="bench", version="bench", settings="{}")
    sink = Sink(data_dir, run, AnchoredClock())
    sink.start()
    try:
        puts, lags, cpu_seconds, elapsed = await load(sink.put_event, seconds)
        await sink.flush()
        stats = sink.stats()
    finally:
        await asyncio.to_thread(sink.stop)
    return _Round(
        rows=stats.committed_rows,
        bytes_on_disk=_bytes([info.path for info in list_segments(data_dir)]),
        commits=sink.commit_laps,
        puts=puts,
        lags=lags,
        cpu_seconds=cpu_seconds,
        seconds=elapsed,
    )


async def _run_plain(path: Path, seconds: float) -> _Round:
    writer = _PlainWriter(path)
    with ThreadPoolExecutor(1) as executor:
        writing = asyncio.get_running_loop().run_in_executor(executor, writer.run)
        try:
            puts, lags, cpu_seconds, elapsed = await load(writer.put, seconds)
        finally:
            writer.is_stopping.set()
            await writing
    return _Round(
        rows=writer.row_count,
        bytes_on_disk=_bytes([path]),
        commits=writer.commits,
        puts=puts,
        lags=lags,
        cpu_seconds=cpu_seconds,
        seconds=elapsed,
    )


async def _run_idle(seconds: float) -> dict[str, float]:
    _, lags, cpu_seconds, elapsed = await load(lambda _seq, _event: None, seconds)
    return {"loop_lag_p99_ms": milliseconds(lags, 99), "cpu_percent": round(100 * cpu_seconds / elapsed, 1)}


class _PlainWriter:
    """What one would write first: a default DuckDB file, one transaction per tick, on a thread."""

    def __init__(self, path: Path) -> None:
        self.is_stopping = threading.Event()
        self.commits = Laps()
        self.row_count = 0
        self._path = path
        self._queue: deque[tuple[int, BookDelta]] = deque()
        self._clock = AnchoredClock()

    def put(self, seq: int, event: BookDelta) -> None:
        """Queue one event."""
        self._queue.append((seq, event))

    def run(self) -> None:
        """Commit every tick until told to stop, and once more."""
        with duckdb.connect(str(self._path)) as connection:
            for table in TABLES:
                connection.execute(table.ddl)
            while not self.is_stopping.wait(TICK_S):
                self._commit(connection)
            self._commit(connection)

    def _commit(self, connection: duckdb.DuckDBPyConnection) -> None:
        batch = Batch()
        for _ in range(len(self._queue)):
            batch.add(event_rows(*self._queue.popleft()))
        tables = list(batch.tables())
        if not tables:
            return
        started_ns = self._clock.monotonic_ns()
        connection.begin()
        for name, table in tables:
            connection.from_arrow(table).insert_into(name)
        connection.commit()
        self.commits.add(self._clock.monotonic_ns() - started_ns)
        self.row_count += batch.row_count


def _bytes(paths: list[Path]) -> int:
    return sum(path.stat().st_size for path in paths)


def _medians(facts: list[dict[str, float]]) -> dict[str, float]:
    return {name: round(statistics.median(fact[name] for fact in facts), 3) for name in facts[0]}
