"""Time never steps back, and a test can move it by hand."""

import asyncio
import time

from streaming_worker.adapters.clock import AnchoredClock, HandClock
from streaming_worker.core.units import NANOS_PER_SECOND


def test_anchored_clock_is_wall_time_and_never_steps_back() -> None:
    clock = AnchoredClock()
    readings = [clock.now_ns() for _ in range(1_000)]
    assert readings == sorted(readings)
    assert abs(readings[-1] - time.clock_gettime_ns(time.CLOCK_REALTIME)) < NANOS_PER_SECOND
    assert abs(clock.drift_ns()) < NANOS_PER_SECOND


async def test_anchored_clock_waits_at_least_as_long_as_asked() -> None:
    clock = AnchoredClock()
    before_ns = clock.monotonic_ns()
    await clock.sleep(0.01)
    assert clock.monotonic_ns() - before_ns >= 9_000_000


def test_hand_clock_ignores_an_earlier_time() -> None:
    clock = HandClock(start_ns=500)
    clock.advance_to(400)
    assert (clock.now_ns(), clock.monotonic_ns(), clock.drift_ns()) == (500, 500, 0)


async def test_hand_clock_wakes_sleepers_in_order_of_their_time() -> None:
    clock = HandClock()
    woken: list[float] = []

    async def sleep(seconds: float) -> None:
        await clock.sleep(seconds)
        woken.append(seconds)

    async with asyncio.TaskGroup() as group:
        for seconds in (2.0, 1.0, 3.0, 0.0):
            group.create_task(sleep(seconds))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert (woken, clock.sleeper_count) == ([0.0], 3)
        clock.advance(2.0)
        await asyncio.sleep(0)
        assert (woken, clock.sleeper_count) == ([0.0, 1.0, 2.0], 1)
        clock.advance(1.0)


async def test_hand_clock_skips_a_cancelled_sleeper() -> None:
    clock = HandClock()
    task = asyncio.ensure_future(clock.sleep(1.0))
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert clock.sleeper_count == 0
    clock.advance(5.0)
    assert clock.now_ns() == 5 * NANOS_PER_SECOND
