"""How long shadow balances last at the pace of the record, and how far stable coins are from par."""

from decimal import ROUND_FLOOR, Decimal
from typing import Final, Literal

from streaming_worker.api.reading.sources import whole
from streaming_worker.api.record_desk import RecordDesk, Row
from streaming_worker.api.schemas.base import bps, e8, exact, moment, usd
from streaming_worker.api.schemas.holdings import Peg, Pegs, Runway, Runways
from streaming_worker.api.worker_link import WorkerView
from streaming_worker.core.fees import StableBasis
from streaming_worker.core.units import (
    E8,
    MILLIONTHS,
    NANOS_PER_HOUR,
    NANOS_PER_MILLISECOND,
    NANOS_PER_SECOND,
    Nanos,
)
from streaming_worker.engine.settings import EngineSettings
from streaming_worker.service.live import LiveBook

_MINUTE_NS: Final = 60 * NANOS_PER_SECOND
STRAINED: Final = 25 * 100
BROKEN: Final = 100 * 100


async def runways(desk: RecordDesk, view: WorkerView, *, minutes: int, now_ns: Nanos) -> Runways:
    """Return how long each balance lasts at the pace of the last minutes."""
    from_ns = now_ns // _MINUTE_NS * _MINUTE_NS - minutes * _MINUTE_NS
    sql = f"""
        SELECT venue, asset, min(received_ns) AS first_ns, max(received_ns) AS last_ns,
            arg_min(total_e8, received_ns) AS first_e8, arg_max(total_e8, received_ns) AS last_e8
        FROM ({whole("inventory_snapshots", view)}) WHERE received_ns >= {from_ns}
        GROUP BY ALL HAVING max(received_ns) > min(received_ns) ORDER BY venue, asset
    """
    rows = await desk.rows(sql, from_ns=from_ns, to_ns=now_ns, keep_s=10.0)
    found = sorted((_runway(row) for row in rows), key=lambda one: (one.runs_dry_at is None, one.runs_dry_at or ""))
    return Runways(minutes=minutes, items=found, as_of=moment(now_ns))


def _runway(row: Row) -> Runway:
    change, span = row["last_e8"] - row["first_e8"], row["last_ns"] - row["first_ns"]
    dry_ns = None if change >= 0 else row["last_e8"] * span // -change
    hours = None if dry_ns is None else (Decimal(dry_ns) / NANOS_PER_HOUR).quantize(Decimal("0.01"), ROUND_FLOOR)
    return Runway(
        venue=row["venue"],
        asset=row["asset"],
        total=usd(row["last_e8"]),
        change=usd(change),
        change_per_hour=usd(change * NANOS_PER_HOUR // span),
        hours_left=None if hours is None else exact(hours),
        runs_dry_at=None if dry_ns is None else moment(min(row["last_ns"] + dry_ns, _LAST_NS)),
        from_at=moment(row["first_ns"]),
        to_at=moment(row["last_ns"]),
    )


# A moment has a year of four digits.
_LAST_NS: Final = 250_000_000_000 * NANOS_PER_SECOND


def pegs(view: WorkerView, settings: EngineSettings, now_ns: Nanos) -> Pegs:
    """Return every stable coin with its own book as it is now, where there is one."""
    return Pegs(items=[_peg(basis, view, now_ns) for basis in settings.stable_bases], as_of=moment(now_ns))


def _peg(basis: StableBasis, view: WorkerView, now_ns: Nanos) -> Peg:
    book = None if basis.instrument is None else view.books.get(basis.instrument)
    deviation = None if book is None else _deviation(book)
    age_ns = None if book is None else max(0, now_ns - book.received_ns)
    is_old = age_ns is None or age_ns > basis.max_age_ns or not view.is_up
    return Peg(
        asset=basis.asset,
        against=basis.against,
        instrument=basis.instrument,
        state="assumed" if basis.instrument is None else _state(None if is_old else deviation),
        best_bid=None if book is None or book.best_bid is None else e8(book.best_bid[0]),
        best_ask=None if book is None or book.best_ask is None else e8(book.best_ask[0]),
        deviation_bps=None if deviation is None else bps(deviation),
        receive_cost_bps=bps(basis.receive_millionths),
        pay_cost_bps=bps(basis.pay_millionths),
        source=basis.source,
        age_ms=None if age_ns is None else age_ns // NANOS_PER_MILLISECOND,
    )


def _deviation(book: LiveBook) -> int | None:
    """Return how far the middle is from par, in hundredths of a basis point. Rounds: down."""
    if book.best_bid is None or book.best_ask is None or not book.is_synced:
        return None
    return ((book.best_bid[0] + book.best_ask[0]) // 2 - E8) * MILLIONTHS // E8


def _state(deviation: int | None) -> Literal["holds", "strained", "broken", "unknown"]:
    if deviation is None:
        return "unknown"
    if abs(deviation) >= BROKEN:
        return "broken"
    return "strained" if abs(deviation) >= STRAINED else "holds"
