"""The lake's manifest: which segments went into which Parquet files, with row counts and hashes.

One SQLite file, so that a sensor reads it in a millisecond and a batch is recorded in one transaction. A Parquet file
that the manifest does not name is the rest of a crash and is removed by the next compaction.
"""

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import astuple, dataclass
from pathlib import Path

from arb_pipeline.hours import Hour, day_of, day_start_ns

COMPACTED = "compacted"
REFUSED = "refused"
# Its rows say when a file was opened by the machine's clock, not what happened in an hour.
_NOT_OF_AN_HOUR = "worker_runs"

_SCHEMA = """
create table if not exists segments (
    worker text not null, name text not null, run_id text not null, status text not null, reason text,
    row_count integer not null, first_seq integer, last_seq integer, first_ns integer, last_ns integer,
    recorded_ns integer not null, removed_ns integer, primary key (worker, name));
create table if not exists files (
    path text primary key, table_name text not null, worker text not null, run_id text not null,
    hour_ns integer not null, row_count integer not null, bytes integer not null, sha256 text not null,
    recorded_ns integer not null);
create index if not exists files_of_hour on files (hour_ns, table_name);
create table if not exists hours (
    hour_ns integer not null, worker text not null, run_id text not null, version integer not null,
    begun_version integer not null default 0, finished_version integer not null default 0,
    primary key (hour_ns, worker, run_id));
"""


@dataclass(frozen=True, slots=True)
class SegmentRecord:
    """One sealed segment as it was found. ``status`` is compacted or refused; ``reason`` says why refused."""

    worker: str
    name: str
    run_id: str
    status: str
    reason: str | None
    row_count: int
    first_seq: int | None
    last_seq: int | None
    first_ns: int | None
    last_ns: int | None


@dataclass(frozen=True, slots=True)
class FileRecord:
    """One Parquet file; ``path`` is relative to the lake."""

    path: str
    table: str
    worker: str
    run_id: str
    hour_ns: int
    row_count: int
    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class DueHour:
    """One run's part of an hour that changed since it was last worked on.

    ``last_ns`` is the newest moment of the run in the lake, ``recorded_ns`` when its last segment was compacted.
    """

    hour: Hour
    version: int
    last_ns: int
    recorded_ns: int


class Catalogue:
    """Reads and writes the manifest; every method is one transaction."""

    def __init__(self, path: Path) -> None:
        self._path = path

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        connection = sqlite3.connect(self._path, timeout=10)
        try:
            connection.executescript(_SCHEMA)
            with connection:
                yield connection
        finally:
            connection.close()

    def known_segments(self) -> set[tuple[str, str]]:
        """Return (worker, name) of every segment that was compacted or refused."""
        if not self._path.exists():
            return set()
        with self._open() as connection:
            return set(connection.execute("select worker, name from segments"))

    def compacted_ranges(self, worker: str, run_id: str) -> list[tuple[int, int, str]]:
        """Return (first_seq, last_seq, name) of the run's compacted segments."""
        with self._open() as connection:
            return connection.execute(
                "select first_seq, last_seq, name from segments"
                " where worker = ? and run_id = ? and status = 'compacted' and first_seq is not null",
                (worker, run_id),
            ).fetchall()

    def record(self, segments: list[SegmentRecord], files: list[FileRecord], *, now_ns: int) -> None:
        """Add a verified batch; the hours that it touches become due."""
        with self._open() as connection:
            connection.executemany(
                "insert into segments values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, null)",
                [(*astuple(segment), now_ns) for segment in segments],
            )
            connection.executemany(
                "insert into files values (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                [(*astuple(file), now_ns) for file in files],
            )
            touched = sorted(
                {(file.hour_ns, file.worker, file.run_id) for file in files if file.table != _NOT_OF_AN_HOUR}
            )
            connection.executemany(
                "insert into hours (hour_ns, worker, run_id, version) values (?, ?, ?, 1)"
                " on conflict do update set version = version + 1",
                touched,
            )

    def refused(self) -> list[tuple[str, str, str]]:
        """Return (worker, name, reason) of every refused segment."""
        with self._open() as connection:
            return connection.execute(
                "select worker, name, reason from segments where status = 'refused' order by worker, name"
            ).fetchall()

    def due_hours(self) -> list[DueHour]:
        """Return every run's part of an hour whose files changed since the hour was finished."""
        with self._open() as connection:
            rows = connection.execute(
                "select h.hour_ns, h.version, max(s.last_ns), max(s.recorded_ns) from hours h"
                " join segments s on s.worker = h.worker and s.run_id = h.run_id and s.status = 'compacted'"
                " where h.version <> h.finished_version group by h.hour_ns, h.worker, h.run_id order by h.hour_ns"
            ).fetchall()
        return [
            DueHour(Hour(hour_ns), version, last_ns, recorded_ns) for hour_ns, version, last_ns, recorded_ns in rows
        ]

    def begin(self, hour: Hour) -> None:
        """Note which version of an hour is being worked on."""
        with self._open() as connection:
            connection.execute("update hours set begun_version = version where hour_ns = ?", (hour.start_ns,))

    def finish(self, hour: Hour) -> None:
        """Mark what was begun as done; data that came in since keeps the hour due."""
        with self._open() as connection:
            connection.execute("update hours set finished_version = begun_version where hour_ns = ?", (hour.start_ns,))

    def files_of(self, hour: Hour) -> list[FileRecord]:
        """Return the captured files of an hour."""
        with self._open() as connection:
            rows = connection.execute(
                "select path, table_name, worker, run_id, hour_ns, row_count, bytes, sha256 from files"
                " where hour_ns = ? order by path",
                (hour.start_ns,),
            ).fetchall()
        return [FileRecord(*row) for row in rows]

    def files_of_runs(self, table: str, run_ids: Iterable[str]) -> list[str]:
        """Return the paths of a table's files of some runs, whatever their hour, relative to the lake."""
        with self._open() as connection:
            rows = connection.execute("select run_id, path from files where table_name = ? order by path", (table,))
            wanted = set(run_ids)
            return [path for run_id, path in rows if run_id in wanted]

    def days(self, *, from_ns: int) -> list[str]:
        """Return the UTC days, from the day of a moment on, that have captured hours."""
        with self._open() as connection:
            rows = connection.execute(
                "select distinct hour_ns from hours where hour_ns >= ?", (day_start_ns(day_of(from_ns)),)
            ).fetchall()
        return sorted({Hour(hour_ns).date for (hour_ns,) in rows})

    def captured_hours(self) -> list[Hour]:
        """Return every hour in which something was captured, in order."""
        with self._open() as connection:
            rows = connection.execute(
                "select distinct hour_ns from files where table_name <> ? order by hour_ns", (_NOT_OF_AN_HOUR,)
            ).fetchall()
        return [Hour(hour_ns) for (hour_ns,) in rows]

    def row_counts(self) -> dict[str, int]:
        """Return the number of rows of each captured table."""
        with self._open() as connection:
            return dict(connection.execute("select table_name, sum(row_count) from files group by table_name"))

    def paths(self) -> set[str]:
        """Return the paths of all files, relative to the lake."""
        with self._open() as connection:
            return {path for (path,) in connection.execute("select path from files")}

    def removable_segments(self, *, before_ns: int) -> list[tuple[str, str]]:
        """Return (worker, name) of segments compacted before a moment and still kept."""
        with self._open() as connection:
            return connection.execute(
                "select worker, name from segments"
                " where status = 'compacted' and removed_ns is null and recorded_ns < ? order by worker, name",
                (before_ns,),
            ).fetchall()

    def mark_removed(self, segments: list[tuple[str, str]], *, now_ns: int) -> None:
        """Note that segment files are gone."""
        with self._open() as connection:
            connection.executemany(
                "update segments set removed_ns = ? where worker = ? and name = ?",
                [(now_ns, worker, name) for worker, name in segments],
            )

    def forget_files(self, paths: Iterable[str]) -> None:
        """Let files go; from here on they do not count. An hour without any left is never due again."""
        with self._open() as connection:
            connection.executemany("delete from files where path = ?", [(path,) for path in paths])
            connection.execute(
                "delete from hours where not exists (select 1 from files f where f.hour_ns = hours.hour_ns"
                " and f.worker = hours.worker and f.run_id = hours.run_id and f.table_name <> ?)",
                (_NOT_OF_AN_HOUR,),
            )
