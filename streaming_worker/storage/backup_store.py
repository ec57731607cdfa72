"""A folder of backups: each a list of files with their hashes, over a store in which equal content stands once.

It holds ``objects/<first two>/<sha256>`` and ``backups/<utc>.json``. A list appears only when everything that it
names is stored, synced and read back.
"""

import fcntl
import os
import shutil
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from hashlib import file_digest, sha256
from pathlib import Path, PurePosixPath
from typing import Final, TypeAlias

import msgspec

from streaming_worker.core.units import Nanos
from streaming_worker.errors import StorageError
from streaming_worker.storage.worker_files import FILE_MODE, FOLDER_MODE, sync_folder

FORMAT: Final = 1
_CHUNK: Final = 1 << 20
Step: TypeAlias = Callable[[str, int, int], None]
"""Told what is being done, how many are done, of how many."""


class SavedFile(msgspec.Struct, frozen=True, kw_only=True):
    """One file of a backup. ``name`` is relative to the data folder; ``changed_ns`` is its time of change."""

    name: str
    sha256: str
    size: int
    mode: int
    changed_ns: Nanos


class Backup(msgspec.Struct, frozen=True, kw_only=True):
    """One backup. ``digest`` is the sha256 over the names and hashes of all files."""

    format: int
    made_ns: Nanos
    digest: str
    files: list[SavedFile]


class BackupStore:
    """One folder of backups. Writing to it needs its lock."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.scratch = folder / "scratch"
        self._objects = folder / "objects"
        self._lists = folder / "backups"

    def names(self) -> list[str]:
        """Return the names of the backups, oldest first."""
        return sorted(path.stem for path in self._lists.glob("*.json"))

    def load(self, name: str) -> Backup:
        """Read one list. Raises StorageError when it is not there or not as it was written."""
        path = self._lists / f"{name}.json"
        try:
            backup = msgspec.json.decode(path.read_bytes(), type=Backup)
        except (OSError, msgspec.DecodeError) as e:
            known = ", ".join(self.names()) or "none"
            raise StorageError(
                f"cannot read backup {name} in {self.folder}: {e}; there: {known}", path=str(path)
            ) from e
        if any(not _is_inside(file.name) for file in backup.files) or backup.digest != digest_of(backup.files):
            raise StorageError(f"backup {name}: the list was changed after it was made", path=str(path))
        return backup

    def object(self, digest: str) -> Path:
        """Return where content of this hash is stored."""
        return self._objects / digest[:2] / digest

    def is_stored(self, digest: str, size: int) -> bool:
        """Say whether content is there, as far as its size tells; ``verify`` reads it."""
        try:
            return self.object(digest).stat().st_size == size
        except FileNotFoundError:
            return False

    def put_object(self, path: Path) -> tuple[str, int, bool]:
        """Store a file's content; returns its hash, its size, and whether it was not there yet. Raises OSError."""
        copied = self.scratch / "copied"
        digest, size = copy_hashed(path, copied)
        target = self.object(digest)
        if self.is_stored(digest, size):
            return digest, size, False
        if hash_of(copied) != digest:
            raise StorageError(f"{path}: the copy does not read back as it was written", path=str(path))
        target.parent.mkdir(mode=FOLDER_MODE, exist_ok=True)
        copied.rename(target)
        sync_folder(target.parent)
        return digest, size, True

    def put_list(self, name: str, backup: Backup) -> None:
        """Make a backup known. Raises StorageError when there is one of this name."""
        path = self._lists / f"{name}.json"
        if path.exists():
            raise StorageError(f"backup {name} is there already; there is at most one in a second", path=str(path))
        written = self.scratch / "list"
        written.write_bytes(msgspec.json.format(msgspec.json.encode(backup), indent=1))
        copy_hashed(written, path.with_suffix(".tmp"))
        path.with_suffix(".tmp").rename(path)
        sync_folder(self._lists)

    def prune(self, keep: int) -> list[str]:
        """Let go of all but the newest backups, and of the content that only they had; returns their names."""
        removed = self.names()[:-keep]
        for name in removed:
            (self._lists / f"{name}.json").unlink()
        if removed:
            wanted = {file.sha256 for name in self.names() for file in self.load(name).files}
            for path in self._objects.glob("??/*"):
                if path.name not in wanted:
                    path.unlink()
        return removed

    def verify(self, name: str, progress: Step) -> list[str]:
        """Read every file of a backup back; return a line for each that is not as it was. Raises StorageError."""
        files = self.load(name).files
        findings = []
        for number, file in enumerate(files, start=1):
            progress("stored files", number, len(files))
            problem = self._problem(file)
            if problem is not None:
                findings.append(f"{file.name}: {problem}")
        return findings

    def _problem(self, file: SavedFile) -> str | None:
        path = self.object(file.sha256)
        if not path.exists():
            return "its content is missing"
        found = hash_of(path)
        return None if found == file.sha256 else f"expected sha256 {file.sha256[:16]}, found {found[:16]}"

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep others from writing meanwhile. Raises StorageError when another one does."""
        with copy_errors(self.folder):
            for folder in (self.folder, self._objects, self._lists):
                folder.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
            descriptor = os.open(self.folder / "lock", os.O_RDWR | os.O_CREAT, FILE_MODE)
        try:
            self._lock(descriptor)
            with copy_errors(self.folder):
                shutil.rmtree(self.scratch, ignore_errors=True)
                self.scratch.mkdir(mode=FOLDER_MODE)
                yield
                shutil.rmtree(self.scratch)
        finally:
            os.close(descriptor)

    def _lock(self, descriptor: int) -> None:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StorageError(f"another backup to {self.folder} is under way", path=str(self.folder)) from None


@contextmanager
def copy_errors(folder: Path) -> Iterator[None]:
    """Raise StorageError for what a disk or a database refuses while files are copied."""
    try:
        yield
    except sqlite3.Error as e:
        raise StorageError(f"cannot copy a database: {e}", path=str(folder)) from e
    except OSError as e:
        where = e.filename or folder
        raise StorageError(f"cannot write or read {where}: {e.strerror}", path=str(where)) from e


def _is_inside(name: str) -> bool:
    """Say whether a name stays within the folder that it is restored into."""
    path = PurePosixPath(name)
    return not path.is_absolute() and ".." not in path.parts and bool(path.parts)


def digest_of(files: Iterable[SavedFile]) -> str:
    """Return one hash over the names and contents of all files."""
    return sha256("".join(f"{file.sha256}  {file.name}\n" for file in files).encode()).hexdigest()


def hash_of(path: Path) -> str:
    """Return the hex SHA-256 of a file."""
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()


def copy_hashed(source: Path, target: Path) -> tuple[str, int]:
    """Copy and sync a file while hashing it; returns the hash and the size. Raises OSError."""
    digest, size = sha256(), 0
    descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, FILE_MODE)
    with source.open("rb") as reading, os.fdopen(descriptor, "wb") as writing:
        while chunk := reading.read(_CHUNK):
            digest.update(chunk)
            writing.write(chunk)
            size += len(chunk)
        writing.flush()
        os.fsync(writing.fileno())
    return digest.hexdigest(), size
