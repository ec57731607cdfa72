"""Read-only queries over sealed segments; live files are never opened.

In a query every table of the record is there by its name, joined over the segments, with the columns ``worker`` and
``run_id`` added, and limited to the time range. A segment that is removed while it is open stays readable; one that
was removed before it could be opened has been compacted, and is left out. Everything is closed with the reader.
"""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import polars as pl

from streaming_worker.core.units import Nanos
from streaming_worker.errors import StorageError
from streaming_worker.storage.faults import translated
from streaming_worker.storage.inputs import Numbered, read_events
from streaming_worker.storage.schema import TABLES, Table
from streaming_worker.storage.segments import list_segments


@dataclass(frozen=True, slots=True)
class OpenSegment:
    """An attached segment: its name inside the connection, and whose rows it holds."""

    alias: str
    path: Path
    worker: str
    run_id: str

    def relation(self, table: str) -> str:
        """Return the SQL name of one of its tables."""
        return f"{self.alias}.{table}"


class SegmentReader:
    """Queries over attached segments. Made by ``open_range`` and ``open_segments``."""

    def __init__(self, *, from_ns: Nanos | None = None, to_ns: Nanos | None = None) -> None:
        self.segments: list[OpenSegment] = []
        self._limits = [f"received_ns >= {from_ns}"] if from_ns is not None else []
        self._limits += [f"received_ns < {to_ns}"] if to_ns is not None else []
        self._views: set[str] = set()
        self._connection = duckdb.connect(config={"threads": "2"})

    def attach(self, path: Path) -> None:
        """Add a segment. Raises StorageError."""
        alias = f"segment_{len(self.segments)}"
        with translated("read segment", path):
            self._connection.execute(f"ATTACH {_quoted(str(path))} AS {alias} (READ_ONLY)")
            found = self._connection.execute(f"SELECT worker, run_id FROM {alias}.worker_runs").fetchall()  # noqa: S608 - our own alias
        if len(found) != 1:
            raise StorageError(f"expected one worker_runs row in {path}, received {len(found)}", path=str(path))
        self.segments.append(OpenSegment(alias, path, *found[0]))

    def query(self, sql: str) -> duckdb.DuckDBPyRelation:
        """Return a relation, which is valid until the reader is closed. Raises StorageError."""
        with _query_errors():
            for table in TABLES:
                if table.name not in self._views and re.search(rf"\b{table.name}\b", sql):
                    self._create_view(table)
            return self._connection.sql(sql)

    def arrow(self, sql: str) -> Any:
        """Return a query's result as a pyarrow table, which outlives the reader."""
        with _query_errors():
            return self.query(sql).to_arrow_table()

    def polars(self, sql: str) -> pl.DataFrame:
        """Return a query's result as a Polars frame, which outlives the reader."""
        frame = pl.from_arrow(self.arrow(sql))
        if not isinstance(frame, pl.DataFrame):
            raise StorageError("expected a query that returns columns")
        return frame

    def run_ids(self) -> list[str]:
        """Return the runs whose segments are open, in order."""
        return list(dict.fromkeys(segment.run_id for segment in self.segments))

    def events(self, run_id: str, *, after_seq: int = 0) -> Iterator[Numbered]:
        """Yield the inputs of one run in order, whole segments at a time. Raises StorageError."""
        previous = after_seq
        for segment in self.segments:
            if segment.run_id != run_id:
                continue
            for seq, event in read_events(self._connection, segment.relation, after_seq=after_seq):
                if seq <= previous:
                    raise StorageError(f"{segment.path.name}: expected a seq above {previous}, received {seq}")
                previous = seq
                yield seq, event

    def close(self) -> None:
        """Close every segment."""
        self._connection.close()

    def _create_view(self, table: Table) -> None:
        where = f" WHERE {' AND '.join(self._limits)}" if self._limits else ""
        has_owner = "worker" in table.column_names
        parts = []
        for segment in self.segments:
            owner = "" if has_owner else f", {_quoted(segment.worker)} AS worker, {_quoted(segment.run_id)} AS run_id"
            parts.append(f"SELECT *{owner} FROM {segment.alias}.{table.name}{where}")  # noqa: S608 - our own names
        if not parts:
            owner = "" if has_owner else ", '' AS worker, '' AS run_id"
            self._connection.execute(table.ddl.replace(table.name, f"no_{table.name}", 1))
            parts.append(f"SELECT *{owner} FROM no_{table.name}")  # noqa: S608 - as above
        self._connection.execute(f"CREATE VIEW {table.name} AS {' UNION ALL BY NAME '.join(parts)}")
        self._views.add(table.name)


@contextmanager
def open_range(
    data_dir: Path, *, from_ns: Nanos | None = None, to_ns: Nanos | None = None, worker: str | None = None
) -> Iterator[SegmentReader]:
    """Open the sealed segments that may hold rows of ``[from_ns, to_ns)``; too old ones are passed over by name."""
    reader = SegmentReader(from_ns=from_ns, to_ns=to_ns)
    try:
        for info in list_segments(data_dir, worker):
            if from_ns is None or info.newest_ns >= from_ns:
                _attach_unless_gone(reader, info.path)
        yield reader
    finally:
        reader.close()


@contextmanager
def open_segments(paths: Sequence[Path]) -> Iterator[SegmentReader]:
    """Open the given segments, in the given order. Raises StorageError when one cannot be read."""
    reader = SegmentReader()
    try:
        for path in paths:
            reader.attach(path)
        yield reader
    finally:
        reader.close()


@contextmanager
def _query_errors() -> Iterator[None]:
    try:
        yield
    except duckdb.Error as e:
        raise StorageError(f"cannot query the segments: {e}") from e


def _attach_unless_gone(reader: SegmentReader, path: Path) -> None:
    try:
        reader.attach(path)
    except StorageError:
        if path.exists():
            raise


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
