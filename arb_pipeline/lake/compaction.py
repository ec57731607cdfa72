"""Sealed segments become Parquet hours: verified by row counts and checksums, then recorded, then never touched again.

A group of neighbouring segments of one worker run gives one file per table and hour. A crash leaves files that the
manifest does not name; the next compaction removes them and does the same work again, to the same names.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import duckdb

from arb_pipeline.hours import Hour
from arb_pipeline.lake.catalogue import COMPACTED, REFUSED, Catalogue, FileRecord, SegmentRecord
from arb_pipeline.lake.connection import open_memory, quoted
from arb_pipeline.lake.inspection import Segment, inspect, refused, tables_in
from arb_pipeline.lake.layout import LakeLayout, appear, sha256_of
from arb_pipeline.lake.tables import CAPTURED, LAKE_TABLES, LakeTable
from streaming_worker.core.units import NANOS_PER_HOUR
from streaming_worker.errors import StorageError
from streaming_worker.storage.faults import is_damage

GROUP_SEGMENTS = 120
# of all columns of every row, and independent of their order
_SUMS = "count(*), sum(hash(t))"


@dataclass(frozen=True, slots=True)
class _Member:
    """A segment that is attached under an alias."""

    alias: str
    record: SegmentRecord


@dataclass(frozen=True, slots=True)
class CompactionResult:
    """What one compaction did; ``rows`` by table."""

    segments: list[SegmentRecord]
    files: list[FileRecord]
    rows: dict[str, int]


def compact(
    layout: LakeLayout, catalogue: Catalogue, segments: Iterable[Segment], *, now: Callable[[], int]
) -> CompactionResult:
    """Move segments that the manifest does not know into the lake, group by group."""
    ensure_placeholders(layout)
    remove_orphans(layout, catalogue)
    known = catalogue.known_segments()
    pending = sorted(
        (segment for segment in segments if (segment.worker, segment.name) not in known),
        key=lambda segment: (segment.worker, segment.name),
    )
    records: list[SegmentRecord] = []
    files: list[FileRecord] = []
    for group in _groups(pending):
        for part_records, part_files in _compacted(layout, catalogue, group):
            catalogue.record(part_records, part_files, now_ns=now())
            records += part_records
            files += part_files
    return CompactionResult(records, files, _rows_by_table(files))


def ensure_placeholders(layout: LakeLayout) -> None:
    """Give every table of the lake its empty file, so that a view over it always binds."""
    with open_memory() as connection:
        for table in LAKE_TABLES.values():
            path = layout.placeholder(table)
            if not path.exists():
                path.parent.mkdir(parents=True, exist_ok=True)
                _write_placeholder(connection, table, path)
            for old in path.parent.glob("empty-*.parquet"):
                if old != path:
                    old.unlink()


def remove_orphans(layout: LakeLayout, catalogue: Catalogue) -> list[Path]:
    """Remove captured files and temporary files that a crash left behind; return them."""
    known = catalogue.paths()
    placeholders = {layout.placeholder(table) for table in CAPTURED}
    orphans = [
        path
        for table in CAPTURED
        for path in (layout.root / table.name).glob("*/*/*")
        if path not in placeholders and str(path.relative_to(layout.root)) not in known
    ]
    for path in orphans:
        path.unlink(missing_ok=True)  # the retention may be deleting the same file
    return orphans


def _write_placeholder(connection: duckdb.DuckDBPyConnection, table: LakeTable, path: Path) -> None:
    columns = ", ".join(f"NULL::{column.type.value} AS {column.name}" for column in table.columns)
    temporary = path.with_suffix(".tmp")
    connection.execute(f"COPY (SELECT {columns} LIMIT 0) TO {quoted(str(temporary))} (FORMAT parquet)")
    appear(temporary, path)


def _groups(pending: list[Segment]) -> Iterator[list[Segment]]:
    """Yield neighbours of one worker, at most ``GROUP_SEGMENTS`` at a time."""
    group: list[Segment] = []
    for segment in pending:
        if group and (segment.worker != group[0].worker or len(group) == GROUP_SEGMENTS):
            yield group
            group = []
        group.append(segment)
    if group:
        yield group


def _compacted(
    layout: LakeLayout, catalogue: Catalogue, group: list[Segment]
) -> Iterator[tuple[list[SegmentRecord], list[FileRecord]]]:
    """Compact a group; one in which damage comes to light is taken apart until only the damaged segment is refused."""
    try:
        whole = _compact_group(layout, catalogue, group)
    except duckdb.Error as e:
        if not is_damage(e):
            raise StorageError(f"cannot compact {group[0].path.name} to {group[-1].path.name}: {e}") from e
        remove_orphans(layout, catalogue)
        if len(group) == 1:
            yield [refused(group[0], e)], []
            return
        half = len(group) // 2
        yield from _compacted(layout, catalogue, group[:half])
        yield from _compacted(layout, catalogue, group[half:])
        return
    yield whole


def _compact_group(
    layout: LakeLayout, catalogue: Catalogue, group: list[Segment]
) -> tuple[list[SegmentRecord], list[FileRecord]]:
    records: list[SegmentRecord] = []
    files: list[FileRecord] = []
    with open_memory() as connection:
        runs: dict[str, list[_Member]] = {}
        for position, segment in enumerate(group):
            alias = f"segment_{position}"
            record = inspect(connection, alias, segment)
            record = _refuse_overlap(catalogue, record, [member.record for member in runs.get(record.run_id, [])])
            records.append(record)
            if record.status == COMPACTED:
                runs.setdefault(record.run_id, []).append(_Member(alias, record))
        for members in runs.values():
            files += _RunWriter(layout, connection, members).write()
    _check_counts(records, files)
    return records, files


def _refuse_overlap(catalogue: Catalogue, record: SegmentRecord, members: list[SegmentRecord]) -> SegmentRecord:
    """A segment that repeats events of its run (a copy, a restored backup) would count everything twice."""
    if record.status != COMPACTED or record.first_seq is None or record.last_seq is None:
        return record
    taken = catalogue.compacted_ranges(record.worker, record.run_id)
    taken += [(m.first_seq, m.last_seq, m.name) for m in members if m.first_seq is not None and m.last_seq is not None]
    for first, last, name in taken:
        if first <= record.last_seq and record.first_seq <= last:
            reason = f"events {record.first_seq} to {record.last_seq} overlap {first} to {last} of segment {name}"
            return replace(record, status=REFUSED, reason=reason)
    return record


class _RunWriter:
    """Writes the Parquet files of one run's neighbouring segments."""

    def __init__(self, layout: LakeLayout, connection: duckdb.DuckDBPyConnection, members: list[_Member]) -> None:
        first, last = members[0].record, members[-1].record
        self._layout = layout
        self._connection = connection
        self._members = members
        self._worker = first.worker
        self._run_id = first.run_id
        self._stem = f"{first.worker}-{first.name}-{last.name}"

    def write(self) -> list[FileRecord]:
        """Write every table, hour by hour."""
        present = {member.alias: tables_in(self._connection, member.alias) for member in self._members}
        files: list[FileRecord] = []
        for table in CAPTURED:
            files += self._write_table(table, [alias for alias, names in present.items() if table.name in names])
        return files

    def _write_table(self, table: LakeTable, sources: list[str]) -> list[FileRecord]:
        # The placeholder comes first: it gives columns that an older segment does not have.
        placeholder = f"FROM read_parquet({quoted(str(self._layout.placeholder(table)))})"
        parts = (
            f"FROM {alias}.{table.name} SELECT *, {number} AS arrived_in, rowid AS arrived_at"
            for number, alias in enumerate(sources)
        )
        nothing = f"{placeholder} SELECT *, 0 AS arrived_in, 0::BIGINT AS arrived_at"
        rows = " UNION ALL BY NAME ".join([nothing, *parts])
        own = ", ".join(name for name in table.column_names if name not in ("worker", "run_id"))
        self._connection.execute(
            f"CREATE OR REPLACE TEMP VIEW arrived AS FROM ({rows})"
            f" SELECT {own}, {quoted(self._worker)} AS worker, {quoted(self._run_id)} AS run_id,"
            " arrived_in, arrived_at"
        )
        self._connection.execute(
            "CREATE OR REPLACE TEMP VIEW pending AS FROM arrived SELECT * EXCLUDE (arrived_in, arrived_at)"
        )
        sums = self._connection.execute(
            f"FROM pending AS t SELECT received_ns // ? AS hour, {_SUMS} GROUP BY hour ORDER BY hour", [NANOS_PER_HOUR]
        ).fetchall()
        return [self._write_hour(table, Hour(hour * NANOS_PER_HOUR), expected=tuple(both)) for hour, *both in sums]

    def _write_hour(self, table: LakeTable, hour: Hour, *, expected: tuple[int, ...]) -> FileRecord:
        folder = self._layout.folder(table.name, hour)
        folder.mkdir(parents=True, exist_ok=True)
        final = folder / f"{self._stem}.parquet"
        temporary = folder / f"{self._stem}.tmp"
        # The record is append-only, so the order of insertion is the order of events. DuckDB keeps it within a segment,
        # but not between the segments of a union.
        self._connection.execute(
            "COPY (FROM arrived SELECT * EXCLUDE (arrived_in, arrived_at)"
            f" WHERE received_ns >= {hour.start_ns} AND received_ns < {hour.end_ns} ORDER BY arrived_in, arrived_at)"
            f" TO {quoted(str(temporary))} (FORMAT parquet, COMPRESSION zstd, PARQUET_VERSION v2)"
        )
        self._verify(temporary, table, expected)
        digest = sha256_of(temporary)
        size = temporary.stat().st_size
        appear(temporary, final)
        path = str(final.relative_to(self._layout.root))
        return FileRecord(path, table.name, self._worker, self._run_id, hour.start_ns, expected[0], size, digest)

    def _verify(self, written: Path, table: LakeTable, expected: tuple[int, ...]) -> None:
        rows = f"FROM read_parquet({quoted(str(written))}, hive_partitioning = false) AS t SELECT {_SUMS}"
        found = self._connection.execute(rows).fetchone()
        if found != expected:
            raise StorageError(
                f"{table.name}: expected rows and checksum {expected} in the lake file, found {found}",
                path=str(written),
            )


def _check_counts(records: list[SegmentRecord], files: list[FileRecord]) -> None:
    in_segments = sum(record.row_count for record in records if record.status == COMPACTED)
    in_files = sum(file.row_count for file in files)
    if in_segments != in_files:
        raise StorageError(f"segments hold {in_segments} rows, the lake files made of them {in_files}")


def _rows_by_table(files: list[FileRecord]) -> dict[str, int]:
    rows: dict[str, int] = {}
    for file in files:
        rows[file.table] = rows.get(file.table, 0) + file.row_count
    return rows
