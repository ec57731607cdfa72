"""Days, weeks and ranges of UTC days: names, words and what they are compared with, over month and year ends."""

from datetime import datetime, timedelta

import pytest

from arb_pipeline.report.charts import time_ticks
from arb_pipeline.report.period import Period


def test_a_day_is_compared_with_the_day_the_week_and_the_seven_days_before() -> None:
    day = Period.of_day("2025-03-01")
    assert (day.name, day.title, day.days, day.keys) == ("2025-03-01", "2025-03-01", 1, ["2025-03-01"])
    assert [(name, period.name, is_mean) for name, period, is_mean in day.comparisons()] == [
        ("the day before", "2025-02-28", False),
        ("a week before", "2025-02-22", False),
        ("mean of 7 days", "2025-02-22_2025-02-28", True),
    ]


def test_a_leap_day_is_a_day() -> None:
    assert Period.between("2024-02-28", "2024-03-01").keys == ["2024-02-28", "2024-02-29", "2024-03-01"]


def test_a_week_is_named_by_its_number_also_over_new_year() -> None:
    week = Period.between("2024-12-30", "2025-01-05")
    assert week.is_week
    assert week.title == "week 1 of 2025 (2024-12-30 to 2025-01-05)"
    assert [(name, period.name) for name, period, _ in week.comparisons()] == [
        ("the week before", "2024-12-23_2024-12-29")
    ]


def test_any_range_is_compared_with_as_many_days_before() -> None:
    month = Period.between("2025-03-01", "2025-03-31")
    assert not month.is_week
    assert month.title == "2025-03-01 to 2025-03-31"
    ((name, before, _),) = month.comparisons()
    assert (name, before.name) == ("the 31 days before", "2025-01-29_2025-02-28")


@pytest.mark.parametrize(("first", "last"), [("2025-03-02", "2025-03-01"), ("2023-01-01", "2024-01-02")])
def test_a_range_has_an_order_and_an_end(first: str, last: str) -> None:
    with pytest.raises(ValueError, match="expected 1 to 366 days"):
        Period.between(first, last)


@pytest.mark.parametrize(
    ("begin", "minutes", "expected"),
    [
        ("2025-03-08T21:45", 130, ["22:00", "22:30", "23:00", "23:30"]),
        ("2025-03-08T00:03", 1430, ["04:00", "08:00", "12:00", "16:00", "20:00"]),
        ("2025-03-08T10:00:20", 0, []),
        ("2025-03-08T10:00", 0, ["10:00"]),
    ],
)
def test_a_picture_of_time_has_round_moments(begin: str, minutes: int, expected: list[str]) -> None:
    first = datetime.fromisoformat(begin)
    ticks = time_ticks([first, first + timedelta(minutes=minutes)])
    assert [tick.strftime("%H:%M") for tick in ticks] == expected
    assert time_ticks([]) == []


def test_a_long_range_has_few_moments() -> None:
    first = datetime.fromisoformat("2025-01-01T05:00")
    for days in (2, 7, 31, 90, 366):
        assert 1 <= len(time_ticks([first, first + timedelta(days=days)])) <= 7
