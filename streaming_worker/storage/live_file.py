"""One live file: open, one transaction per commit, and the check that what was committed is still on the disk.

The tables are created and checkpointed before the first row, so that the log holds rows only. Used by one thread
at a time.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import duckdb
import pyarrow as pa

from streaming_worker.core.units import Nanos
from streaming_worker.errors import StorageError
from streaming_worker.storage.batch import arrow_table
from streaming_worker.storage.faults import translated
from streaming_worker.storage.schema import SCHEMA_VERSION, TABLE, TABLES
from streaming_worker.storage.worker_files import FILE_MODE, WorkerFiles, sync_folder, wal_path

# Smaller blocks than DuckDB's 256 KiB: a segment of a few seconds is a third smaller, a full one is no larger.
LIVE_CONFIG: Final[dict[str, str | bool | int | float | list[str]]] = {
    "threads": "1",
    "checkpoint_threshold": "4GB",
    "default_block_size": "65536",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerRun:
    """Who writes: goes into every file. ``settings`` is JSON without secrets; ``run_id`` is new with every start."""

    worker: str
    run_id: str
    version: str
    settings: str


class LiveFile:
    """A database file that one writer appends to."""

    def __init__(self, files: WorkerFiles, run: WorkerRun, opened_ns: Nanos) -> None:
        """Create the file with its tables. Raises StorageError."""
        self._files = files
        self._name = files.next_live(opened_ns)
        self.path = self._name.path
        self._wal = wal_path(self.path)
        self._is_named_durably = False
        self.row_count = 0
        with translated("open", self.path):
            self._connection = duckdb.connect(str(self.path), config=LIVE_CONFIG)
            try:
                self.path.chmod(FILE_MODE)
                self._create_tables(run, opened_ns)
                self._inode = self.path.stat().st_ino
            except BaseException:
                self._connection.close()
                raise

    def commit(self, tables: Iterable[tuple[str, Any]]) -> None:
        """Write Arrow tables in one transaction; they are durable on return. Raises StorageError.

        A file that was removed under us would still take writes, which nobody would ever find again: it is an error.
        """
        with translated("write", self.path):
            self._connection.begin()
            for name, table in tables:
                self._connection.from_arrow(table).insert_into(name)
                self.row_count += table.num_rows
            self._connection.commit()
            if self.path.stat().st_ino != self._inode or not self._wal.exists():
                raise StorageError(f"{self.path} was replaced while it was written", path=str(self.path))
            if not self._is_named_durably:
                self._wal.chmod(FILE_MODE)
                sync_folder(self.path.parent)
                self._is_named_durably = True

    def seal(self) -> Path:
        """Move the file among the sealed segments and return its new path. Raises StorageError."""
        with translated("seal", self.path):
            return self._files.seal(self._connection, self._name)

    def discard(self) -> None:
        """Remove the file, which holds no row of its own. Raises StorageError."""
        with translated("remove", self.path):
            self._files.discard(self._connection, self._name)

    def abandon(self) -> None:
        """Close the file as it is; the next start recovers it."""
        with translated("close", self.path):
            self._connection.close()

    def _create_tables(self, run: WorkerRun, opened_ns: Nanos) -> None:
        row = (opened_ns, run.worker, run.run_id, run.version, SCHEMA_VERSION, run.settings)
        self._connection.begin()
        for table in TABLES:
            self._connection.execute(table.ddl)
        self._connection.from_arrow(arrow_table(TABLE["worker_runs"], [row])).insert_into("worker_runs")
        self._connection.commit()
        self._connection.execute("CHECKPOINT")


def warm_up() -> None:
    """Load what Arrow loads on its first use (0.3 s), so that the first commit does not pay for it."""
    pa.array([0], pa.int64())
