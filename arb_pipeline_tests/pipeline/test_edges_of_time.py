"""Days that are not like others: the end of a month, the days clocks change, a night in which nothing could be seen."""

from collections.abc import Iterator

import duckdb
import pytest

from arb_pipeline.hours import Hour, day_of, hours_of_day
from arb_pipeline.partitions import DAYS, HOURS
from arb_pipeline_tests.fixtures.platform import Platform, checks_of, platform_at
from arb_pipeline_tests.fixtures.recorded import CapturingEngine, market_settings
from streaming_worker.adapters.clock import AnchoredClock
from streaming_worker.core.events import ClockTick
from streaming_worker.core.units import NANOS_PER_SECOND
from streaming_worker.engine.engine import Engine
from streaming_worker.storage.live_file import WorkerRun
from streaming_worker.storage.sink import Sink, SinkSettings

# The last hour of a quarter and the first of the next.
FIRST = Hour.from_key("2025-03-31-23:00")
LAST = FIRST.shifted(1)


@pytest.mark.parametrize(
    "day", ["2025-03-09", "2025-03-30", "2025-10-26", "2025-11-02", "2025-02-28", "2028-02-29", "2025-12-31"]
)
def test_every_utc_day_has_24_hours_wherever_clocks_change(day: str) -> None:
    hours = hours_of_day(day)
    assert len({hour.key for hour in hours}) == 24
    assert {hour.date for hour in hours} == {day}
    assert [hour.shifted(1) for hour in hours[:-1]] == hours[1:]
    assert day_of(hours[-1].end_ns - 1) == day != day_of(hours[-1].end_ns)


@pytest.mark.parametrize("key", ["2025-03-09-02:00", "2025-03-30-01:00", "2025-10-26-01:00", "2025-11-02-01:00"])
def test_the_hour_in_which_clocks_change_is_one_partition(key: str) -> None:
    hour = Hour.from_key(key)
    window = HOURS.time_window_for_partition_key(key)
    assert (window.end - window.start).total_seconds() == 3600
    assert int(window.start.timestamp()) * NANOS_PER_SECOND == hour.start_ns
    assert hour.key == key


def test_a_month_ends_between_two_partitions() -> None:
    window = HOURS.time_window_for_partition_key(FIRST.key)
    assert HOURS.get_partition_key_for_timestamp(window.end.timestamp()) == LAST.key == "2025-04-01-00:00"
    assert DAYS.get_partition_key_for_timestamp(window.start.timestamp()) == "2025-03-31"
    assert DAYS.get_partition_key_for_timestamp(window.end.timestamp()) == "2025-04-01"


@pytest.fixture(scope="module")
def night(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    """Two hours over midnight in which the worker ran and no feed ever came up, worked to the end."""
    folder = tmp_path_factory.mktemp("night") / "data"
    run = WorkerRun(worker="main", run_id="night", version="test", settings="{}")
    sink = Sink(folder, run, AnchoredClock(), SinkSettings(rotate_seconds=3600, commit_ms=5))
    sink.start()
    try:
        engine = CapturingEngine(Engine(market_settings()), sink)
        for second in range(2 * 3600 + 60):
            now = FIRST.start_ns + second * NANOS_PER_SECOND
            engine.process(ClockTick(now))
            if second and second % 3600 == 0:
                sink.put_gap(now, "gemini", None, "no connection", start_ns=now - 3600 * NANOS_PER_SECOND, end_ns=now)
    finally:
        sink.stop()
    platform = platform_at(folder)
    with platform.instance:
        assert platform.compact().success
        yield platform


def test_a_night_with_only_gaps_is_worked_and_published_as_what_it_was(night: Platform) -> None:
    result = night.work(FIRST, LAST)
    assert result.success
    assert [name for name, check in checks_of(result).items() if not check.passed] == []
    with duckdb.connect(str(night.settings.published), read_only=True) as connection:
        days = connection.execute(
            "FROM rpt_daily SELECT report_date::VARCHAR, hours_covered, hours_complete, completeness_pct::INTEGER,"
            " data_verdict, opportunities, trades, realised_net_usd::INTEGER ORDER BY report_date"
        ).fetchall()
        shares = connection.execute(
            "FROM fct_completeness SELECT DISTINCT status, completeness_pct::INTEGER"
        ).fetchall()
        gap_ns = connection.execute(
            "FROM fct_completeness SELECT DISTINCT gap_ns WHERE market LIKE 'gemini%'"
        ).fetchall()
        traded = connection.execute("FROM fct_pnl_hourly SELECT count(*)").fetchall()
    # Midnight UTC divides the night, and with it the quarter.
    assert days == [
        ("2025-03-31", 1, 0, 0, "incomplete", 0, 0, 0),
        ("2025-04-01", 1, 0, 0, "incomplete", 0, 0, 0),
    ]
    assert shares == [("incomplete", 0)]
    assert gap_ns == [(3600 * NANOS_PER_SECOND,)]
    assert traded == [(0,)]


def test_a_day_without_anything_has_no_row_anywhere(night: Platform) -> None:
    hour = Hour.from_key("2025-03-20-12:00")
    result = night.work(hour, hour)
    assert result.success
    with duckdb.connect(str(night.settings.published), read_only=True) as connection:
        tables = ("rpt_daily", "fct_completeness", "fct_pnl_daily", "fct_edge_decay", "fct_venue_comparison")
        for table in tables:
            found = connection.execute(f"FROM {table} SELECT count(*) WHERE report_date = '2025-03-20'").fetchall()
            assert found == [(0,)], table
