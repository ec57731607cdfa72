"""Venue times: exact to the nanosecond, or None, or refused."""

from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streaming_worker.errors import FeedFormatError
from streaming_worker.protocols.timestamps import milliseconds_ns, plausible_ns, rfc3339_ns

AT_NS = 1_786_309_548 * 10**9


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-08-09T21:05:48Z", AT_NS),
        ("2026-08-09T21:05:48.5Z", AT_NS + 500_000_000),
        ("2026-08-09T21:05:48.40993531Z", AT_NS + 409_935_310),
        ("2026-08-09T21:05:48.483587501Z", AT_NS + 483_587_501),
        ("2026-08-09T21:05:60Z", AT_NS + 12 * 10**9),
        ("0001-01-01T00:00:00.000000Z", None),
        ("1970-01-01T00:00:00Z", None),
        ("9999-12-31T23:59:59Z", None),
    ],
)
def test_fractions_of_any_width_are_exact_and_placeholders_are_none(text: str, expected: int | None) -> None:
    assert rfc3339_ns(text) == expected


@pytest.mark.parametrize(
    "text",
    ["", "Z", "2026-08-09", "2026-08-09T21:05:48", "2026-08-09T21:05:48.Z", "2026-08-09T21:05:48.1234567890Z",
     "2026-08-09T21:05:48+00:00", "2026-08-09 21:05:48Z", "2026-13-09T21:05:48Z", "2026-08-09T24:05:48Z",
     "2026-08-09T21:60:48Z", "2026-08-09T21:05:61Z", "2026-08-09T21:05:4Z", "2026-W32-1T21:05:48Z",
     "2026-08-09T2x:05:48Z", "2026-08-09T21:05:4\u0661Z", "2026/08/09T21:05:48Z"],
)  # fmt: skip
def test_any_other_form_is_refused(text: str) -> None:
    with pytest.raises(FeedFormatError):
        rfc3339_ns(text)


@given(st.integers(0, 190 * 365 * 86_400 * 10**6), st.integers(0, 9))
def test_text_and_nanoseconds_agree_with_the_calendar(microseconds: int, digits: int) -> None:
    moment = datetime(2010, 1, 1, tzinfo=UTC) + timedelta(microseconds=microseconds)
    fraction = f"{moment.microsecond * 1000 + 7:09d}"[:digits]
    text = f"{moment:%Y-%m-%dT%H:%M:%S}" + (f".{fraction}" if digits else "") + "Z"
    seconds = (moment.replace(microsecond=0) - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(seconds=1)
    assert rfc3339_ns(text) == seconds * 10**9 + int(fraction.ljust(9, "0") or 0)


@given(st.text(alphabet="0123456789-:TZ. x", max_size=32))
def test_hostile_text_gives_a_time_none_or_a_feed_error(text: str) -> None:
    with suppress(FeedFormatError):
        assert rfc3339_ns(text) is None or rfc3339_ns(text) >= 0


def test_milliseconds_are_scaled_and_checked() -> None:
    assert milliseconds_ns(1_786_313_195_331) == 1_786_313_195_331_000_000
    assert milliseconds_ns(0) is None
    assert milliseconds_ns(2**63) is None


def test_nineteen_digit_nanoseconds_stay_exact() -> None:
    assert plausible_ns(1_790_732_601_672_464_421) == 1_790_732_601_672_464_421
    assert plausible_ns(1_790_732_601) is None
