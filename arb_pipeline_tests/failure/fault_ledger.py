"""What the worker wrote down about faults, held against what was really done to it."""

import statistics
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from arb_pipeline_tests.failure.fault_arena import BOOKS, POOL, SECONDS
from streaming_worker.sandbox.faults.campaign import QuietPoint
from streaming_worker.sandbox.faults.log import FaultRecord
from streaming_worker.sandbox.faults.spec import Ending, FaultKind, Lie
from streaming_worker.storage.reader import open_range

LOST = "lost"
NOTICED_WITHIN_NS = 15 * SECONDS
BOOK_ROLES = frozenset({"snapshot", "change"})
NUMBERED = {"coinbase": {"sequence", "heartbeat_counter"}, "gemini": {"update_id"}}
CLOSING = frozenset(
    {
        FaultKind.CLOSE,
        FaultKind.HALF_OPEN,
        FaultKind.HEARTBEATS_ONLY,
        FaultKind.STALE_REPLAY,
        FaultKind.REQUEST_RECONNECT,
    }
)
KEY_OF = {book.venue: book.key for book in BOOKS} | {"solana": POOL}


@dataclass(frozen=True, slots=True)
class LedgerRow:
    """One stretch of time that the worker says it cannot vouch for."""

    feed: str
    instrument: str
    cause: str
    close_code: int | None
    start_ns: int
    end_ns: int


@dataclass(slots=True)
class Findings:
    """What a campaign showed. ``unmet``: faults that found nothing to act on. ``untrusted``: what did not recover.

    ``recoveries`` are in seconds of the arena's time, by venue and recipe.
    """

    faults: int = 0
    unmet: int = 0
    quiet_points: int = 0
    divergences: list[str] = field(default_factory=list)
    untrusted: list[str] = field(default_factory=list)
    unnoticed: list[str] = field(default_factory=list)
    recoveries: dict[tuple[str, str], list[float]] = field(default_factory=lambda: defaultdict(list))

    def table(self) -> str:
        """Return the recovery times as a table."""
        lines = [f"{'venue':18} {'fault':24} {'gaps':>5} {'median s':>9} {'longest s':>9}"]
        for (venue, recipe), seconds in sorted(self.recoveries.items()):
            median, longest = statistics.median(seconds), max(seconds)
            lines.append(f"{venue:18} {recipe:24} {len(seconds):5d} {median:9.2f} {longest:9.2f}")
        return "\n".join(lines)


@dataclass(frozen=True, slots=True)
class Ledger:
    """The gaps of a sealed record, and each loss that was ``told`` of, also within an open gap.

    What else it says of a feed is asked for only where a fault is in neither.
    """

    data_dir: Path
    rows: list[LedgerRow]
    told: list[LedgerRow]

    def context(self, feed: str, from_ns: int, to_ns: int) -> list[str]:
        """Return what the record says of a feed in a stretch of time, one line an event."""
        with open_range(self.data_dir) as reader:
            rows = reader.query(
                f"SELECT received_ns, kind, coalesce(detail, '') FROM ("
                "  SELECT received_ns, kind, concat_ws(' ', connection, cause, close_code, instrument) AS detail, feed"
                "  FROM feed_events WHERE kind <> 'heartbeat'"
                "  UNION ALL SELECT received_ns, 'dead letter', error, feed FROM dead_letters"
                "  UNION ALL "
                "  SELECT received_ns, kind, concat(connection, ' ', left(frame::VARCHAR, 90)), feed FROM raw_frames"
                f") WHERE feed = '{feed}' AND received_ns BETWEEN {from_ns} AND {to_ns} ORDER BY received_ns LIMIT 60"
            ).fetchall()
        return [f"{(at_ns - from_ns) / SECONDS:+.3f} {kind}: {detail[:120]}" for at_ns, kind, detail in rows]


def read_ledger(data_dir: Path) -> Ledger:
    """Return the gaps of a sealed record."""
    with open_range(data_dir) as reader:
        rows = reader.query(
            "SELECT feed, instrument, cause, close_code, start_ns, end_ns FROM gaps "
            "WHERE instrument IS NOT NULL ORDER BY start_ns"
        ).fetchall()
        told = reader.query(
            "SELECT feed, feed, cause, close_code, received_ns, received_ns FROM feed_events "
            "WHERE kind IN ('lost', 'gap')"
        ).fetchall()
    return Ledger(data_dir, [LedgerRow(*row) for row in rows], [LedgerRow(*row) for row in told])


def hold_against(points: Sequence[QuietPoint], ledger: Ledger, findings: Findings) -> None:
    """Look for each fault in the ledger, and take the recovery times from there."""
    by_key: dict[str, list[LedgerRow]] = defaultdict(list)
    for row in ledger.rows:
        by_key[row.instrument].append(row)
    for point in points:
        for recipe, record in point.done:
            findings.faults += record.affected > 0
            findings.unmet += record.affected == 0
            if record.affected:
                told = [loss for loss in ledger.told if loss.feed == record.spec.venue]
                is_noticed = _look_up(recipe, record, by_key[KEY_OF[record.spec.venue]], told, findings)
                if not is_noticed:
                    first_ns = record.first_ns or record.started_ns
                    said = ledger.context(record.spec.venue, first_ns - SECONDS, first_ns + 5 * SECONDS)
                    findings.unnoticed[-1] += "\n  " + "\n  ".join(said)


def _look_up(
    recipe: str, record: FaultRecord, rows: list[LedgerRow], told: list[LedgerRow], findings: Findings
) -> bool:
    assert record.first_ns is not None
    assert record.ended_ns is not None
    near = _near(rows, record)
    wanted = expected_causes(record)
    met = [row for row in near if not wanted or is_met(wanted, row, record)]
    was_distrusted = any(row.start_ns <= record.first_ns <= row.end_ns for row in near)
    was_told = any(is_met(wanted, loss, record) for loss in _near(told, record))
    is_noticed = bool(not wanted or met or was_distrusted or was_told)
    if not is_noticed:
        findings.unnoticed.append(_story(recipe, record, wanted, near))
    for row in met[:1]:
        seconds = (row.end_ns - max(row.start_ns, record.first_ns)) / SECONDS
        findings.recoveries[record.spec.venue, recipe].append(max(seconds, 0.0))
    return is_noticed


def _near(rows: Iterable[LedgerRow], record: FaultRecord) -> list[LedgerRow]:
    """Return the rows that overlap the time from the first touch to a while after the fault's end."""
    assert record.first_ns is not None
    assert record.ended_ns is not None
    return [
        row for row in rows if row.end_ns >= record.first_ns and row.start_ns <= record.ended_ns + NOTICED_WITHIN_NS
    ]


def _story(recipe: str, record: FaultRecord, wanted: set[str], near: Iterable[LedgerRow]) -> str:
    def at(ns: int | None) -> str:
        return "-" if ns is None else f"{(ns - record.started_ns) / SECONDS:+.2f}"

    rows = [f"{row.cause} ({row.close_code}) {at(row.start_ns)}..{at(row.end_ns)}" for row in near]
    return (
        f"{recipe} at {record.spec.venue}, fault {record.number}, {record.affected} {record.roles} touched "
        f"{at(record.first_ns)}..{at(record.last_ns)}, ended {at(record.ended_ns)}: "
        f"wanted {sorted(wanted)}, saw {rows or 'nothing'}"
    )


def expected_causes(record: FaultRecord) -> set[str]:
    """Return the causes of which one must be in the ledger; none where the fault may do no harm."""
    spec, roles = record.spec, frozenset(record.roles)
    numbered = NUMBERED.get(spec.venue, set()) if roles & BOOK_ROLES or spec.venue == "coinbase" else set()
    match spec.kind:
        case kind if kind in CLOSING or spec.ending is Ending.CLOSE:
            return {LOST}
        case FaultKind.REORDER:
            # Gemini numbers its books alone: one that changes places with a trade or a reply is still in order.
            return numbered if spec.venue == "coinbase" else set()
        case FaultKind.DROP:
            return numbered
        case FaultKind.SILENCE | FaultKind.SILENCE_WITH_HEARTBEATS if spec.ending is Ending.LOST:
            return numbered
        case FaultKind.TRUNCATE | FaultKind.CORRUPT_BYTES if roles & BOOK_ROLES and spec.via.value == "socket":
            return {"bad_frame", *numbered}
        case FaultKind.CORRUPT_VALUES if spec.lie is Lie.MALFORMED and roles & {"change"}:
            return {"bad_frame"}
        case _:
            return set()


def is_met(wanted: set[str], row: LedgerRow, record: FaultRecord) -> bool:
    """Say whether a row tells of the fault: the right cause, and for a close the right code."""
    if LOST not in wanted:
        return row.cause in wanted
    is_lost = " " in row.cause
    if record.spec.kind is FaultKind.CLOSE and record.spec.close_code != 1006:
        return is_lost and row.close_code == record.spec.close_code
    return is_lost
