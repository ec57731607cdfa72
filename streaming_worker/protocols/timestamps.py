"""Venue time text to UTC nanoseconds, exactly; no clock is read here.

Venues cut trailing zeros ("...38.40993531Z"), so no width is assumed. Times before 2010 (year 0001, the epoch) are
what venues send when they have none: they come out as None.
"""

from datetime import date
from functools import lru_cache
from typing import Final

from streaming_worker.core.units import NANOS_PER_MICROSECOND, NANOS_PER_MILLISECOND, NANOS_PER_SECOND, Nanos
from streaming_worker.errors import FeedFormatError

_SECONDS_PER_DAY: Final = 86_400
_EPOCH_DAY: Final = date(1970, 1, 1).toordinal()
_EARLIEST_NS: Final = (date(2010, 1, 1).toordinal() - _EPOCH_DAY) * _SECONDS_PER_DAY * NANOS_PER_SECOND
_LATEST_NS: Final = 2**63 - 1
_MINUTE_LENGTH: Final = 17
_SECOND_LENGTH: Final = 19
_NANO_DIGITS: Final = 9
_NANOS_OF_LAST_DIGIT: Final = tuple(10 ** (_NANO_DIGITS - digits) for digits in range(_NANO_DIGITS + 1))
_LAST_HOUR: Final = 23
_LAST_MINUTE: Final = 59
_LEAP_SECOND: Final = 60


def rfc3339_ns(text: str) -> Nanos | None:
    """Return the UTC time of "2026-08-09T21:05:48.48358750Z"; None for a placeholder.

    Raises: FeedFormatError for any other form, an offset other than Z included.
    """
    second_ns = _second_ns(text[:_SECOND_LENGTH])
    point, fraction = text[_SECOND_LENGTH:-1][:1], text[_SECOND_LENGTH + 1 : -1]
    if text[-1] != "Z" or bool(point) != bool(fraction):
        raise _not_a_time(text)
    if not fraction:
        return plausible_ns(second_ns)
    if point != "." or len(fraction) > _NANO_DIGITS or not (fraction.isdigit() and fraction.isascii()):
        raise _not_a_time(text)
    return plausible_ns(second_ns + int(fraction) * _NANOS_OF_LAST_DIGIT[len(fraction)])


def milliseconds_ns(milliseconds: int) -> Nanos | None:
    """Return a count of milliseconds since 1970 as nanoseconds; None for a placeholder."""
    return plausible_ns(milliseconds * NANOS_PER_MILLISECOND)


def microseconds_ns(microseconds: int) -> Nanos | None:
    """Return a count of microseconds since 1970 as nanoseconds; None for a placeholder."""
    return plausible_ns(microseconds * NANOS_PER_MICROSECOND)


def plausible_ns(nanoseconds: int) -> Nanos | None:
    """Return the time itself, or None where it cannot be one: before 2010 or beyond 64 bits."""
    return nanoseconds if _EARLIEST_NS <= nanoseconds <= _LATEST_NS else None


@lru_cache(maxsize=4096)
def _second_ns(text: str) -> Nanos:
    """Return "2026-08-09T21:05:48" as nanoseconds; messages of one second share it."""
    seconds = text[_MINUTE_LENGTH:]
    if len(text) != _SECOND_LENGTH or not (seconds.isdigit() and seconds.isascii()) or int(seconds) > _LEAP_SECOND:
        raise _not_a_time(text)
    return _minute_ns(text[:_MINUTE_LENGTH]) + int(seconds) * NANOS_PER_SECOND


def _minute_ns(text: str) -> Nanos:
    """Return "2026-08-09T21:05:" as nanoseconds; messages of one minute share it."""
    hour, minute = text[11:13], text[14:16]
    punctuation = text[4:5] + text[7:8] + text[10:11] + text[13:14] + text[16:17]
    if punctuation != "--T::" or not ((hour + minute).isdigit() and (hour + minute).isascii()):
        raise _not_a_time(text)
    if int(hour) > _LAST_HOUR or int(minute) > _LAST_MINUTE:
        raise _not_a_time(text)
    try:
        days = date.fromisoformat(text[:10]).toordinal() - _EPOCH_DAY
    except ValueError as e:
        raise _not_a_time(text) from e
    return (days * _SECONDS_PER_DAY + int(hour) * 3_600 + int(minute) * 60) * NANOS_PER_SECOND


def _not_a_time(text: str) -> FeedFormatError:
    return FeedFormatError(f"expected a UTC time like 2026-08-09T21:05:48.5Z, received {text[:40]!r}")
