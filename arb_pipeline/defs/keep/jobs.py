"""Jobs that keep the record: let go of what is no longer kept, back up what is, and read both again."""

import dagster as dg

from arb_pipeline.catalogue_text import OWNERS
from arb_pipeline.clock import now_ns
from arb_pipeline.defs.keep.runs import forget_old_runs
from arb_pipeline.defs.transform.assets import WRITER_POOL
from arb_pipeline.lake.layout import LakeLayout
from arb_pipeline.lake.letting_go import let_go
from arb_pipeline.settings import PipelineSettings
from streaming_worker.storage.backup import back_up
from streaming_worker.storage.backup_store import BackupStore
from streaming_worker.storage.disk import free_bytes, shortfall
from streaming_worker.storage.expiry import expired
from streaming_worker.storage.lake_audit import audit_lake
from streaming_worker.storage.retention import Removal

RETENTION = "apply_retention"
BACKUP = "back_up_record"
VERIFICATION = "verify_record"
BACKUP_POOL = "backup"
_TAGS = {"domain": "storage"}
_SHOWN = 50


def expired_now(settings: PipelineSettings) -> list[Removal]:
    """Return what may go now by the rules, and by the room that the disk has."""
    wanted = shortfall(free_bytes(settings.data_dir), settings.raw_frames_free)
    return expired(settings.data_dir, settings.keep, now_ns=now_ns(), room_wanted=wanted)


def keep_jobs(settings: PipelineSettings) -> list[dg.JobDefinition]:
    """Return the three jobs."""
    return [_retention(settings), _backup(settings), _verification(settings)]


def _retention(settings: PipelineSettings) -> dg.JobDefinition:
    # In turn with whatever reads all hours at once to make the marts.
    @dg.op(pool=WRITER_POOL, tags=_TAGS, out=dg.Out(dg.Nothing))
    def expire_record(context: dg.OpExecutionContext) -> None:
        """Delete segments, hours and reports that are kept no longer."""
        removals = expired_now(settings)
        freed = let_go(settings.data_dir, LakeLayout(settings.lake), removals, now_ns=now_ns())
        for removal in removals:
            context.log.info("%s %s: %s", removal.kind.value, removal.path, removal.reason)
        context.add_output_metadata({"removed": len(removals), "bytes_freed": freed})

    @dg.op(ins={"before": dg.In(dg.Nothing)}, tags=_TAGS, out=dg.Out(dg.Nothing))
    def expire_runs(context: dg.OpExecutionContext) -> None:
        """Delete old runs of Dagster with their logs, but none that made partitions: Dagster counts from them."""
        days = settings.keep.run_days
        jobs = ("compact_segments", RETENTION, BACKUP, VERIFICATION)
        forgotten = 0 if days is None else forget_old_runs(context.instance, jobs, days=days, now_ns=now_ns())
        context.add_output_metadata({"runs_removed": forgotten})

    @dg.job(
        name=RETENTION,
        description="Let go of segments, hours, reports and runs that the settings keep no longer.",
        tags=_TAGS,
        owners=OWNERS,
    )
    def retention() -> None:
        expire_runs(before=expire_record())

    return retention


def _backup(settings: PipelineSettings) -> dg.JobDefinition:
    @dg.op(
        pool=BACKUP_POOL,
        tags=_TAGS,
        out=dg.Out(dg.Nothing),
        retry_policy=dg.RetryPolicy(max_retries=2, delay=30, backoff=dg.Backoff.EXPONENTIAL, jitter=dg.Jitter.FULL),
    )
    def back_up_data(context: dg.OpExecutionContext) -> None:
        """Copy what changed since the last backup; all else keeps running."""
        if settings.backup_folder is None:
            raise dg.Failure("no backup folder is set (backup.folder)", allow_retries=False)
        report = back_up(
            BackupStore(settings.backup_folder),
            settings.data_dir,
            now_ns=now_ns(),
            configuration=settings.settings_file,
            keep=settings.backup_keep,
        )
        context.add_output_metadata(
            {
                "name": report.name,
                "digest": report.digest,
                "files": report.files,
                "bytes": report.bytes,
                "new_bytes": report.new_bytes,
                "removed_backups": len(report.removed_backups),
            }
        )

    @dg.job(
        name=BACKUP,
        description="Back the record up, consistent while everything runs; only what changed is copied.",
        tags=_TAGS,
        owners=OWNERS,
    )
    def backup() -> None:
        back_up_data()

    return backup


class Depth(dg.Config):
    """How much of the lake is read: with ``hashes`` every byte, else sizes and row counts."""

    hashes: bool = True


def _verification(settings: PipelineSettings) -> dg.JobDefinition:
    @dg.op(tags=_TAGS, out=dg.Out(dg.Nothing))
    def verify_lake(context: dg.OpExecutionContext, config: Depth) -> None:
        """Hold every file of the lake against the manifest."""
        audit = audit_lake(settings.data_dir, has_hashes=config.hashes)
        context.add_output_metadata({"files": audit.files, "rows": audit.rows, "bytes": audit.bytes})
        _fail_on(audit.findings, "the lake")

    @dg.op(pool=BACKUP_POOL, ins={"before": dg.In(dg.Nothing)}, tags=_TAGS, out=dg.Out(dg.Nothing))
    def verify_backup(context: dg.OpExecutionContext) -> None:
        """Read the newest backup again, every byte."""
        names = [] if settings.backup_folder is None else BackupStore(settings.backup_folder).names()
        if settings.backup_folder is None or not names:
            context.log.info("there is no backup to verify")
            return
        context.add_output_metadata({"name": names[-1]})
        findings = BackupStore(settings.backup_folder).verify(names[-1], lambda *_: None)
        _fail_on(findings, f"backup {names[-1]}")

    @dg.job(
        name=VERIFICATION,
        description="Read lake and newest backup again and compare; a finding fails the run, which is mailed.",
        tags=_TAGS,
        owners=OWNERS,
    )
    def verification() -> None:
        verify_backup(before=verify_lake())

    return verification


def _fail_on(findings: list[str], what: str) -> None:
    if findings:
        raise dg.Failure(
            f"{what}: {len(findings)} findings, the first: {findings[0]}",
            metadata={"findings": dg.MetadataValue.json(findings[:_SHOWN])},
            allow_retries=False,
        )
