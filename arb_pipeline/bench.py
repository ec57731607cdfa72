"""Time the compaction against a bare DuckDB COPY of the same rows: ``python -m arb_pipeline.bench [ROWS]``.

Each contestant runs in a process of its own, so that its peak memory is its own. The compaction does more: it reads
every segment to describe it, writes one file a table and hour, reads each file back, and hashes it.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from time import monotonic
from typing import Final

import duckdb

from arb_pipeline.clock import now_ns
from arb_pipeline.lake.catalogue import Catalogue
from arb_pipeline.lake.compaction import compact
from arb_pipeline.lake.connection import open_memory, quoted
from arb_pipeline.lake.inspection import Segment
from arb_pipeline.lake.layout import LakeLayout
from arb_pipeline.lake.publishing import publish
from streaming_worker.storage.schema import SCHEMA_VERSION, TABLES
from streaming_worker.storage.segments import list_segments, sealed_path

ROWS: Final = 10_000_000
SEGMENT_ROWS: Final = 1_000_000
_LEVELS: Final = 5
_START_NS: Final = 1_767_268_800_000_000_000
_EVENT_NS: Final = 1_000_000
_MARTS: Final = 20
Facts = dict[str, float]


def make_segments(data_dir: Path, rows: int) -> None:
    """Write segments of levels whose prices and sizes move as real ones do: five levels an event, an event a ms."""
    for number, first in enumerate(range(0, rows, SEGMENT_ROWS), start=1):
        last = min(first + SEGMENT_ROWS, rows)
        newest_ns = _START_NS + last // _LEVELS * _EVENT_NS
        path = sealed_path(data_dir, "bench", newest_ns, number)
        path.parent.mkdir(parents=True, exist_ok=True)
        with duckdb.connect(str(path)) as connection:
            for table in TABLES:
                connection.execute(table.ddl)
            run = [_START_NS, "bench", "bench", "bench", SCHEMA_VERSION, "{}"]
            connection.execute("INSERT INTO worker_runs VALUES (?, ?, ?, ?, ?, ?)", run)
            connection.execute(_levels(first, last))


def _levels(first: int, last: int) -> str:
    at = f"{_START_NS} + range // {_LEVELS} * {_EVENT_NS}"
    return (
        f"INSERT INTO book_updates BY NAME FROM range({first}, {last}) SELECT range // {_LEVELS} + 1 AS seq,"
        f" {at} AS received_ns, {at} - 20000000 AS exchange_ns,"
        " CASE WHEN range % 3 = 0 THEN 'gemini:SOLUSD' ELSE 'coinbase:SOL-USD' END AS instrument,"
        f" false AS is_snapshot, CASE WHEN range % {_LEVELS} < 3 THEN 'bid' ELSE 'ask' END AS side,"
        " 14000000000 + (hash(range) % 2000003)::BIGINT * 1000 AS price_e8,"
        f" (hash(range + 1) % 50000000000)::BIGINT AS size_e8, range // {_LEVELS} AS venue_sequence,"
        f" (range % {_LEVELS})::INTEGER AS position"
    )


def run_compaction(data_dir: Path) -> None:
    """Compact as the pipeline does."""
    layout = LakeLayout(data_dir / "lake")
    segments = [Segment(info.worker, info.path) for info in list_segments(data_dir)]
    compact(layout, Catalogue(layout.catalogue), segments, now=now_ns)


def run_copy(data_dir: Path) -> None:
    """Copy the same rows with one statement and the same settings of the database and of Parquet."""
    with open_memory() as connection:
        sources = []
        for number, info in enumerate(list_segments(data_dir)):
            connection.execute(f"ATTACH {quoted(str(info.path))} AS source_{number} (READ_ONLY)")
            sources.append(f"FROM source_{number}.book_updates")
        target = quoted(str(data_dir / "copy.parquet"))
        options = "(FORMAT parquet, COMPRESSION zstd, PARQUET_VERSION v2)"
        connection.execute(f"COPY ({' UNION ALL '.join(sources)}) TO {target} {options}")


def run_publication(data_dir: Path) -> None:
    """Publish the warehouse over the lake that the compaction made."""
    publish(data_dir / "warehouse.duckdb", LakeLayout(data_dir / "lake"), data_dir / "published" / "arb.duckdb")


_CONTESTANTS: Final[dict[str, Callable[[Path], None]]] = {
    "compaction": run_compaction,
    "copy": run_copy,
    "publication": run_publication,
}


def measure(name: str, data_dir: Path) -> Facts:
    """Run one in a process of its own. Raises subprocess.CalledProcessError when it fails."""
    command = [sys.executable, "-m", "arb_pipeline.bench", name, str(data_dir)]
    started = monotonic()
    process = subprocess.Popen(command)  # noqa: S603 - our own arguments
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    scale = 1 if sys.platform == "darwin" else 1024
    return {
        "seconds": round(monotonic() - started, 2),
        "cpu_seconds": round(usage.ru_utime + usage.ru_stime, 2),
        "peak_mb": usage.ru_maxrss * scale // 1_000_000,
    }


def bench(rows: int) -> dict[str, object]:
    """Return time and peak memory of each, the interpreter's start included, and the ratios."""
    with tempfile.TemporaryDirectory(prefix="arb-bench-") as folder:
        data_dir = Path(folder)
        make_segments(data_dir, rows)
        copied = measure("copy", data_dir)
        compacted = measure("compaction", data_dir)
        with duckdb.connect(str(data_dir / "warehouse.duckdb")) as connection:
            connection.execute("CREATE SCHEMA marts")
            for number in range(_MARTS):
                connection.execute(f"CREATE TABLE marts.fct_{number} AS FROM range({rows // 100}) SELECT range AS n")
        published = measure("publication", data_dir)
    return {
        "rows": rows,
        "copy": copied,
        "compaction": compacted,
        "publication": published,
        "compaction_over_copy": {name: round(compacted[name] / copied[name], 2) for name in copied},
    }


def main(arguments: list[str]) -> None:
    """Run one contestant, or the whole bench."""
    if arguments and arguments[0] in _CONTESTANTS:
        _CONTESTANTS[arguments[0]](Path(arguments[1]))
        return
    rows = int(arguments[0]) if arguments else ROWS
    sys.stdout.write(json.dumps(bench(rows), indent=2) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
