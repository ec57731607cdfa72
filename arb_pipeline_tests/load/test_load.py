"""A short load on the real programs: everybody is answered, within the shipped limits, while the worker decides on."""

from pathlib import Path

import pytest

from arb_pipeline_tests.load.run import measure, table
from arb_pipeline_tests.load.stand import open_stand, percentile_s
from arb_pipeline_tests.load.viewers import measure_viewers


def test_twenty_users_are_answered_and_the_worker_goes_on(tmp_path: Path) -> None:
    with open_stand(tmp_path, 20) as stand:
        row = measure(stand, 20, 10)
        crowd = measure_viewers(stand, 12, 2, 6)
    assert row["errors"] == 0, row
    assert row["requests"] > 20
    assert row["p50_ms"] is not None
    assert row["p50_ms"] <= row["p95_ms"] <= row["p99_ms"]
    assert row["worker_frame_to_decision_p99_ms"] is not None
    assert row["api_memory_mb"] > 0
    assert row["generator_cpu_percent"] > 0
    assert crowd["readers_alive"] == 10
    assert crowd["messages"] >= crowd["changes"] > 10
    assert crowd["delay_p50_ms"] <= crowd["delay_p99_ms"] <= crowd["delay_max_ms"]
    assert table([row]).count("\n") == len(row) - 1


def test_a_percentile_is_of_what_was_counted_between_two_moments() -> None:
    before = {0.001: 100.0, 0.01: 100.0, float("inf"): 100.0}
    after = {0.001: 150.0, 0.01: 199.0, float("inf"): 200.0}
    assert percentile_s(before, after, 0.25) == pytest.approx(0.000_5)
    assert percentile_s(before, after, 0.5) == 0.001
    assert percentile_s(before, after, 0.99) == pytest.approx(0.01)
    assert percentile_s(before, after, 0.999) == 0.01
    assert percentile_s(after, after, 0.5) is None
