"""Look at the disk every few seconds while the worker runs, and hold back raw frames when it runs out of room."""

import asyncio
from typing import Final, NoReturn, Protocol

import structlog

from streaming_worker.adapters.clock import Clock
from streaming_worker.core.units import Nanos
from streaming_worker.service.metrics import Reading
from streaming_worker.storage.disk import DiskGauge, DiskLevel

_LOG: Final = structlog.get_logger("disk")
LOOK_INTERVAL_S: Final = 2.0
RAW_FRAMES: Final = "raw_frames"
DISK_LOW: Final = "disk_low"


class FrameStore(Protocol):
    """The sink's part that is used here."""

    def put_dead_letter(self, received_ns: Nanos, feed: str, error: str, frame: bytes) -> None:
        """Keep a frame that could not be used, whole."""
        ...

    def put_raw_frame(self, received_ns: Nanos, feed: str, connection: int, kind: str, frame: bytes) -> None:
        """Keep a frame as it was."""
        ...

    def put_gap(
        self, received_ns: Nanos, feed: str, instrument: str | None, cause: str, *, start_ns: Nanos, end_ns: Nanos
    ) -> None:
        """Keep a stretch of time without trustworthy data."""
        ...


class DiskWatch:
    """Follows a gauge. ``is_low`` is set when capture has to stop."""

    def __init__(self, gauge: DiskGauge, clock: Clock, *, interval_s: float = LOOK_INTERVAL_S) -> None:
        self.must_stop = asyncio.Event()
        self._gauge = gauge
        self._clock = clock
        self._interval_s = interval_s

    async def look(self) -> DiskLevel:
        """Measure once, away from the event loop. Raises StorageError."""
        before = self._gauge.level
        level = await asyncio.to_thread(self._gauge.look)
        if level is not before:
            log = _LOG.info if level < before else _LOG.warning if level < DiskLevel.NO_CAPTURE else _LOG.error
            log("disk_level", level=level.name.lower(), free=self._gauge.free, why=self._gauge.complaint())
        if level is DiskLevel.NO_CAPTURE:
            self.must_stop.set()
        return level

    async def run(self) -> NoReturn:
        """Measure until cancelled. Raises StorageError."""
        while True:
            await self.look()
            await self._clock.sleep(self._interval_s)

    async def until_there_is_room(self) -> None:
        """Return once capture may go on. Raises StorageError."""
        while await self.look() is DiskLevel.NO_CAPTURE:
            await self._clock.sleep(self._interval_s)
        self.must_stop.clear()

    @property
    def has_room_for_raw_frames(self) -> bool:
        """False while raw frames are held back."""
        return self._gauge.level < DiskLevel.NO_RAW_FRAMES

    def complaints(self) -> list[str]:
        """Return a line while there is little room."""
        complaint = self._gauge.complaint()
        return [] if complaint is None else [complaint]

    def reading(self) -> Reading:
        """Return the gauge's numbers."""
        return {"free_bytes": self._gauge.free, "level": self._gauge.level.name.lower()}


class RawFrameGate:
    """Passes everything on to the record but raw frames while there is no room for them.

    What was held back is counted, and the stretch without raw frames is written down as a gap when it ends.
    """

    def __init__(self, record: FrameStore, watch: DiskWatch) -> None:
        self.held_back = 0
        self._record = record
        self._watch = watch
        self._since_ns: Nanos | None = None

    def put_dead_letter(self, received_ns: Nanos, feed: str, error: str, frame: bytes) -> None:
        """Keep a frame that could not be used, whole."""
        self._record.put_dead_letter(received_ns, feed, error, frame)

    def put_raw_frame(self, received_ns: Nanos, feed: str, connection: int, kind: str, frame: bytes) -> None:
        """Keep a frame as it was, where there is room."""
        if not self._watch.has_room_for_raw_frames:
            self.held_back += 1
            self._since_ns = self._since_ns or received_ns
            return
        self.finish(received_ns)
        self._record.put_raw_frame(received_ns, feed, connection, kind, frame)

    def finish(self, now_ns: Nanos) -> None:
        """Write down the stretch that ends now, if there is one."""
        start_ns, self._since_ns = self._since_ns, None
        if start_ns is not None:
            self._record.put_gap(now_ns, RAW_FRAMES, None, DISK_LOW, start_ns=start_ns, end_ns=max(start_ns, now_ns))

    def reading(self) -> Reading:
        """Return what was held back."""
        return {"raw_frames_held_back": self.held_back}
