"""The controls. There is none that trades, and there will be none."""

import functools
from typing import Annotated, Any, Final

import anyio.to_thread
from fastapi import APIRouter, Path, Request, Response

from streaming_worker.api import proposals
from streaming_worker.api.commands import live_risk, note, send
from streaming_worker.api.edge import API
from streaming_worker.api.identity.principal import Principal
from streaming_worker.api.reading.limits import BY_NAME, engine_value, is_looser, previews
from streaming_worker.api.schemas.risk import (
    Because,
    ChangeLimits,
    ControlResult,
    HaltWanted,
    LimitPreview,
    LimitProposal,
)
from streaming_worker.api.security import Operator
from streaming_worker.api.services import Parts, Services, act
from streaming_worker.core.events import CommandKind
from streaming_worker.core.units import NANOS_PER_SECOND
from streaming_worker.errors import RequestRefused

router = APIRouter(prefix=API, tags=["risk"])
NANOS_PER_MINUTE: Final = 60 * NANOS_PER_SECOND
ProposalId = Annotated[str, Path(pattern=r"^[0-9a-f]{4,32}$")]
REFUSAL: Final = (
    "This platform only observes: it records the market, simulates, and proves from its record what was real. "
    "There is no code that places an order, so there is nothing to switch on."
)


@router.post("/controls/pause", tags=["controls"])
async def pause(request: Request, who: Operator, parts: Parts, body: Because) -> ControlResult:
    """Stop opening simulated trades until somebody resumes; recording goes on."""
    return await send(request, who, parts, CommandKind.PAUSE, body.reason)


@router.post("/controls/resume", tags=["controls"])
async def resume(request: Request, who: Operator, parts: Parts, body: Because) -> ControlResult:
    """Go on after a pause or a kill."""
    return await send(request, who, parts, CommandKind.RESUME, body.reason)


@router.post("/controls/kill", tags=["controls"])
async def kill(request: Request, who: Operator, parts: Parts, body: Because) -> ControlResult:
    """Stop as after the loss of a day: only an operator lifts it. Recording goes on."""
    return await send(request, who, parts, CommandKind.KILL, body.reason)


@router.post("/controls/halt", tags=["controls"])
async def halt(request: Request, who: Operator, parts: Parts, body: HaltWanted) -> ControlResult:
    """Stop opening simulated trades on one venue or one pair; what is open there ends, everything else goes on."""
    _require_scope(parts, body.scope)
    return await send(request, who, parts, CommandKind.HALT, body.reason, scope=body.scope)


@router.post("/controls/release", tags=["controls"])
async def release(request: Request, who: Operator, parts: Parts, body: HaltWanted) -> ControlResult:
    """Let a halted venue or pair open again."""
    _require_scope(parts, body.scope)
    return await send(request, who, parts, CommandKind.RELEASE, body.reason, scope=body.scope)


@router.post("/controls/limits", tags=["controls"], responses={202: {"model": ControlResult}})
async def limits(
    request: Request, response: Response, who: Operator, parts: Parts, body: ChangeLimits
) -> ControlResult:
    """Put new limits in force, all of them or none; looser ones wait for a second person where that is configured."""
    live = live_risk(parts)
    found = previews(live, body.limits)
    refused = [one for one in found if one.refusal is not None]
    if refused:
        details: dict[str, object] = {one.name: one.refusal for one in refused}
        await note(request, who, parts, "control.set_limits", body.reason, outcome="refused", after=dict(body.limits))
        raise RequestRefused(422, "bad_limits", "a limit is unknown or out of range", details=details)
    if parts.config.api.two_person_limits and is_looser(live, body.limits):
        response.status_code = 202
        return await _propose(request, who, parts, body, found)
    return await send(request, who, parts, CommandKind.SET_LIMITS, body.reason, changes=found, **_content(parts, body))


@router.post("/controls/proposals/{proposal_id}/approve", tags=["controls"])
async def approve(
    proposal_id: ProposalId, request: Request, who: Operator, parts: Parts, body: Because
) -> ControlResult:
    """Agree to looser limits that somebody else asked for, and put them in force."""
    proposal = await _decide(request, who, parts, proposal_id, body.reason, status="approved")
    wanted = ChangeLimits(limits=proposal.limits, reason=proposal.reason, minutes=proposal.minutes)
    reason = f"{proposal.reason} (asked by {proposal.actor}; {who.actor} agreed: {body.reason})"[:500]
    try:
        found = previews(live_risk(parts), wanted.limits)
        content = _content(parts, wanted)
        result = await send(request, who, parts, CommandKind.SET_LIMITS, reason, changes=found, **content)
    except RequestRefused:
        await anyio.to_thread.run_sync(proposals.reopen, parts.database, proposal_id)
        raise
    return result.model_copy(update={"proposal": proposal})


@router.post("/controls/proposals/{proposal_id}/reject", tags=["controls"])
async def reject(
    proposal_id: ProposalId, request: Request, who: Operator, parts: Parts, body: Because
) -> LimitProposal:
    """Refuse looser limits that were asked for; one may take back one's own."""
    return await _decide(request, who, parts, proposal_id, body.reason, status="rejected")


@router.post("/controls/live-trading", tags=["controls"], status_code=403)
async def live_trading(request: Request, who: Operator, parts: Parts) -> None:
    """Always refused: there is no live mode."""
    await note(request, who, parts, "control.live_trading", None, outcome="refused")
    raise RequestRefused(403, "observe_only", REFUSAL)


def _require_scope(parts: Services, scope: str) -> None:
    known = live_risk(parts).scopes
    if scope not in known:
        raise RequestRefused(422, "bad_scope", "there is no such venue or pair", details={"known": list(known)})


def _content(parts: Services, wanted: ChangeLimits) -> dict[str, Any]:
    """Return limits in the engine's units, and until when they hold."""
    settings = [
        {"name": BY_NAME[name].engine_name, "value": engine_value(BY_NAME[name], text)}
        for name, text in wanted.limits.items()
    ]
    if wanted.minutes is None:
        return {"limits": settings}
    return {"limits": settings, "expires_ns": parts.clock.now_ns() + wanted.minutes * NANOS_PER_MINUTE}


async def _propose(
    request: Request, who: Principal, parts: Services, wanted: ChangeLimits, found: list[LimitPreview]
) -> ControlResult:
    before: dict[str, object] = {one.name: one.before for one in found}
    after: dict[str, object] = {one.name: one.after for one in found}
    entry = act(request, who, "limits.propose", reason=wanted.reason, before=before, after=after, outcome="waiting")
    keep = functools.partial(proposals.ask, parts.database, who, wanted, entry, parts.clock.now_ns())
    proposal = await anyio.to_thread.run_sync(keep)
    return ControlResult(
        command_id=proposal.proposal_id, is_confirmed=False, seq=None, state=None, changes=found, proposal=proposal
    )


async def _decide(
    request: Request, who: Principal, parts: Services, proposal_id: str, reason: str, *, status: str
) -> LimitProposal:
    live_risk(parts)
    entry = act(request, who, f"limits.{status}", reason=reason, target=proposal_id)
    now_ns = parts.clock.now_ns()
    decide = functools.partial(proposals.decide, parts.database, proposal_id, who, entry, now_ns, status=status)
    return await anyio.to_thread.run_sync(decide)
