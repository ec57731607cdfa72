"""The only wall clock and monotonic clock; nothing else in the worker asks what time it is.

Wall time is anchored once to the monotonic clock, so that ``received_ns`` never steps back when the
machine's clock is corrected. Code that waits takes the clock's ``sleep``, so that a test can move time by hand.
"""

import asyncio
import heapq
import itertools
import time
from typing import Protocol

from streaming_worker.core.units import NANOS_PER_SECOND, Nanos


class Clock(Protocol):
    """What the adapters and the service need of time."""

    def now_ns(self) -> Nanos:
        """Return wall time, ns UTC, never less than the value before."""
        ...

    def monotonic_ns(self) -> Nanos:
        """Return a monotonic reading; only differences mean anything."""
        ...

    def drift_ns(self) -> Nanos:
        """Return how far the machine's wall clock has moved from ours; positive when it is ahead."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait for ``seconds`` of this clock's time."""
        ...


class AnchoredClock:
    """The machine's clock: wall time read once, then carried forward by the monotonic clock."""

    def __init__(self) -> None:
        self._anchor_ns = time.time_ns() - time.monotonic_ns()

    def now_ns(self) -> Nanos:
        """Return wall time, ns UTC, as anchored at construction."""
        return self._anchor_ns + time.monotonic_ns()

    def monotonic_ns(self) -> Nanos:
        """Return the finest monotonic reading of the machine."""
        return time.perf_counter_ns()

    def drift_ns(self) -> Nanos:
        """Return how far the machine's wall clock has moved from ours since the anchor; positive when it is ahead."""
        return time.time_ns() - self.now_ns()

    async def sleep(self, seconds: float) -> None:
        """Wait on the running event loop."""
        await asyncio.sleep(seconds)


class HandClock:
    """A clock that moves only when told to; for replays, history and tests."""

    def __init__(self, start_ns: Nanos = 0) -> None:
        self._now_ns = start_ns
        self._order = itertools.count()
        self._sleepers: list[tuple[Nanos, int, asyncio.Future[None]]] = []

    @property
    def sleeper_count(self) -> int:
        """How many tasks wait for this clock to move."""
        return sum(not waiter.done() for _, _, waiter in self._sleepers)

    @property
    def next_due_ns(self) -> Nanos | None:
        """When the first of them wants to be woken; None when nobody waits."""
        return min((due_ns for due_ns, _, waiter in self._sleepers if not waiter.done()), default=None)

    def now_ns(self) -> Nanos:
        """Return the time it was moved to."""
        return self._now_ns

    def monotonic_ns(self) -> Nanos:
        """Return the same reading as ``now_ns``."""
        return self._now_ns

    def drift_ns(self) -> Nanos:
        """Return 0: there is no other clock to drift from."""
        return 0

    def advance_to(self, now_ns: Nanos) -> None:
        """Move forward to ``now_ns`` and wake who is due; an earlier time moves nothing."""
        self._now_ns = max(self._now_ns, now_ns)
        while self._sleepers and self._sleepers[0][0] <= self._now_ns:
            _, _, waiter = heapq.heappop(self._sleepers)
            if not waiter.done():
                waiter.set_result(None)

    def advance(self, seconds: float) -> None:
        """Move forward by ``seconds``."""
        self.advance_to(self._now_ns + round(seconds * NANOS_PER_SECOND))

    async def sleep(self, seconds: float) -> None:
        """Wait until the clock has been moved past ``seconds`` from now."""
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        due_ns = self._now_ns + round(seconds * NANOS_PER_SECOND)
        heapq.heappush(self._sleepers, (due_ns, next(self._order), waiter))
        await waiter
