"""What belongs into a backup of a data folder, in an order that makes it consistent while everything runs.

Sealed segments are listed first, then the lake's manifest is copied, then what it names: a segment that is compacted
meanwhile is in the backup twice, as itself and in the lake, and the manifest says which one counts; one that is
removed meanwhile is in the lake's part. Files that never change are taken as they are, databases through SQLite's own
backup. Left out is what is being written (live files), what can be made again (warehouse), logs and sockets.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final

from streaming_worker.storage.manifest import MANIFEST_NAME, Manifest, read_manifest
from streaming_worker.storage.schema import TABLE
from streaming_worker.storage.segments import list_segments, live_folder, subfolders

_SQLITE: Final = b"SQLite format 3\0"
_NOT_KEPT: Final = frozenset({"logs", "supervisor"})
_NOT_WHOLE: Final = (".tmp", ".new", "-wal", "-shm", "-journal")
_BUSY_SECONDS: Final = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """One file to back up. ``name`` is its path in the backup; ``must_exist``: without it the backup is not whole."""

    name: str
    path: Path
    is_database: bool = False
    must_exist: bool = False


def sealed_sources(data_dir: Path) -> list[Source]:
    """Return the sealed segments, and the small files in which workers remember what they sealed last."""
    found = [
        Source(name=f"segments/{info.worker}/{info.path.name}", path=info.path) for info in list_segments(data_dir)
    ]
    found += [Source(name=f"live/{path.name}", path=path) for path in sorted(live_folder(data_dir).glob("*.lock"))]
    return found


def lake_sources(data_dir: Path, manifest: Manifest) -> list[Source]:
    """Return the captured files that the manifest names, and what the pipeline derived from them."""
    lake = data_dir / "lake"
    found = [Source(name=f"lake/{file.path}", path=lake / file.path, must_exist=True) for file in manifest.files]
    for folder in subfolders(lake):
        pattern = "*/*/empty-*.parquet" if folder.name in TABLE else "*/*/*.parquet"
        found += [
            Source(name=f"lake/{path.relative_to(lake).as_posix()}", path=path) for path in sorted(folder.glob(pattern))
        ]
    return found


def other_sources(data_dir: Path, configuration: Path | None) -> Iterator[Source]:
    """Yield reports, the published file, state, and the file of settings where there is one."""
    for room in ("published", "reports", "state"):
        for path in sorted((data_dir / room).rglob("*")):
            name = path.relative_to(data_dir)
            if path.is_file() and not path.is_symlink() and not _is_left_out(PurePosixPath(name.as_posix())):
                yield Source(name=name.as_posix(), path=path, is_database=_is_database(path))
    if configuration is not None:
        yield Source(name=f"config/{configuration.name}", path=configuration)


def copy_manifest(data_dir: Path, target: Path) -> Manifest:
    """Copy the lake's manifest as of one moment, and return what the copy says; nothing where there is no lake."""
    source = data_dir / "lake" / MANIFEST_NAME
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.exists():
        copy_database(source, target)
    return read_manifest(target.parent)


def copy_database(source: Path, target: Path) -> None:
    """Copy a SQLite database that others may be writing to. Raises sqlite3.Error."""
    with (
        closing(sqlite3.connect(source.absolute().as_uri() + "?mode=rw", uri=True, timeout=_BUSY_SECONDS)) as reading,
        closing(sqlite3.connect(target)) as writing,
    ):
        reading.backup(writing)


def _is_left_out(name: PurePosixPath) -> bool:
    in_place = name.parts[0] == "state" and len(name.parts) > 1 and name.parts[1] in _NOT_KEPT
    return in_place or name.name.endswith(_NOT_WHOLE)


def _is_database(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return file.read(len(_SQLITE)) == _SQLITE
    except OSError:  # it is gone, or may not be read: the copy will say so
        return False
