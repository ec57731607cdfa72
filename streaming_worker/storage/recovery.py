"""Bring what a killed worker left behind among the sealed segments.

Every leftover live file is opened (which replays its log), checkpointed, closed and sealed. A damaged log is cut at
its last whole transaction, and the damaged part is kept beside. A file that cannot be opened at all is set aside
under a name that nobody reads. Nothing with rows is ever removed.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import duckdb

from streaming_worker.core.units import Nanos
from streaming_worker.errors import StorageError
from streaming_worker.storage import wal
from streaming_worker.storage.faults import is_damage, translated
from streaming_worker.storage.live_file import LIVE_CONFIG
from streaming_worker.storage.segments import LiveName, list_live_files, newest_received, newest_seq
from streaming_worker.storage.worker_files import WorkerFiles, wal_path

_MAX_CUTS: Final = 8
_HEADER_BYTES: Final = 3 * 4_096


@dataclass(frozen=True, slots=True, kw_only=True)
class RecoveredSegment:
    """What became of one leftover live file.

    ``sealed`` is None where it held no row, or could not be opened (then ``set_aside`` names the files and ``problem``
    says why). ``last_received_ns`` is where the gap begins that the caller writes down; ``cuts`` tells of damage.
    """

    live: Path
    sealed: Path | None = None
    run_id: str | None = None
    last_seq: int | None = None
    last_received_ns: Nanos | None = None
    cuts: tuple[wal.Cut, ...] = ()
    set_aside: tuple[Path, ...] = ()
    problem: str | None = None

    @property
    def is_damaged(self) -> bool:
        """Whether rows are missing that were committed once."""
        return self.problem is not None or any(one.is_damage for one in self.cuts)


def recover_leftovers(data_dir: Path, worker: str) -> list[RecoveredSegment]:
    """Recover every leftover live file of a worker that does not run, oldest first.

    Raises: StorageError when the worker runs, or the disk refuses; the files are then as they were.
    """
    files = WorkerFiles(data_dir, worker)
    try:
        return recover_with(files)
    finally:
        files.release()


def recover_with(files: WorkerFiles) -> list[RecoveredSegment]:
    """Recover under a lock that the caller holds."""
    return [_recover(files, live) for live in list_live_files(files.data_dir, files.worker)]


def _recover(files: WorkerFiles, live: LiveName) -> RecoveredSegment:
    cuts: list[wal.Cut] = []
    with translated("recover", live.path):
        try:
            connection = _open(live.path, cuts)
        except duckdb.Error as e:
            if not is_damage(e):
                raise
            if _is_unmade(live.path):
                live.path.unlink()
                return RecoveredSegment(live=live.path)
            return RecoveredSegment(
                live=live.path, cuts=tuple(cuts), set_aside=_set_aside(live.path), problem=str(e).strip()
            )
        with connection:
            return _seal(files, live, connection, tuple(cuts))


def _open(path: Path, cuts: list[wal.Cut]) -> duckdb.DuckDBPyConnection:
    """Open a live file, cutting its log where DuckDB finds it damaged; each cut makes the log shorter."""
    log = wal_path(path)
    if log.exists():
        cuts.extend(wal.trim(log))
    for _ in range(_MAX_CUTS):
        try:
            return duckdb.connect(str(path), config=LIVE_CONFIG)
        except duckdb.Error as e:
            frame = wal.reported_frame(log, str(e)) if log.exists() else None
            if frame is None:
                raise
            cuts.append(wal.cut(log, frame, str(e).strip(), is_damage=True))
    return duckdb.connect(str(path), config=LIVE_CONFIG)


def _seal(
    files: WorkerFiles, live: LiveName, connection: duckdb.DuckDBPyConnection, cuts: tuple[wal.Cut, ...]
) -> RecoveredSegment:
    if not _has_tables(connection):
        files.discard(connection, live)
        return RecoveredSegment(live=live.path, cuts=cuts)
    run_id = str(connection.execute("SELECT run_id FROM worker_runs").fetchall()[0][0])
    last_ns, last_seq = newest_received(connection), newest_seq(connection)
    if last_ns is None:
        files.discard(connection, live)
        return RecoveredSegment(live=live.path, run_id=run_id, cuts=cuts)
    sealed = files.seal(connection, live)
    return RecoveredSegment(
        live=live.path, sealed=sealed, run_id=run_id, last_seq=last_seq, last_received_ns=last_ns, cuts=cuts
    )


def _has_tables(connection: duckdb.DuckDBPyConnection) -> bool:
    """Say whether the file was made completely; its tables come in one transaction, before any row."""
    count = connection.execute("SELECT count(*) FROM duckdb_tables() WHERE table_name = 'worker_runs'").fetchall()
    return bool(count[0][0])


def _is_unmade(path: Path) -> bool:
    """Say whether a worker was killed while it made this file: not even the database's header, and no log."""
    return path.stat().st_size < _HEADER_BYTES and not wal_path(path).exists()


def _set_aside(path: Path) -> tuple[Path, ...]:
    """Rename a database file and all that belongs to it, so that it is neither read nor recovered again."""
    moved = []
    for part in sorted(path.parent.glob(f"{path.name}*")):
        if part.name.endswith(".damaged"):
            continue
        target = part.with_name(f"{part.name}.damaged")
        if target.exists():
            raise StorageError(f"{target.name} already exists", path=str(target))
        moved.append(part.rename(target))
    return tuple(moved)
