"""The whole at a glance: is it running, is it healthy, what is it finding."""

import platform
from dataclasses import dataclass
from typing import Any, Final, Literal

from streaming_worker.api.reading import now
from streaming_worker.api.reading.episodes import episodes_sql
from streaming_worker.api.reading.limits import loss_e8
from streaming_worker.api.reading.markets import Markets
from streaming_worker.api.reading.shaping import share_percent
from streaming_worker.api.reading.sources import whole
from streaming_worker.api.record_desk import RecordDesk
from streaming_worker.api.schemas.base import bps, moment, usd
from streaming_worker.api.schemas.market import Link
from streaming_worker.api.schemas.system import Alarm, Headline, RiskNow, Status, Version
from streaming_worker.api.worker_link import WorkerView
from streaming_worker.core.outputs import RiskCause, RiskState
from streaming_worker.core.units import NANOS_PER_DAY, NANOS_PER_MICROSECOND, NANOS_PER_SECOND, Nanos
from streaming_worker.errors import StorageError
from streaming_worker.storage.schema import SCHEMA_VERSION

API_VERSION: Final = "1"
RUNBOOK: Final = "RUNBOOK.md"
_LOSS_WARNING_PERCENT: Final = 80
_KEEP_S: Final = 5.0
Health = Literal["ok", "degraded", "down"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """What a status is made of."""

    view: WorkerView
    markets: Markets
    desk: RecordDesk
    profile: str
    release: str


async def status(sight: Sight, now_ns: Nanos) -> Status:
    """Return the status; a record that cannot be read now is an alarm, not an error."""
    view = sight.view
    health: Health = "down" if view.health is None or not view.is_up else view.health.status.value
    alarms = alarms_now(view)
    try:
        today = await headline(sight, now_ns)
    except (StorageError, TimeoutError) as e:
        today = _nothing(view)
        alarms.append(_alarm("record", "critical", "The record cannot be read", str(e), "api"))
    return Status(
        mode="OBSERVE_ONLY",
        profile=sight.profile,
        as_of=moment(now_ns),
        health=health,
        why=[view.detail] if view.health is None or not view.is_up else view.health.why,
        warnings=[] if view.health is None else view.health.warnings,
        worker=now.worker(view),
        risk=risk_now(view),
        feeds=now.feeds(view, sight.markets),
        today=today,
        alarms=alarms,
        version=version(sight.release),
    )


def version(release: str) -> Version:
    """Return what runs."""
    return Version(
        product="arb-platform",
        version=release,
        api=API_VERSION,
        python=platform.python_version(),
        schema_version=SCHEMA_VERSION,
    )


def risk_now(view: WorkerView) -> RiskNow:
    """Return the risk state in short; nothing is known of it while the worker does not answer."""
    risk = view.risk if view.is_up else None
    last = _last_change(view)
    return RiskNow(
        state=None if risk is None else risk.state,
        cause=None if risk is None or risk.cause is None else RiskCause(risk.cause),
        actor=None if last is None else last["actor"],
        reason=None if last is None else last["reason"],
        since_at=None if last is None else moment(last["received_ns"]),
        is_paused=risk is not None and risk.state is not RiskState.ACTIVE,
        daily_net_usd=None if risk is None else usd(risk.daily_net_usd_e8),
        daily_loss_limit_usd=None if risk is None else usd(risk.limits.daily_loss_usd_e8),
    )


def _last_change(view: WorkerView) -> dict[str, Any] | None:
    rows = view.recent("risk_events")
    return rows[-1] if rows else None


def alarms_now(view: WorkerView) -> list[Alarm]:
    """Return what is not as it should be, worst first."""
    if view.link is not Link.UP:
        title = "The worker waits for disk space" if view.link is Link.STANDBY else "The worker does not answer"
        return [_alarm("worker", "critical", title, view.detail, "worker", since_ns=view.since_ns)]
    found = _risk_alarms(view)
    if view.health is not None:
        found += [
            _alarm(f"worker:{line.partition(':')[0]}", "warning", line.partition(":")[0], line, "worker")
            for line in view.health.why
            if not line.startswith("risk is")
        ]
    low = [one for one in (view.holdings.balances if view.holdings else ()) if one.is_low]
    found += [
        _alarm(f"balance:{one.venue}:{one.asset}", "warning", f"{one.asset} at {one.venue} is low", "", "inventory")
        for one in low
    ]
    return found


def _risk_alarms(view: WorkerView) -> list[Alarm]:
    risk = view.risk
    if risk is None:
        return []
    found = []
    if risk.state is not RiskState.ACTIVE:
        last = _last_change(view)
        since = None if last is None else last["received_ns"]
        detail = "" if last is None else last["reason"]
        severity: Literal["critical", "warning"] = "critical" if risk.state is RiskState.KILLED else "warning"
        found.append(_alarm("risk", severity, f"System {risk.state.value.upper()}", detail, "risk", since_ns=since))
    if loss_e8(risk) * 100 >= risk.limits.daily_loss_usd_e8 * _LOSS_WARNING_PERCENT:
        detail = f"{usd(loss_e8(risk))} of {usd(risk.limits.daily_loss_usd_e8)} USD"
        found.append(_alarm("daily_loss", "warning", "The loss of the day nears its limit", detail, "risk"))
    return found


def _alarm(
    alarm_id: str,
    severity: Literal["critical", "warning", "info"],
    title: str,
    detail: str,
    source: str,
    *,
    since_ns: Nanos | None = None,
) -> Alarm:
    return Alarm(
        alarm_id=alarm_id,
        severity=severity,
        title=title,
        detail=detail,
        source=source,
        since_at=None if since_ns is None else moment(since_ns),
        runbook=RUNBOOK,
    )


async def headline(sight: Sight, now_ns: Nanos) -> Headline:
    """Return the UTC day so far, from the record. Raises StorageError, TimeoutError."""
    view, markets, desk = sight.view, sight.markets, sight.desk
    today_ns = now_ns // NANOS_PER_DAY * NANOS_PER_DAY
    # The minute moves in steps, so that the answer can be used again.
    minute_ns = now_ns // (5 * NANOS_PER_SECOND) * 5 * NANOS_PER_SECOND - 60 * NANOS_PER_SECOND
    span = {"from_ns": today_ns - NANOS_PER_DAY, "to_ns": now_ns}
    episodes = await desk.rows(_episodes(view, markets, today_ns, minute_ns), **span, keep_s=_KEEP_S)
    trades = await desk.rows(_trades(view, markets, today_ns), **span, keep_s=_KEEP_S)
    others = await desk.rows(_others(view, today_ns), **span, keep_s=_KEEP_S)
    found, traded, other = episodes[0], trades[0], others[0]
    rejected, rejected_before = int(other["rejected"]), int(other["rejected_yesterday"])
    before = found["yesterday"]
    return Headline(
        opportunities=found["opportunities"],
        real=found["real"],
        opportunities_last_minute=found["last_minute"],
        accepted_percent=share_percent(found["opportunities"], found["opportunities"] + rejected),
        best_net_edge_bps=None if found["best"] is None else bps(found["best"]),
        trades=traded["trades"],
        winning_trades=traded["winning"],
        realised_net_usd=usd(int(traded["today_usd_e8"])),
        realised_net_yesterday_usd=usd(int(traded["yesterday_usd_e8"])),
        opportunities_yesterday=before,
        best_net_edge_yesterday_bps=None if found["best_yesterday"] is None else bps(found["best_yesterday"]),
        trades_yesterday=traded["trades_yesterday"],
        winning_trades_yesterday=traded["winning_yesterday"],
        accepted_yesterday_percent=share_percent(before, before + rejected_before),
        decision_p50_us=decision_us(view, "p50_ns"),
        decision_p99_us=decision_us(view, "p99_ns"),
        rejected_evaluations=rejected,
        open_opportunities=len(view.episodes) if view.is_up else 0,
        gaps=other["gaps"],
    )


def decision_us(view: WorkerView, name: str) -> int | None:
    """Return how long the engine takes over an event, in microseconds."""
    value = view.metrics.get("event_latency", {}).get(name)
    return int(value) // NANOS_PER_MICROSECOND if isinstance(value, int | float) else None


def _episodes(view: WorkerView, markets: Markets, today_ns: Nanos, minute_ns: Nanos) -> str:
    today = f"(received_ns >= {today_ns})"
    return f"""
        SELECT count(*) FILTER (WHERE {today}) AS opportunities,
            count(*) FILTER (WHERE {today} AND grade IN ('A', 'B', 'C')) AS real,
            count(*) FILTER (WHERE received_ns >= {minute_ns}) AS last_minute,
            max(peak_net_edge_centibps) FILTER (WHERE {today}) AS best,
            count(*) FILTER (WHERE NOT {today}) AS yesterday,
            max(peak_net_edge_centibps) FILTER (WHERE NOT {today}) AS best_yesterday
        FROM ({episodes_sql(view, markets, has_published=False)}) WHERE received_ns >= {today_ns - NANOS_PER_DAY}
    """


def _trades(view: WorkerView, markets: Markets, today_ns: Nanos) -> str:
    return f"""
        SELECT count(*) FILTER (WHERE received_ns >= {today_ns}) AS trades,
            count(*) FILTER (WHERE received_ns >= {today_ns} AND realised_net_usd_e8 > 0) AS winning,
            count(*) FILTER (WHERE received_ns < {today_ns}) AS trades_yesterday,
            count(*) FILTER (WHERE received_ns < {today_ns} AND realised_net_usd_e8 > 0) AS winning_yesterday,
            coalesce(sum(realised_net_usd_e8) FILTER (WHERE received_ns >= {today_ns}), 0)::DECIMAL(38,0)
                AS today_usd_e8,
            coalesce(sum(realised_net_usd_e8) FILTER (WHERE received_ns < {today_ns}), 0)::DECIMAL(38,0)
                AS yesterday_usd_e8
        FROM ({whole("simulated_trades", view)})
        WHERE latency_ns = {markets.primary_ns} AND latency_model = 'fixed'
            AND received_ns >= {today_ns - NANOS_PER_DAY}
    """


def _others(view: WorkerView, today_ns: Nanos) -> str:
    return f"""
        SELECT coalesce(sum(count) FILTER (WHERE received_ns >= {today_ns}), 0)::DECIMAL(38,0) AS rejected,
            coalesce(sum(count) FILTER (WHERE received_ns < {today_ns}), 0)::DECIMAL(38,0) AS rejected_yesterday,
            (SELECT count(*) FROM gaps WHERE received_ns >= {today_ns}) AS gaps
        FROM ({whole("rejections", view)}) WHERE received_ns >= {today_ns - NANOS_PER_DAY}
    """


def _nothing(view: WorkerView) -> Headline:
    return Headline(
        opportunities=0,
        real=0,
        opportunities_last_minute=0,
        accepted_percent=None,
        best_net_edge_bps=None,
        trades=0,
        winning_trades=0,
        realised_net_usd="0",
        realised_net_yesterday_usd="0",
        opportunities_yesterday=0,
        best_net_edge_yesterday_bps=None,
        trades_yesterday=0,
        winning_trades_yesterday=0,
        accepted_yesterday_percent=None,
        decision_p50_us=decision_us(view, "p50_ns"),
        decision_p99_us=decision_us(view, "p99_ns"),
        rejected_evaluations=0,
        open_opportunities=len(view.episodes),
        gaps=0,
    )
