"""What monitoring wants to know of the pipeline, as one small file; the worker shows it to Prometheus.

The file is replaced by every tick of a sensor, so its time is also a sign of life of the Dagster daemon.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

import msgspec

from arb_pipeline.hours import Hour, day_of
from arb_pipeline.lake.connection import open_memory, parquet
from arb_pipeline.lake.layout import LakeLayout, appear
from arb_pipeline.report.delivery import deliveries
from streaming_worker.core.units import NANOS_PER_DAY, NANOS_PER_SECOND

FILE_NAME: Final = "pipeline-metrics.json"
REPORT_DAYS: Final = 3
REPLAY_HOURS: Final = 24
_STATUSES: Final = ("matched", "missing", "extra", "different")
_STATUS_COUNTS: Final = "FROM reconciled SELECT status, count(*) GROUP BY status"
_REPORT_GRACE: Final = timedelta(hours=1)
_FINAL: Final = "final"
# Time passes in every hour that was captured, so its ticks show which days have data.
_ALWAYS_THERE: Final = "clock_ticks"


class Measures(msgspec.Struct, frozen=True):
    """The file's content. ``replay_rows`` by status; ``report_sent_ns`` is None where none was ever sent."""

    written_ns: int
    replay_rows: dict[str, int]
    reports_overdue: int
    report_sent_ns: int | None
    segments_refused: int


@dataclass(frozen=True, slots=True)
class ReportPlan:
    """Where reports are, and when the one of the UTC day before is due."""

    root: Path
    at: time
    timezone: str


def replay_rows(layout: LakeLayout, *, now_ns: int) -> dict[str, int]:
    """Return the reconciled rows of the last day's hours by status, with a zero for a status without rows."""
    newest = Hour.of(now_ns)
    folders = [layout.folder("reconciliation", newest.shifted(-back)) for back in range(REPLAY_HOURS)]
    files = [file for folder in folders for file in sorted(folder.glob("*.parquet"))]
    counts: Counter[str] = Counter()
    if files:
        with open_memory() as connection:
            connection.execute(f"CREATE VIEW reconciled AS {parquet(files)}")
            counts.update(dict(connection.execute(_STATUS_COUNTS).fetchall()))
    return {status: counts[status] for status in _STATUSES}


def overdue_days(layout: LakeLayout, plan: ReportPlan, *, now_ns: int) -> list[str]:
    """Return the closed days of the last three that have data, whose final report is due and was not sent."""
    now = datetime.fromtimestamp(now_ns / NANOS_PER_SECOND, UTC)
    days = [day_of(now_ns - back * NANOS_PER_DAY) for back in range(1, REPORT_DAYS + 1)]
    return [day for day in days if now > _due(day, plan) and _has_data(layout, day) and not _was_sent(plan.root / day)]


def last_sent_ns(root: Path) -> int | None:
    """Return when a report was last sent, None where none ever was."""
    sent = (delivery.sent_ns for folder in root.glob("*") if folder.is_dir() for delivery in deliveries(folder))
    return max(sent, default=None)


def write_measures(measures: Measures, state: Path) -> None:
    """Replace the file as a whole."""
    state.mkdir(mode=0o700, parents=True, exist_ok=True)
    temporary = state / f"{FILE_NAME}.tmp"
    temporary.write_bytes(msgspec.json.encode(measures))
    appear(temporary, state / FILE_NAME)


def _due(day: str, plan: ReportPlan) -> datetime:
    following = date.fromisoformat(day) + timedelta(days=1)
    return datetime.combine(following, plan.at, ZoneInfo(plan.timezone)).astimezone(UTC) + _REPORT_GRACE


def _has_data(layout: LakeLayout, day: str) -> bool:
    return any(_files(layout.root / _ALWAYS_THERE / f"date={day}"))


def _files(folder: Path) -> Iterable[Path]:
    return folder.glob("*/*.parquet")


def _was_sent(folder: Path) -> bool:
    return any(delivery.edition == _FINAL for delivery in deliveries(folder))
