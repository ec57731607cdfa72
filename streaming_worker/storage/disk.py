"""How much room the disk has left, and what may still be written: warn, then no raw frames, then no capture.

The last limit leaves room to seal the live file, which needs about as much again as its log. A limit that was crossed
counts until a tenth more is free, so that a disk at its edge does not flap. Limits are in free bytes; 0 means never.
"""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from typing import Final

from streaming_worker.errors import StorageError

MEGABYTE: Final = 1_000_000
_MARGIN_PERCENT: Final = 10


class DiskLevel(IntEnum):
    """From best to worst."""

    PLENTY = 0
    LOW = 1
    NO_RAW_FRAMES = 2
    NO_CAPTURE = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class DiskLimits:
    """Below each of these a step is taken; in bytes, falling."""

    warn: int
    raw_frames: int
    capture: int

    def of(self, level: DiskLevel) -> int:
        """Return the limit whose crossing leads to a level."""
        return (0, self.warn, self.raw_frames, self.capture)[level]


def free_bytes(folder: Path) -> int:
    """Return what can still be written under a folder. Raises StorageError."""
    try:
        return shutil.disk_usage(folder).free
    except OSError as e:
        raise StorageError(f"cannot examine the disk of {folder}: {e.strerror}", path=str(folder)) from e


def shortfall(free: int, limit: int) -> int:
    """Return how many bytes must be freed until a limit that was crossed counts no longer."""
    return max(0, limit + limit * _MARGIN_PERCENT // 100 - free) if free < limit else 0


class DiskGauge:
    """The level of one disk, with its hysteresis."""

    def __init__(self, folder: Path, limits: DiskLimits, free: Callable[[Path], int] = free_bytes) -> None:
        self.level = DiskLevel.PLENTY
        self.free: int | None = None
        self._folder = folder
        self._limits = limits
        self._free = free

    def look(self) -> DiskLevel:
        """Measure, and return the level that follows. Raises StorageError."""
        self.free = self._free(self._folder)
        crossed = [level for level in DiskLevel if self.free < self._needed(level)]
        self.level = max(crossed, default=DiskLevel.PLENTY)
        return self.level

    def complaint(self) -> str | None:
        """Return what an operator should read, None while there is plenty."""
        if self.level is DiskLevel.PLENTY or self.free is None:
            return None
        limit, wanted = self._limits.of(self.level), self._needed(self.level)
        return (
            f"disk: {_megabytes(self.free)} free under {self._folder}, below {_megabytes(limit)}: "
            f"{_CONSEQUENCE[self.level]} until {_megabytes(wanted)} are free"
        )

    def _needed(self, level: DiskLevel) -> int:
        """A level that was reached is left only with a margin."""
        limit = self._limits.of(level)
        return limit + limit * _MARGIN_PERCENT // 100 if level <= self.level else limit


_CONSEQUENCE: Final = {
    DiskLevel.LOW: "this is a warning",
    DiskLevel.NO_RAW_FRAMES: "raw frames are not kept",
    DiskLevel.NO_CAPTURE: "capture is stopped",
}


def _megabytes(count: int) -> str:
    return f"{count // MEGABYTE:,} MB"
