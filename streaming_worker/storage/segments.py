"""Names of live files and sealed segments, and what stands in the folders.

A live file is ``live/live-<worker>-<utc>-<n>.duckdb``; only its worker opens it. A sealed segment is
``segments/<worker>/<utc>-<n>.duckdb``; it never changes, and anyone reads it. ``n`` counts the files of a worker.
The time in a sealed name is an upper bound, in whole seconds, of every ``received_ns`` inside, and never less than
that of the segment before: names sort in the order of sealing, and a reader can pass over what is too old unopened.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import duckdb

from streaming_worker.core.units import NANOS_PER_SECOND, Nanos, ceil_div
from streaming_worker.errors import StorageError
from streaming_worker.storage.schema import TABLES, Role

_STAMP: Final = "%Y%m%dT%H%M%SZ"
_STAMP_PATTERN: Final = r"(?P<utc>\d{8}T\d{6}Z)-(?P<number>\d{8,})"
_WORKER: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_LIVE: Final = re.compile(rf"live-(?P<worker>{_WORKER.pattern})-{_STAMP_PATTERN}\.duckdb")
_SEALED: Final = re.compile(rf"{_STAMP_PATTERN}\.duckdb")


@dataclass(frozen=True, slots=True, order=True)
class SegmentInfo:
    """One sealed segment; sorts by worker, then in the order of sealing. ``newest_ns`` bounds its rows from above."""

    worker: str
    newest_ns: Nanos
    number: int
    path: Path


@dataclass(frozen=True, slots=True, order=True)
class LiveName:
    """One live file of a worker, by number."""

    number: int
    path: Path


def live_folder(data_dir: Path) -> Path:
    """Return the folder of files being written."""
    return data_dir / "live"


def sealed_folder(data_dir: Path, worker: str) -> Path:
    """Return the folder of a worker's sealed segments."""
    return data_dir / "segments" / worker


def check_worker_name(worker: str) -> str:
    """Return a worker name that can stand in a file name. Raises StorageError for any other."""
    if _WORKER.fullmatch(worker) is None:
        raise StorageError(f"expected a worker name of letters, digits, - and _, received {worker[:80]!r}")
    return worker


def live_path(data_dir: Path, worker: str, opened_ns: Nanos, number: int) -> Path:
    """Return the path of a new live file."""
    return live_folder(data_dir) / f"live-{worker}-{_stamp(opened_ns)}-{number:08d}.duckdb"


def sealed_path(data_dir: Path, worker: str, newest_ns: Nanos, number: int) -> Path:
    """Return the path of a sealed segment whose newest row was received at ``newest_ns``."""
    return sealed_folder(data_dir, worker) / f"{_stamp(newest_ns)}-{number:08d}.duckdb"


def parse_sealed(path: Path) -> SegmentInfo | None:
    """Return what the name of a sealed segment says, or None for another file."""
    match = _SEALED.fullmatch(path.name)
    if match is None:
        return None
    at = datetime.strptime(match["utc"], _STAMP).replace(tzinfo=UTC)
    return SegmentInfo(path.parent.name, round(at.timestamp()) * NANOS_PER_SECOND, int(match["number"]), path)


def list_segments(data_dir: Path, worker: str | None = None) -> list[SegmentInfo]:
    """Return the sealed segments of one worker or of all, in the order of sealing within each worker."""
    folders = [sealed_folder(data_dir, worker)] if worker is not None else subfolders(data_dir / "segments")
    found = (parse_sealed(path) for folder in folders for path in _entries(folder))
    return sorted(info for info in found if info is not None)


def list_live_files(data_dir: Path, worker: str) -> list[LiveName]:
    """Return the live files of one worker, oldest first."""
    matches = ((_LIVE.fullmatch(path.name), path) for path in _entries(live_folder(data_dir)))
    return sorted(
        LiveName(int(match["number"]), path) for match, path in matches if match and match["worker"] == worker
    )


def last_received_ns(path: Path) -> Nanos | None:
    """Return the newest receive time in a sealed segment, or None where nothing was received."""
    try:
        with duckdb.connect(str(path), read_only=True, config={"threads": "1"}) as connection:
            return newest_received(connection)
    except duckdb.Error as e:
        raise StorageError(f"cannot read segment {path.name}: {e}", path=str(path)) from e


def newest_received(connection: duckdb.DuckDBPyConnection) -> Nanos | None:
    """Return the newest receive time in an open file, or None where nothing was received."""
    return _newest(connection, "received_ns", (table.name for table in TABLES if table.name != "worker_runs"))


def newest_seq(connection: duckdb.DuckDBPyConnection) -> int | None:
    """Return the last input's seq in an open file, or None where there is none."""
    return _newest(connection, "seq", (table.name for table in TABLES if table.role is Role.INPUT))


def _newest(connection: duckdb.DuckDBPyConnection, column: str, tables: Iterable[str]) -> int | None:
    there = {name for (name,) in connection.execute("SELECT table_name FROM duckdb_tables()").fetchall()}
    # a file of an older schema lacks the tables that came later
    parts = " UNION ALL ".join(f"SELECT max({column}) AS newest FROM {table}" for table in tables if table in there)  # noqa: S608 - our own names
    value = connection.execute(f"SELECT max(newest) FROM ({parts})").fetchall()[0][0]  # noqa: S608 - as above
    return None if value is None else int(value)


def _stamp(at_ns: Nanos) -> str:
    return datetime.fromtimestamp(ceil_div(at_ns, NANOS_PER_SECOND), UTC).strftime(_STAMP)


def subfolders(folder: Path) -> list[Path]:
    """Return the folders in a folder; none where it does not exist yet."""
    return [path for path in _entries(folder) if path.is_dir()]


def _entries(folder: Path) -> list[Path]:
    """Return what a folder holds; a folder that does not exist yet holds nothing."""
    try:
        return list(folder.iterdir())
    except FileNotFoundError:
        return []
    except OSError as e:
        raise StorageError(f"cannot list {folder}: {e.strerror}", path=str(folder)) from e
