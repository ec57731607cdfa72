"""Read-only queries over sealed segments and Parquet files of the lake; live files are never opened.

In a query every table of the record is there by its name, joined over all sources, with the columns ``worker`` and
``run_id`` added, and limited to the time range. A segment that is removed while it is open stays readable. Everything
is closed with the reader. ``record_reader`` decides which sources make up the record.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import duckdb
import pyarrow as pa

from streaming_worker.core.units import Nanos
from streaming_worker.errors import StorageError
from streaming_worker.storage.faults import translated
from streaming_worker.storage.inputs import Numbered, read_events
from streaming_worker.storage.schema import TABLES, Table
from streaming_worker.storage.segment_copies import COPIED, SegmentCopies, SegmentCopy
from streaming_worker.storage.segments import list_segments
from streaming_worker.storage.versions import whole_relations

if TYPE_CHECKING:
    import polars as pl

_TABLES: Final = "SELECT table_name FROM duckdb_tables() WHERE database_name = ?"
LakeFiles: TypeAlias = Mapping[str, Sequence[Path]]
"""Parquet files by table. They hold ``worker`` and ``run_id`` as columns."""


@dataclass(frozen=True, slots=True)
class OpenSegment:
    """An attached segment: its name inside the connection, whose rows it holds, its tables, and how each is read."""

    alias: str
    path: Path
    worker: str
    run_id: str
    tables: frozenset[str]
    relations: Mapping[str, str]

    def relation(self, table: str) -> str:
        """Return the SQL relation of one of its tables; what its schema did not have is empty."""
        return self.relations[table]


class SegmentReader:
    """Queries over attached segments and lake files. Made by ``open_range``, ``open_segments`` and ``open_record``.

    With ``copies`` segments are read from memory; then only the tables that are copied there can be asked.
    """

    def __init__(
        self,
        *,
        from_ns: Nanos | None = None,
        to_ns: Nanos | None = None,
        lake_files: LakeFiles | None = None,
        copies: SegmentCopies | None = None,
    ) -> None:
        self.segments: list[OpenSegment] = []
        self._lake_files = lake_files or {}
        self._copies = copies
        self._copied: list[SegmentCopy] = []
        self._limits = [f"received_ns >= {from_ns}"] if from_ns is not None else []
        self._limits += [f"received_ns < {to_ns}"] if to_ns is not None else []
        self._views: set[str] = set()
        self._connection = duckdb.connect(config={"threads": "2"})

    def attach(self, path: Path) -> None:
        """Add a segment. Raises StorageError."""
        alias = f"segment_{len(self.segments)}"
        if self._copies is not None:
            copy = self._copies.copy_of(path)
            self._copied.append(copy)
            self.segments.append(OpenSegment(alias, path, copy.worker, copy.run_id, frozenset(), {}))
            return
        with translated("read segment", path):
            self._connection.execute(f"ATTACH {quoted(str(path))} AS {alias} (READ_ONLY)")
            found = self._connection.execute(f"SELECT worker, run_id FROM {alias}.worker_runs").fetchall()  # noqa: S608 - our own alias
            names = self._connection.execute(_TABLES, [alias]).fetchall()
        if len(found) != 1:
            raise StorageError(f"expected one worker_runs row in {path}, received {len(found)}", path=str(path))
        worker, run_id = found[0]
        tables, relations = frozenset(str(name) for (name,) in names), whole_relations(self._connection, alias)
        self.segments.append(OpenSegment(alias, path, worker, run_id, tables, relations))

    def attach_database(self, path: Path, name: str) -> None:
        """Add any other DuckDB file under a name of its own. Raises StorageError."""
        with translated("read", path):
            self._connection.execute(f"ATTACH {quoted(str(path))} AS {name} (READ_ONLY)")

    def add_view(self, name: str, files: Sequence[Path], *, worker: str | None) -> None:
        """Add a table of other Parquet files, of one worker or of all. Raises StorageError."""
        if files and name not in self._views:
            where = "" if worker is None else f" WHERE worker = {quoted(worker)}"
            with _query_errors():
                self._connection.execute(f"CREATE VIEW {name} AS {parquet(files)}{where}")
            self._views.add(name)

    def query(self, sql: str) -> duckdb.DuckDBPyRelation:
        """Return a relation, which is valid until the reader is closed. Raises StorageError."""
        with _query_errors():
            for table in TABLES:
                if re.search(rf"\b{table.name}\b", sql):
                    self._create_view(table)
            return self._connection.sql(sql)

    def arrow(self, sql: str) -> Any:
        """Return a query's result as a pyarrow table, which outlives the reader."""
        with _query_errors():
            return self.query(sql).to_arrow_table()

    def polars(self, sql: str) -> "pl.DataFrame":
        """Return a query's result as a Polars frame, which outlives the reader."""
        return as_polars(self.arrow(sql))

    def run_ids(self) -> list[str]:
        """Return the runs whose segments are open, in order."""
        return list(dict.fromkeys(segment.run_id for segment in self.segments))

    def events(self, run_id: str, *, after_seq: int = 0) -> Iterator[Numbered]:
        """Yield the inputs of one run in order, whole segments at a time. Raises StorageError."""
        self._require_files("events")
        previous = after_seq
        for segment in self.segments:
            if segment.run_id != run_id:
                continue
            for seq, event in read_events(self._connection, segment.relation, after_seq=after_seq):
                if seq <= previous:
                    raise StorageError(f"{segment.path.name}: expected a seq above {previous}, received {seq}")
                previous = seq
                yield seq, event

    def merged_events(self, run_id: str, *, after_seq: int = 0) -> Iterator[Numbered]:
        """Yield the inputs of one run in order, from segments and lake files alike. Raises StorageError."""
        for table in TABLES:
            self._create_view(table)

        def relation_of(table: str) -> str:
            return f"(SELECT * FROM {table} WHERE run_id = {quoted(run_id)})"  # noqa: S608 - our own names

        return read_events(self._connection, relation_of, after_seq=after_seq)

    def interrupt(self) -> None:
        """End the query that runs in another thread; there it raises StorageError."""
        self._connection.interrupt()

    def close(self) -> None:
        """Close every source."""
        self._connection.close()

    def _create_view(self, table: Table) -> None:
        if table.name in self._views:
            return
        if table.name not in COPIED:
            self._require_files(table.name)
        where = f" WHERE {' AND '.join(self._limits)}" if self._limits else ""
        sources = " UNION ALL BY NAME ".join(f"({rows}{where})" for rows in self._sources(table))
        columns = ", ".join(dict.fromkeys((*table.column_names, "worker", "run_id")))
        self._connection.execute(f"CREATE VIEW {table.name} AS SELECT {columns} FROM ({sources})")  # noqa: S608 - as above
        self._views.add(table.name)

    def _require_files(self, what: str) -> None:
        if self._copies is not None:
            raise StorageError(f"{what} is not among what is copied into memory; open the record without copies")

    def _sources(self, table: Table) -> Iterator[str]:
        """Yield selects of the table's rows and whose they are, a WHERE away from complete.

        The first one has no rows: it gives the columns that a source of an older schema does not have.
        """
        self._connection.execute(table.ddl.replace(table.name, f"no_{table.name}", 1).replace(" NOT NULL", ""))
        has_owner = "worker" in table.column_names
        yield f"SELECT *{'' if has_owner else _owner('', '')} FROM no_{table.name}"  # noqa: S608 - our own names
        copied = [copy.tables[table.name] for copy in self._copied if table.name in copy.tables]
        if copied:
            self._connection.register(f"copied_{table.name}", pa.concat_tables(copied).combine_chunks())
            yield f"SELECT * FROM copied_{table.name}"  # noqa: S608 - as above
        for segment in self.segments:
            if table.name in segment.tables:
                owner = "" if has_owner else _owner(segment.worker, segment.run_id)
                yield f"SELECT *{owner} FROM {segment.relation(table.name)}"  # noqa: S608 - as above
        files = self._lake_files.get(table.name, ())
        if files:
            yield parquet(files)


@contextmanager
def open_range(
    data_dir: Path, *, from_ns: Nanos | None = None, to_ns: Nanos | None = None, worker: str | None = None
) -> Iterator[SegmentReader]:
    """Open the sealed segments that may hold rows of ``[from_ns, to_ns)``; too old ones are passed over by name.

    A segment that was removed before it could be opened has been compacted, and is left out.
    """
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


def parquet(files: Sequence[Path]) -> str:
    """Return the query that reads Parquet files of one table; columns are matched by name."""
    listed = ", ".join(quoted(str(path)) for path in files)
    return f"FROM read_parquet([{listed}], union_by_name = true, hive_partitioning = false)"


def as_polars(table: Any) -> "pl.DataFrame":
    """Return a pyarrow table as a Polars frame."""
    # The worker reads at its start how the last run ended; it needs no frames, and would start later with them.
    import polars as pl

    frame = pl.from_arrow(table)
    if not isinstance(frame, pl.DataFrame):
        raise StorageError("expected a query that returns columns")
    return frame


def _owner(worker: str, run_id: str) -> str:
    return f", {quoted(worker)} AS worker, {quoted(run_id)} AS run_id"


def quoted(text: str) -> str:
    """Return text as an SQL literal."""
    return "'" + text.replace("'", "''") + "'"


@contextmanager
def _query_errors() -> Iterator[None]:
    try:
        yield
    except duckdb.Error as e:
        raise StorageError(f"cannot query the record: {e}") from e


def _attach_unless_gone(reader: SegmentReader, path: Path) -> None:
    try:
        reader.attach(path)
    except StorageError:
        if path.exists():
            raise
