"""Who asks for which run, and when: batches, closed hours, the first report; nothing twice."""

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from arb_pipeline.report.delivery import RECORD_FILE
from arb_pipeline_tests.fixtures.damage import rewrite
from arb_pipeline_tests.fixtures.platform import DAY, FIRST, LAST, Evening, Platform, platform_at
from streaming_worker.core.units import NANOS_PER_SECOND


@pytest.fixture
def fresh(captured: Path, tmp_path: Path) -> Iterator[Platform]:
    """A data folder with sealed segments that nobody has looked at."""
    shutil.copytree(captured, tmp_path / "data")
    platform = platform_at(tmp_path / "data")
    with platform.instance:
        yield platform


def tick(platform: Platform, name: str, cursor: str | None = None) -> Any:
    """Evaluate a sensor of the code location once."""
    repository = platform.definitions.get_repository_def()
    sensor = repository.get_sensor_def(name)
    context = dg.build_sensor_context(
        instance=platform.instance,
        cursor=cursor,
        repository_def=repository,
        resources={key: platform.definitions.resources[key] for key in sensor.required_resource_keys},
    )
    return sensor.evaluate_tick(context)


def under_way(platform: Platform, job: str) -> None:
    """Leave a run of a job that has begun and not ended."""
    platform.instance.create_run_for_job(platform.definitions.resolve_job_def(job), status=dg.DagsterRunStatus.STARTED)


def test_all_waiting_segments_go_into_one_run(fresh: Platform) -> None:
    data = tick(fresh, "sealed_segments")
    (request,) = data.run_requests
    assert int(request.tags["segments"]) > 1
    assert int(data.cursor) > 0


def test_compactions_keep_their_distance_and_never_queue(fresh: Platform) -> None:
    cursor = tick(fresh, "sealed_segments").cursor
    assert "a moment ago" in tick(fresh, "sealed_segments", cursor).skip_message
    earlier = str(int(cursor) - (fresh.settings.compact_seconds + 1) * NANOS_PER_SECOND)
    assert tick(fresh, "sealed_segments", earlier).run_requests
    under_way(fresh, "compact_segments")
    assert "under way" in tick(fresh, "sealed_segments", earlier).skip_message


def test_a_compaction_lets_hours_go_first_but_not_for_ever(fresh: Platform) -> None:
    asked_ns = int(tick(fresh, "sealed_segments").cursor)
    under_way(fresh, "work_closed_hours")
    for intervals, is_asked in ((2, False), (6, True)):
        cursor = str(asked_ns - intervals * fresh.settings.compact_seconds * NANOS_PER_SECOND)
        assert bool(tick(fresh, "sealed_segments", cursor).run_requests) is is_asked


def test_nothing_waits_after_a_compaction(fresh: Platform) -> None:
    assert fresh.compact().success
    assert tick(fresh, "sealed_segments").skip_message == "no sealed segment waits"


def test_closed_hours_are_asked_for_as_one_range_once(fresh: Platform) -> None:
    assert "lake is empty" in tick(fresh, "closed_hours").skip_message
    fresh.compact()
    # The evening was captured long after it was: its silence has to last for the grace first.
    assert tick(fresh, "closed_hours").skip_message == "no closed hour has new data"
    _age(fresh)
    data = tick(fresh, "closed_hours")
    (request,) = data.run_requests
    assert request.tags["dagster/asset_partition_range_start"] == FIRST.key
    assert request.tags["dagster/asset_partition_range_end"] == LAST.shifted(1).key
    assert tick(fresh, "closed_hours", data.cursor).skip_message == "no closed hour has new data"


def test_an_hour_whose_check_failed_is_not_asked_for_again_until_its_data_changes(compacted: Platform) -> None:
    _reopen(compacted)
    cursor = tick(compacted, "closed_hours").cursor
    rewrite(compacted.layout, "opportunities", LAST, "SELECT * FROM file LIMIT 1", is_noticed=False)
    assert not compacted.work(LAST, LAST, only=["replayed_outputs", "reconciled_opportunities"]).success
    assert LAST in {part.hour for part in compacted.catalogue.due_hours()}
    assert tick(compacted, "closed_hours", cursor).skip_message == "no closed hour has new data"
    _reopen(compacted)
    (request,) = tick(compacted, "closed_hours", cursor).run_requests
    assert request.tags["dagster/asset_partition_range_start"] == LAST.key


def test_hours_wait_while_hours_are_worked(fresh: Platform) -> None:
    fresh.compact()
    _age(fresh)
    under_way(fresh, "work_closed_hours")
    assert tick(fresh, "closed_hours").skip_message == "hours are being worked on"


def test_the_first_report_waits_for_the_published_file_and_for_due_hours(evening: Evening, fresh: Platform) -> None:
    assert tick(fresh, "first_report").skip_message == "nothing is published yet"
    shutil.copytree(evening.platform.settings.lake, fresh.settings.lake)
    shutil.copytree(evening.platform.settings.published.parent, fresh.settings.published.parent)
    _age(fresh)
    assert "wait to be worked on" in tick(fresh, "first_report").skip_message
    _finish(fresh)
    # in a folder that began this morning the schedule has already told of a yesterday without data
    empty = fresh.settings.reports / "2025-01-01" / RECORD_FILE
    empty.parent.mkdir(parents=True)
    empty.touch()
    (request,) = tick(fresh, "first_report").run_requests
    assert request.partition_key == DAY


def test_a_second_first_report_is_never_asked_for(evening: Evening) -> None:
    assert tick(evening.platform, "first_report").skip_message == "a report was sent before"


def _age(platform: Platform) -> None:
    """Let an hour pass since every segment was compacted."""
    _manifest(platform, "update segments set recorded_ns = recorded_ns - 3600000000000")


def _reopen(platform: Platform) -> None:
    """Let new data come in for the last hour."""
    _age(platform)
    _manifest(platform, f"update hours set version = version + 1 where hour_ns = {LAST.start_ns}")
    _manifest(platform, f"update hours set finished_version = version where hour_ns <> {LAST.start_ns}")


def _finish(platform: Platform) -> None:
    _manifest(platform, "update hours set finished_version = version")


def _manifest(platform: Platform, statement: str) -> None:
    with closing(sqlite3.connect(platform.layout.catalogue)) as connection, connection:
        connection.execute(statement)
    connection.close()
