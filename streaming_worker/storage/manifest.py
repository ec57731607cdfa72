"""Read what the lake's manifest says: which segments are in the lake, and which files hold them. Never writes.

The pipeline keeps the manifest; it is the arbiter of where a row is to be read: a segment that it names as compacted
is read from the lake, any other from its own file, and a Parquet file that it does not name does not count.
"""

import sqlite3
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from streaming_worker.core.units import NANOS_PER_HOUR, NANOS_PER_SECOND, Nanos
from streaming_worker.errors import StorageError

MANIFEST_NAME: Final = "manifest.sqlite"
_BUSY_SECONDS: Final = 30.0
_TABLES: Final = "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name IN ('files', 'segments')"
_FILES: Final = "SELECT path, table_name, worker, run_id, hour_ns, row_count, bytes, sha256 FROM files ORDER BY path"
_SEGMENTS: Final = "SELECT worker, name, run_id, status, row_count, recorded_ns FROM segments ORDER BY worker, name"


@dataclass(frozen=True, slots=True)
class LakeFile:
    """One Parquet file of one table, run and hour; ``path`` is relative to the lake."""

    path: str
    table: str
    worker: str
    run_id: str
    hour_ns: Nanos
    row_count: int
    size: int
    sha256: str

    def may_hold(self, from_ns: Nanos | None, to_ns: Nanos | None) -> bool:
        """Say whether rows of ``[from_ns, to_ns)`` can be inside."""
        return (from_ns is None or self.hour_ns + NANOS_PER_HOUR > from_ns) and (to_ns is None or self.hour_ns < to_ns)


@dataclass(frozen=True, slots=True)
class LakeSegment:
    """One segment that the pipeline dealt with at ``recorded_ns``; ``is_compacted`` is false for a refused one."""

    worker: str
    name: str
    run_id: str
    is_compacted: bool
    row_count: int
    recorded_ns: Nanos


@dataclass(frozen=True, slots=True)
class Manifest:
    """The lake at one moment."""

    files: tuple[LakeFile, ...] = ()
    segments: tuple[LakeSegment, ...] = ()
    known: frozenset[tuple[str, str]] = field(default_factory=frozenset)

    def knows(self, worker: str, path: Path) -> bool:
        """Say whether a sealed segment needs not be read: it is in the lake, or repeats what is there."""
        return (worker, path.stem) in self.known


def read_manifest(lake: Path) -> Manifest:
    """Return the manifest of one moment; empty where there is no lake yet. Raises StorageError."""
    path = lake / MANIFEST_NAME
    if not path.exists():
        return Manifest()
    try:
        # not mode=ro: after a crash of the pipeline the first to open it rolls its last transaction back
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=rw", uri=True, timeout=_BUSY_SECONDS)) as found:
            found.execute("BEGIN")
            if found.execute(_TABLES).fetchone() != (2,):
                return Manifest()  # the pipeline is just making it: nothing was recorded yet
            files = tuple(LakeFile(*row) for row in found.execute(_FILES))
            segments = tuple(_segment(*row) for row in found.execute(_SEGMENTS))
    except sqlite3.Error as e:
        raise StorageError(f"cannot read the lake's manifest {path}: {e}", path=str(path)) from e
    return Manifest(files, segments, frozenset((segment.worker, segment.name) for segment in segments))


def hour_start_ns(file: Path) -> Nanos:
    """Return the first moment of the hour whose folders hold a file of the lake. Raises StorageError."""
    folders = f"{file.parent.parent.name}/{file.parent.name}"
    try:
        at = datetime.strptime(folders, "date=%Y-%m-%d/hour=%H").replace(tzinfo=UTC)
    except ValueError as e:
        raise StorageError(f"expected folders as in date=2026-01-31/hour=06, received {folders}", path=str(file)) from e
    return round(at.timestamp()) * NANOS_PER_SECOND


def _segment(worker: str, name: str, run_id: str, status: str, row_count: int, recorded_ns: int) -> LakeSegment:
    return LakeSegment(worker, name, run_id, status == "compacted", row_count, recorded_ns)
