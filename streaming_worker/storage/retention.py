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
_WORDS: Final = frozenset({"replay", "other", "reports", "runs"})


class Kind(StrEnum):
    """What a removal removes."""

    SEGMENT = "segment"
    LAKE_FILE = "lake_file"
    REPORT = "report"


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
class KeptReport:
    """The folder of one day's report, named by the day; ``ended_ns`` is the end of that day."""

    day: str
    ended_ns: Nanos
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class KeepRules:
    """How long what is kept; None is for good.

    ``days`` is by table; a table that is not named is kept for ``other_days``. A copy that a replay made
    (``replayed_...``) is kept as long as what it copies. ``run_days`` is for Dagster's own history.

    Raises: ConfigError for an unknown table, a negative time, and tables of a replay with different periods.
    """

    segment_hours: int = 72
    other_days: int | None = None
    report_days: int | None = None
    run_days: int | None = None
    days: Mapping[str, int | None] = field(default_factory=lambda: {RAW_FRAMES: 14})

    def __post_init__(self) -> None:
        unknown = sorted(set(self.days) - set(TABLE))
        if unknown:
            raise ConfigError(f"retention: unknown table {unknown[0]}; allowed: {', '.join(TABLE)}", key=unknown[0])
        named = {"segment_hours": self.segment_hours, "other_days": self.other_days, **self.days}
        for name, value in named.items():
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


def rules_of(segment_hours: int, days: Mapping[str, int]) -> KeepRules:
    """Return the rules as they are configured: by table, and by the words replay, other, reports and runs.

    Raises: ConfigError as ``KeepRules`` does.
    """
    tables: dict[str, int | None] = {name: count for name, count in days.items() if name not in _WORDS}
    if "replay" in days:
        tables = {**dict.fromkeys(REPLAYED, days["replay"]), **tables}
    return KeepRules(
        segment_hours=segment_hours,
        other_days=days.get("other"),
        report_days=days.get("reports"),
        run_days=days.get("runs"),
        days=tables,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Removal:
    """One file to delete. ``path`` is ``worker/name`` of a segment, relative to the lake, or the day of a report."""

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
    reports: Iterable[KeptReport] = (),
    room_wanted: int = 0,
) -> list[Removal]:
    """Return what to delete, oldest first, so that a plan that is only half carried out has removed the oldest.

    Where that frees less than ``room_wanted`` bytes, raw frames go before their time, oldest first.
    """
    kept = sorted(files, key=lambda file: (file.hour_ns, file.path))
    removals = [
        *(removal for segment in segments if (removal := _segment(segment, rules, now_ns)) is not None),
        *(removal for file in kept if (removal := _file(file, rules, now_ns)) is not None),
        *(removal for report in reports if (removal := _report(report, rules, now_ns)) is not None),
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


def _report(report: KeptReport, rules: KeepRules, now_ns: Nanos) -> Removal | None:
    if rules.report_days is None or now_ns - report.ended_ns < rules.report_days * NANOS_PER_DAY:
        return None
    age = (now_ns - report.ended_ns) // NANOS_PER_DAY
    reason = f"the day ended {age} days ago; reports are kept {rules.report_days} days"
    return Removal(kind=Kind.REPORT, path=report.day, size=report.size, reason=reason)


def _removal(file: KeptFile, reason: str) -> Removal:
    return Removal(kind=Kind.LAKE_FILE, path=file.path, size=file.size, reason=reason)
