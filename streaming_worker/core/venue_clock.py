"""How late a message came by its venue's own clock, although nobody knows how far that clock is from ours.

The least of received minus exchange time is the clocks' difference plus the shortest way. It is taken over the last
hour or so of messages, connections notwithstanding: a feed that begins to deliver late does not become prompt by going
on, and a clock that was set anew is forgiven in time. The minima are those of windows of some seconds. Once there are
enough of them the smallest two do not count (two in a hundred, when there are many): a false time, or a venue's clock
that runs ahead for some seconds and comes back, would make everything after it look late.
"""

from typing import Final

import msgspec

from streaming_worker.core.units import NANOS_PER_SECOND, Nanos

_WINDOW_NS: Final = 5 * NANOS_PER_SECOND
_WINDOWS: Final = 720
_IGNORED: Final = 2
_IGNORED_ONE_IN: Final = 50
_ENOUGH: Final = 12
MOST_SKEW_NS: Final = 10 * NANOS_PER_SECOND
"""No venue's clock was seen further from ours than 6 s: what is older on arrival is late, not skewed, and a time
further in the future is false."""


class VenueClock(msgspec.Struct):
    """The clock of one feed's venue against ours. Part of the keyframe.

    ``minima_ns`` are those of past windows in which messages came, oldest first; ``least_ns`` is the running one's, and
    ``low_ns`` the one or two past minima between which it is the least delay. ``windows`` is how many are remembered,
    ``enough`` how many there must be for each that does not count, ``most_skew_ns`` how far the clocks can be apart.
    """

    minima_ns: list[Nanos] = msgspec.field(default_factory=list)
    least_ns: Nanos | None = None
    since_ns: Nanos = 0
    low_ns: list[Nanos] = msgspec.field(default_factory=list)
    windows: int = _WINDOWS
    enough: int = _ENOUGH
    most_skew_ns: Nanos = MOST_SKEW_NS

    def delay(self, received_ns: Nanos, exchange_ns: Nanos | None) -> Nanos | None:
        """Learn from a message and return how late it came; 0 for the promptest, None without a venue time."""
        if exchange_ns is None:
            return None
        difference = max(received_ns - exchange_ns, -self.most_skew_ns)
        if self.least_ns is None or received_ns - self.since_ns >= _WINDOW_NS:
            self._turn(received_ns, difference)
        elif difference < self.least_ns:
            self.least_ns = difference
        return max(difference - min(self._offset_ns(), self.most_skew_ns), 0)

    @property
    def offset_ns(self) -> Nanos | None:
        """Received minus exchange time of a prompt message; None before the first."""
        return None if self.least_ns is None else min(self._offset_ns(), self.most_skew_ns)

    def _turn(self, received_ns: Nanos, difference: Nanos) -> None:
        """Begin a window, and find the past minima next to the one that counts."""
        if self.least_ns is not None:
            self.minima_ns.append(self.least_ns)
            del self.minima_ns[: -self.windows]
            ignored = self._ignored
            self.low_ns = sorted(self.minima_ns)[max(ignored - 1, 0) : ignored + 1]
        self.least_ns = difference
        self.since_ns = received_ns

    @property
    def _ignored(self) -> int:
        known = len(self.minima_ns)
        return max(min(known // self.enough, _IGNORED), known // _IGNORED_ONE_IN)

    def _offset_ns(self) -> Nanos:
        """Return the least delay that counts, the running window's included."""
        assert self.least_ns is not None
        low = self.low_ns
        if len(low) < 2:  # nothing is ignored
            return min([*low, self.least_ns])
        return min(max(self.least_ns, low[0]), low[1])
