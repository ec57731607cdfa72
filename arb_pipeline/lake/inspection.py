"""What is in a sealed segment before anything is taken from it; one that cannot be used is refused by name."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import duckdb

from arb_pipeline.lake.catalogue import COMPACTED, REFUSED, SegmentRecord
from arb_pipeline.lake.connection import quoted
from arb_pipeline.lake.tables import CAPTURED
from streaming_worker.errors import StorageError
from streaming_worker.storage.faults import is_damage
from streaming_worker.storage.schema import TABLES, Role

# Written with the clock of the machine when a file is opened; everything else carries the time of its event.
RUNS_TABLE: Final = "worker_runs"
_SEQUENCED: Final = tuple(table.name for table in TABLES if table.role is Role.INPUT)


@dataclass(frozen=True, slots=True)
class Segment:
    """One sealed file: ``segments/<worker>/<name>.duckdb``."""

    worker: str
    path: Path

    @property
    def name(self) -> str:
        """Return the file's name without its ending."""
        return self.path.stem


def inspect(connection: duckdb.DuckDBPyConnection, alias: str, segment: Segment) -> SegmentRecord:
    """Attach a segment and describe it; refused with the reason when it is damaged or not of one run.

    Raises: StorageError when it cannot be read for another reason: the disk or another process is in the way.
    """
    try:
        connection.execute(f"ATTACH {quoted(str(segment.path))} AS {alias} (READ_ONLY)")
        return _described(connection, alias, segment)
    except StorageError as e:
        return refused(segment, e)
    except duckdb.Error as e:
        if not is_damage(e):
            raise StorageError(f"cannot read segment {segment.path.name}: {e}", path=str(segment.path)) from e
        return refused(segment, e)


def refused(segment: Segment, error: Exception) -> SegmentRecord:
    """Return the record of a segment that cannot be used."""
    return SegmentRecord(
        worker=segment.worker,
        name=segment.name,
        run_id="",
        status=REFUSED,
        reason=str(error)[:500],
        row_count=0,
        first_seq=None,
        last_seq=None,
        first_ns=None,
        last_ns=None,
    )


def tables_in(connection: duckdb.DuckDBPyConnection, alias: str) -> list[str]:
    """Return the captured tables that an attached segment has."""
    rows = connection.execute("SELECT table_name FROM duckdb_tables() WHERE database_name = ?", [alias]).fetchall()
    return sorted({name for (name,) in rows} & {table.name for table in CAPTURED})


def _described(connection: duckdb.DuckDBPyConnection, alias: str, segment: Segment) -> SegmentRecord:
    runs = connection.execute(f"FROM {alias}.{RUNS_TABLE} SELECT DISTINCT worker, run_id").fetchall()
    if len(runs) != 1 or runs[0][0] != segment.worker:
        raise StorageError(f"expected rows of one run of worker {segment.worker}, found {runs}", path=str(segment.path))
    tables = tables_in(connection, alias)
    row_count = sum(_aggregates(connection, f"FROM {alias}.{name} SELECT count(*)")[0] or 0 for name in tables)
    timed = _union(f"FROM {alias}.{name} SELECT received_ns" for name in tables if name != RUNS_TABLE)
    numbered = _union(f"FROM {alias}.{name} SELECT seq" for name in tables if name in _SEQUENCED)
    first_ns, last_ns = _aggregates(connection, f"FROM ({timed}) SELECT min(received_ns), max(received_ns)")
    first_seq, last_seq = _aggregates(connection, f"FROM ({numbered}) SELECT min(seq), max(seq)")
    return SegmentRecord(
        worker=segment.worker,
        name=segment.name,
        run_id=runs[0][1],
        status=COMPACTED,
        reason=None,
        row_count=row_count,
        first_seq=first_seq,
        last_seq=last_seq,
        first_ns=first_ns,
        last_ns=last_ns,
    )


def _union(queries: Iterable[str]) -> str:
    return " UNION ALL ".join(queries)


def _aggregates(connection: duckdb.DuckDBPyConnection, query: str) -> list[int | None]:
    row = connection.execute(query).fetchone()
    if row is None:
        raise StorageError("an aggregate gave no row")
    return list(row)
