"""What should be done by now: hours that wait to be worked on, and yesterday's report. Days and hours are UTC."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from arb_pipeline.hours import Hour
from arb_pipeline.lake.catalogue import DueHour
from streaming_worker.alerts import Alert, Severity
from streaming_worker.core.units import NANOS_PER_SECOND

LATE_AFTER_NS: Final = 2 * 3_600 * NANOS_PER_SECOND
REPORT_LATE_AFTER: Final = timedelta(hours=1)
_SHOWN: Final = 10


def late_hours(due: Iterable[DueHour], *, now_ns: int, grace_ns: int) -> list[Alert]:
    """Return an alert where hours ended, and were compacted, long ago and are still not worked on."""
    late: list[Hour] = sorted(
        {part.hour for part in due if max(part.hour.end_ns, part.recorded_ns) + grace_ns + LATE_AFTER_NS < now_ns}
    )
    if not late:
        return []
    names = ", ".join(hour.key for hour in late[:_SHOWN]) + (" ..." if len(late) > _SHOWN else "")
    return [
        Alert(
            kind="partition_late",
            subject="hours",
            title=f"{len(late)} hour{'s' if len(late) > 1 else ''} not worked on since {late[0].key}",
            detail="The record is there, but what is made of it is not: figures of these hours are missing or old.",
            severity=Severity.WARNING,
            source="dagster",
            context={"Hours (UTC)": names},
        )
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportPlan:
    """When the report of the UTC day before goes out."""

    at: time
    zone: str

    def due(self, day: str) -> datetime:
        """Return the moment at which a day's report is planned: the first such time of day after its end."""
        end = datetime.combine(date.fromisoformat(day) + timedelta(days=1), time(), UTC)
        zone = ZoneInfo(self.zone)
        local = datetime.combine(end.astimezone(zone).date(), self.at, zone)
        if local.astimezone(UTC) < end:
            local = datetime.combine(local.date() + timedelta(days=1), self.at, zone)
        return local.astimezone(UTC)


def missing_reports(
    days: Iterable[str], delivered: dict[str, set[str]], recipients: Sequence[str], plan: ReportPlan, *, now_ns: int
) -> list[Alert]:
    """Return an alert for each day with data whose final report somebody has not got an hour after its time."""
    now = datetime.fromtimestamp(now_ns // NANOS_PER_SECOND, UTC)
    alerts = []
    for day in sorted(set(days)):
        missing = [recipient for recipient in recipients if recipient not in delivered.get(day, set())]
        if missing and plan.due(day) + REPORT_LATE_AFTER < now:
            alerts.append(_missing(day, missing, plan))
    return alerts


def _missing(day: str, recipients: list[str], plan: ReportPlan) -> Alert:
    return Alert(
        kind="report_not_sent",
        subject=day,
        title=f"the report of {day} did not reach {len(recipients)} recipient{'s' if len(recipients) > 1 else ''}",
        detail=f"It was planned for {plan.due(day):%Y-%m-%d %H:%M} UTC.",
        severity=Severity.WARNING,
        source="dagster",
        context={"Missing": ", ".join(recipients), "Send it": f"arb report --from {day} --send"},
    )
