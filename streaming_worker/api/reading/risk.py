"""Risk now and before: state, limits with their use, transitions and changes of limits."""

from dataclasses import dataclass
from typing import Any

from streaming_worker.api.reading.limits import BY_ENGINE_NAME, limits_now
from streaming_worker.api.reading.markets import Markets
from streaming_worker.api.reading.ranges import Range
from streaming_worker.api.reading.sources import whole
from streaming_worker.api.reading.uses import uses
from streaming_worker.api.record_desk import RecordDesk
from streaming_worker.api.schemas.base import maybe_moment, moment, usd
from streaming_worker.api.schemas.risk import Halt, HaltChanged, LimitChanged, Risk, RiskChange
from streaming_worker.api.worker_link import Row, WorkerView
from streaming_worker.core.controls import HeldHalt
from streaming_worker.core.outputs import RiskCause
from streaming_worker.core.units import NANOS_PER_DAY, Nanos, format_fixed

MOST = 100


async def risk(view: WorkerView, desk: RecordDesk, markets: Markets, now_ns: Nanos) -> Risk:
    """Return the risk state with its history of a week."""
    span = Range(now_ns - 7 * NANOS_PER_DAY, now_ns + 1)
    found = await desk.rows(_newest("risk_events", view), from_ns=span.from_ns, to_ns=span.to_ns)
    changed = await desk.rows(_newest("limit_changes", view), from_ns=span.from_ns, to_ns=span.to_ns)
    switched = await desk.rows(_newest("halt_changes", view), from_ns=span.from_ns, to_ns=span.to_ns)
    return _risk(view, markets, _History(found, changed, switched), now_ns)


def risk_brief(view: WorkerView, markets: Markets, now_ns: Nanos) -> Risk:
    """Return the risk state with what the worker's stream remembers of its history."""
    tables = ("risk_events", "limit_changes", "halt_changes")
    history = _History(*(list(reversed(view.recent(table)))[:MOST] for table in tables))
    return _risk(view, markets, history, now_ns)


def _newest(table: str, view: WorkerView) -> str:
    return f"SELECT * FROM ({whole(table, view)}) ORDER BY received_ns DESC, seq DESC LIMIT {MOST}"


@dataclass(frozen=True, slots=True)
class _History:
    """Rows of the changes, newest first."""

    transitions: list[Row]
    limits: list[Row]
    halts: list[Row]


def _risk(view: WorkerView, markets: Markets, changes: _History, now_ns: Nanos) -> Risk:
    live = view.risk if view.is_up else None
    history = [change(row) for row in changes.transitions]
    last = history[0] if history else None
    is_last = live is not None and last is not None and last.current == live.state
    return Risk(
        state=None if live is None else live.state,
        cause=None if live is None or live.cause is None else RiskCause(live.cause),
        since_at=last.at if is_last and last is not None else None,
        reason=last.reason if is_last and last is not None else None,
        actor=last.actor if is_last and last is not None else None,
        daily_net_usd=None if live is None else usd(live.daily_net_usd_e8),
        open_usd=None if live is None else usd(live.open_usd_e8),
        cools_until_at=None if live is None else maybe_moment(live.cools_until_ns or None),
        pending_trades=None if live is None else live.pending_trades,
        limits=[] if live is None else limits_now(live, uses(view, markets.settings.sol_price_instruments, now_ns)),
        history=history,
        limit_changes=[limit_change(row) for row in changes.limits],
        scopes=[] if live is None else list(live.scopes),
        halts=[] if live is None else [_halt(one) for one in live.halts],
        halt_changes=[_halt_change(row) for row in changes.halts],
        as_of=moment(now_ns),
    )


def _halt(one: HeldHalt) -> Halt:
    return Halt(scope=one.scope, since_at=moment(one.since_ns), actor=one.actor, reason=one.reason)


def _halt_change(row: Row) -> HaltChanged:
    names = ("worker", "scope", "is_halted", "actor", "reason", "refusal")
    return HaltChanged(at=moment(row["received_ns"]), **{name: row[name] for name in names})


def change(row: Row) -> RiskChange:
    """Return one transition."""
    return RiskChange(
        at=moment(row["received_ns"]),
        worker=row["worker"],
        previous=row["previous"],
        current=row["current"],
        cause=row["cause"],
        actor=row["actor"],
        reason=row["reason"],
        daily_net_usd=usd(row["daily_net_usd_e8"]),
        open_loss_usd=usd(row["open_loss_usd_e8"] or 0),
    )


def limit_change(row: dict[str, Any]) -> LimitChanged:
    """Return one limit that a command named, in the units that people use."""
    known = BY_ENGINE_NAME.get(row["name"])
    digits = 0 if known is None else known.digits
    previous = row["previous"]
    return LimitChanged(
        at=moment(row["received_ns"]),
        worker=row["worker"],
        actor=row["actor"],
        reason=row["reason"],
        name=row["name"] if known is None else known.name,
        unit="" if known is None else known.unit,
        previous=None if previous is None else format_fixed(previous, digits),
        requested=format_fixed(row["requested"], digits),
        refusal=row["refusal"],
    )
