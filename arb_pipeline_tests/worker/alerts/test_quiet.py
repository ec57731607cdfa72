"""Quiet hours: what is not critical waits for their end, also across midnight and both changes of the clock."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from arb_pipeline_tests.worker.alerts.conftest import MINUTE_NS, Scene
from streaming_worker.alerts import Severity
from streaming_worker.alerts.quiet import quiet_hours
from streaming_worker.core.units import NANOS_PER_HOUR, NANOS_PER_SECOND
from streaming_worker.errors import ConfigError


def ns(text: str) -> int:
    """Return a UTC time such as ``2025-03-30T01:00`` in nanoseconds."""
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * NANOS_PER_SECOND


@pytest.mark.parametrize(
    ("text", "zone", "moment", "end"),
    [
        ("22:00-07:00", "UTC", "2025-03-10T21:59", None),
        ("22:00-07:00", "UTC", "2025-03-10T22:00", "2025-03-11T07:00"),
        ("22:00-07:00", "UTC", "2025-03-11T00:00", "2025-03-11T07:00"),
        ("22:00-07:00", "UTC", "2025-03-11T06:59", "2025-03-11T07:00"),
        ("22:00-07:00", "UTC", "2025-03-11T07:00", None),
        ("12:00-13:30", "UTC", "2025-03-10T13:29", "2025-03-10T13:30"),
        ("12:00-13:30", "UTC", "2025-03-10T23:00", None),
        # over the month's and the year's end
        ("22:00-07:00", "UTC", "2025-12-31T23:00", "2026-01-01T07:00"),
        # spring in London: the clock goes from 01:00 to 02:00, so the night has one hour less
        ("22:00-07:00", "Europe/London", "2025-03-30T00:30", "2025-03-30T06:00"),
        ("22:00-07:00", "Europe/London", "2025-03-29T22:30", "2025-03-30T06:00"),
        # autumn in London: the clock shows 01:00 to 02:00 twice
        ("22:00-07:00", "Europe/London", "2025-10-25T21:30", "2025-10-26T07:00"),
        # an end that the clock shows twice counts the second time, and there is no second quiet after it
        ("22:00-01:30", "Europe/London", "2025-10-26T00:45", "2025-10-26T01:30"),
        ("22:00-01:30", "Europe/London", "2025-10-26T01:15", "2025-10-26T01:30"),
        ("22:00-01:30", "Europe/London", "2025-10-26T01:30", None),
        # an end that the clock skips is as much later
        ("22:00-01:30", "Europe/London", "2025-03-30T00:59", "2025-03-30T01:30"),
        # far from UTC the local day is another one
        ("23:00-06:00", "Asia/Tokyo", "2025-03-10T15:00", "2025-03-10T21:00"),
        ("23:00-06:00", "America/Los_Angeles", "2025-03-10T07:00", "2025-03-10T13:00"),
    ],
)
def test_a_window_ends_when_the_local_clock_says_so(text: str, zone: str, moment: str, end: str | None) -> None:
    window = quiet_hours(text, zone)
    assert window is not None
    assert window.end_ns(ns(moment)) == (None if end is None else ns(end))


@pytest.mark.parametrize("text", ["22:00", "22-7-3", "night", "22:00-22:00", "22:00Z-07:00", "25:00-07:00", "-"])
def test_anything_else_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ConfigError, match=r'alerts\.quiet_hours: expected two times of day as in "22:00-07:00"'):
        quiet_hours(text, "UTC")


@pytest.mark.parametrize("zone", ["Mars/Olympus", "../etc/passwd", "Europe"])
def test_a_zone_must_exist(zone: str) -> None:
    with pytest.raises(ConfigError, match=r"alerts\.timezone: expected a time zone as in Europe/London"):
        quiet_hours(None, zone)


@pytest.fixture
def night(tmp_path: Path) -> Scene:
    """Half an hour before midnight in London, in the night that has only 23 hours of day after it."""
    return Scene(tmp_path, quiet="22:00-07:00", zone="Europe/London", now_ns=ns("2025-03-29T23:30"))


def test_at_night_only_what_is_critical_goes_out(night: Scene) -> None:
    night.wrong("a", Severity.WARNING)
    night.wrong("b", Severity.CRITICAL)
    assert night.mail.subjects == ["CRITICAL: worker b is critical"]
    assert night.desk.history.recent()[1].deliveries[0].hold == "quiet_hours"
    night.now_ns = ns("2025-03-30T05:59")
    night.desk.send_due()
    assert len(night.mail.messages) == 1
    night.wait(MINUTE_NS)
    assert night.mail.subjects[1:] == ["WARNING: worker a is warning"]


def test_what_came_and_went_at_night_is_one_message_in_the_morning(night: Scene) -> None:
    night.wrong()
    night.now_ns += NANOS_PER_HOUR
    night.well()
    assert night.mail.messages == []
    night.wait(8 * NANOS_PER_HOUR)
    assert night.mail.subjects == ["RESOLVED: worker main is warning"]
    assert "for 1 h 0 min" in night.mail.messages[0].text


def test_what_becomes_critical_at_night_does_not_wait(night: Scene) -> None:
    night.wrong(severity=Severity.WARNING)
    night.wrong(severity=Severity.CRITICAL)
    assert night.mail.subjects == ["CRITICAL: worker main is critical"]
    assert night.statuses() == [("mail", "opened", "sent"), ("pager", "opened", "sent")]
