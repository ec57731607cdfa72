"""Risk now and before: state, limits with their use, transitions and changes of limits."""

from typing import Any

from streaming_worker.api.reading import now
from streaming_worker.api.reading.limits import BY_ENGINE_NAME
from streaming_worker.api.reading.ranges import Range
from streaming_worker.api.reading.sources import whole
from streaming_worker.api.record_desk import RecordDesk
from streaming_worker.api.schemas.base import maybe_moment, moment, usd
from streaming_worker.api.schemas.risk import LimitChanged, Risk, RiskChange
from streaming_worker.api.worker_link import Row, WorkerView
from streaming_worker.core.outputs import RiskCause
from streaming_worker.core.units import NANOS_PER_DAY, Nanos, format_fixed

MOST = 100


async def risk(view: WorkerView, desk: RecordDesk, now_ns: Nanos) -> Risk:
    """Return the risk state with its history of a week."""
    span = Range(now_ns - 7 * NANOS_PER_DAY, now_ns + 1)
    found = await desk.rows(_newest("risk_events", view), from_ns=span.from_ns, to_ns=span.to_ns)
    changed = await desk.rows(_newest("limit_changes", view), from_ns=span.from_ns, to_ns=span.to_ns)
    return _risk(view, found, changed, now_ns)


def risk_brief(view: WorkerView, now_ns: Nanos) -> Risk:
    """Return the risk state with what the worker's stream remembers of its history."""
    transitions = list(reversed(view.recent("risk_events")))[:MOST]
    return _risk(view, transitions, list(reversed(view.recent("limit_changes")))[:MOST], now_ns)


def _newest(table: str, view: WorkerView) -> str:
    return f"SELECT * FROM ({whole(table, view)}) ORDER BY received_ns DESC, seq DESC LIMIT {MOST}"


def _risk(view: WorkerView, transitions: list[Row], changed: list[Row], now_ns: Nanos) -> Risk:
    live = view.risk if view.is_up else None
    history = [change(row) for row in transitions]
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
        limits=now.limits(view) if live is not None else [],
        history=history,
        limit_changes=[limit_change(row) for row in changed],
        as_of=moment(now_ns),
    )


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
