"""UTC hours and days as values: keys of partitions, folders of the lake, windows in nanoseconds."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from streaming_worker.core.units import NANOS_PER_DAY, NANOS_PER_HOUR, NANOS_PER_SECOND

_HOUR_KEY = "%Y-%m-%d-%H:%M"


@dataclass(frozen=True, slots=True, order=True)
class Hour:
    """One UTC hour; the window is half-open: [start_ns, end_ns)."""

    start_ns: int

    @classmethod
    def of(cls, moment_ns: int) -> "Hour":
        """Return the hour that holds a moment."""
        return cls(moment_ns // NANOS_PER_HOUR * NANOS_PER_HOUR)

    @classmethod
    def from_key(cls, key: str) -> "Hour":
        """Return the hour of a partition key such as ``2026-11-21-10:00``."""
        moment = datetime.strptime(key, _HOUR_KEY).replace(tzinfo=UTC)
        return cls(int(moment.timestamp()) * NANOS_PER_SECOND)

    @property
    def end_ns(self) -> int:
        """Return the first moment after the hour."""
        return self.start_ns + NANOS_PER_HOUR

    @property
    def key(self) -> str:
        """Return the Dagster partition key."""
        return self._time.strftime(_HOUR_KEY)

    @property
    def date(self) -> str:
        """Return the UTC day, as in ``2026-11-21``."""
        return self._time.strftime("%Y-%m-%d")

    @property
    def folder(self) -> str:
        """Return the hive folders of the hour."""
        return self._time.strftime("date=%Y-%m-%d/hour=%H")

    @property
    def _time(self) -> datetime:
        return datetime.fromtimestamp(self.start_ns // NANOS_PER_SECOND, tz=UTC)

    def shifted(self, hours: int) -> "Hour":
        """Return the hour that many hours later (earlier when negative)."""
        return Hour(self.start_ns + hours * NANOS_PER_HOUR)


def day_start_ns(day: str) -> int:
    """Return the first moment of a UTC day, as in ``2026-11-21``."""
    return int(datetime.fromisoformat(day).replace(tzinfo=UTC).timestamp()) * NANOS_PER_SECOND


def day_of(moment_ns: int) -> str:
    """Return the UTC day that holds a moment."""
    return Hour.of(moment_ns // NANOS_PER_DAY * NANOS_PER_DAY).date


def hours_of_day(day: str) -> list[Hour]:
    """Return the 24 hours of a UTC day."""
    first = Hour(day_start_ns(day))
    return [first.shifted(offset) for offset in range(24)]


def contiguous(hours: Iterable[Hour], *, longest: int) -> list[list[Hour]]:
    """Group hours into runs without a hole, each at most ``longest`` hours."""
    groups: list[list[Hour]] = []
    for hour in sorted(set(hours)):
        is_next = groups and groups[-1][-1].shifted(1) == hour and len(groups[-1]) < longest
        if is_next:
            groups[-1].append(hour)
        else:
            groups.append([hour])
    return groups
