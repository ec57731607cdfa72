"""Retention, backup and verification by the real jobs: what goes, what stays, and who hears of a finding."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from arb_pipeline.clock import now_ns
from arb_pipeline.defs.keep.runs import forget_old_runs
from arb_pipeline.hours import day_of
from arb_pipeline_tests.failure.lake_process import begin_lake
from arb_pipeline_tests.fixtures.platform import Platform, platform_at
from streaming_worker.adapters.clock import AnchoredClock
from streaming_worker.core.events import ClockTick
from streaming_worker.core.units import NANOS_PER_DAY
from streaming_worker.storage.live_file import WorkerRun
from streaming_worker.storage.record_reader import open_record
from streaming_worker.storage.sink import Sink

OLD_DAYS, YOUNG_DAYS = 20, 1
NO_DISK_LIMITS = {f"ARB_DISK_{name}_FREE_MB": "0" for name in ("WARN", "RAW_FRAMES", "CAPTURE")}
JOB_NAMES = ["apply_retention", "back_up_record", "verify_record"]


async def _fill(sink: Sink, days_ago: int) -> None:
    at = now_ns() - days_ago * NANOS_PER_DAY
    sink.put_event(days_ago, ClockTick(at))
    sink.put_raw_frame(at, "gemini", 1, "recv", b"frame " * 100)
    await sink.flush()


@pytest.fixture
def make_platform(tmp_path: Path) -> Callable[..., Platform]:
    """Return a starter of a platform whose lake holds an old and a young hour, and reports of both days."""

    def make(**environ: str) -> Platform:
        folder = tmp_path / "data"
        for days_ago in (OLD_DAYS, YOUNG_DAYS):
            run = WorkerRun(worker="demo", run_id=f"run-{days_ago}", version="0", settings="{}")
            sink = Sink(folder, run, AnchoredClock())
            sink.start()
            asyncio.run(_fill(sink, days_ago))
            sink.stop()
            report = folder / "reports" / day_of(now_ns() - days_ago * NANOS_PER_DAY)
            report.mkdir(parents=True)
            (report / "report.html").write_text("<p>fine</p>")
        begin_lake(folder)
        platform = platform_at(folder, home=tmp_path / "home", **NO_DISK_LIMITS, **environ)
        assert platform.compact().success
        return platform

    return make


def counts(platform: Platform) -> dict[str, int]:
    with open_record(platform.settings.data_dir) as record:
        return {name: record.rows(f"SELECT count(*) FROM {name}")[0][0] for name in ("clock_ticks", "raw_frames")}


def test_the_retention_job_lets_go_of_what_is_old_and_of_nothing_else(make_platform: Callable[..., Platform]) -> None:
    platform = make_platform(ARB_RETENTION_DAYS="raw_frames=7,reports=7")
    with platform.instance:
        assert counts(platform) == {"clock_ticks": 2, "raw_frames": 2}
        assert platform.run("apply_retention").success
        assert counts(platform) == {"clock_ticks": 2, "raw_frames": 1}
        assert len(list((platform.settings.data_dir / "reports").iterdir())) == 1
        assert len(list(platform.settings.data_dir.glob("segments/*/*.duckdb"))) == 2
        assert platform.run("verify_record").success
        assert platform.compact().success
        assert counts(platform) == {"clock_ticks": 2, "raw_frames": 1}


def test_an_hour_that_was_let_go_is_not_due(make_platform: Callable[..., Platform]) -> None:
    platform = make_platform(ARB_RETENTION_DAYS="replay=7,raw_frames=7,other=7", ARB_RETENTION_SEGMENT_HOURS="0")
    with platform.instance:
        assert len(platform.catalogue.due_hours()) == 2
        assert platform.run("apply_retention").success
        assert counts(platform) == {"clock_ticks": 1, "raw_frames": 1}
        assert len(platform.catalogue.due_hours()) == 1
        assert list(platform.settings.data_dir.glob("segments/*/*.duckdb")) == []
        assert len(list((platform.settings.lake / "clock_ticks").iterdir())) == 2  # the young day, and the empty one


def test_a_backup_is_made_and_a_damaged_one_fails_the_verification(
    make_platform: Callable[..., Platform], tmp_path: Path
) -> None:
    platform = make_platform(ARB_BACKUP_FOLDER=str(tmp_path / "kept"))
    with platform.instance:
        assert platform.run("back_up_record").success
        assert len(list((tmp_path / "kept" / "backups").iterdir())) == 1
        assert platform.run("verify_record").success
        stored = next(path for path in (tmp_path / "kept" / "objects").glob("??/*"))
        stored.write_bytes(bytes(stored.stat().st_size))
        verified = platform.run("verify_record")
        assert not verified.success
        (failure,) = verified.filter_events(lambda event: event.is_step_failure)
        assert "1 findings" in str(failure.step_failure_data.user_failure_data.description)


def test_a_lake_file_that_is_not_as_the_manifest_says_fails_the_verification(
    make_platform: Callable[..., Platform],
) -> None:
    platform = make_platform()
    with platform.instance:
        (file, *_) = (platform.settings.lake / "clock_ticks").glob("date=20*/*/*.parquet")
        content = bytearray(file.read_bytes())
        content[5] ^= 1
        file.write_bytes(content)
        quick = {"ops": {"verify_lake": {"config": {"hashes": False}}}}
        assert platform.run("verify_record", run_config=quick).success
        assert not platform.run("verify_record").success


def test_a_backup_without_a_folder_says_which_setting_is_missing(tmp_path: Path) -> None:
    platform = platform_at(tmp_path)
    with platform.instance:
        failed = platform.run("back_up_record")
        (failure,) = failed.filter_events(lambda event: event.is_step_failure)
        assert "backup.folder" in str(failure.step_failure_data.user_failure_data.description)


def test_old_runs_go_unless_an_asset_needs_them(make_platform: Callable[..., Platform]) -> None:
    platform = make_platform()
    with platform.instance as instance:
        needed = instance.get_runs()[0].run_id
        idle = platform.run("apply_retention").run_id
        later_ns = now_ns() + 31 * NANOS_PER_DAY
        jobs = ["compact_segments", "apply_retention"]
        assert forget_old_runs(instance, jobs, days=32, now_ns=later_ns) == 0
        assert forget_old_runs(instance, jobs, days=30, now_ns=later_ns) == 1
        assert [run.run_id for run in instance.get_runs()] == [needed]
        assert instance.all_logs(idle) == []
        assert instance.get_latest_materialization_event(dg.AssetKey(["lake", "clock_ticks"])) is not None


def test_each_schedule_asks_only_where_there_is_something_to_do(make_platform: Callable[..., Platform]) -> None:
    platform = make_platform(ARB_RETENTION_DAYS="runs=30")

    def ask(name: str, hour: int) -> Any:
        repository = platform.definitions.get_repository_def()
        sunday = datetime(2026, 1, 4, hour, 35, tzinfo=UTC)
        context = dg.build_schedule_context(
            instance=platform.instance, scheduled_execution_time=sunday, repository_def=repository
        )
        return repository.get_schedule_def(name).evaluate_tick(context)

    with platform.instance:
        assert "nothing may go" in str(ask("hourly_retention", 7).skip_message)
        assert len(ask("hourly_retention", 0).run_requests) == 1
        assert "no backup folder is set" in str(ask("daily_backup", 3).skip_message)
        (request,) = ask("daily_verification", 4).run_requests
        assert request.run_config["ops"]["verify_lake"]["config"]["hashes"] is True


def test_jobs_and_schedules_are_described_owned_and_running(tmp_path: Path) -> None:
    platform = platform_at(tmp_path)
    with platform.instance:
        repository = platform.definitions.get_repository_def()
        for name in JOB_NAMES:
            job = repository.get_job(name)
            assert (bool(job.description), job.owners, job.tags["domain"]) == (True, ["team:data"], "storage")
        pools = {node.name: node.definition.pool for node in repository.get_job("apply_retention").nodes}
        assert pools == {"expire_record": "duckdb_writer", "expire_runs": None}
        for schedule in repository.schedule_defs:
            assert schedule.default_status is dg.DefaultScheduleStatus.RUNNING
            assert schedule.description
