"""When the record is cleared, backed up and verified; all times UTC."""

import dagster as dg

from arb_pipeline.catalogue_text import OWNERS
from arb_pipeline.clock import now_ns
from arb_pipeline.defs.jobs import HOURLY
from arb_pipeline.defs.keep.jobs import BACKUP, RETENTION, VERIFICATION, expired_now
from arb_pipeline.defs.runs import is_under_way
from arb_pipeline.settings import PipelineSettings
from streaming_worker.core.units import NANOS_PER_DAY

_SUNDAY = 3  # days are counted from 1970-01-01, a Thursday
_RUNNING = dg.DefaultScheduleStatus.RUNNING


def keep_schedules(settings: PipelineSettings) -> list[dg.ScheduleDefinition]:
    """Return the three schedules."""
    return [_retention(settings), _backup(settings), _verification(settings)]


def _retention(settings: PipelineSettings) -> dg.ScheduleDefinition:
    @dg.schedule(
        name="hourly_retention",
        job_name=RETENTION,
        cron_schedule="35 * * * *",
        default_status=_RUNNING,
        owners=OWNERS,
        description="Every hour at :35, where something may go; the disk's need for room counts too.",
    )
    def hourly_retention(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        if not settings.data_dir.is_dir():
            return dg.SkipReason("there is no data folder yet")
        if is_under_way(context.instance, HOURLY.name):
            return dg.SkipReason("hours are being worked on; the next hour is soon enough")
        planned = context.scheduled_execution_time
        is_daily = planned is not None and planned.hour == 0  # for the runs, which nobody counts every hour
        removals = expired_now(settings)
        if not removals and not is_daily:
            return dg.SkipReason("nothing may go")
        return dg.RunRequest(tags={"removals": str(len(removals))})

    return hourly_retention


def _backup(settings: PipelineSettings) -> dg.ScheduleDefinition:
    @dg.schedule(
        name="daily_backup",
        job_name=BACKUP,
        cron_schedule="10 3 * * *",
        default_status=_RUNNING,
        owners=OWNERS,
        description="Every day at 03:10 UTC, where backup.folder is set.",
    )
    def daily_backup(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        if settings.backup_folder is None:
            return dg.SkipReason("no backup folder is set (backup.folder)")
        if is_under_way(context.instance, BACKUP):
            return dg.SkipReason("the last backup is still under way")
        return dg.RunRequest()

    return daily_backup


def _verification(settings: PipelineSettings) -> dg.ScheduleDefinition:
    @dg.schedule(
        name="daily_verification",
        job_name=VERIFICATION,
        cron_schedule="10 4 * * *",
        default_status=_RUNNING,
        owners=OWNERS,
        description="Every day at 04:10 UTC: sizes and rows of the lake, on Sundays every byte; the newest backup.",
    )
    def daily_verification(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        if not settings.lake.is_dir():
            return dg.SkipReason("the lake is empty")
        planned = context.scheduled_execution_time
        day = int(planned.timestamp()) // 86_400 if planned else now_ns() // NANOS_PER_DAY
        has_hashes = day % 7 == _SUNDAY
        return dg.RunRequest(run_config={"ops": {"verify_lake": {"config": {"hashes": has_hashes}}}})

    return daily_verification
