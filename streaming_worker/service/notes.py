"""Write down once a minute how long each stage took and how far the venues' clocks are from ours."""

from collections.abc import Callable, Mapping
from typing import Final, NoReturn, Protocol

from streaming_worker.adapters.clock import Clock
from streaming_worker.core.histogram import Histogram
from streaming_worker.core.units import Nanos

INTERVAL_S: Final = 60.0


class NoteStore(Protocol):
    """The sink's part that is used here."""

    def put_clock_offset(self, received_ns: Nanos, feed: str, offset_ns: Nanos) -> None:
        """Keep how far a venue's clock is from ours."""
        ...

    def put_latencies(self, received_ns: Nanos, stage: str, since_ns: Nanos, counted: Histogram) -> None:
        """Keep how long a stage took since a moment."""
        ...


class Notes:
    """Takes the difference to what was noted before. ``offsets`` gives each feed's offset, None before its first."""

    def __init__(
        self,
        record: NoteStore,
        clock: Clock,
        *,
        stages: Mapping[str, Histogram],
        offsets: Callable[[], Mapping[str, Nanos | None]],
        interval_s: float = INTERVAL_S,
    ) -> None:
        self._record = record
        self._clock = clock
        self._stages = stages
        self._offsets = offsets
        self._interval_s = interval_s
        self._noted = {stage: histogram.copy() for stage, histogram in stages.items()}
        self._since_ns = clock.now_ns()

    def write(self) -> None:
        """Note what came since the last time. Raises StorageError."""
        now_ns = self._clock.now_ns()
        for stage, histogram in self._stages.items():
            counted = histogram.copy()
            self._record.put_latencies(now_ns, stage, self._since_ns, counted.since(self._noted[stage]))
            self._noted[stage] = counted
        for feed, offset_ns in self._offsets().items():
            if offset_ns is not None:
                self._record.put_clock_offset(now_ns, feed, offset_ns)
        self._since_ns = now_ns

    async def run(self) -> NoReturn:
        """Note until cancelled. Raises StorageError."""
        while True:
            await self._clock.sleep(self._interval_s)
            self.write()
