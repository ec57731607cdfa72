"""The load of the sink's benches: 20,000 rows a second in ticks of 50 ms, every tenth a burst of 6,000 rows."""

import asyncio
import resource
from collections.abc import Callable
from typing import Final

from streaming_worker.adapters.clock import AnchoredClock
from streaming_worker.core.events import BookDelta
from streaming_worker.core.units import NANOS_PER_MILLISECOND, NANOS_PER_SECOND
from streaming_worker.storage.laps import Laps

TICK_S: Final = 0.05
_LAG_STEP_S: Final = 0.005
_LEVELS: Final = 5
_SMALL_EVENTS: Final = 89
_BURST_EVENTS: Final = 1_200
_BURST_EVERY: Final = 10

Put = Callable[[int, BookDelta], None]


async def load(put: Put, seconds: float) -> tuple[Laps, Laps, float, float]:
    """Put the load; return how long a put took (the mean of each tick), the loop's lag, CPU and elapsed seconds."""
    clock = AnchoredClock()
    puts, lags = Laps(), Laps()
    cpu_before, started_ns = _cpu_seconds(), clock.monotonic_ns()
    seq = 0
    async with asyncio.TaskGroup() as group:
        watching = group.create_task(_watch(clock, lags))
        for tick in range(round(seconds / TICK_S)):
            seq = _put_tick(put, clock, puts, tick, seq)
            due_ns = started_ns + round((tick + 1) * TICK_S * NANOS_PER_SECOND)
            await asyncio.sleep(max(0, due_ns - clock.monotonic_ns()) / NANOS_PER_SECOND)
        watching.cancel()
    elapsed = (clock.monotonic_ns() - started_ns) / NANOS_PER_SECOND
    return puts, lags, _cpu_seconds() - cpu_before, elapsed


def _put_tick(put: Put, clock: AnchoredClock, puts: Laps, tick: int, seq: int) -> int:
    count = _BURST_EVENTS if tick % _BURST_EVERY == _BURST_EVERY - 1 else _SMALL_EVENTS
    now_ns = clock.now_ns()
    events = [_event(seq + place, now_ns) for place in range(1, count + 1)]
    started_ns = clock.monotonic_ns()
    for event in events:
        seq += 1
        put(seq, event)
    puts.add((clock.monotonic_ns() - started_ns) // count)
    return seq


def _event(seq: int, now_ns: int) -> BookDelta:
    """Return a delta of five levels whose prices and sizes move as real ones do."""
    mid_e8 = 14_000_000_000 + (seq * 7_919 % 2_000_003) * 1_000
    bids = [(mid_e8 - step * 1_000_000, seq * 104_729 * step % 50_000_000_000) for step in range(1, 4)]
    asks = [(mid_e8 + step * 1_000_000, seq * 15_485_863 * step % 50_000_000_000) for step in range(1, _LEVELS - 2)]
    instrument = "coinbase:SOL-USD" if seq % 3 else "gemini:SOLUSD"
    return BookDelta(instrument, bids, asks, now_ns - 20 * NANOS_PER_MILLISECOND, now_ns, seq)


async def _watch(clock: AnchoredClock, lags: Laps) -> None:
    """Note how late the loop wakes a task that asked for a short sleep."""
    while True:
        started_ns = clock.monotonic_ns()
        await asyncio.sleep(_LAG_STEP_S)
        lags.add(clock.monotonic_ns() - started_ns - round(_LAG_STEP_S * NANOS_PER_SECOND))


def _cpu_seconds() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def milliseconds(laps: Laps, percent: int) -> float:
    """Return a percentile in milliseconds, 0 without any lap."""
    return round((laps.percentile(percent) or 0) / NANOS_PER_MILLISECOND, 2)
