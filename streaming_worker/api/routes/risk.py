"""Risk, what new limits would do, and the controls. There is no control that trades, and there will be none."""

import secrets
from typing import Any

import anyio.to_thread
from fastapi import APIRouter, Request

from streaming_worker.api.answers import LIVE_S, shared
from streaming_worker.api.edge import API
from streaming_worker.api.identity.principal import Principal
from streaming_worker.api.reading.limits import BY_NAME, engine_value, loss_e8, previews
from streaming_worker.api.reading.risk import risk
from streaming_worker.api.reading.sources import whole
from streaming_worker.api.schemas.risk import (
    Because,
    ChangeLimits,
    ControlResult,
    LimitPreview,
    LimitsWanted,
    Risk,
    RiskPreview,
)
from streaming_worker.api.security import Operator, Viewer
from streaming_worker.api.services import Parts, Services, act
from streaming_worker.core.events import CommandKind
from streaming_worker.core.outputs import RiskState
from streaming_worker.core.units import NANOS_PER_DAY, NANOS_PER_SECOND
from streaming_worker.errors import RequestRefused
from streaming_worker.service.live import LiveRisk

router = APIRouter(prefix=API, tags=["risk"])
NANOS_PER_MINUTE = 60 * NANOS_PER_SECOND
REFUSAL = (
    "This platform only observes: it records the market, simulates, and proves from its record what was real. "
    "There is no code that places an order, so there is nothing to switch on."
)


@router.get("/risk")
@shared(LIVE_S)
async def get_risk(_: Viewer, parts: Parts) -> Risk:
    """Return the risk state, every limit with its use, and a week of changes."""
    return await risk(parts.view, parts.desk, parts.clock.now_ns())


@router.post("/risk/preview")
async def preview(_: Viewer, parts: Parts, body: LimitsWanted) -> RiskPreview:
    """Return what new limits would do; nothing is changed."""
    live = _live(parts)
    found = previews(live, body.limits)
    wanted = {
        one.engine_name: engine_value(one, text)
        for name, text in body.limits.items()
        if (one := BY_NAME.get(name)) is not None
    }
    is_allowed = all(one.refusal is None for one in found)
    daily = wanted.get("daily_loss_usd_e8")
    before, after = await _openings(parts, live, wanted) if is_allowed else (0, 0)
    would_kill = is_allowed and daily is not None and live.state is not RiskState.KILLED and loss_e8(live) >= daily
    return RiskPreview(
        limits=found,
        is_allowed=is_allowed,
        would_kill=would_kill,
        opportunities_before=before,
        opportunities_after=after,
        warnings=["the loss of the day is at or above this limit: everything would stop at once"] if would_kill else [],
    )


@router.post("/controls/pause", tags=["controls"])
async def pause(request: Request, who: Operator, parts: Parts, body: Because) -> ControlResult:
    """Stop opening simulated trades until somebody resumes; recording goes on."""
    return await _command(request, who, parts, CommandKind.PAUSE, body.reason)


@router.post("/controls/resume", tags=["controls"])
async def resume(request: Request, who: Operator, parts: Parts, body: Because) -> ControlResult:
    """Go on after a pause or a kill."""
    return await _command(request, who, parts, CommandKind.RESUME, body.reason)


@router.post("/controls/kill", tags=["controls"])
async def kill(request: Request, who: Operator, parts: Parts, body: Because) -> ControlResult:
    """Stop as after the loss of a day: only an operator lifts it. Recording goes on."""
    return await _command(request, who, parts, CommandKind.KILL, body.reason)


@router.post("/controls/limits", tags=["controls"])
async def limits(request: Request, who: Operator, parts: Parts, body: ChangeLimits) -> ControlResult:
    """Put new limits in force, all of them or none."""
    live = _live(parts)
    found = previews(live, body.limits)
    refused = [one for one in found if one.refusal is not None]
    if refused:
        details: dict[str, object] = {one.name: one.refusal for one in refused}
        await _note(request, who, parts, "control.set_limits", body.reason, outcome="refused", after=dict(body.limits))
        raise RequestRefused(422, "bad_limits", "a limit is unknown or out of range", details=details)
    settings = [
        {"name": BY_NAME[name].engine_name, "value": engine_value(BY_NAME[name], text)}
        for name, text in body.limits.items()
    ]
    return await _command(request, who, parts, CommandKind.SET_LIMITS, body.reason, settings=settings, changes=found)


@router.post("/controls/live-trading", tags=["controls"], status_code=403)
async def live_trading(request: Request, who: Operator, parts: Parts) -> None:
    """Always refused: there is no live mode."""
    await _note(request, who, parts, "control.live_trading", None, outcome="refused")
    raise RequestRefused(403, "observe_only", REFUSAL)


async def _command(
    request: Request,
    who: Principal,
    parts: Services,
    kind: CommandKind,
    reason: str,
    *,
    settings: list[dict[str, Any]] | None = None,
    changes: list[LimitPreview] | None = None,
) -> ControlResult:
    """Send a command to the worker; it is in the audit log before the answer, whatever came of it."""
    command_id = f"api-{secrets.token_hex(8)}"
    changed = changes or []
    before: dict[str, object] = {"state": None if parts.view.risk is None else parts.view.risk.state.value}
    before |= {one.name: one.before for one in changed}
    body = {
        "command_id": command_id,
        "kind": kind.value,
        "actor": who.actor[:64],
        "reason": reason,
        "limits": settings or [],
    }
    try:
        answer = await parts.link.command(body)
    except RequestRefused:
        await _note(request, who, parts, f"control.{kind.value}", reason, outcome="failed", before=before)
        raise
    state = answer.get("risk")
    after: dict[str, object] = {"state": state, "command_id": command_id, "seq": answer.get("seq")}
    after |= {one.name: one.after for one in changed}
    outcome = "done" if answer.get("seq") is not None else "sent"
    await _note(request, who, parts, f"control.{kind.value}", reason, outcome=outcome, before=before, after=after)
    return ControlResult(
        command_id=command_id,
        is_confirmed=answer.get("seq") is not None,
        seq=answer.get("seq"),
        state=None if state is None else RiskState(state),
        changes=changed,
    )


async def _note(
    request: Request,
    who: Principal,
    parts: Services,
    action: str,
    reason: str | None,
    *,
    outcome: str,
    before: dict[str, object] | None = None,
    after: dict[str, object] | None = None,
) -> None:
    entry = act(request, who, action, reason=reason, outcome=outcome, before=before, after=after, target="worker")
    await anyio.to_thread.run_sync(parts.audit.append, entry)
    parts.answers.forget()


def _live(parts: Services) -> LiveRisk:
    if not parts.view.is_up or parts.view.risk is None:
        raise RequestRefused(503, "worker_down", "the worker does not answer; its limits are not known")
    return parts.view.risk


async def _openings(parts: Services, live: LiveRisk, wanted: dict[str, int | None]) -> tuple[int, int]:
    """How many episodes of the last day opened under the limits of now, and would have under the wanted ones."""
    now_ns = parts.clock.now_ns()
    minute_ns = now_ns // NANOS_PER_MINUTE * NANOS_PER_MINUTE
    threshold = wanted.get("threshold_millionths")
    # A hundredth of a basis point is a millionth.
    edge = live.limits.threshold_millionths if threshold is None else threshold
    sql = f"""
        SELECT count(*) AS before,
            count(*) FILTER (WHERE opening_net_edge_centibps >= {edge}) AS after
        FROM ({whole("opportunities", parts.view)}) WHERE received_ns >= {minute_ns - NANOS_PER_DAY}
    """
    (row,) = await parts.desk.rows(sql, from_ns=now_ns - NANOS_PER_DAY, to_ns=now_ns)
    return row["before"], row["after"]
