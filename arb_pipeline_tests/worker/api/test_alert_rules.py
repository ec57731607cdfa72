"""Rules by which people are told of an edge: who may make them, what meets them, and when they tell."""

from dataclasses import replace
from typing import Any

import pytest

from arb_pipeline_tests.fixtures.api import NOW_NS, Api
from streaming_worker.alerts import Severity, open_desk
from streaming_worker.api.alert_rules import MOST_RULES, Rule
from streaming_worker.api.identity.roles import Role
from streaming_worker.api.schemas.base import moment
from streaming_worker.api.schemas.market import Link
from streaming_worker.core.units import E8, NANOS_PER_HOUR, NANOS_PER_SECOND
from streaming_worker.service.live import LiveEpisode

RULE = Rule(
    rule_id="aa00", instrument=None, pool=None, direction=None, least_edge_centibps=2_500, open_ns=NANOS_PER_SECOND,
    severity=Severity.INFO, cooldown_ns=600 * NANOS_PER_SECOND, expires_ns=None,
)  # fmt: skip


def episode(api: Api, *, edge: int = 3_000, opened_ns: int = NOW_NS - 2 * NANOS_PER_SECOND) -> LiveEpisode:
    markets = api.services.markets
    return LiveEpisode(
        opportunity_id="o-1", instrument=next(iter(markets.books)), pool=next(iter(markets.pools)),
        direction="buy_cex_sell_pool", opened_ns=opened_ns, updates=3, opening_net_usd_e8=E8,
        opening_edge_centibps=edge, peak_net_usd_e8=2 * E8, peak_edge_centibps=edge,
    )  # fmt: skip


async def sent(api: Api, role: Role, method: str, path: str = "", **options: Any) -> tuple[int, Any]:
    async with api.client(token=api.token(role)) as client:
        answer = await client.request(method, f"/api/v1/alerts/rules{path}", **options)
    return answer.status_code, answer.json() if answer.content else None


def test_a_rule_is_met_by_its_route_its_edge_and_its_age(api: Api) -> None:
    open_one = episode(api)
    assert RULE.is_met(open_one, NOW_NS)
    assert replace(RULE, instrument=open_one.instrument, pool=open_one.pool).is_met(open_one, NOW_NS)
    assert replace(RULE, least_edge_centibps=3_000, open_ns=2 * NANOS_PER_SECOND).is_met(open_one, NOW_NS)
    others = (
        replace(RULE, instrument="gemini:OTHER"), replace(RULE, pool="orca:OTHER"),
        replace(RULE, direction="buy_pool_sell_cex"), replace(RULE, least_edge_centibps=3_001),
        replace(RULE, open_ns=2 * NANOS_PER_SECOND + 1), replace(RULE, expires_ns=NOW_NS),
    )  # fmt: skip
    assert [rule.is_met(open_one, NOW_NS) for rule in others] == [False] * len(others)


async def test_operators_make_switch_and_forget_rules_and_the_audit_log_says_so(api: Api) -> None:
    market = next(iter(api.services.markets.books))
    body = {"instrument": market, "least_edge_bps": "12.5", "open_ms": 500, "severity": "warning", "hours": 8}
    assert (await sent(api, Role.VIEWER, "POST", json=body))[0] == 403
    status, made = await sent(api, Role.OPERATOR, "POST", json=body)
    assert (status, made["instrument"], made["least_edge_bps"], made["is_on"]) == (201, market, "12.5", True)
    assert made["expires_at"] == moment(api.services.clock.now_ns() + 8 * NANOS_PER_HOUR)
    assert made["fired_at"] is None
    path = f"/{made['rule_id']}"
    status, switched = await sent(api, Role.OPERATOR, "PATCH", path, json={"is_on": False})
    assert (status, switched["is_on"]) == (200, False)
    assert (await sent(api, Role.VIEWER, "GET"))[1]["items"] == [switched]
    assert (await sent(api, Role.OPERATOR, "DELETE", path))[0] == 204
    assert (await sent(api, Role.OPERATOR, "DELETE", path))[1]["error"]["code"] == "not_found"
    assert (await sent(api, Role.OPERATOR, "PATCH", path, json={"is_on": True}))[0] == 404
    async with api.client(token=api.token(Role.ADMIN)) as client:
        entries = (await client.get("/api/v1/audit")).json()["items"]
    assert [one["action"] for one in entries if one["action"].startswith("alert_rule")] == [
        "alert_rule.remove",
        "alert_rule.switch",
        "alert_rule.add",
    ]


@pytest.mark.parametrize("wrong", [{"least_edge_bps": "-1"}, {"least_edge_bps": "1.234"}, {"instrument": "x:y"}])
async def test_a_rule_about_nothing_is_refused(api: Api, wrong: dict[str, str]) -> None:
    status, answer = await sent(api, Role.OPERATOR, "POST", json={"least_edge_bps": "5", **wrong})
    assert status == 422, answer
    assert (await sent(api, Role.VIEWER, "GET"))[1]["items"] == []


async def test_there_is_a_most_of_rules(api: Api) -> None:
    async with api.client(token=api.token(Role.OPERATOR)) as client:
        for _ in range(MOST_RULES):
            (await client.post("/api/v1/alerts/rules", json={"least_edge_bps": "5"})).raise_for_status()
        assert (await client.post("/api/v1/alerts/rules", json={"least_edge_bps": "5"})).status_code == 409


async def test_a_rule_tells_once_while_it_is_met_and_is_quiet_in_its_cool_down(api: Api) -> None:
    services = api.services
    watch, view, clock = services.rule_watch, services.view, services.clock
    history = open_desk(services.config, now=clock.now_ns).history
    _, made = await sent(api, Role.OPERATOR, "POST", json={"least_edge_bps": "25", "cooldown_s": 60})
    key = f"rule_met:{made['rule_id']}"
    view.episodes = (episode(api, edge=2_400), episode(api, edge=3_100, opened_ns=clock.now_ns()))
    await watch.look()
    assert history.open_keys() == set(), "the worker does not answer: nothing is judged"
    view.link = Link.UP
    await watch.look()
    await watch.look()
    assert history.open_keys() == {key}
    (told,) = history.recent(limit=5)
    assert "31" in told.title
    assert (await sent(api, Role.VIEWER, "GET"))[1]["items"][0]["fired_at"] is not None
    view.episodes = ()
    await watch.look()
    assert history.open_keys() == set()
    view.episodes = (episode(api),)
    await watch.look()
    assert history.open_keys() == set(), "within the cool-down"
    clock.advance(61)
    await watch.look()
    assert history.open_keys() == {key}
    assert len(history.recent(limit=5)) == 2
    await sent(api, Role.OPERATOR, "PATCH", f"/{made['rule_id']}", json={"is_on": False})
    await watch.look()
    assert history.open_keys() == set(), "a rule that was turned off leaves nothing open"
