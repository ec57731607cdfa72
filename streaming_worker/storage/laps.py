"""The latest durations of a repeated act, for percentiles; written by one thread, read by any."""

from typing import Final

from streaming_worker.core.units import Nanos

_CAPACITY: Final = 2_048


class Laps:
    """A ring of the latest durations."""

    def __init__(self) -> None:
        self._ring: list[Nanos] = [0] * _CAPACITY
        self.count = 0

    def add(self, duration_ns: Nanos) -> None:
        """Keep one duration."""
        self._ring[self.count % _CAPACITY] = duration_ns
        self.count += 1

    def since(self, count: int) -> list[Nanos]:
        """Return the durations added after the first ``count``, oldest first, as far as they are still kept."""
        return [self._ring[number % _CAPACITY] for number in range(max(count, self.count - _CAPACITY), self.count)]

    def percentile(self, percent: int) -> Nanos | None:
        """Return the smallest kept duration that at least ``percent`` of them do not exceed; None without any."""
        kept = sorted(self._ring[: min(self.count, _CAPACITY)])
        if not kept:
            return None
        return kept[max(0, -(-len(kept) * percent // 100) - 1)]
