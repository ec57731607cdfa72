"""Quiet hours: a nightly window of local time in which only what is critical is sent, also when the clock changes."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from streaming_worker.config.local_time import time_zone
from streaming_worker.core.units import NANOS_PER_SECOND, Nanos
from streaming_worker.errors import ConfigError

_FORM = 'two times of day as in "22:00-07:00"'


@dataclass(frozen=True, slots=True)
class QuietHours:
    """From ``start`` to ``end`` by the clock on the wall of ``zone``; an end before the start is on the next day."""

    start: time
    end: time
    zone: ZoneInfo

    def end_ns(self, at_ns: Nanos) -> Nanos | None:
        """Return when the window around a moment ends, None outside of one.

        A window is judged by its two instants, not by the time of day: an hour that the clock shows twice is quiet
        from its first start to its last end, and a time that the clock skips is as much later as was skipped.
        """
        local_day = datetime.fromtimestamp(at_ns // NANOS_PER_SECOND, self.zone).date()
        for day in (local_day - timedelta(days=1), local_day):
            start_ns, end_ns = self._window(day)
            if start_ns <= at_ns < end_ns:
                return end_ns
        return None

    def _window(self, day: date) -> tuple[Nanos, Nanos]:
        last_day = day if self.end > self.start else day + timedelta(days=1)
        start = datetime.combine(day, self.start, self.zone)
        ends = [datetime.combine(last_day, self.end.replace(fold=fold), self.zone) for fold in (0, 1)]
        return _nanos(start), max(_nanos(end) for end in ends)


def _nanos(moment: datetime) -> Nanos:
    return int(moment.astimezone(UTC).timestamp()) * NANOS_PER_SECOND


def quiet_hours(text: str | None, zone: str) -> QuietHours | None:
    """Read the setting; None where there is none. Raises ConfigError naming what is expected."""
    place = time_zone(zone, key="alerts.timezone")
    if text is None:
        return None
    first, _, last = text.partition("-")
    try:
        start, end = time.fromisoformat(first.strip()), time.fromisoformat(last.strip())
    except ValueError as e:
        raise _refused(text) from e
    if start == end or start.tzinfo is not None or end.tzinfo is not None:
        raise _refused(text)
    return QuietHours(start, end, place)


def _refused(text: str) -> ConfigError:
    return ConfigError(f"alerts.quiet_hours: expected {_FORM}, received {text!r}", key="alerts.quiet_hours")
