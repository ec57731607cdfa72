"""One worker's own files: the lock that keeps a second worker of the same name out, numbering, and sealing.

Sealing is CHECKPOINT, close, rename, directory fsync: a sealed file is complete or not there. Nothing here opens a
sealed file, and no live file is ever copied.
"""

import fcntl
import os
from pathlib import Path
from typing import Final

import duckdb

from streaming_worker.core.units import NANOS_PER_SECOND, Nanos
from streaming_worker.errors import StorageError
from streaming_worker.storage.segments import (
    LiveName,
    check_worker_name,
    last_received_ns,
    list_live_files,
    list_segments,
    live_folder,
    live_path,
    newest_received,
    parse_sealed,
    sealed_folder,
    sealed_path,
)

FOLDER_MODE: Final = 0o700
FILE_MODE: Final = 0o600
_LOCK_BYTES: Final = 256
_NO_NAME: Final = "-"


def wal_path(path: Path) -> Path:
    """Return the write-ahead log that belongs to a database file."""
    return path.with_name(f"{path.name}.wal")


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def has_record(data_dir: Path, worker: str) -> bool:
    """Say whether this worker ever sealed a segment, also where every one was compacted and removed since."""
    if list_segments(data_dir, worker):
        return True
    lock = live_folder(data_dir) / f"{worker}.lock"
    return lock.exists() and _noted_name(lock.read_bytes()) is not None


def _noted_name(content: bytes) -> str | None:
    """Return the newest sealed name that a lock file remembers."""
    words = content.decode(errors="replace").split()
    return words[1] if len(words) > 1 and words[1] != _NO_NAME else None


class WorkerFiles:
    """The files of one running worker; holds its lock from construction until ``release``.

    One thread at a time makes and seals files.

    Raises: StorageError when a worker of this name already runs, or the folders cannot be made.
    """

    def __init__(self, data_dir: Path, worker: str) -> None:
        self.data_dir = data_dir
        self.worker = check_worker_name(worker)
        self.live_folder = live_folder(data_dir)
        self.sealed_folder = sealed_folder(data_dir, worker)
        try:
            for folder in (data_dir, self.live_folder, self.sealed_folder.parent, self.sealed_folder):
                folder.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
            self._lock = self._acquire()
        except OSError as e:
            raise StorageError(f"cannot prepare {data_dir}: {e.strerror}", path=str(e.filename or data_dir)) from e
        self._newest_ns, self._number = self._last_used()

    def next_live(self, opened_ns: Nanos) -> LiveName:
        """Return the name of a live file that this worker never used before."""
        self._number += 1
        return LiveName(self._number, live_path(self.data_dir, self.worker, opened_ns, self._number))

    def seal(self, connection: duckdb.DuckDBPyConnection, live: LiveName) -> Path:
        """Checkpoint and close a live file, and move it among the sealed ones; return its new path."""
        newest_ns = newest_received(connection)
        connection.execute("CHECKPOINT")
        connection.close()
        if wal_path(live.path).exists():
            raise StorageError(f"expected no log after the checkpoint of {live.path.name}", path=str(live.path))
        self._newest_ns = max(self._newest_ns, newest_ns or 0)
        target = sealed_path(self.data_dir, self.worker, self._newest_ns, live.number)
        if target.exists():
            raise StorageError(f"segment {target.name} already exists", path=str(target))
        live.path.chmod(FILE_MODE)
        live.path.rename(target)
        sync_folder(self.sealed_folder)
        sync_folder(self.live_folder)
        self._note(target.name)
        return target

    def discard(self, connection: duckdb.DuckDBPyConnection, live: LiveName) -> None:
        """Close and remove a live file that nothing was written to."""
        connection.close()
        for path in (live.path, wal_path(live.path)):
            path.unlink(missing_ok=True)

    def last_recorded_ns(self) -> Nanos | None:
        """Return when this worker last received something, or None where it never did: where a restart's gap begins.

        Where the last segment was compacted away, its name is left: the start of the second that it names.
        """
        segments = list_segments(self.data_dir, self.worker)
        if segments:
            try:
                return last_received_ns(segments[-1].path)
            except StorageError:
                if segments[-1].path.exists():
                    raise
        return self._newest_ns - NANOS_PER_SECOND if self._newest_ns else None

    def release(self) -> None:
        """Let another worker of this name start; may be called twice."""
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1

    def _acquire(self) -> int:
        path = self.live_folder / f"{self.worker}.lock"
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, FILE_MODE)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(descriptor, _LOCK_BYTES, 0).decode(errors="replace").split(" ")[0]
            os.close(descriptor)
            raise StorageError(
                f"worker {self.worker} already runs on {self.data_dir} (process {holder}); stop it, or give this one "
                "another worker.name",
                path=str(path),
            ) from None
        return descriptor

    def _last_used(self) -> tuple[Nanos, int]:
        """Return the newest sealed time and the highest number so far; the lock file remembers removed segments."""
        noted = _noted_name(os.pread(self._lock, _LOCK_BYTES, 0))
        remembered = parse_sealed(self.sealed_folder / noted) if noted is not None else None
        sealed = list_segments(self.data_dir, self.worker)
        if remembered is not None:
            sealed.append(remembered)
        numbers = [info.number for info in sealed]
        numbers += [live.number for live in list_live_files(self.data_dir, self.worker)]
        newest_ns = max((info.newest_ns for info in sealed), default=0)
        self._note(noted if noted is not None and remembered is not None else _NO_NAME)
        return newest_ns, max(numbers, default=0)

    def _note(self, newest_name: str) -> None:
        text = f"{os.getpid()} {newest_name}\n".encode()
        os.pwrite(self._lock, text, 0)
        os.ftruncate(self._lock, len(text))
