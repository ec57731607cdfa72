"""Replays of single opportunities for the console: one at a time in a thread of their own, each with a time limit.

What was found is kept; who asks for what is being made waits for the same answer.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

from streaming_worker.adapters.clock import Clock
from streaming_worker.core.units import NANOS_PER_SECOND
from streaming_worker.errors import RequestRefused, StorageError
from streaming_worker.service.moment import Moment, Sought, rebuild

LIMIT_S: Final = 15.0
MOST_WAITING: Final = 4
_KEPT: Final = 64
_Key = tuple[str, str, bool]
_Make = Callable[[Path, Sought, Callable[[], bool]], Moment]


class Moments:
    """Makes and keeps moments of opportunities."""

    def __init__(self, data_dir: Path, clock: Clock, *, limit_s: float = LIMIT_S, make: _Make = rebuild) -> None:
        self._data_dir = data_dir
        self._rebuild = make
        self._clock = clock
        self._limit_ns = int(limit_s * NANOS_PER_SECOND)
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="moment")
        self._kept: OrderedDict[_Key, Moment] = OrderedDict()
        self._being_made: dict[_Key, asyncio.Future[Moment]] = {}
        self._is_closing = False

    async def of(self, sought: Sought) -> Moment:
        """Return the moment of an opportunity. Raises RequestRefused where it cannot be replayed."""
        key = (sought.run_id, sought.opportunity_id, sought.closed_ns is not None)
        known = self._kept.get(key)
        if known is not None:
            self._kept.move_to_end(key)
            return known
        making = self._being_made.get(key)
        if making is None:
            making = self._start(key, sought)
        try:
            return await asyncio.shield(making)
        except StorageError as e:
            raise RequestRefused(409, "not_replayable", f"the record cannot replay it: {e}") from e
        except TimeoutError as e:
            text = f"the replay took over {self._limit_ns // NANOS_PER_SECOND} s and was ended"
            raise RequestRefused(409, "too_slow", text) from e

    def close(self) -> None:
        """End what runs. Blocks for a moment."""
        self._is_closing = True
        self._executor.shutdown(wait=True, cancel_futures=True)

    def _start(self, key: _Key, sought: Sought) -> asyncio.Future[Moment]:
        if len(self._being_made) >= MOST_WAITING:
            raise RequestRefused(503, "busy", "other opportunities are being replayed; try again in some seconds")
        making = asyncio.get_running_loop().run_in_executor(self._executor, self._make, sought)
        self._being_made[key] = making
        making.add_done_callback(lambda done: self._keep(key, done))
        return making

    def _make(self, sought: Sought) -> Moment:
        until_ns = self._clock.monotonic_ns() + self._limit_ns
        return self._rebuild(self._data_dir, sought, lambda: self._is_closing or self._clock.monotonic_ns() > until_ns)

    def _keep(self, key: _Key, done: asyncio.Future[Moment]) -> None:
        self._being_made.pop(key, None)
        if done.cancelled() or done.exception() is not None:
            return
        # Without its end, which may not be sealed yet, it is made again.
        if done.result().ending is not None:
            self._kept[key] = done.result()
            while len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
