"""What the writer's thread does with the queue: rows, one transaction per commit, acknowledgement, rotation."""

from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Final, TypeAlias

from streaming_worker.core.events import Event
from streaming_worker.core.histogram import Histogram
from streaming_worker.core.outputs import Output
from streaming_worker.core.units import Nanos
from streaming_worker.errors import StorageError
from streaming_worker.storage.batch import Batch
from streaming_worker.storage.laps import Laps
from streaming_worker.storage.rotation import Rotation
from streaming_worker.storage.rows import Row, event_rows, output_rows

_COMMIT_ROWS: Final = 50_000


@dataclass(frozen=True, slots=True)
class ServiceRow:
    """A row that the service notes beside the engine's record."""

    table: str
    row: Row


Numbered: TypeAlias = tuple[int, Event | None, Sequence[Output]]
Item: TypeAlias = Numbered | ServiceRow | Future[None]
"""A numbered event with its outputs, a service row, or a marker that is set once all before it is durable."""


class Writer:
    """Commit what stands in the queue; one thread only. The counters may be read from others.

    ``commit_age`` is, of each commit, how long ago its first event was received once that is durable.
    """

    def __init__(
        self,
        queue: deque[Item],
        rotation: Rotation,
        monotonic_ns: Callable[[], Nanos],
        now_ns: Callable[[], Nanos],
        *,
        rotate_ns: Nanos,
        rotate_rows: int,
    ) -> None:
        self.acknowledged_seq = 0
        self.committed_rows = 0
        self.laps = Laps()
        self.commit_age = Histogram()
        self.committed_ns: Nanos | None = None
        self.markers: list[Future[None]] = []
        self.in_flight = 0
        self._queue = queue
        self._rotation = rotation
        self._monotonic_ns = monotonic_ns
        self._now_ns = now_ns
        self._rotate_ns = rotate_ns
        self._rotate_rows = rotate_rows
        self._taken_seq = 0
        self._first_received_ns: Nanos | None = None
        self._first_write_ns: Nanos | None = None

    def drain(self) -> None:
        """Commit what was queued when called, and rotate where due. Raises StorageError."""
        remaining = len(self._queue)
        while remaining:
            remaining -= self._commit(remaining)
            self._rotate_when_due()
        self._rotate_when_due()

    def _commit(self, most: int) -> int:
        batch = Batch()
        taken = 0
        while taken < most and batch.row_count < _COMMIT_ROWS:
            self._take(self._queue.popleft(), batch)
            self.in_flight = taken = taken + 1
        if batch.row_count:
            self._write(batch)
        self.acknowledged_seq = self._taken_seq
        for marker in self.markers:
            if marker.set_running_or_notify_cancel():
                marker.set_result(None)
        self.markers.clear()
        self.in_flight = 0
        return taken

    def _take(self, item: Item, batch: Batch) -> None:
        if isinstance(item, tuple):
            seq, event, outputs = item
            if event is not None:
                self._check_order(seq)
                if self._first_received_ns is None:
                    self._first_received_ns = event.received_ns
                batch.add(event_rows(seq, event))
            for output in outputs:
                batch.add(output_rows(seq, output))
        elif isinstance(item, ServiceRow):
            batch.add([(item.table, item.row)])
        else:
            self.markers.append(item)

    def _check_order(self, seq: int) -> None:
        if seq <= self._taken_seq:
            raise StorageError(f"expected a seq above {self._taken_seq}, received {seq}")
        self._taken_seq = seq

    def _write(self, batch: Batch) -> None:
        tables = list(batch.tables())
        started_ns = self._monotonic_ns()
        if self._first_write_ns is None:
            self._first_write_ns = started_ns
        self._rotation.current.commit(tables)
        self.laps.add(self._monotonic_ns() - started_ns)
        self.committed_rows += batch.row_count
        self.committed_ns = self._now_ns()
        first_ns, self._first_received_ns = self._first_received_ns, None
        if first_ns is not None:
            self.commit_age.add(self.committed_ns - first_ns)

    def _rotate_when_due(self) -> None:
        if self._first_write_ns is None:
            return
        is_old = self._monotonic_ns() - self._first_write_ns >= self._rotate_ns
        if (is_old or self._rotation.current.row_count >= self._rotate_rows) and self._rotation.swap():
            self._first_write_ns = None
