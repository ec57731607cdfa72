"""The bounded queue between the feeds and the pump.

Drop policy: a market frame is never dropped alone. When its events do not fit, none of them goes in, they are
counted, and the feed is told to give up its connection (QUEUE_OVERFLOW), so that its books are rebuilt from a
snapshot. What the service itself says (connected, lost, gap, operator commands) always goes in; there are few of
those per connection attempt, and attempts are spaced by backoff.
"""

import asyncio
from collections import Counter, deque
from collections.abc import Sequence
from typing import Final

from streaming_worker.core.events import Event
from streaming_worker.errors import ConfigError
from streaming_worker.service.metrics import Reading

DEFAULT_CAPACITY: Final = 100_000
_FULL_SHARE: Final = 10  # from a tenth of the capacity on, what waits is said


class Bus:
    """One queue, many feeds, one consumer; single event loop only."""

    def __init__(self, capacity: int = DEFAULT_CAPACITY) -> None:
        if capacity < 1:
            raise ConfigError(f"the bus capacity must be at least 1, received {capacity}", key="capacity")
        self.capacity = capacity
        self.dropped: Counter[str] = Counter()
        self.high_water = 0
        self._queue: deque[Event] = deque()
        self._filled = asyncio.Event()
        self._is_closed = False

    def __len__(self) -> int:
        return len(self._queue)

    @property
    def is_finished(self) -> bool:
        """True when it was closed and everything has been taken."""
        return self._is_closed and not self._queue

    def offer(self, feed: str, events: Sequence[Event]) -> bool:
        """Add the events of one frame, all or none; False and counted when they do not fit."""
        if len(self._queue) + len(events) > self.capacity:
            self.dropped[feed] += len(events)
            return False
        self._add(events)
        return True

    def announce(self, events: Sequence[Event]) -> None:
        """Add what the service says itself; never refused."""
        self._add(events)

    def nudge(self) -> None:
        """Wake the consumer although nothing was added: time has passed."""
        self._filled.set()

    def close(self) -> None:
        """Say that nothing more will come; the consumer drains what is left."""
        self._is_closed = True
        self._filled.set()

    def take(self, limit: int) -> list[Event]:
        """Return up to ``limit`` events in order, without waiting."""
        queue = self._queue
        if len(queue) <= limit:
            events = list(queue)
            queue.clear()
        else:
            events = [queue.popleft() for _ in range(limit)]
        if not queue and not self._is_closed:
            self._filled.clear()
        return events

    async def wait(self) -> None:
        """Wait until there is something to take, time has passed, or nothing more will come."""
        await self._filled.wait()

    def reading(self) -> Reading:
        """Return the queue's own numbers."""
        return {
            "waiting": len(self._queue),
            "capacity": self.capacity,
            "high_water": self.high_water,
            **{f"dropped.{feed}": count for feed, count in self.dropped.items()},
        }

    def complaints(self) -> list[str]:
        """Return a line while so much waits that the engine is behind."""
        waiting = len(self._queue)
        is_behind = waiting * _FULL_SHARE >= self.capacity
        return [f"queue: {waiting} of {self.capacity} events wait for the engine"] if is_behind else []

    def _add(self, events: Sequence[Event]) -> None:
        if not events:
            return
        self._queue.extend(events)
        self.high_water = max(self.high_water, len(self._queue))
        self._filled.set()
