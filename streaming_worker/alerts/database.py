"""The file of alerts: one SQLite database that several processes write, one transaction at a time.

``alerts``: one row for each time that something went wrong, from the moment it was seen until it was over.

| column | meaning |
|---|---|
| id | counts up in the order of opening |
| key, kind, subject | identity: while an alert of a key is open there is no second one |
| severity | info, warning or critical; the highest it has reached |
| title, detail, context | what is wrong: one line, sentences, and a JSON object of names and values |
| source | the program that saw it |
| opened_ns, seen_ns, seen_count | first and last sight, and how often |
| resolved_ns, resolution | when and how it ended; null while it is open |
| told_ns | when people were last reminded of it |

``deliveries``: one row for each message about an alert to one channel.

| column | meaning |
|---|---|
| id, alert_id, channel | which message about what, to where |
| event | opened, worse, reminder, resolved or test |
| due_ns | not before this moment |
| hold | why it waits: quiet_hours, flapping, retry; null when it does not |
| status | waiting, sent, dropped (over before it was sent) or failed (given up) |
| attempts, error | how often it was tried, and why it was refused the last time; never holds a secret |
| claimed_ns | a process is at it since then; a claim is void after two minutes |
| done_ns | when it was sent, dropped or given up |
"""

import contextlib
import os
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from streaming_worker.errors import StorageError

FILE_NAME: Final = "alerts.db"
_WAIT_S: Final = 10.0
_SCHEMA: Final = """
create table if not exists alerts (
    id integer primary key, key text not null, kind text not null, subject text not null, severity text not null,
    title text not null, detail text not null, context text not null, source text not null,
    opened_ns integer not null, seen_ns integer not null, seen_count integer not null default 1,
    resolved_ns integer, resolution text, told_ns integer not null);
create unique index if not exists open_alerts on alerts (key) where resolved_ns is null;
create index if not exists alerts_by_key on alerts (key, id);
create table if not exists deliveries (
    id integer primary key, alert_id integer not null references alerts (id), channel text not null,
    event text not null, due_ns integer not null, hold text, status text not null default 'waiting',
    attempts integer not null default 0, error text, claimed_ns integer, done_ns integer);
create index if not exists waiting_deliveries on deliveries (due_ns) where status = 'waiting';
create index if not exists deliveries_of_alert on deliveries (alert_id);
"""


class AlertDatabase:
    """Opens the file for one transaction at a time; it is made when it is first written to."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Yield a connection that holds the write lock from the start. Raises StorageError."""
        try:
            self._make()
            connection = sqlite3.connect(self.path, timeout=_WAIT_S, isolation_level=None)
        except (OSError, sqlite3.Error) as e:
            raise StorageError(f"alerts cannot be kept in {self.path}: {e}", path=str(self.path)) from e
        try:
            connection.row_factory = sqlite3.Row
            connection.execute("begin immediate")
            yield connection
            connection.execute("commit")
        except sqlite3.Error as e:
            raise StorageError(f"alerts cannot be kept in {self.path}: {e}", path=str(self.path)) from e
        finally:
            connection.close()  # what was not committed is rolled back

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection | None]:
        """Yield a connection that only reads, None where there is no file yet. Raises StorageError."""
        if not self.path.exists():
            yield None
            return
        try:
            connection = sqlite3.connect(f"{self.path.absolute().as_uri()}?mode=ro", uri=True, timeout=_WAIT_S)
        except sqlite3.Error as e:
            raise StorageError(f"alerts cannot be read from {self.path}: {e}", path=str(self.path)) from e
        try:
            connection.row_factory = sqlite3.Row
            yield connection
        except sqlite3.Error as e:
            raise StorageError(f"alerts cannot be read from {self.path}: {e}", path=str(self.path)) from e
        finally:
            connection.close()

    def _make(self) -> None:
        """Make the file for its owner only; nobody sees it before it is whole."""
        if self.path.exists():
            return
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=self.path.parent, prefix=".alerts-", suffix=".new")
        os.close(handle)
        try:
            connection = sqlite3.connect(name)
            try:
                connection.executescript(_SCHEMA)
            finally:
                connection.close()
            with contextlib.suppress(FileExistsError):  # another process was quicker
                os.link(name, self.path)
        finally:
            Path(name).unlink()
