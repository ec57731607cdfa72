"""How late a message came by its venue's own clock, although nobody knows how far that clock is from ours.

The least of received minus exchange time is the clocks' difference plus the shortest way. It is taken over the last
hour or so of messages, connections notwithstanding: a feed that begins to deliver late does not become prompt by going
on, and a clock that was set anew is forgiven in time. The two smallest minima do not count, for one false time in the
future would make everything after it look late.
"""

from typing import Final

import msgspec

from streaming_worker.core.units import NANOS_PER_SECOND, Nanos

_WINDOW_NS: Final = 60 * NANOS_PER_SECOND
_WINDOWS: Final = 60
_IGNORED: Final = 2
MOST_SKEW_NS: Final = 10 * NANOS_PER_SECOND
"""No venue's clock was seen further from ours than 6 s: what is older on arrival is late, not skewed, and a time
further in the future is false."""


class VenueClock(msgspec.Struct):
    """The clock of one feed's venue against ours. Part of the keyframe.

    ``minima_ns`` are those of past windows in which messages came, oldest first; ``least_ns`` is the running one's.
    """

    minima_ns: list[Nanos] = msgspec.field(default_factory=list)
    least_ns: Nanos | None = None
    since_ns: Nanos = 0
    low_ns: list[Nanos] = msgspec.field(default_factory=list)

    def delay(self, received_ns: Nanos, exchange_ns: Nanos | None) -> Nanos | None:
        """Learn from a message and return how late it came; 0 for the promptest, None without a venue time."""
        if exchange_ns is None:
            return None
        difference = max(received_ns - exchange_ns, -MOST_SKEW_NS)
        if self.least_ns is None or received_ns - self.since_ns >= _WINDOW_NS:
            self._turn(received_ns, difference)
        elif difference < self.least_ns:
            self.least_ns = difference
        return max(difference - min(self._offset_ns(), MOST_SKEW_NS), 0)

    @property
    def offset_ns(self) -> Nanos | None:
        """Received minus exchange time of a prompt message; None before the first."""
        return None if self.least_ns is None else min(self._offset_ns(), MOST_SKEW_NS)

    def _turn(self, received_ns: Nanos, difference: Nanos) -> None:
        """Begin a window; of the past ones only the smallest few can matter."""
        if self.least_ns is not None:
            self.minima_ns.append(self.least_ns)
            del self.minima_ns[:-_WINDOWS]
            self.low_ns = sorted(self.minima_ns)[: _IGNORED + 1]
        self.least_ns = difference
        self.since_ns = received_ns

    def _offset_ns(self) -> Nanos:
        assert self.least_ns is not None
        low = sorted([*self.low_ns, self.least_ns])
        return low[_IGNORED] if len(low) > _IGNORED else low[0]
