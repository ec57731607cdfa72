"""What may be deleted, and why: a plan made of values; nothing here touches a file.

A segment goes once it has been in the lake, verified, for a while; one that is not in the lake never goes. An hour of
a table goes when the table's period is over. An hour can be replayed from all of its inputs and the keyframes or not
at all, so these share one period. Raw frames are the only rows that may go before their time, when the disk needs it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from streaming_worker.core.units import NANOS_PER_DAY, NANOS_PER_HOUR, Nanos
from streaming_worker.errors import ConfigError
from streaming_worker.storage.schema import TABLE, TABLES, Role

RAW_FRAMES: Final = "raw_frames"
REPLAYED: Final = tuple(table.name for table in TABLES if table.role is Role.INPUT or table.name == "keyframes")
"""Tables that a replay needs together."""
_COPY_OF: Final = "replayed_"


class Kind(StrEnum):
    """What a removal removes."""

    SEGMENT = "segment"
    LAKE_FILE = "lake_file"


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptSegment:
    """A sealed segment on the disk. ``compacted_ns``: when it was verified in the lake, None where it is not there."""

    worker: str
    name: str
    size: int
    compacted_ns: Nanos | None


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptFile:
    """One file of the lake: an hour of a table. ``path`` is relative to the lake."""

    path: str
    table: str
    hour_ns: Nanos
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class KeepRules:
    """How long what is kept; None is for good.

    ``days`` is by table; a table that is not named is kept for ``other_days``. A copy that a replay made
    (``replayed_...``) is kept as long as what it copies.

    Raises: ConfigError for an unknown table, a negative time, and tables of a replay with different periods.
    """

    segment_hours: int = 72
    other_days: int | None = None
    days: Mapping[str, int | None] = field(default_factory=lambda: {RAW_FRAMES: 14})

    def __post_init__(self) -> None:
        unknown = sorted(set(self.days) - set(TABLE))
        if unknown:
            raise ConfigError(f"retention: unknown table {unknown[0]}; allowed: {', '.join(TABLE)}", key=unknown[0])
        for name, value in {"segment_hours": self.segment_hours, "other_days": self.other_days, **self.days}.items():
            if value is not None and value < 0:
                raise ConfigError(f"retention: {name}: expected at least 0, received {value}", key=name)
        periods = {name: self.days_of(name) for name in REPLAYED}
        if len(set(periods.values())) > 1:
            raise ConfigError(
                f"retention: a replay needs {', '.join(REPLAYED)} together; expected one period, received {periods}",
                key="days",
            )

    def days_of(self, table: str) -> int | None:
        """Return how many days an hour of a table is kept, None for good."""
        return self.days.get(table.removeprefix(_COPY_OF), self.other_days)


@dataclass(frozen=True, slots=True, kw_only=True)
class Removal:
    """One file to delete. ``path`` is ``worker/name`` of a segment, or relative to the lake."""

    kind: Kind
    path: str
    size: int
    reason: str


def plan(
    segments: Iterable[KeptSegment],
    files: Iterable[KeptFile],
    rules: KeepRules,
    *,
    now_ns: Nanos,
    room_wanted: int = 0,
) -> list[Removal]:
    """Return what to delete, oldest first, so that a plan that is only half carried out has removed the oldest.

    Where that frees less than ``room_wanted`` bytes, raw frames go before their time, oldest first.
    """
    kept = sorted(files, key=lambda file: (file.hour_ns, file.path))
    removals = [
        *(removal for segment in segments if (removal := _segment(segment, rules, now_ns)) is not None),
        *(removal for file in kept if (removal := _file(file, rules, now_ns)) is not None),
    ]
    freed = sum(removal.size for removal in removals)
    chosen = {removal.path for removal in removals}
    for file in kept:
        if freed >= room_wanted:
            break
        if file.table == RAW_FRAMES and file.path not in chosen:
            removals.append(_removal(file, "the disk needs room, and raw frames are the first to go"))
            freed += file.size
    return removals


def _segment(segment: KeptSegment, rules: KeepRules, now_ns: Nanos) -> Removal | None:
    if segment.compacted_ns is None or now_ns - segment.compacted_ns < rules.segment_hours * NANOS_PER_HOUR:
        return None
    hours = (now_ns - segment.compacted_ns) // NANOS_PER_HOUR
    reason = f"in the lake and verified {hours} hours ago; segments are kept {rules.segment_hours} hours after that"
    return Removal(kind=Kind.SEGMENT, path=f"{segment.worker}/{segment.name}", size=segment.size, reason=reason)


def _file(file: KeptFile, rules: KeepRules, now_ns: Nanos) -> Removal | None:
    days = rules.days_of(file.table)
    ended_ns = file.hour_ns + NANOS_PER_HOUR
    if days is None or now_ns - ended_ns < days * NANOS_PER_DAY:
        return None
    age = (now_ns - ended_ns) // NANOS_PER_DAY
    return _removal(file, f"the hour ended {age} days ago; {file.table} is kept {days} days")


def _removal(file: KeptFile, reason: str) -> Removal:
    return Removal(kind=Kind.LAKE_FILE, path=file.path, size=file.size, reason=reason)
