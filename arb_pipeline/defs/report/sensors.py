"""The first report of a data folder does not wait for the morning; reports that are out follow data that came late."""

from pathlib import Path

import dagster as dg
import duckdb

from arb_pipeline.clock import now_ns
from arb_pipeline.defs.jobs import HOURLY, REPORT
from arb_pipeline.defs.runs import is_under_way
from arb_pipeline.hours import day_of
from arb_pipeline.lake.closing import closed_hours
from arb_pipeline.report.delivery import RECORD_FILE
from arb_pipeline.resources import Lake, Published, Reports
from arb_pipeline.settings import PipelineSettings
from streaming_worker.core.units import NANOS_PER_SECOND

_DAYS = "FROM rpt_daily SELECT CAST(report_date AS VARCHAR) ORDER BY report_date DESC"
# A report that failed (a mail server that is down) is asked for again after this time, not at every tick.
TICK_SECONDS = 15
LATE_TICK_SECONDS = 30
_RETRY_NS = 600 * NANOS_PER_SECOND


def report_sensors(settings: PipelineSettings) -> list[dg.SensorDefinition]:
    """Return the sensor of the first report, and the one of late data."""

    @dg.sensor(
        name="first_report",
        job=REPORT,
        minimum_interval_seconds=TICK_SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="While no day with data was ever reported: asks for the latest closed day, else the day so far.",
    )
    def first_report(
        context: dg.SensorEvaluationContext, lake: Lake, published: Published, reports: Reports
    ) -> dg.RunRequest | dg.SkipReason:
        if not Path(published.path).exists():
            return dg.SkipReason("nothing is published yet")
        days = _days(published)
        # The schedule may have told of a day before the first one that has data.
        if any((Path(reports.root) / day / RECORD_FILE).exists() for day in days):
            return dg.SkipReason("a report was sent before")
        if any(is_under_way(context.instance, job) for job in (HOURLY.name, REPORT.name)):
            return dg.SkipReason("hours are being worked on, or a report is under way")
        at_ns = now_ns()
        if closed_hours(lake.catalogue.due_hours(), now_ns=at_ns, grace_ns=settings.grace_seconds * NANOS_PER_SECOND):
            return dg.SkipReason("closed hours wait to be worked on")
        if not days:
            return dg.SkipReason("no hour is published yet")
        # the latest day that is over, else today
        day = next((day for day in days if day < day_of(at_ns)), days[0])
        return dg.RunRequest(run_key=f"first-{day}-{at_ns // _RETRY_NS}", partition_key=day)

    late_data = dg.AutomationConditionSensorDefinition(
        "late_data",
        target=dg.AssetSelection.assets("daily_report", "weekly_report"),
        default_status=dg.DefaultSensorStatus.RUNNING,
        minimum_interval_seconds=LATE_TICK_SECONDS,
        emit_backfills=False,
        description="Makes a report again, without mailing it, when hours of its days were worked again.",
    )
    return [first_report, late_data]


def _days(published: Published) -> list[str]:
    """Return the days that have data, the latest first."""
    try:
        with published.reader() as connection:
            return [str(day) for (day,) in connection.execute(_DAYS).fetchall()]
    except duckdb.Error as e:
        raise dg.Failure(f"the published file cannot be read: {e}") from e
