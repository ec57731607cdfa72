"""The one way into the record: the event loop appends, one thread commits about every 50 ms.

Queue policy: NEVER DROP. ``put_*`` always takes what it is given; at ``queue_limit`` items the sink is saturated,
which is counted and shown, and callers slow down (``until_writable``). Acknowledged means committed: nothing up to
``acknowledged_seq`` is lost by a kill. The first failure ends the writing, and every later call says so.
"""

import asyncio
import threading
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from streaming_worker.core.events import Event
from streaming_worker.core.histogram import Histogram
from streaming_worker.core.outputs import Output
from streaming_worker.core.units import NANOS_PER_SECOND, Nanos
from streaming_worker.errors import StorageError
from streaming_worker.storage.laps import Laps
from streaming_worker.storage.live_file import LiveFile, WorkerRun, warm_up
from streaming_worker.storage.note_rows import latency_row
from streaming_worker.storage.recovery import RecoveredSegment, recover_with
from streaming_worker.storage.rotation import Rotation
from streaming_worker.storage.worker_files import WorkerFiles
from streaming_worker.storage.writer import Item, ServiceRow, Writer

STOP_SECONDS: Final = 10.0


class Clock(Protocol):
    """What the sink needs of time."""

    def now_ns(self) -> Nanos:
        """Return wall time, ns UTC."""
        ...

    def monotonic_ns(self) -> Nanos:
        """Return a monotonic reading."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class SinkSettings:
    """How the record is written. Units: as named; ``queue_limit`` counts calls of ``put_*`` not yet committed."""

    commit_ms: int = 50
    rotate_seconds: float = 15.0
    rotate_rows: int = 1_000_000
    queue_limit: int = 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class SinkStats:
    """What was written since the start; percentiles are over the latest commits, None before the first."""

    committed_rows: int
    acknowledged_seq: int
    queue_depth: int
    queue_limit: int
    saturated_puts: int
    unwritten_items: int
    commits: int
    commit_p50_ns: Nanos | None
    commit_p95_ns: Nanos | None
    commit_p99_ns: Nanos | None
    committed_ns: Nanos | None
    live_file: str | None
    live_rows: int
    sealed_segments: int
    recovered_segments: int
    failure: str | None


class Sink:
    """Record events, outputs and service rows of one run.

    ``put_*``, ``flush`` and ``until_writable`` belong to one thread (the event loop's); ``start`` and ``stop`` block.
    """

    def __init__(self, data_dir: Path, run: WorkerRun, clock: Clock, settings: SinkSettings | None = None) -> None:
        self.settings = settings or SinkSettings()
        self.recovered: list[RecoveredSegment] = []
        self.last_recorded_ns: Nanos | None = None
        self._data_dir = data_dir
        self._worker_run = run
        self._clock = clock
        self._queue: deque[Item] = deque()
        self._limit = self.settings.queue_limit
        self._saturated_puts = 0
        self._unwritten_items = 0
        self._failure: StorageError | None = None
        self._refusal: StorageError | None = StorageError("the sink is not started")
        self._refusal_lock = threading.Lock()
        self._wake = threading.Event()
        self._is_stopping = False
        self._files: WorkerFiles | None = None
        self._rotation = Rotation(self._fail)
        self._writer = Writer(
            self._queue,
            self._rotation,
            clock.monotonic_ns,
            clock.now_ns,
            rotate_ns=round(self.settings.rotate_seconds * NANOS_PER_SECOND),
            rotate_rows=self.settings.rotate_rows,
        )
        self._thread = threading.Thread(target=self._run, name="arb-sink-writer", daemon=True)

    def start(self) -> None:
        """Recover what was left behind (``recovered`` tells), open the first live file, start the threads.

        Afterwards ``last_recorded_ns`` is where the gap since the last run begins; None at the very first start.

        Raises: StorageError when a worker of this name already runs, or the disk refuses.
        """
        warm_up()
        files = WorkerFiles(self._data_dir, self._worker_run.worker)
        try:
            self.recovered = recover_with(files)
            self.last_recorded_ns = files.last_recorded_ns()
            self._rotation.start(lambda: LiveFile(files, self._worker_run, self._clock.now_ns()))
        except BaseException:
            files.release()
            raise
        self._files = files
        self._refusal = None
        self._thread.start()

    def put_event(self, seq: int, event: Event, outputs: Sequence[Output] = ()) -> None:
        """Record an input, and with it, in the same transaction, its outputs. ``seq`` rises with every call."""
        self._put((seq, event, outputs))

    def put_outputs(self, seq: int, outputs: Sequence[Output]) -> None:
        """Record outputs of an event that was put before."""
        if outputs:
            self._put((seq, None, outputs))

    def put_dead_letter(self, received_ns: Nanos, feed: str, error: str, frame: bytes) -> None:
        """Record a frame that could not be used, whole."""
        self._put(ServiceRow("dead_letters", (received_ns, feed, error, frame)))

    def put_raw_frame(self, received_ns: Nanos, feed: str, connection: int, kind: str, frame: bytes) -> None:
        """Record a frame as it was."""
        self._put(ServiceRow("raw_frames", (received_ns, feed, connection, kind, frame)))

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
        """Record a stretch of time without trustworthy data; ``feed`` is "worker" where nothing was captured."""
        row = (received_ns, feed, instrument, cause, close_code, start_ns, end_ns, expected, received)
        self._put(ServiceRow("gaps", row))

    def put_clock_offset(self, received_ns: Nanos, feed: str, offset_ns: Nanos) -> None:
        """Record how far a venue's clock is from ours."""
        self._put(ServiceRow("clock_offsets", (received_ns, feed, offset_ns)))

    def put_latencies(self, received_ns: Nanos, stage: str, since_ns: Nanos, counted: Histogram) -> None:
        """Record how long a stage took since a moment; nothing where nothing was counted."""
        if counted.count:
            self._put(ServiceRow("latency_histograms", latency_row(received_ns, stage, since_ns, counted)))

    @property
    def is_saturated(self) -> bool:
        """True while the queue is at its limit: callers slow down."""
        return len(self._queue) >= self._limit

    @property
    def acknowledged_seq(self) -> int:
        """The last seq that is durable, with all before it."""
        return self._writer.acknowledged_seq

    @property
    def sealed_segments(self) -> int:
        """How many files were sealed so far."""
        return self._rotation.sealed_count

    @property
    def commit_laps(self) -> Laps:
        """How long the latest commits took."""
        return self._writer.laps

    @property
    def commit_age(self) -> Histogram:
        """Of each commit, how long ago its first event was received once that was durable."""
        return self._writer.commit_age

    async def flush(self) -> None:
        """Return once everything put before is durable. Raises StorageError."""
        marker: Future[None] = Future()
        with self._refusal_lock:
            self._check()
            self._queue.append(marker)
        self._wake.set()
        await asyncio.wrap_future(marker)

    async def until_writable(self) -> None:
        """Return once the sink is not saturated. Raises StorageError."""
        while self.is_saturated:
            await self.flush()
        self._check()

    def stop(self, timeout_s: float = STOP_SECONDS) -> None:
        """Commit what is queued, seal, end the threads, give up the lock; does nothing when called again.

        Raises: StorageError when something could not be written, sealed, or ended in time; nothing acknowledged is
        lost by that, the next start recovers it.
        """
        files, self._files = self._files, None
        if files is None:
            return
        with self._refusal_lock:
            self._refusal = self._refusal or StorageError("the sink is stopped")
        self._is_stopping = True
        self._wake.set()
        self._thread.join(timeout_s)
        has_ended = not self._thread.is_alive() and self._end_rotation(timeout_s)
        if not has_ended:
            raise StorageError(f"the sink did not stop within {timeout_s} s", path=str(self._data_dir))
        files.release()
        if self._failure is not None:
            raise StorageError(f"the sink stopped early: {self._failure}", path=self._failure.path) from self._failure

    def stats(self) -> SinkStats:
        """Return what the writer did so far."""
        writer, live = self._writer, self._rotation.current_or_none
        return SinkStats(
            committed_rows=writer.committed_rows,
            acknowledged_seq=writer.acknowledged_seq,
            queue_depth=len(self._queue),
            queue_limit=self._limit,
            saturated_puts=self._saturated_puts,
            unwritten_items=self._unwritten_items,
            commits=writer.laps.count,
            commit_p50_ns=writer.laps.percentile(50),
            commit_p95_ns=writer.laps.percentile(95),
            commit_p99_ns=writer.laps.percentile(99),
            committed_ns=writer.committed_ns,
            live_file=live.path.name if live else None,
            live_rows=live.row_count if live else 0,
            sealed_segments=self._rotation.sealed_count,
            recovered_segments=sum(item.sealed is not None for item in self.recovered),
            failure=str(self._failure) if self._failure else None,
        )

    def _put(self, item: Item) -> None:
        if self._refusal is not None:
            self._check()
        queue = self._queue
        queue.append(item)
        if len(queue) >= self._limit:
            self._saturated_puts += 1

    def _check(self) -> None:
        if self._refusal is not None:
            raise StorageError(str(self._refusal), path=self._refusal.path) from self._refusal

    def _run(self) -> None:
        ended: StorageError | None = StorageError("the writer ended on a defect")
        try:
            self._write_until_stopped()
            ended = None
        except StorageError as e:
            ended = e
        finally:
            if ended is not None:
                self._fail(ended)
            self._reject_queued()

    def _write_until_stopped(self) -> None:
        while self._failure is None:
            self._wake.wait(self.settings.commit_ms / 1_000)
            self._wake.clear()
            is_last = self._is_stopping
            self._writer.drain()
            if is_last:
                return

    def _fail(self, error: StorageError) -> None:
        """Refuse everything from here on; the writer ends. Called by either thread."""
        with self._refusal_lock:
            self._failure = self._failure or error
            self._refusal = self._failure
        self._wake.set()

    def _reject_queued(self) -> None:
        """Tell who waits, and count what was not written. The writer's last act; nothing after a clean end."""
        markers, self._unwritten_items = self._writer.markers, self._writer.in_flight
        while self._queue:
            item = self._queue.popleft()
            if isinstance(item, Future):
                markers.append(item)
            else:
                self._unwritten_items += 1
        for marker in markers:
            if marker.set_running_or_notify_cancel():
                marker.set_exception(StorageError(str(self._refusal)))

    def _end_rotation(self, timeout_s: float) -> bool:
        has_ended = self._rotation.finish(timeout_s) if self._failure is None else self._rotation.join(timeout_s)
        if has_ended:
            self._rotation.abandon()
        return has_ended
