"""Events to the engine and on to the record: one consumer, one total order.

Nothing else calls ``engine.process``. The pump also makes time pass: a ClockTick for each point of the 100 ms grid
that event time crosses, and, when no events come, for each that the clock crosses.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Final, NoReturn, Protocol, TypeAlias

import structlog

from streaming_worker.adapters.clock import Clock
from streaming_worker.core.events import ClockTick, Event
from streaming_worker.core.histogram import Histogram
from streaming_worker.core.outputs import Output
from streaming_worker.core.units import NANOS_PER_MILLISECOND, NANOS_PER_SECOND, TICK_NS, Nanos
from streaming_worker.service.bus import Bus
from streaming_worker.service.gaps import Gap, GapLedger
from streaming_worker.service.metrics import Reading

_LOG: Final = structlog.get_logger("pump")
BATCH: Final = 64
# After a machine slept, or between two stretches of history, nobody waited for the ticks in between.
MAX_TICKS_AT_ONCE: Final = 600
# Beyond this the engine, whose own limit has the same default, refuses to open anything.
LATE_NS: Final = 100 * NANOS_PER_MILLISECOND

Observer: TypeAlias = Callable[[int, Event, Sequence[Output]], None]


class Fold(Protocol):
    """The engine, as the pump uses it."""

    @property
    def event_count(self) -> int:
        """The number of the last processed event."""
        ...

    def process(self, event: Event) -> list[Output]:
        """Advance by one event."""
        ...


class Record(Protocol):
    """The sink, as the pump uses it. Raises StorageError when the record cannot be written."""

    @property
    def is_saturated(self) -> bool:
        """True while more waits for the writer than it should be given."""
        ...

    async def until_writable(self) -> None:
        """Return once it is not saturated."""
        ...

    def put_event(self, seq: int, event: Event, outputs: Sequence[Output] = ()) -> None:
        """Keep one input with what the engine said to it."""
        ...

    def put_gap(
        self,
        received_ns: Nanos,
        feed: str,
        instrument: str | None,
        cause: str,
        *,
        start_ns: Nanos,
        end_ns: Nanos,
        close_code: int | None = None,
        expected: int | None = None,
        received: int | None = None,
    ) -> None:
        """Keep a stretch of time without trustworthy data."""
        ...


class Pump:
    """Owns the order of events. ``process`` is synchronous, so that history and live are the same code."""

    def __init__(
        self, engine: Fold, record: Record, *, clock: Clock, gaps: GapLedger, observers: Sequence[Observer] = ()
    ) -> None:
        self._engine = engine
        self._record = record
        self._clock = clock
        self._gaps = gaps
        self._observers = observers
        self._next_tick_ns: Nanos | None = None
        self._folded_ns: Nanos = 0
        self.latency = Histogram()
        self.queue_age = Histogram()
        self.decision = Histogram()
        self.lateness = Histogram()
        self.late: Counter[str] = Counter()
        self.outputs = 0
        self.skipped_ticks = 0
        self.sink_pauses = 0
        self.is_paused_by_sink = False

    def process(self, event: Event, *, taken_ns: Nanos | None = None) -> None:
        """Let time pass up to the event, then apply it. ``taken_ns`` is the clock's time, where events are live."""
        self.pass_time(event.received_ns, taken_ns=taken_ns)
        self._fold(event)

    def pass_time(self, now_ns: Nanos, *, taken_ns: Nanos | None = None) -> None:
        """Apply the ClockTicks that are due up to ``now_ns``; the grid starts with the first event.

        All of them carry how late the first one is taken: what came while the worker stood is no younger than that.
        """
        if self._next_tick_ns is None:
            self._next_tick_ns = _grid_after(now_ns)
            return
        if self._next_tick_ns > now_ns:
            return
        late_ns = 0 if taken_ns is None else max(taken_ns - self._next_tick_ns, 0)
        if taken_ns is not None and late_ns > LATE_NS:
            self.late["queue" if taken_ns - now_ns > late_ns // 2 else "loop"] += 1
        due = (now_ns - self._next_tick_ns) // TICK_NS + 1
        if due > MAX_TICKS_AT_ONCE:
            self.skipped_ticks += due - 1
            self._next_tick_ns = _grid_after(now_ns) - TICK_NS
        while self._next_tick_ns <= now_ns:
            tick = ClockTick(self._next_tick_ns, late_ns)
            self._next_tick_ns += TICK_NS
            self._fold(tick)

    async def run(self, bus: Bus) -> None:
        """Consume until the bus is closed and empty."""
        while not bus.is_finished:
            await bus.wait()
            await self.wait_for_record()
            events = bus.take(BATCH)
            now_ns, taken_ns = self._clock.now_ns(), self._clock.monotonic_ns()
            for event in events:
                waited_ns = now_ns - event.received_ns
                self.queue_age.add(waited_ns)
                self.process(event, taken_ns=now_ns)
                self.decision.add(waited_ns + self._folded_ns - taken_ns)
            if not len(bus):
                self._idle_until(self._clock.now_ns())
            await asyncio.sleep(0)

    async def keep_time(self, bus: Bus) -> NoReturn:
        """Wake the consumer at every grid point, and measure how late the loop lets that happen."""
        while True:
            due_ns = _grid_after(self._clock.now_ns())
            # An event loop may wake a sleeper a fraction of a millisecond early.
            while (left_ns := due_ns - self._clock.now_ns()) > 0:
                await self._clock.sleep(left_ns / NANOS_PER_SECOND)
            self.lateness.add(self._clock.now_ns() - due_ns)
            bus.nudge()

    def finish(self, now_ns: Nanos) -> None:
        """Write down the gaps that are still open when the run ends."""
        for gap in self._gaps.close_all(now_ns):
            self._put_gap(gap)

    def reading(self) -> Reading:
        """Return the pump's own numbers."""
        return {
            "events": self._engine.event_count,
            "outputs": self.outputs,
            "skipped_ticks": self.skipped_ticks,
            "sink_pauses": self.sink_pauses,
            "is_paused_by_sink": self.is_paused_by_sink,
            "open_gaps": self._gaps.open_count,
            **{f"late.{cause}": count for cause, count in self.late.items()},
        }

    def complaints(self) -> list[str]:
        """Return a line for each thing that keeps it from working at its pace."""
        return ["record: the writer is behind, nothing is taken"] if self.is_paused_by_sink else []

    def _idle_until(self, now_ns: Nanos) -> None:
        """The queue is empty: let the clock carry time on, once an event has started it."""
        if self._next_tick_ns is not None:
            self.pass_time(now_ns, taken_ns=now_ns)

    def _fold(self, event: Event) -> None:
        started_ns = self._clock.monotonic_ns()
        outputs = self._engine.process(event)
        self._folded_ns = self._clock.monotonic_ns()
        self.latency.add(self._folded_ns - started_ns)
        seq = self._engine.event_count
        self.outputs += len(outputs)
        self._record.put_event(seq, event, outputs)
        for gap in self._gaps.observe(event):
            self._put_gap(gap)
        for observe in self._observers:
            observe(seq, event, outputs)

    def _put_gap(self, gap: Gap) -> None:
        self._record.put_gap(
            gap.end_ns,
            gap.feed,
            gap.instrument,
            gap.cause,
            start_ns=gap.start_ns,
            end_ns=gap.end_ns,
            close_code=gap.close_code,
            expected=gap.expected,
            received=gap.received,
        )

    async def wait_for_record(self) -> None:
        """Take nothing more while the writer is behind; the bus then fills, and says so itself."""
        if not self._record.is_saturated:
            return
        self.sink_pauses += 1
        self.is_paused_by_sink = True
        _LOG.warning("pump_paused", reason="the writer is behind", pauses=self.sink_pauses)
        await self._record.until_writable()
        self.is_paused_by_sink = False
        _LOG.info("pump_resumed")


def _grid_after(now_ns: Nanos) -> Nanos:
    """Return the first grid point later than ``now_ns``."""
    return (now_ns // TICK_NS + 1) * TICK_NS
