"""Say when the machine's clock cannot be trusted: it was moved while we ran, or it stands before what is recorded.

The record itself goes on with the time of the start, which never steps; after a restart it takes the machine's.
"""

from typing import Final

from streaming_worker.adapters.clock import Clock
from streaming_worker.core.units import NANOS_PER_SECOND, Nanos
from streaming_worker.service.metrics import Reading

TOLERATED_NS: Final = 5 * NANOS_PER_SECOND


class ClockWatch:
    """Compares the clock with the machine's and with the last moment on record, where there is one."""

    def __init__(self, clock: Clock, last_recorded_ns: Nanos | None) -> None:
        self._clock = clock
        self._last_recorded_ns = last_recorded_ns

    def complaints(self) -> list[str]:
        """Return a line for each thing that is wrong with the time."""
        lines = []
        drift_ns = self._clock.drift_ns()
        if abs(drift_ns) > TOLERATED_NS:
            lines.append(
                f"clock: the machine's clock was moved by {_seconds(drift_ns)} s since the start; the record goes on "
                "with the time of the start until the worker is restarted"
            )
        behind_ns = (self._last_recorded_ns or 0) - self._clock.now_ns()
        if behind_ns > 0:
            lines.append(
                f"clock: {_seconds(behind_ns)} s before the newest row that an earlier run recorded; one of the two "
                "was wrong"
            )
        return lines

    def reading(self) -> Reading:
        """Return how far the machine's clock is from ours."""
        return {"drift_ns": self._clock.drift_ns()}


def _seconds(nanos: Nanos) -> str:
    return f"{nanos // NANOS_PER_SECOND:,}"
