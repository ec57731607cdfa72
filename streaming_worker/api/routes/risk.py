"""Risk now and before, and what new limits would do. Nothing here changes anything."""

from fastapi import APIRouter

from streaming_worker.api import proposals
from streaming_worker.api.answers import LIVE_S, shared
from streaming_worker.api.commands import live_risk
from streaming_worker.api.edge import API
from streaming_worker.api.reading.limits import BY_NAME, engine_value, is_looser, loss_e8, previews
from streaming_worker.api.reading.risk import risk
from streaming_worker.api.reading.what_if import WhatIf, what_if
from streaming_worker.api.schemas.base import moment
from streaming_worker.api.schemas.risk import LimitsWanted, ProposalPage, Risk, RiskPreview
from streaming_worker.api.security import Viewer
from streaming_worker.api.services import Parts
from streaming_worker.core.outputs import RiskState

router = APIRouter(prefix=API, tags=["risk"])


@router.get("/risk")
@shared(LIVE_S)
async def get_risk(_: Viewer, parts: Parts) -> Risk:
    """Return the risk state, every limit with its use, what is halted, and a week of changes."""
    return await risk(parts.view, parts.desk, parts.markets, parts.clock.now_ns())


@router.get("/risk/proposals")
def get_proposals(_: Viewer, parts: Parts) -> ProposalPage:
    """Return what was asked for and needed, or needs, the agreement of a second person."""
    now_ns = parts.clock.now_ns()
    found = proposals.newest(parts.database, now_ns)
    return ProposalPage(items=found, next_cursor=None, total=len(found), as_of=moment(now_ns))


@router.post("/risk/preview")
async def preview(_: Viewer, parts: Parts, body: LimitsWanted) -> RiskPreview:
    """Return what new limits would do; nothing is changed."""
    live = live_risk(parts)
    found = previews(live, body.limits)
    is_allowed = all(one.refusal is None for one in found)
    wanted = {
        BY_NAME[name].engine_name: (name, value)
        for name, text in body.limits.items()
        if is_allowed and (value := engine_value(BY_NAME[name], text)) is not None
    }
    effect = await what_if(parts.desk, parts.view, wanted, parts.clock.now_ns()) if is_allowed else WhatIf(0, 0, [])
    daily = wanted["daily_loss_usd_e8"][1] if "daily_loss_usd_e8" in wanted else None
    would_kill = daily is not None and live.state is not RiskState.KILLED and loss_e8(live) >= daily
    return RiskPreview(
        limits=found,
        is_allowed=is_allowed,
        would_kill=would_kill,
        opportunities_before=effect.before,
        opportunities_after=effect.after,
        effects=effect.effects,
        needs_approval=is_allowed and parts.config.api.two_person_limits and is_looser(live, body.limits),
        warnings=["the loss of the day is at or above this limit: everything would stop at once"] if would_kill else [],
    )
