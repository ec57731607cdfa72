"""Counters and gauges in one registry; every part keeps its own numbers and is asked when someone looks.

They are shown as JSON by the gateway's ``/state``.
"""

from collections.abc import Callable, Mapping
from typing import Final, TypeAlias

Reading: TypeAlias = Mapping[str, int | float | str | bool | None]
_SUB_BITS: Final = 2
_SUB: Final = 1 << _SUB_BITS


class Histogram:
    """Durations in logarithmic buckets, four to a factor of two; adding costs one list access.

    Units: ns. A percentile is a bucket's upper bound: at most a quarter too high, never too low.
    """

    __slots__ = ("_buckets", "count", "max_ns")

    def __init__(self) -> None:
        self._buckets = [0] * (_SUB * 64)
        self.count = 0
        self.max_ns = 0

    def add(self, elapsed_ns: int) -> None:
        """Count one duration; a negative one counts as 0."""
        elapsed_ns = max(elapsed_ns, 0)
        shift = max(elapsed_ns.bit_length() - _SUB_BITS - 1, 0)
        self._buckets[(shift << _SUB_BITS) + (elapsed_ns >> shift)] += 1
        self.count += 1
        if elapsed_ns > self.max_ns:
            self.max_ns = elapsed_ns

    def percentile_ns(self, percent: int) -> int | None:
        """Return the upper bound of the bucket that holds the given share, None when nothing was counted."""
        wanted = -(-self.count * percent // 100)
        seen = 0
        for index, count in enumerate(self._buckets):
            seen += count
            if count and seen >= wanted:
                return min(_upper_bound(index), self.max_ns)
        return None

    def reading(self) -> Reading:
        """Return count, median, p99 and maximum."""
        return {
            "count": self.count,
            "p50_ns": self.percentile_ns(50),
            "p99_ns": self.percentile_ns(99),
            "max_ns": self.max_ns,
        }


def _upper_bound(index: int) -> int:
    if index < 2 * _SUB:
        return index
    shift = (index >> _SUB_BITS) - 1
    return ((index - (shift << _SUB_BITS) + 1) << shift) - 1


class Metrics:
    """Named sources of readings, asked in the order in which they were added."""

    def __init__(self) -> None:
        self._sources: dict[str, Callable[[], Reading]] = {}

    def add_source(self, name: str, read: Callable[[], Reading]) -> None:
        """Add a source; a second one of the same name replaces the first."""
        self._sources[name] = read

    def snapshot(self) -> dict[str, Reading]:
        """Return every reading now."""
        return {name: read() for name, read in self._sources.items()}
