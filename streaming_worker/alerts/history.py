"""Read what was raised and what became of each message: for the console, the command line and the report."""

import json
import sqlite3
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from streaming_worker.alerts.database import AlertDatabase
from streaming_worker.core.units import Nanos

_MOST_ROWS: Final = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryRow:
    """One message to one channel; the columns are those of ``database``."""

    id: int
    channel: str
    event: str
    status: str
    hold: str | None
    due_ns: Nanos
    attempts: int
    error: str | None
    done_ns: Nanos | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertRow:
    """One alert from its first sight to its end, with its messages; the columns are those of ``database``."""

    id: int
    key: str
    kind: str
    subject: str
    severity: str
    title: str
    detail: str
    context: dict[str, str]
    source: str
    opened_ns: Nanos
    seen_ns: Nanos
    seen_count: int
    resolved_ns: Nanos | None
    resolution: str | None
    deliveries: tuple[DeliveryRow, ...]

    @property
    def is_open(self) -> bool:
        """Return whether it is not over yet."""
        return self.resolved_ns is None


class AlertHistory:
    """Queries of one file. Reads only, and never waits for a writer. Raises StorageError."""

    def __init__(self, path: Path) -> None:
        self._database = AlertDatabase(path)

    def recent(
        self, *, limit: int = 100, before_id: int | None = None, kind: str | None = None, only_open: bool = False
    ) -> list[AlertRow]:
        """Return alerts, the newest first; ``before_id`` goes on where a page ended."""
        conditions = ["id < ?"] if before_id is not None else []
        values: list[object] = [] if before_id is None else [before_id]
        if kind is not None:
            conditions, values = [*conditions, "kind = ?"], [*values, kind]
        if only_open:
            conditions = [*conditions, "resolved_ns is null"]
        where = f" where {' and '.join(conditions)}" if conditions else ""
        return self._alerts(f"{where} order by id desc limit ?", [*values, min(limit, _MOST_ROWS)])

    def between(self, from_ns: Nanos, to_ns: Nanos) -> list[AlertRow]:
        """Return the alerts that were open at any moment of ``[from_ns, to_ns)``, the oldest first."""
        clause = " where opened_ns < ? and (resolved_ns is null or resolved_ns >= ?) order by id limit ?"
        return self._alerts(clause, [to_ns, from_ns, _MOST_ROWS])

    def open_keys(self) -> set[str]:
        """Return the identities of what is open."""
        with self._database.reading() as connection:
            if connection is None:
                return set()
            return {str(row["key"]) for row in connection.execute("select key from alerts where resolved_ns is null")}

    def unsent(self) -> list[tuple[str, int, str]]:
        """Return (channel, messages, last error) of every channel that has refused messages waiting or given up."""
        with self._database.reading() as connection:
            if connection is None:
                return []
            rows = connection.execute(
                "select channel, count(*) as messages, max(error) as error from deliveries"
                " where error is not null and status in ('waiting', 'failed') group by channel order by channel"
            ).fetchall()
        return [(str(row["channel"]), int(row["messages"]), str(row["error"])) for row in rows]

    def _alerts(self, clause: str, values: list[object]) -> list[AlertRow]:
        with self._database.reading() as connection:
            if connection is None:
                return []
            rows = connection.execute(f"select * from alerts{clause}", values).fetchall()  # noqa: S608 - our own text
            return [_alert(row, _deliveries(connection, row["id"])) for row in rows]


def _deliveries(connection: sqlite3.Connection, alert_id: int) -> tuple[DeliveryRow, ...]:
    rows = connection.execute("select * from deliveries where alert_id = ? order by id", (alert_id,)).fetchall()
    names = DeliveryRow.__dataclass_fields__
    return tuple(DeliveryRow(**{name: row[name] for name in names}) for row in rows)


def _alert(row: sqlite3.Row, deliveries: tuple[DeliveryRow, ...]) -> AlertRow:
    names = [name for name in AlertRow.__dataclass_fields__ if name not in ("context", "deliveries")]
    values = {name: row[name] for name in names}
    return AlertRow(**values, context=json.loads(row["context"]), deliveries=deliveries)
