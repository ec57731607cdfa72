"""Data that comes late for an old hour: the hour is worked again, and the reports that are out follow it, unmailed."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from arb_pipeline_tests.fixtures.mailbox import Mailbox
from arb_pipeline_tests.fixtures.platform import DAY, FIRST, HOURS, MONDAY, Evening, Platform, checks_of, platform_at
from arb_pipeline_tests.fixtures.recorded import MINUTE_NS, Stretch, capture
from arb_pipeline_tests.pipeline.test_sensors import tick
from streaming_worker.core.units import NANOS_PER_HOUR

HOUR = FIRST.shifted(1)
REPORTS = dg.AssetSelection.assets("daily_report", "weekly_report")


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[Platform]:
    platform = platform_at(tmp_path)
    with platform.instance:
        yield platform


class Conditions:
    """Evaluates the automation conditions of the reports, one after another."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._cursor: Any = None

    def made(self, name: str, partition: str | None = None) -> None:
        """Say that an asset was made elsewhere."""
        self._platform.instance.report_runless_asset_event(dg.AssetMaterialization(name, partition=partition))

    def asked(self) -> dict[str, set[str]]:
        """Return which partitions of which reports are asked for now."""
        result = dg.evaluate_automation_conditions(
            self._platform.definitions, self._platform.instance, asset_selection=REPORTS, cursor=self._cursor
        )
        self._cursor = result.cursor
        names = ("daily_report", "weekly_report")
        found = {name: result.get_requested_partitions(dg.AssetKey(name)) for name in names}
        return {name: {str(key) for key in keys} for name, keys in found.items() if keys}


def test_reports_that_are_out_are_made_again_and_no_others(empty: Platform) -> None:
    conditions = Conditions(empty)
    assert conditions.asked() == {}
    conditions.made("pnl_hourly", HOUR.key)
    conditions.made("published_database")
    assert conditions.asked() == {}, "a report that was never made waits for its schedule"
    conditions.made("daily_report", DAY)
    assert conditions.asked() == {}
    conditions.made("pnl_hourly", FIRST.key)
    assert conditions.asked() == {"daily_report": {DAY}}
    assert conditions.asked() == {}
    conditions.made("weekly_report", MONDAY)
    assert conditions.asked() == {}
    conditions.made("pnl_hourly", "2025-03-04-02:00")
    assert conditions.asked() == {"weekly_report": {MONDAY}}
    conditions.made("pnl_hourly", "2025-03-10-02:00")
    assert conditions.asked() == {}, "a new day is nobody's late data"


def test_a_run_that_still_publishes_is_waited_for(empty: Platform) -> None:
    conditions = Conditions(empty)
    conditions.made("daily_report", DAY)
    assert conditions.asked() == {}
    job = empty.definitions.resolve_job_def("work_closed_hours")
    run = empty.instance.create_run_for_job(
        job, status=dg.DagsterRunStatus.STARTED, asset_selection=frozenset({dg.AssetKey("published_database")})
    )
    conditions.made("pnl_hourly", HOUR.key)
    assert conditions.asked() == {}
    empty.instance.report_run_canceled(run)
    assert conditions.asked() == {"daily_report": {DAY}}


def test_a_late_segment_makes_just_its_hour_due_and_what_hangs_on_it_is_made_again(compacted: Platform) -> None:
    _finish(compacted)
    assert tick(compacted, "closed_hours").skip_message == "no closed hour has new data"
    # A second worker was there all the time; its file arrives a day late.
    late = Stretch(start_ns=HOUR.start_ns + MINUTE_NS, seconds=40 * 60, run_id="run-late", worker="late")
    capture(compacted.settings.data_dir, late)
    assert compacted.compact().success
    _age(compacted)
    (request,) = tick(compacted, "closed_hours").run_requests
    assert {request.tags[f"dagster/asset_partition_range_{end}"] for end in ("start", "end")} == {HOUR.key}
    only = ["replayed_outputs", "reconciled_opportunities", "simulated_trades", "feed_quality", "pnl_hourly"]
    before = {table: _bytes(compacted, table) for table in ("pnl_hourly", "replay_runs")}
    result = compacted.work(HOUR, HOUR, only=only)
    assert result.success
    assert checks_of(result)["reconciled_opportunities:live_equals_replay"].passed
    after = {table: _bytes(compacted, table) for table in before}
    for table in before:
        changed = {hour for hour in HOURS if after[table][hour.key] != before[table][hour.key]}
        assert changed == {HOUR}, table


def test_a_report_made_again_for_late_data_is_kept_and_not_mailed(evening: Evening, mailbox: Mailbox) -> None:
    folder = evening.platform.settings.reports / DAY
    kept = folder / "report.txt"
    text = kept.read_text()
    mails = len(mailbox.to("desk@example.test"))
    kept.write_text("as it was before the late data")
    (folder / "deliveries.jsonl").rename(folder / "hidden.jsonl")
    try:
        again = {"dagster/from_automation_condition": "true"}
        result = evening.platform.run("send_daily_report", partition_key=DAY, tags=again)
    finally:
        (folder / "hidden.jsonl").rename(folder / "deliveries.jsonl")
    assert result.success
    assert kept.read_text() == text
    assert len(mailbox.to("desk@example.test")) == mails


def test_the_week_is_the_sum_of_its_days_and_mailed_once(evening: Evening, mailbox: Mailbox) -> None:
    mails = [mail for mail in mailbox.to("desk@example.test") if "week 10 of 2025" in mail["Subject"]]
    assert len(mails) == 1
    folder = evening.platform.settings.reports / "2025-03-03_2025-03-09"
    daily = (evening.platform.settings.reports / DAY / "report.txt").read_text()
    (line,) = (line for line in daily.splitlines() if "USD simulated over" in line)
    assert line in (folder / "report.txt").read_text()
    assert evening.platform.run("send_weekly_report", partition_key=MONDAY).success
    assert len([mail for mail in mailbox.to("desk@example.test") if "week 10 of 2025" in mail["Subject"]]) == 1


def _bytes(platform: Platform, table: str) -> dict[str, list[bytes]]:
    return {
        hour.key: [path.read_bytes() for path in sorted(platform.layout.folder(table, hour).glob("*.parquet"))]
        for hour in HOURS
    }


def _finish(platform: Platform) -> None:
    _manifest(platform, "update hours set finished_version = version")


def _age(platform: Platform) -> None:
    """Let an hour pass since every segment was compacted."""
    _manifest(platform, f"update segments set recorded_ns = recorded_ns - {NANOS_PER_HOUR}")


def _manifest(platform: Platform, statement: str) -> None:
    with closing(sqlite3.connect(platform.layout.catalogue)) as connection, connection:
        connection.execute(statement)
    connection.close()
