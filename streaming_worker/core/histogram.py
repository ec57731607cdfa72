"""Durations counted in logarithmic buckets: what a latency was like, without keeping every one of them."""

from collections.abc import Sequence
from typing import Final

_SUB_BITS: Final = 2
_SUB: Final = 1 << _SUB_BITS


class Histogram:
    """Durations in logarithmic buckets, four to a factor of two; adding costs one list access.

    Units: ns. A percentile is a bucket's upper bound: at most a quarter too high, never too low.
    """

    __slots__ = ("_buckets", "count", "max_ns", "sum_ns")

    def __init__(self) -> None:
        self._buckets = [0] * (_SUB * 64)
        self.count = 0
        self.sum_ns = 0
        self.max_ns = 0

    def add(self, elapsed_ns: int) -> None:
        """Count one duration; a negative one counts as 0."""
        elapsed_ns = max(elapsed_ns, 0)
        shift = max(elapsed_ns.bit_length() - _SUB_BITS - 1, 0)
        self._buckets[(shift << _SUB_BITS) + (elapsed_ns >> shift)] += 1
        self.count += 1
        self.sum_ns += elapsed_ns
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

    def counts_below(self, powers: Sequence[int]) -> list[int]:
        """Return how many durations were below 2 to each of the given powers, exactly. Powers rise from 3 to 63."""
        counts, seen, start = [], 0, 0
        for power in powers:
            end = _SUB * (power - 1)
            seen += sum(self._buckets[start:end])
            start = end
            counts.append(seen)
        return counts

    def copy(self) -> "Histogram":
        """Return what was counted so far."""
        return self.since(Histogram())

    def since(self, earlier: "Histogram") -> "Histogram":
        """Return what was counted after an earlier copy. Its maximum is a bucket's bound: never too low."""
        later = Histogram()
        later._buckets = [now - then for now, then in zip(self._buckets, earlier._buckets, strict=True)]  # noqa: SLF001 - of our own kind
        later.count = self.count - earlier.count
        later.sum_ns = self.sum_ns - earlier.sum_ns
        bounds = later.bounds()
        later.max_ns = min(bounds[-1][0], self.max_ns) if bounds else 0
        return later

    def bounds(self) -> list[tuple[int, int]]:
        """Return (upper bound, count) of every bucket with a count, shortest first."""
        return [(_upper_bound(index), count) for index, count in enumerate(self._buckets) if count]

    def reading(self) -> dict[str, int | None]:
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
