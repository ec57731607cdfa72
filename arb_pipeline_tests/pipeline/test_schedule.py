"""The report of the UTC day before, at a local time of day, on both sides of a change of the clock."""

from datetime import UTC, date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import dagster as dg
import pytest

from arb_pipeline.partitions import WEEKS
from arb_pipeline_tests.fixtures.platform import platform_at


@pytest.mark.parametrize(
    ("local_day", "expected"),
    [("2025-03-30", "2025-03-29"), ("2025-03-31", "2025-03-30"), ("2025-10-26", "2025-10-25")],
    ids=["the day of the change in spring", "the day after", "the day of the change in autumn"],
)
def test_the_report_is_of_the_day_before_in_utc(tmp_path: Path, local_day: str, expected: str) -> None:
    platform = platform_at(tmp_path, ARB_REPORT_TIMEZONE="Europe/London", ARB_REPORT_TIME="07:05")
    with platform.instance:
        repository = platform.definitions.get_repository_def()
        schedule = repository.get_schedule_def("daily_report_mail")
        assert (schedule.execution_timezone, schedule.cron_schedule) == ("Europe/London", "5 7 * * *")
        planned = datetime.fromisoformat(f"{local_day}T07:05").replace(tzinfo=ZoneInfo("Europe/London"))
        context = dg.build_schedule_context(
            instance=platform.instance, scheduled_execution_time=planned, repository_def=repository
        )
        (request,) = schedule.evaluate_tick(context).run_requests
        assert request.partition_key == expected
        assert request.run_key == f"scheduled-{expected}"


def test_just_after_midnight_in_the_east_the_utc_day_is_still_running(tmp_path: Path) -> None:
    platform = platform_at(tmp_path, ARB_REPORT_TIMEZONE="Asia/Tokyo", ARB_REPORT_TIME="00:30")
    with platform.instance:
        repository = platform.definitions.get_repository_def()
        schedule = repository.get_schedule_def("daily_report_mail")
        planned = datetime.fromisoformat("2025-03-10T00:30").replace(tzinfo=ZoneInfo("Asia/Tokyo"))
        context = dg.build_schedule_context(
            instance=platform.instance, scheduled_execution_time=planned, repository_def=repository
        )
        (request,) = schedule.evaluate_tick(context).run_requests
        assert request.partition_key == "2025-03-08"


@pytest.mark.parametrize(
    ("zone", "local", "monday"),
    [
        ("Europe/London", "2025-03-31T07:05", "2025-03-24"),
        ("Europe/London", "2025-10-27T07:05", "2025-10-20"),
        ("America/New_York", "2025-12-29T07:05", "2025-12-22"),
        ("Asia/Tokyo", "2025-03-31T00:30", "2025-03-17"),
    ],
    ids=[
        "after the change in spring",
        "after the change in autumn",
        "in the last week of a year",
        "Sunday still in UTC",
    ],
)
def test_the_weekly_report_is_of_the_last_whole_week_in_utc(tmp_path: Path, zone: str, local: str, monday: str) -> None:
    platform = platform_at(tmp_path, ARB_REPORT_TIMEZONE=zone, ARB_REPORT_TIME=local[-5:])
    with platform.instance:
        repository = platform.definitions.get_repository_def()
        schedule = repository.get_schedule_def("weekly_report_mail")
        assert (schedule.execution_timezone, schedule.cron_schedule.split()[-1]) == (zone, "1")
        planned = datetime.fromisoformat(local).replace(tzinfo=ZoneInfo(zone))
        assert planned.weekday() == 0
        context = dg.build_schedule_context(
            instance=platform.instance, scheduled_execution_time=planned, repository_def=repository
        )
        (request,) = schedule.evaluate_tick(context).run_requests
        assert request.partition_key == monday
        assert WEEKS.has_partition_key(monday)


def test_no_weekly_report_is_asked_for_before_a_week_with_partitions_is_over(tmp_path: Path) -> None:
    platform = platform_at(tmp_path)
    first = date.fromisoformat(WEEKS.get_first_partition_key() or "")
    planned = datetime(first.year, first.month, first.day, 6, 30, tzinfo=UTC)
    with platform.instance:
        repository = platform.definitions.get_repository_def()
        schedule = repository.get_schedule_def("weekly_report_mail")
        context = dg.build_schedule_context(
            instance=platform.instance, scheduled_execution_time=planned, repository_def=repository
        )
        data = schedule.evaluate_tick(context)
    assert data.run_requests == []
    assert "before the first day that has partitions" in (data.skip_message or "")
