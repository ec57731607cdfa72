"""What monitoring is told: rows that the replay did not repeat, reports that are late, and when it was measured."""

import json
from datetime import time
from pathlib import Path

import msgspec
import pytest

from arb_pipeline.clock import now_ns
from arb_pipeline.hours import Hour, day_start_ns
from arb_pipeline.lake.connection import open_memory
from arb_pipeline.lake.layout import LakeLayout
from arb_pipeline.measures import FILE_NAME, ReportPlan, last_sent_ns, overdue_days, replay_rows
from arb_pipeline_tests.fixtures.platform import DAY, LAST, Evening, Platform, platform_at
from arb_pipeline_tests.pipeline.test_sensors import tick
from streaming_worker.core.units import NANOS_PER_DAY, NANOS_PER_HOUR, NANOS_PER_SECOND
from streaming_worker.service.exposition.pipeline import FILE_NAME as FILE_THAT_THE_WORKER_READS
from streaming_worker.service.exposition.pipeline import PipelineReading

NEXT_DAY_NS = day_start_ns(DAY) + NANOS_PER_DAY
HALF_PAST_SIX = time(6, 30)


def test_the_replay_of_a_good_evening_is_all_matched(evening: Evening) -> None:
    rows = replay_rows(evening.platform.layout, now_ns=LAST.end_ns)
    assert rows["matched"] > 4_000
    assert (rows["missing"], rows["extra"], rows["different"]) == (0, 0, 0)


def test_hours_older_than_a_day_do_not_count(evening: Evening) -> None:
    rows = replay_rows(evening.platform.layout, now_ns=LAST.end_ns + NANOS_PER_DAY)
    assert rows == {"matched": 0, "missing": 0, "extra": 0, "different": 0}


def test_a_row_that_the_replay_lacks_is_counted(compacted: Platform) -> None:
    folder = compacted.layout.folder("reconciliation", LAST)
    (file,) = folder.glob("*.parquet")
    with open_memory() as connection:
        connection.execute(
            f"COPY (FROM read_parquet('{file}') SELECT * REPLACE"
            f" (CASE WHEN row_number() OVER () = 1 THEN 'missing' ELSE status END AS status)) TO '{file}.new'"
            " (FORMAT parquet)"
        )
    Path(f"{file}.new").replace(file)
    assert replay_rows(compacted.layout, now_ns=LAST.end_ns)["missing"] == 1


@pytest.mark.parametrize(
    ("timezone", "due_ns"),
    [
        ("UTC", NEXT_DAY_NS + 15 * NANOS_PER_HOUR // 2),
        # summer time began there on this very morning: 06:30 is 10:30 UTC, the day before it was 11:30
        ("America/New_York", NEXT_DAY_NS + 23 * NANOS_PER_HOUR // 2),
    ],
)
def test_a_report_is_overdue_an_hour_after_its_time_until_it_is_sent(
    evening: Evening, tmp_path: Path, timezone: str, due_ns: int
) -> None:
    layout = evening.platform.layout
    plan = ReportPlan(tmp_path, HALF_PAST_SIX, timezone)
    assert overdue_days(layout, plan, now_ns=due_ns) == []
    assert overdue_days(layout, plan, now_ns=due_ns + NANOS_PER_SECOND) == [DAY]
    sent = ReportPlan(evening.platform.settings.reports, HALF_PAST_SIX, timezone)
    assert overdue_days(layout, sent, now_ns=due_ns + NANOS_PER_SECOND) == []


def test_a_day_without_data_owes_no_report(tmp_path: Path) -> None:
    plan = ReportPlan(tmp_path, HALF_PAST_SIX, "UTC")
    assert overdue_days(LakeLayout(tmp_path), plan, now_ns=NEXT_DAY_NS + NANOS_PER_DAY) == []
    assert last_sent_ns(tmp_path) is None


def test_the_sensor_writes_what_the_worker_reads(tmp_path: Path) -> None:
    platform = platform_at(tmp_path)
    platform.layout.root.mkdir(parents=True)
    with platform.instance:
        before_ns = now_ns()
        data = tick(platform, "pipeline_metrics")
    assert data.run_requests == []
    content = (platform.settings.state / FILE_NAME).read_bytes()
    assert FILE_NAME == FILE_THAT_THE_WORKER_READS
    reading = msgspec.json.decode(content, type=PipelineReading)
    assert set(json.loads(content)) == set(PipelineReading.__struct_fields__)
    assert before_ns <= reading.written_ns <= now_ns()
    assert Hour.of(reading.written_ns).date not in data.skip_message
    assert (reading.reports_overdue, reading.report_sent_ns, reading.segments_refused) == (0, None, 0)
