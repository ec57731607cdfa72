"""Hours and days as keys, folders and windows."""

import pytest

from arb_pipeline.hours import Hour, contiguous, day_of, day_start_ns, hours_of_day
from streaming_worker.core.units import NANOS_PER_HOUR, NANOS_PER_SECOND

# 2025-03-09 00:00:00 UTC.
MIDNIGHT_NS = 1_741_478_400 * NANOS_PER_SECOND


def test_a_key_and_its_hour_are_the_same_thing() -> None:
    hour = Hour.from_key("2025-03-08-23:00")
    assert hour.end_ns == MIDNIGHT_NS
    assert hour.key == "2025-03-08-23:00"
    assert hour.folder == "date=2025-03-08/hour=23"
    assert hour.date == "2025-03-08"


@pytest.mark.parametrize(("offset", "expected"), [(-1, "2025-03-08-23:00"), (0, "2025-03-09-00:00")])
def test_a_window_is_half_open(offset: int, expected: str) -> None:
    assert Hour.of(MIDNIGHT_NS + offset).key == expected


def test_a_utc_day_has_24_hours_even_when_clocks_change() -> None:
    hours = hours_of_day("2025-03-30")
    assert len(hours) == 24
    assert {hour.date for hour in hours} == {"2025-03-30"}
    assert hours[-1].end_ns - hours[0].start_ns == 24 * NANOS_PER_HOUR


def test_a_day_starts_where_the_one_before_ends() -> None:
    assert day_start_ns("2025-03-09") == MIDNIGHT_NS
    assert day_of(MIDNIGHT_NS - 1) == "2025-03-08"


def test_hours_are_grouped_where_they_touch() -> None:
    first = Hour.from_key("2025-03-08-22:00")
    hours = [first.shifted(offset) for offset in (5, 0, 1, 2, 2)]
    groups = contiguous(hours, longest=2)
    assert [[hour.key[-5:] for hour in group] for group in groups] == [["22:00", "23:00"], ["00:00"], ["03:00"]]
