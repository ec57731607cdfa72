"""Rules by which people are told of an edge: read by everybody, made and ended by operators."""

from typing import Annotated

from fastapi import APIRouter, Path, Request

from streaming_worker.api.edge import API
from streaming_worker.api.schemas.alert_rules import AlertRule, AlertRules, AlertRuleSwitch, NewAlertRule
from streaming_worker.api.security import Operator, Viewer
from streaming_worker.api.services import Parts, act
from streaming_worker.errors import RequestRefused

router = APIRouter(prefix=f"{API}/alerts/rules", tags=["reports"])
RuleId = Annotated[str, Path(pattern=r"^[0-9a-f]{4,16}$")]


@router.get("")
def get_rules(_: Viewer, parts: Parts) -> AlertRules:
    """Return every rule, the newest first."""
    return AlertRules(items=parts.rules.every())


@router.post("", status_code=201)
def add_rule(request: Request, who: Operator, parts: Parts, body: NewAlertRule) -> AlertRule:
    """Tell people from now on of an open opportunity that meets this."""
    known = {*parts.markets.books, *parts.markets.pools}
    for market in (body.instrument, body.pool):
        if market is not None and market not in known:
            raise RequestRefused(422, "unknown_market", f"no market {market} is configured")
    entry = act(request, who, "alert_rule.add", after=body.model_dump(exclude_none=True))
    made = parts.rules.add(body, who.actor, entry, parts.clock.now_ns())
    parts.rule_watch.forget()
    return made


@router.patch("/{rule_id}")
def switch_rule(rule_id: RuleId, request: Request, who: Operator, parts: Parts, body: AlertRuleSwitch) -> AlertRule:
    """Turn a rule on or off."""
    entry = act(request, who, "alert_rule.switch", target=rule_id, after={"is_on": body.is_on})
    switched = parts.rules.switch(rule_id, is_on=body.is_on, entry=entry, now_ns=parts.clock.now_ns())
    parts.rule_watch.forget()
    return switched


@router.delete("/{rule_id}", status_code=204)
def remove_rule(rule_id: RuleId, request: Request, who: Operator, parts: Parts) -> None:
    """Forget a rule."""
    parts.rules.remove(rule_id, act(request, who, "alert_rule.remove", target=rule_id), parts.clock.now_ns())
    parts.rule_watch.forget()
