"""Reports sent by hand: one at a time, in a process that whoever built the application starts; each asked for once.

Who asks again under the same id gets the same answer, and the pipeline itself mails nobody the same report twice.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

import structlog
from sqlalchemy import insert, select, update

from streaming_worker.adapters.clock import Clock
from streaming_worker.api.audit import Action, append_in
from streaming_worker.api.database import REPORT_SENDS, Database
from streaming_worker.api.schemas.base import moment
from streaming_worker.api.schemas.sending import ReportSend
from streaming_worker.core.units import NANOS_PER_SECOND, Nanos
from streaming_worker.errors import ConfigError, OperationError, RequestRefused, StorageError

_LOG: Final = structlog.get_logger("report_room")
_TABLE: Final = REPORT_SENDS
_SHOWN: Final = 30
_WEEK_DAYS: Final = 7
_LOST_NS: Final = 20 * 60 * NANOS_PER_SECOND


@dataclass(frozen=True, slots=True)
class Sent:
    """What came of it: a line for each thing that was done, and what the mail server refused."""

    lines: tuple[str, ...]
    error: str | None


SendReport = Callable[[date, date], Sent]
"""Make the report of UTC days, both included, and mail it. Raises ConfigError, OperationError."""


@dataclass(frozen=True, slots=True)
class Mailing:
    """How reports leave: ``send`` by hand, and by themselves every day and every Monday at ``time`` of ``timezone``."""

    send: SendReport
    time: str
    timezone: str

    def next_ns(self, now_ns: Nanos) -> Nanos:
        """Return when the next day's report is sent by itself."""
        return _nanos(self._due(now_ns))

    def next_week_ns(self, now_ns: Nanos) -> Nanos:
        """Return when the next week's report is sent by itself: on a Monday."""
        due = self._due(now_ns)
        return _nanos(due + timedelta(days=-due.weekday() % _WEEK_DAYS))

    def _due(self, now_ns: Nanos) -> datetime:
        now = datetime.fromtimestamp(now_ns // NANOS_PER_SECOND, ZoneInfo(self.timezone))
        hour, _, minute = self.time.partition(":")
        due = now.replace(hour=int(hour), minute=int(minute), second=0, microsecond=0)
        return due if due > now else due + timedelta(days=1)


def _nanos(moment: datetime) -> Nanos:
    return int(moment.timestamp()) * NANOS_PER_SECOND


class ReportRoom:
    """Takes orders and keeps what came of each."""

    def __init__(self, database: Database, clock: Clock, mailing: Mailing | None) -> None:
        self._database = database
        self._clock = clock
        self.mailing = mailing
        self._turn = threading.Lock()

    def order(self, send_id: str, first: date, last: date, entry: Action) -> ReportSend:
        """Begin to make and mail a report, or return what is known of an order of this id. Raises RequestRefused."""
        if self.mailing is None:
            raise RequestRefused(503, "no_reports", "this program was started without a way to make reports")
        now_ns = self._clock.now_ns()
        period = f"{first.isoformat()}..{last.isoformat()}"
        with self._database.writing() as connection:
            known = connection.execute(select(_TABLE).where(_TABLE.c.send_id == send_id)).mappings().first()
            if known is not None:
                return _shown(dict(known), now_ns)
            row = {"send_id": send_id, "period": period, "actor": entry.actor[:64], "at_ns": now_ns}
            row |= {"status": "running", "detail": None}
            connection.execute(insert(_TABLE).values(**row))
            append_in(connection, entry, now_ns)
        work = threading.Thread(
            target=self._make, args=(self.mailing.send, send_id, first, last, entry), name="report", daemon=True
        )
        work.start()
        return _shown(row, now_ns)

    def newest(self) -> list[ReportSend]:
        """Return the newest orders."""
        with self._database.reading() as connection:
            rows = connection.execute(select(_TABLE).order_by(_TABLE.c.at_ns.desc()).limit(_SHOWN)).mappings()
            return [_shown(dict(row), self._clock.now_ns()) for row in rows]

    def _make(self, send: SendReport, send_id: str, first: date, last: date, entry: Action) -> None:
        with self._turn:
            try:
                sent = send(first, last)
            except (ConfigError, OperationError) as e:
                sent = Sent((), str(e))
        status = "failed" if sent.error else "done"
        detail = "; ".join([*sent.lines, *([sent.error] if sent.error else [])])[:2_000]
        ended = replace(entry, action="report.sent", outcome=status, after={"detail": detail})
        try:
            with self._database.writing() as connection:
                this = _TABLE.c.send_id == send_id
                connection.execute(update(_TABLE).where(this).values(status=status, detail=detail))
                append_in(connection, ended, self._clock.now_ns())
        except StorageError as e:
            _LOG.error("report_not_noted", send_id=send_id, status=status, error=str(e))


def _shown(row: dict[str, Any], now_ns: Nanos) -> ReportSend:
    first, _, last = row["period"].partition("..")
    is_lost = row["status"] == "running" and now_ns - row["at_ns"] > _LOST_NS
    return ReportSend(
        send_id=row["send_id"],
        first=first,
        last=last,
        actor=row["actor"],
        at=moment(row["at_ns"]),
        status="lost" if is_lost else row["status"],
        detail="the program ended before it was done" if is_lost else row["detail"],
    )
