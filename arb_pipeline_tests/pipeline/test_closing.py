"""When an hour may be worked on: passed by every run that has rows in it, or fallen silent; never while it runs."""

import pytest

from arb_pipeline.hours import Hour
from arb_pipeline.lake.catalogue import DueHour
from arb_pipeline.lake.closing import closed_hours
from streaming_worker.core.units import NANOS_PER_SECOND

HOUR = Hour.from_key("2025-03-08-12:00")
GRACE_NS = 60 * NANOS_PER_SECOND


def due(*, last_s: int, recorded_s: int, version: int = 1) -> DueHour:
    """Return a part of the hour; seconds count from the hour's end."""
    return DueHour(HOUR, version, HOUR.end_ns + last_s * NANOS_PER_SECOND, HOUR.end_ns + recorded_s * NANOS_PER_SECOND)


@pytest.mark.parametrize(
    ("last_s", "recorded_s", "now_s", "is_closed"),
    [
        (-5, 1, 2, False),
        (0, 1, 2, True),
        (-600, -590, 59, False),
        (-600, -590, 60, True),
        (-600, 30, 80, False),
        (-600, 30, 90, True),
        (-600, -1_000, -1, False),
        (1, 7_000, 7_010, False),
        (3_500, 7_000, 7_010, True),
        (1, 7_000, 7_060, True),
    ],
    ids=[
        "the run has not passed the end",
        "the run has passed the end",
        "the run is silent, but not long enough after the end",
        "the run is silent and the grace is over",
        "a late segment came in a moment ago",
        "after the late segment all is silent",
        "the hour is not over",
        "a history that is hours behind goes on",
        "a history that has caught up",
        "a history that has ended",
    ],
)
def test_an_hour_is_closed_by_passing_or_by_silence(
    *, last_s: int, recorded_s: int, now_s: int, is_closed: bool
) -> None:
    now_ns = HOUR.end_ns + now_s * NANOS_PER_SECOND
    closed = closed_hours([due(last_s=last_s, recorded_s=recorded_s)], now_ns=now_ns, grace_ns=GRACE_NS)
    assert (HOUR in closed) is is_closed


def test_one_open_run_keeps_the_hour_open() -> None:
    parts = [due(last_s=10, recorded_s=1), due(last_s=-10, recorded_s=1)]
    now_ns = HOUR.end_ns + 5 * NANOS_PER_SECOND
    assert closed_hours(parts, now_ns=now_ns, grace_ns=GRACE_NS) == {}


def test_versions_of_all_runs_add_up_so_that_new_data_is_a_new_version() -> None:
    parts = [due(last_s=10, recorded_s=1, version=3), due(last_s=20, recorded_s=1, version=4)]
    assert closed_hours(parts, now_ns=HOUR.end_ns + 10**10, grace_ns=GRACE_NS) == {HOUR: 7}
