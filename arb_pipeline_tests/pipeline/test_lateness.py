"""What should be done by now: late hours and missing reports, on month ends, clock changes and far from UTC."""

from datetime import UTC, datetime, time

import pytest

from arb_pipeline.hours import Hour, day_start_ns
from arb_pipeline.lake.catalogue import DueHour
from arb_pipeline.watch.lateness import LATE_AFTER_NS, ReportPlan, late_hours, missing_reports
from streaming_worker.core.units import NANOS_PER_SECOND

HOUR = Hour.from_key("2025-03-08-22:00")
GRACE_NS = 180 * NANOS_PER_SECOND


def due(hour: Hour, recorded_ns: int | None = None) -> DueHour:
    """Return an hour that waits, compacted at its end unless said otherwise."""
    return DueHour(hour, 1, hour.end_ns, hour.end_ns if recorded_ns is None else recorded_ns)


def test_an_hour_that_waits_for_long_is_late_and_one_that_is_just_over_is_not() -> None:
    limit_ns = HOUR.end_ns + GRACE_NS + LATE_AFTER_NS
    assert late_hours([due(HOUR)], now_ns=limit_ns, grace_ns=GRACE_NS) == []
    (alert,) = late_hours([due(HOUR), due(HOUR)], now_ns=limit_ns + 1, grace_ns=GRACE_NS)
    assert alert.title == "1 hour not worked on since 2025-03-08-22:00"
    assert alert.context == {"Hours (UTC)": "2025-03-08-22:00"}


def test_an_hour_of_long_ago_that_was_captured_just_now_is_not_late() -> None:
    now_ns = HOUR.end_ns + 100 * LATE_AFTER_NS
    assert late_hours([due(HOUR, now_ns - 1)], now_ns=now_ns, grace_ns=GRACE_NS) == []


def test_many_late_hours_are_one_alert() -> None:
    hours = [due(HOUR.shifted(offset)) for offset in range(14)]
    (alert,) = late_hours(hours, now_ns=HOUR.end_ns + 100 * LATE_AFTER_NS, grace_ns=GRACE_NS)
    assert alert.title == "14 hours not worked on since 2025-03-08-22:00"
    assert alert.context["Hours (UTC)"].count(",") == 9


@pytest.mark.parametrize(
    ("zone", "at", "day", "expected"),
    [
        ("UTC", "06:30", "2025-02-28", "2025-03-01T06:30"),
        ("UTC", "00:00", "2025-12-31", "2026-01-01T00:00"),
        ("Europe/London", "07:05", "2025-03-29", "2025-03-30T06:05"),
        ("Europe/London", "07:05", "2025-10-24", "2025-10-25T06:05"),
        ("Europe/London", "07:05", "2025-10-25", "2025-10-26T07:05"),
        # half past midnight in Tokyo is before the end of the UTC day: the next one counts
        ("Asia/Tokyo", "00:30", "2025-03-09", "2025-03-10T15:30"),
        ("Asia/Tokyo", "09:30", "2025-03-09", "2025-03-10T00:30"),
        ("America/Los_Angeles", "06:00", "2025-03-08", "2025-03-09T13:00"),
        ("Asia/Kolkata", "05:30", "2024-02-29", "2024-03-01T00:00"),
    ],
)
def test_a_report_is_due_at_the_first_such_time_after_its_day(zone: str, at: str, day: str, expected: str) -> None:
    plan = ReportPlan(at=time.fromisoformat(at), zone=zone)
    assert plan.due(day) == datetime.fromisoformat(expected).replace(tzinfo=UTC)


def test_a_report_that_somebody_has_not_got_is_missed_an_hour_after_its_time() -> None:
    plan = ReportPlan(at=time(6, 30), zone="UTC")
    late_ns = day_start_ns("2025-03-09") + (7 * 3_600 + 1_801) * NANOS_PER_SECOND
    everybody = ["desk@example.test", "boss@example.test"]
    some = {"2025-03-08": {"desk@example.test"}}
    assert missing_reports(["2025-03-08"], some, everybody, plan, now_ns=late_ns - 2 * NANOS_PER_SECOND) == []
    (alert,) = missing_reports(["2025-03-08", "2025-03-09"], some, everybody, plan, now_ns=late_ns)
    assert alert.key == "report_not_sent:2025-03-08"
    assert alert.context["Missing"] == "boss@example.test"
    assert alert.context["Send it"] == "arb report --from 2025-03-08 --send"
    assert missing_reports(["2025-03-08"], {"2025-03-08": set(everybody)}, everybody, plan, now_ns=late_ns) == []
