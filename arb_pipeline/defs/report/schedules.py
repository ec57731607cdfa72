"""When the report of the UTC day before goes out: a time of day in a time zone, summer time included."""

import dagster as dg

from arb_pipeline.clock import now_ns
from arb_pipeline.defs.jobs import REPORT
from arb_pipeline.hours import day_of
from arb_pipeline.settings import PipelineSettings
from streaming_worker.core.units import NANOS_PER_DAY, NANOS_PER_SECOND


def report_schedules(settings: PipelineSettings) -> list[dg.ScheduleDefinition]:
    """Return the daily schedule."""
    at = settings.report_time

    @dg.schedule(
        name="daily_report_mail",
        job=REPORT,
        cron_schedule=f"{at.minute} {at.hour} * * *",
        execution_timezone=settings.report_timezone,
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description=f"The report of the UTC day before, at {at:%H:%M} {settings.report_timezone}.",
    )
    def daily_report_mail(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
        planned = context.scheduled_execution_time
        at_ns = int(planned.timestamp()) * NANOS_PER_SECOND if planned else now_ns()
        day = day_of(at_ns - NANOS_PER_DAY)
        return dg.RunRequest(run_key=f"scheduled-{day}", partition_key=day)

    return [daily_report_mail]
