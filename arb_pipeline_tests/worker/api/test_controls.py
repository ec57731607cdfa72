"""Halts, limits for a time, looser limits by two people, and what a change would have done: over a real gateway."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest

from arb_pipeline_tests.fixtures.api import NOW_NS, Api
from arb_pipeline_tests.fixtures.door import Door, open_door
from arb_pipeline_tests.fixtures.market import GEMINI
from arb_pipeline_tests.fixtures.scripted_venue import until
from streaming_worker.api.identity.roles import Role
from streaming_worker.api.reading.what_if import what_if
from streaming_worker.core.units import E8
from streaming_worker.storage.record_reader import open_record

REASON = {"reason": "venue maintenance"}


def operator(api: Api) -> httpx.AsyncClient:
    return api.client(token=api.token(Role.OPERATOR))


async def risk(api: Api) -> dict[str, Any]:
    async with operator(api) as client:
        # An answer is shared for a moment by all who ask the same.
        asked = {"now": str(api.services.clock.monotonic_ns())}
        found: dict[str, Any] = (await client.get("/api/v1/risk", params=asked)).json()
        return found


async def posted(client: httpx.AsyncClient, path: str, **body: Any) -> httpx.Response:
    return await client.post(f"/api/v1/{path}", json=REASON | body)


def audited(api: Api) -> list[tuple[str, str, Any]]:
    with api.services.database.reading() as connection:
        rows = connection.exec_driver_sql("SELECT action, outcome, after FROM audit ORDER BY seq").all()
    return [(row[0], row[1], json.loads(row[2] or "{}")) for row in rows]


def cheap(door: Door) -> int:
    """Make Gemini cheap; return how many opportunities are open on it."""
    door.now().book(GEMINI, 148 * E8, 148 * E8 + E8 // 100)
    return sum(view.episode is not None for view in door.engine.state.routes)


async def test_a_venue_is_halted_and_released_with_who_and_why(tmp_path: Path) -> None:
    async with open_door(tmp_path) as (api, door), operator(api) as client:
        assert cheap(door) == 1
        answer = await posted(client, "controls/halt", scope="venue:gemini")
        assert (answer.status_code, answer.json()["is_confirmed"]) == (200, True)
        assert cheap(door) == 0
        await until(lambda: api.services.view.risk.halts != (), "the halt in the stream")  # type: ignore[union-attr]  # it is up
        shown = await risk(api)
        assert shown["scopes"] == ["pair:SOL/USD", "venue:coinbase", "venue:gemini", "venue:orca"]
        assert [(one["scope"], one["actor"], one["reason"]) for one in shown["halts"]] == [
            ("venue:gemini", "operator", "venue maintenance")
        ]
        assert (await posted(client, "controls/release", scope="venue:gemini")).json()["is_confirmed"]
        assert not any(view.is_halted for view in door.engine.state.routes)
        await until(lambda: api.services.view.risk.halts == (), "the release in the stream")  # type: ignore[union-attr]  # as above
        changes = (await risk(api))["halt_changes"]
        assert [(one["scope"], one["is_halted"]) for one in changes] == [
            ("venue:gemini", False),
            ("venue:gemini", True),
        ]
        assert (await risk(api))["state"] == "active"
        assert [(action, after["scope"]) for action, _, after in audited(api)] == [
            ("control.halt", "venue:gemini"), ("control.release", "venue:gemini"),
        ]  # fmt: skip


async def test_a_scope_that_is_not_there_is_refused(tmp_path: Path) -> None:
    async with open_door(tmp_path) as (api, _), operator(api) as client:
        unknown = await posted(client, "controls/halt", scope="venue:kraken")
        assert (unknown.status_code, unknown.json()["error"]["code"]) == (422, "bad_scope")
        assert "venue:gemini" in unknown.json()["error"]["details"]["known"]
        assert (await posted(client, "controls/halt", scope="kraken")).status_code == 422


async def test_a_limit_for_a_time_says_until_when_and_what_it_becomes(tmp_path: Path) -> None:
    async with open_door(tmp_path) as (api, door), operator(api) as client:
        answer = await posted(client, "controls/limits", limits={"threshold_bps": "25"}, minutes=30)
        assert answer.status_code == 200, answer.text
        await until(lambda: api.services.view.risk.temporary != (), "the limit in the stream")  # type: ignore[union-attr]  # as above
        (threshold,) = [one for one in (await risk(api))["limits"] if one["name"] == "threshold_bps"]
        assert (threshold["value"], threshold["becomes"]) == ("25", "10")
        assert threshold["expires_at"] > (await risk(api))["as_of"]
        (waiting,) = door.engine.state.temporary
        assert waiting.expires_ns - door.clock.now_ns() <= 30 * 60 * 10**9


async def test_a_limit_that_is_used_up_shows_how_much_and_of_what(tmp_path: Path) -> None:
    async with open_door(tmp_path) as (api, door):
        cheap(door)
        await until(lambda: len(api.services.view.recent("opportunity_openings")) == 1, "the opening in the stream")
        limits = {one["name"]: one for one in (await risk(api))["limits"]}
    position = limits["max_position_usd"]
    assert Decimal(position["used"]) + Decimal(position["headroom"]) == Decimal(position["value"]) == 1000
    assert Decimal(position["used"]) > 900
    assert position["used_what"] == "largest of the newest openings"
    assert limits["max_sol_price_age_ms"]["used"] is not None
    threshold = limits["threshold_bps"]
    assert Decimal(threshold["used"]) - Decimal(threshold["headroom"]) == Decimal(threshold["value"])
    assert Decimal(threshold["used_percent"]) == pytest.approx(
        Decimal(threshold["value"]) * 100 / Decimal(threshold["used"]), abs=Decimal("0.01")
    )
    assert (limits["resume_after_ms"]["used"], limits["cooldown_ms"]["used"]) == ("0", "0")


async def test_looser_limits_wait_for_somebody_else(tmp_path: Path) -> None:
    async with open_door(tmp_path, ARB_API_TWO_PERSON_LIMITS="true") as (api, door), operator(api) as asks:
        tighter = await posted(asks, "controls/limits", limits={"max_position_usd": "900", "threshold_bps": "12"})
        assert tighter.status_code == 200
        assert (await posted(asks, "risk/preview", limits={"threshold_bps": "11"})).status_code == 422
        await until(lambda: api.services.view.risk.limits.threshold_millionths == 1_200, "it")  # type: ignore[union-attr]  # as above
        preview = await asks.post("/api/v1/risk/preview", json={"limits": {"threshold_bps": "11"}})
        assert preview.json()["needs_approval"]
        looser = await posted(asks, "controls/limits", limits={"threshold_bps": "11"})
        assert looser.status_code == 202, looser.text
        proposal = looser.json()["proposal"]
        assert (proposal["status"], proposal["actor"], looser.json()["is_confirmed"]) == ("waiting", "operator", False)
        path = f"controls/proposals/{proposal['proposal_id']}"
        own = await posted(asks, f"{path}/approve")
        assert (own.status_code, own.json()["error"]["code"]) == (403, "second_person")
        assert door.engine.state.limits.threshold_millionths == 1_200
        async with api.client(token=api.token(Role.VIEWER)) as viewer:
            listed = (await viewer.get("/api/v1/risk/proposals")).json()["items"]
            assert [one["status"] for one in listed] == ["waiting"]
            assert (await posted(viewer, f"{path}/approve")).status_code == 403
        async with api.client(token=api.token(Role.ADMIN)) as agrees:
            approved = await posted(agrees, f"{path}/approve")
            assert approved.status_code == 200, approved.text
            assert approved.json()["proposal"]["decided_by"] == "admin"
            again = await posted(agrees, f"{path}/reject")
            assert (again.status_code, again.json()["error"]["code"]) == (409, "decided")
        assert door.engine.state.limits.threshold_millionths == 1_100
        assert [(action, outcome) for action, outcome, _ in audited(api)] == [
            ("control.set_limits", "done"),
            ("limits.propose", "waiting"),
            ("limits.approved", "done"),
            ("control.set_limits", "done"),
        ]


async def test_what_was_asked_for_can_be_taken_back_and_is_over_after_an_hour(tmp_path: Path) -> None:
    async with open_door(tmp_path, ARB_API_TWO_PERSON_LIMITS="true") as (api, door), operator(api) as client:
        ids = [
            (await posted(client, "controls/limits", limits={"threshold_bps": value})).json()["proposal"]["proposal_id"]
            for value in ("9", "8")
        ]
        taken = await posted(client, f"controls/proposals/{ids[0]}/reject")
        assert taken.json()["status"] == "rejected"
        with api.services.database.writing() as connection:
            connection.exec_driver_sql("UPDATE limit_proposals SET asked_ns = asked_ns - 3600000000000")
        async with api.client(token=api.token(Role.ADMIN)) as admin:
            late = await posted(admin, f"controls/proposals/{ids[1]}/approve")
            assert late.json()["error"]["message"] == "this proposal is expired"
            assert (await posted(admin, "controls/proposals/aa00/approve")).status_code == 404
        assert door.engine.state.limits.threshold_millionths == 1_000


async def test_an_approval_that_does_not_reach_the_worker_waits_again(tmp_path: Path) -> None:
    async with open_door(tmp_path, ARB_API_TWO_PERSON_LIMITS="true") as (api, _), operator(api) as client:
        proposal = (await posted(client, "controls/limits", limits={"threshold_bps": "9"})).json()["proposal"]
        await api.services.link.close()
        async with api.client(token=api.token(Role.ADMIN)) as admin:
            failed = await posted(admin, f"controls/proposals/{proposal['proposal_id']}/approve")
            assert failed.status_code >= 500
        listed = (await client.get("/api/v1/risk/proposals")).json()["items"]
    assert [one["status"] for one in listed] == ["waiting"]


async def test_what_other_limits_would_have_done_is_counted_over_the_record(reading: Api, record_dir: Path) -> None:
    with open_record(record_dir) as record:
        edges = sorted(edge for (edge,) in record.rows("SELECT opening_net_edge_centibps FROM opportunities"))
        ages = record.rows(
            "SELECT max(age_ns) FROM opportunity_costs WHERE kind = 'network_cost' GROUP BY opportunity_id"
        )
    middle = edges[len(edges) // 2] + 1
    rejected = sum(edge < middle for edge in edges)
    assert rejected > 0
    wanted = {
        "threshold_millionths": ("threshold_bps", middle),
        "max_position_usd_e8": ("max_position_usd", 100 * E8),
        "max_lag_ns": ("max_lag_ms", 0),
        "max_sol_price_age_ns": ("max_sol_price_age_ms", 0),
        "daily_loss_usd_e8": ("daily_loss_usd", 100 * E8),
    }
    services = reading.services
    found = await what_if(
        services.desk, services.view, {"threshold_millionths": wanted["threshold_millionths"]}, NOW_NS
    )
    assert (found.before, found.after) == (len(edges), len(edges) - rejected)
    every = await what_if(services.desk, services.view, wanted, NOW_NS)
    counts = {one.name: (one.effect, one.count, one.of) for one in every.effects}
    assert counts["threshold_bps"] == ("rejected", rejected, len(edges))
    assert counts["max_position_usd"] == ("smaller", len(edges), len(edges))
    assert counts["max_sol_price_age_ms"] == ("rejected", sum(age > 0 for (age,) in ages), len(edges))
    assert "daily_loss_usd" not in counts
    assert every.after <= found.after
