"""Back a data folder up while everything runs; a file that did not change since the last backup is not copied again."""

import os
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import msgspec

from streaming_worker.core.units import NANOS_PER_SECOND, Nanos
from streaming_worker.errors import StorageError
from streaming_worker.storage.backup_contents import (
    Source,
    copy_database,
    copy_manifest,
    lake_sources,
    other_sources,
    sealed_sources,
)
from streaming_worker.storage.backup_store import FORMAT, Backup, BackupStore, SavedFile, Step, digest_of
from streaming_worker.storage.manifest import MANIFEST_NAME

_LOOKS: Final = 5
_LAKE: Final = "lake/"


class BackupReport(msgspec.Struct, frozen=True, kw_only=True):
    """What one backup took: all of it, and the part that was not stored yet."""

    name: str
    digest: str
    files: int
    bytes: int
    new_files: int
    new_bytes: int
    removed_backups: list[str]


class _Gone(Exception):  # noqa: N818 - never leaves this module
    """A file that had to be there was removed while we copied."""


def back_up(
    store: BackupStore,
    data_dir: Path,
    *,
    now_ns: Nanos,
    configuration: Path | None = None,
    keep: int | None = None,
    progress: Step = lambda *_: None,
) -> BackupReport:
    """Make one backup, and let go of all but the newest ``keep``. Raises StorageError."""
    if not data_dir.is_dir():
        raise StorageError(f"there is nothing to back up at {data_dir}", path=str(data_dir))
    name = datetime.fromtimestamp(now_ns // NANOS_PER_SECOND, UTC).strftime("%Y%m%dT%H%M%SZ")
    with store.locked():
        taker = _Taker(store, progress)
        _take(taker, data_dir, configuration)
        files = taker.taken()
        backup = Backup(format=FORMAT, made_ns=now_ns, digest=digest_of(files), files=files)
        store.put_list(name, backup)
        removed = store.prune(keep) if keep else []
    return BackupReport(
        name=name,
        digest=backup.digest,
        files=len(files),
        bytes=sum(file.size for file in files),
        new_files=taker.new_files,
        new_bytes=taker.new_bytes,
        removed_backups=removed,
    )


def _take(taker: "_Taker", data_dir: Path, configuration: Path | None) -> None:
    """Old hours may be deleted from the lake while we copy: then the manifest has changed, and we take it again."""
    taker.take(sealed_sources(data_dir), "segments")
    copied = taker.scratch / _LAKE / MANIFEST_NAME
    for _ in range(_LOOKS):
        manifest = copy_manifest(data_dir, copied)
        try:
            taker.take(lake_sources(data_dir, manifest), "lake")
        except _Gone:
            taker.forget(_LAKE)
            continue
        taker.take([Source(name=f"{_LAKE}{MANIFEST_NAME}", path=copied)], "manifest")
        taker.take(other_sources(data_dir, configuration), "reports and state")
        return
    raise StorageError("the lake changes faster than it can be copied", path=str(data_dir))


class _Taker:
    """Copies sources into a store, once each."""

    def __init__(self, store: BackupStore, progress: Step) -> None:
        self.scratch = store.scratch
        self.new_files = 0
        self.new_bytes = 0
        self._store = store
        self._progress = progress
        self._taken: dict[str, SavedFile] = {}
        names = store.names()
        self._latest = {file.name: file for file in store.load(names[-1]).files} if names else {}

    def take(self, sources: Iterable[Source], what: str) -> None:
        """Copy them all; one that is gone is left out, unless it has to be there."""
        listed = list(sources)
        for number, source in enumerate(listed, start=1):
            self._progress(what, number, len(listed))
            try:
                self._taken[source.name] = self._saved(source)
            except FileNotFoundError:
                if source.must_exist:
                    raise _Gone(source.name) from None

    def forget(self, start: str) -> None:
        """Leave out what was taken under names that start so."""
        self._taken = {name: file for name, file in self._taken.items() if not name.startswith(start)}

    def taken(self) -> list[SavedFile]:
        """Return everything, by name."""
        return [self._taken[name] for name in sorted(self._taken)]

    def _saved(self, source: Source) -> SavedFile:
        found = source.path.stat()
        known = self._latest.get(source.name)
        if (
            known is not None
            and _is_unchanged(source, known, found)
            and self._store.is_stored(known.sha256, known.size)
        ):
            return known
        path = source.path
        if source.is_database:
            path = self.scratch / "database"
            path.unlink(missing_ok=True)
            copy_database(source.path, path)
        digest, size, is_new = self._store.put_object(path)
        if is_new:
            self.new_files += 1
            self.new_bytes += size
        return SavedFile(
            name=source.name, sha256=digest, size=size, mode=found.st_mode & 0o777, changed_ns=found.st_mtime_ns
        )


def _is_unchanged(source: Source, known: SavedFile, found: os.stat_result) -> bool:
    """A database can change without its time of change, through its log."""
    return not source.is_database and (known.size, known.changed_ns) == (found.st_size, found.st_mtime_ns)
