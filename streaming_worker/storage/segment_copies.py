"""The small tables of sealed segments in memory: each file is opened once, however many questions are asked of it.

Attaching a file costs more than most questions, and a query over a hundred attached files costs more to plan than to
run. What is copied is what the engine said and the service noted; inputs, keyframes and whole frames are not: their
readers open the files themselves. A sealed segment never changes, so a copy is never old.
"""

import threading
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import duckdb
import pyarrow as pa

from streaming_worker.errors import StorageError
from streaming_worker.storage.faults import translated
from streaming_worker.storage.schema import TABLES, Role, Table
from streaming_worker.storage.versions import whole_relations

_WHOLE_FRAMES: Final = frozenset({"keyframes", "raw_frames", "dead_letters"})
COPIED: Final = {
    table.name: table for table in TABLES if table.role is not Role.INPUT and table.name not in _WHOLE_FRAMES
}
# a file's rows are counted with those that were deleted: none is none
_WITH_ROWS: Final = "SELECT table_name FROM duckdb_tables() WHERE database_name = 'segment' AND estimated_size > 0"
_OWNER: Final = (pa.field("worker", pa.string()), pa.field("run_id", pa.string()))


@dataclass(frozen=True, slots=True)
class SegmentCopy:
    """Whose rows a segment holds, and its small tables that have any, with ``worker`` and ``run_id``."""

    worker: str
    run_id: str
    tables: Mapping[str, pa.Table]


class SegmentCopies:
    """The copies of a process. Any thread may ask; one file is read at a time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._copies: dict[Path, SegmentCopy] = {}
        self._connection = duckdb.connect(config={"threads": "1"})

    def copy_of(self, path: Path) -> SegmentCopy:
        """Return the copy of a segment, made now where there is none. Raises StorageError."""
        with self._lock:
            found = self._copies.get(path)
            if found is None:
                found = self._copies[path] = self._made(path)
            return found

    def forget_others(self, paths: Collection[Path]) -> None:
        """Drop the copies of segments that are no longer there; who uses one of them keeps it."""
        with self._lock:
            for path in self._copies.keys() - paths:
                del self._copies[path]

    def close(self) -> None:
        """Drop everything."""
        with self._lock:
            self._copies = {}
            self._connection.close()

    def _made(self, path: Path) -> SegmentCopy:
        with translated("read segment", path):
            name = str(path).replace("'", "''")
            self._connection.execute(f"ATTACH '{name}' AS segment (READ_ONLY)")
            try:
                return self._read(path)
            finally:
                self._connection.execute("DETACH segment")

    def _read(self, path: Path) -> SegmentCopy:
        found = self._connection.execute("SELECT worker, run_id FROM segment.worker_runs").fetchall()
        if len(found) != 1:
            raise StorageError(f"expected one worker_runs row in {path}, received {len(found)}", path=str(path))
        worker, run_id = found[0]
        there = {name for (name,) in self._connection.execute(_WITH_ROWS).fetchall()}
        relations = whole_relations(self._connection, "segment")
        rows = {
            table.name: self._rows(table, relations[table.name]) for table in COPIED.values() if table.name in there
        }
        return SegmentCopy(worker, run_id, {name: _owned(table, worker, run_id) for name, table in rows.items()})

    def _rows(self, table: Table, relation: str) -> pa.Table:
        columns = ", ".join(table.column_names)
        return self._connection.sql(f"SELECT {columns} FROM {relation}").to_arrow_table().cast(table.arrow_schema)  # noqa: S608 - our own names


def _owned(table: pa.Table, worker: str, run_id: str) -> pa.Table:
    for field, value in zip(_OWNER, (worker, run_id), strict=True):
        if field.name not in table.column_names:
            table = table.append_column(field, pa.repeat(pa.scalar(value, field.type), table.num_rows))
    return table
