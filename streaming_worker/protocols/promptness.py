"""Which messages came with about the least delay: those show what a connection sends now.

A message that came later may be left over from before the connection. The least delay is taken over the last half
minute or so in which messages came, so that a false time in one message does not count for long, and the first
messages after an outage are still held against what came before it.
"""

from typing import Final

from streaming_worker.core.units import NANOS_PER_SECOND, Nanos

_PROMPT_NS: Final = NANOS_PER_SECOND
_WINDOW_NS: Final = 30 * NANOS_PER_SECOND
_FAR_NS: Final = 60 * NANOS_PER_SECOND
"""No venue's clock is this far from ours: such a time is false, or ours is, and then nothing can be said."""


class Promptness:
    """The least delay of one feed, over its connections."""

    __slots__ = ("_before_ns", "_least_ns", "_since_ns")

    def __init__(self) -> None:
        self._since_ns: Nanos | None = None
        self._before_ns = self._least_ns = _FAR_NS

    def is_prompt(self, received_ns: Nanos, exchange_ns: Nanos) -> bool:
        """Judge one message and learn from it."""
        delay_ns = received_ns - exchange_ns
        if not -_FAR_NS < delay_ns < _FAR_NS:
            return False
        if self._since_ns is None or received_ns - self._since_ns >= _WINDOW_NS:
            self._since_ns = received_ns
            self._before_ns, self._least_ns = self._least_ns, _FAR_NS
        self._least_ns = min(self._least_ns, delay_ns)
        return delay_ns - min(self._before_ns, self._least_ns) <= _PROMPT_NS
