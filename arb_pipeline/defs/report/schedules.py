"""When the reports of the UTC day and week before go out: a time of day in a time zone, summer time included."""

import dagster as dg

from arb_pipeline.clock import now_ns
from arb_pipeline.defs.jobs import REPORT, WEEKLY_REPORT
from arb_pipeline.hours import day_of
from arb_pipeline.partitions import WEEKS
from arb_pipeline.report.period import Period
from arb_pipeline.settings import PipelineSettings
from streaming_worker.core.units import NANOS_PER_DAY, NANOS_PER_SECOND


def report_schedules(settings: PipelineSettings) -> list[dg.ScheduleDefinition]:
    """Return the daily schedule and the weekly one."""
    return [_daily(settings), _weekly(settings)]


def _daily(settings: PipelineSettings) -> dg.ScheduleDefinition:
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
        day = day_of(_planned_ns(context) - NANOS_PER_DAY)
        return dg.RunRequest(run_key=f"scheduled-{day}", partition_key=day)

    return daily_report_mail


def _weekly(settings: PipelineSettings) -> dg.ScheduleDefinition:
    at = settings.report_time

    @dg.schedule(
        name="weekly_report_mail",
        job=WEEKLY_REPORT,
        cron_schedule=f"{at.minute} {at.hour} * * 1",
        execution_timezone=settings.report_timezone,
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description=f"The report of the last whole UTC week, Mondays at {at:%H:%M} {settings.report_timezone}.",
    )
    def weekly_report_mail(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        week = Period.of_week(day_of(_planned_ns(context) - 7 * NANOS_PER_DAY))
        monday = week.first.isoformat()
        if not WEEKS.has_partition_key(monday):
            return dg.SkipReason(f"the week of {monday} began before the first day that has partitions")
        return dg.RunRequest(run_key=f"scheduled-{week.name}", partition_key=monday)

    return weekly_report_mail


def _planned_ns(context: dg.ScheduleEvaluationContext) -> int:
    planned = context.scheduled_execution_time
    return int(planned.timestamp()) * NANOS_PER_SECOND if planned else now_ns()
