"""Questions to the record, away from the event loop: a few at a time, with a time limit, answered once for all who ask.

Nothing here can delay the worker: sealed files are only read, and a query that takes too long is ended.
"""

import asyncio
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final, TypeVar

from streaming_worker.adapters.clock import Clock
from streaming_worker.api.metrics import ApiMetrics
from streaming_worker.core.units import NANOS_PER_DAY, NANOS_PER_HOUR, NANOS_PER_SECOND, Nanos
from streaming_worker.errors import StorageError
from streaming_worker.storage.record_reader import RecordReader
from streaming_worker.storage.segment_copies import SegmentCopies

Row = dict[str, Any]
THREADS: Final = 2
LIMIT_S: Final = 20.0
_LEAST_READER_NS: Final = 5 * NANOS_PER_SECOND
_MOST_READER_NS: Final = 60 * NANOS_PER_SECOND
# Opening may take one part in twenty of the time.
_OPENING_SHARE: Final = 20
_ANSWERS: Final = 200
_Key = tuple[int, int]
_Result = TypeVar("_Result")


class RecordDesk:
    """Asks the record. A reader covers whole days; it is used again for five seconds, or for longer where opening it
    took long: what was sealed meanwhile is known from the worker's stream."""

    def __init__(self, data_dir: Path, clock: Clock, metrics: ApiMetrics, *, limit_s: float = LIMIT_S) -> None:
        self._data_dir = data_dir
        self._clock = clock
        self._metrics = metrics
        self._limit_s = limit_s
        self._executor = ThreadPoolExecutor(THREADS, thread_name_prefix="record")
        self._lock = threading.Lock()
        self._copies = SegmentCopies()
        self._idle: dict[_Key, list[tuple[Nanos, RecordReader]]] = {}
        self._answers: OrderedDict[tuple[str, _Key], tuple[Nanos, asyncio.Future[list[Row]]]] = OrderedDict()

    async def rows(self, sql: str, *, from_ns: Nanos, to_ns: Nanos, keep_s: float = 2.0) -> list[Row]:
        """Return a query's rows; an answer is used again for ``keep_s``. Raises StorageError, TimeoutError."""
        key = (sql, _days(from_ns, to_ns))
        now_ns = self._clock.monotonic_ns()
        known = self._answers.get(key)
        if known is not None and now_ns - known[0] < keep_s * NANOS_PER_SECOND:
            return await asyncio.shield(known[1])
        future = self._submit(key[1], lambda reader: _rows(reader, sql))
        future.add_done_callback(_take_note)
        self._answers[key] = (now_ns, future)
        self._answers.move_to_end(key)
        while len(self._answers) > _ANSWERS:
            self._answers.popitem(last=False)
        return await asyncio.shield(future)

    async def stream(self, sql: str, *, from_ns: Nanos, to_ns: Nanos) -> list[Row]:
        """Return a query's rows and keep nothing: for exports. Raises StorageError, TimeoutError."""
        return await self._submit(_days(from_ns, to_ns), lambda reader: _rows(reader, sql))

    async def published(self, sql: str, *, keep_s: float = 10.0) -> list[Row] | None:
        """Return a query's rows over the published file (``published.<mart>``), None where there is none yet."""
        if not (self._data_dir / "published" / "arb.duckdb").exists():
            return None
        now_ns = self._clock.now_ns()
        return await self.rows(sql, from_ns=now_ns, to_ns=now_ns, keep_s=keep_s)

    def has_published(self) -> bool:
        """Return whether the published file is there. The marts of a release are published together."""
        return (self._data_dir / "published" / "arb.duckdb").exists()

    def close(self) -> None:
        """End what runs and close every reader. Blocks for a moment."""
        self._executor.shutdown(wait=True, cancel_futures=True)
        with self._lock:
            readers = [reader for waiting in self._idle.values() for _, reader in waiting]
            self._idle = {}
        for reader in readers:
            reader.close()
        self._copies.close()

    def _submit(self, key: _Key, ask: Callable[[RecordReader], _Result]) -> asyncio.Future[_Result]:
        return asyncio.get_running_loop().run_in_executor(self._executor, self._ask, key, ask)

    def _ask(self, key: _Key, ask: Callable[[RecordReader], _Result]) -> _Result:
        until_ns, reader = self._take(key)
        timer = threading.Timer(self._limit_s, reader.interrupt)
        timer.daemon = True
        timer.start()
        started_ns = self._clock.monotonic_ns()
        try:
            result = ask(reader)
        except BaseException as e:
            reader.close()
            if (
                isinstance(e, StorageError)
                and self._clock.monotonic_ns() - started_ns >= self._limit_s * NANOS_PER_SECOND
            ):
                raise TimeoutError(f"a query took over {self._limit_s:.0f} s") from e
            raise
        finally:
            timer.cancel()
            self._metrics.queries.observe((self._clock.monotonic_ns() - started_ns) / NANOS_PER_SECOND)
        self._give_back(key, until_ns, reader)
        return result

    def _take(self, key: _Key) -> tuple[Nanos, RecordReader]:
        now_ns = self._clock.monotonic_ns()
        with self._lock:
            old = self._drop_old(now_ns)
            waiting = self._idle.get(key)
            found = waiting.pop() if waiting else None
        for reader in old:
            reader.close()
        if found is not None:
            return found
        reader = RecordReader(self._data_dir, from_ns=key[0], to_ns=key[1], worker=None, copies=self._copies)
        opened_ns = self._clock.monotonic_ns()
        kept_ns = min(max((opened_ns - now_ns) * _OPENING_SHARE, _LEAST_READER_NS), _MOST_READER_NS)
        return opened_ns + kept_ns, reader

    def _give_back(self, key: _Key, until_ns: Nanos, reader: RecordReader) -> None:
        with self._lock:
            self._idle.setdefault(key, []).append((until_ns, reader))

    def _drop_old(self, now_ns: Nanos) -> list[RecordReader]:
        old = []
        for key, waiting in list(self._idle.items()):
            old += [reader for until_ns, reader in waiting if now_ns >= until_ns]
            fresh = [one for one in waiting if now_ns < one[0]]
            if fresh:
                self._idle[key] = fresh
            else:
                del self._idle[key]
        return old


def _rows(reader: RecordReader, sql: str) -> list[Row]:
    found: Sequence[Row] = reader.arrow(sql).to_pylist()
    return list(found)


def _days(from_ns: Nanos, to_ns: Nanos) -> _Key:
    """Whole days around a range, two at least: who asks for nearly the same gets the same reader.

    One hour more: a grade comes after its episode.
    """
    end_ns = (to_ns // NANOS_PER_DAY + 1) * NANOS_PER_DAY
    start_ns = min(from_ns // NANOS_PER_DAY * NANOS_PER_DAY, end_ns - 2 * NANOS_PER_DAY)
    return max(start_ns, 0), end_ns + NANOS_PER_HOUR


def _take_note(future: asyncio.Future[list[Row]]) -> None:
    """A failure that nobody waits for any more was told to who asked first."""
    if not future.cancelled():
        future.exception()
