"""What a message's own time says about it: whether it came promptly, and whether it can be of this connection at all.

Both hold the time against the feed's least delay over the last minutes in which messages came, its connections
notwithstanding, so that the first messages after an outage are held against what came before it.
"""

from typing import Final

from streaming_worker.core.units import I64_MAX, NANOS_PER_MILLISECOND, NANOS_PER_SECOND, Nanos
from streaming_worker.core.venue_clock import VenueClock

_PROMPT_NS: Final = NANOS_PER_SECOND
_WINDOWS: Final = 12
_ENOUGH: Final = 2
_AGE_WINDOWS: Final = 36
_FAR_NS: Final = 60 * NANOS_PER_SECOND
"""No venue's clock is this far from ours: such a time is false, or ours is, and then nothing can be said."""
_OLDER_NS: Final = 500 * NANOS_PER_MILLISECOND
"""Gathered changes carry a time some tens of milliseconds before they are sent."""


class Promptness:
    """The least delay of one feed, over its connections.

    Messages that come promptly show what a connection sends now; one that came later may be left over from before.
    """

    __slots__ = ("_clock",)

    def __init__(self) -> None:
        self._clock = VenueClock(windows=_WINDOWS, enough=_ENOUGH)

    def is_prompt(self, received_ns: Nanos, exchange_ns: Nanos) -> bool:
        """Judge one message and learn from it."""
        if not -_FAR_NS < received_ns - exchange_ns < _FAR_NS:
            return False
        delay_ns = self._clock.delay(received_ns, exchange_ns)
        return delay_ns is not None and delay_ns <= _PROMPT_NS


class ConnectionAge:
    """Tells what was sent before its connection was opened: that is a repetition, whatever its number says.

    Only messages of the feed are held against one another, so that it does not matter what our clock says.
    """

    __slots__ = ("_clock", "_opened_ns")

    def __init__(self) -> None:
        self._clock = VenueClock(windows=_AGE_WINDOWS, most_skew_ns=I64_MAX)
        self._opened_ns: Nanos = 0

    def opened(self, received_ns: Nanos) -> None:
        """Start a connection."""
        self._opened_ns = received_ns

    def is_older(self, received_ns: Nanos, exchange_ns: Nanos | None) -> bool:
        """Judge one message and learn from it; one without a time is taken for new."""
        delay_ns = self._clock.delay(received_ns, exchange_ns)
        return delay_ns is not None and received_ns - delay_ns < self._opened_ns - _OLDER_NS
