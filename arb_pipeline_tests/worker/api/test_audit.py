"""Everything that people do is written down, and nobody can change what is written without it showing."""

import json
from pathlib import Path

import pytest

from arb_pipeline_tests.fixtures.api import Api
from arb_pipeline_tests.fixtures.door import open_door
from streaming_worker.api.audit import GENESIS, Action
from streaming_worker.api.identity.roles import Role
from streaming_worker.cli import run
from streaming_worker.errors import StorageError

TAMPERED = {
    "its content was changed": "UPDATE audit SET actor = 'somebody else' WHERE seq = 3",
    "entry 3 is missing": "DELETE FROM audit WHERE seq = 3",
    "it does not follow the entry before it": "UPDATE audit SET previous_hash = hash WHERE seq = 3",
}


def entries(api: Api) -> list[dict[str, object]]:
    with api.services.database.reading() as connection:
        return [dict(row) for row in connection.exec_driver_sql("SELECT * FROM audit ORDER BY seq").mappings()]


def fill(api: Api, count: int = 6) -> None:
    for number in range(count):
        api.services.audit.append(
            Action(actor="ann", actor_kind="session", action=f"test.{number}", after={"n": number})
        )


async def test_each_control_is_written_down_with_who_why_before_and_after(tmp_path: Path) -> None:
    async with open_door(tmp_path) as (api, door):
        async with api.client(token=api.token(Role.OPERATOR)) as client:
            sent = [
                await client.post("/api/v1/controls/pause", json={"reason": "odd prices"}),
                await client.post("/api/v1/controls/resume", json={"reason": "fine again"}),
                await client.post("/api/v1/controls/kill", json={"reason": "a drill"}),
                await client.post(
                    "/api/v1/controls/limits", json={"reason": "tighter", "limits": {"daily_loss_usd": "400.5"}}
                ),
                await client.post("/api/v1/controls/live-trading", json={}),
                await client.post(
                    "/api/v1/controls/limits", json={"reason": "typo", "limits": {"daily_los_usd": "400"}}
                ),
            ]
        assert [one.status_code for one in sent] == [200, 200, 200, 200, 403, 422]
        assert [one.json()["state"] for one in sent[:3]] == ["paused", "active", "killed"]
        assert sent[4].json()["error"]["code"] == "observe_only"
        assert door.engine.state.limits.daily_loss_usd_e8 == 40_050_000_000
        rows = entries(api)
    assert [(row["action"], row["outcome"], row["reason"]) for row in rows] == [
        ("control.pause", "done", "odd prices"),
        ("control.resume", "done", "fine again"),
        ("control.kill", "done", "a drill"),
        ("control.set_limits", "done", "tighter"),
        ("control.live_trading", "refused", None),
        ("control.set_limits", "refused", "typo"),
    ]
    assert {(row["actor"], row["actor_kind"], row["ip"]) for row in rows} == {("operator", "session", "127.0.0.1")}
    assert [row["request_id"] for row in rows] == [one.headers["x-request-id"] for one in sent]
    before, after = (json.loads(str(rows[3][name])) for name in ("before", "after"))
    assert (before["daily_loss_usd"], after["daily_loss_usd"]) == ("500", "400.5")
    assert json.loads(str(rows[0]["after"]))["state"] == "paused"


async def test_a_control_that_did_not_arrive_is_written_down_as_failed(api: Api) -> None:
    async with api.client(token=api.token(Role.OPERATOR)) as client:
        answer = await client.post("/api/v1/controls/pause", json={"reason": "nobody there"})
    assert answer.json()["error"]["code"] == "worker_down"
    assert [(row["action"], row["outcome"]) for row in entries(api)] == [("control.pause", "failed")]


async def test_logins_users_and_keys_are_written_down_without_their_secrets(api: Api) -> None:
    await api.login("admin", "a-wrong-guess")
    token = (await api.login("admin", mode="bearer")).json()["tokens"]["access_token"]
    async with api.client(token=token) as client:
        user = await client.post(
            "/api/v1/users", json={"username": "bob", "password": "nine-blue-herons", "role": "viewer"}
        )
        key = await client.post("/api/v1/keys", json={"name": "cron", "scopes": ["read"]})
        await client.patch(f"/api/v1/users/{user.json()['user_id']}", json={"role": "operator"})
        await client.delete(f"/api/v1/keys/{key.json()['key']['key_id']}")
    rows = entries(api)
    assert [(row["action"], row["outcome"]) for row in rows] == [
        ("login", "failed"),
        ("login", "done"),
        ("user.create", "done"),
        ("key.create", "done"),
        ("user.change", "done"),
        ("key.revoke", "done"),
    ]
    text = json.dumps(rows)
    assert "nine-blue-herons" not in text
    assert "a-wrong-guess" not in text
    assert key.json()["value"] not in text
    change = rows[4]
    assert (json.loads(str(change["before"]))["role"], json.loads(str(change["after"]))["role"]) == (
        "viewer",
        "operator",
    )


def test_the_log_refuses_changes_and_removals(api: Api) -> None:
    fill(api)
    for change in ("UPDATE audit SET actor = 'x' WHERE seq = 2", "DELETE FROM audit WHERE seq = 2"):
        with pytest.raises(StorageError, match="append-only"), api.services.database.writing() as connection:
            connection.exec_driver_sql(change)


@pytest.mark.parametrize(("problem", "change"), TAMPERED.items())
async def test_whatever_is_done_to_the_log_is_found(api: Api, problem: str, change: str) -> None:
    fill(api)
    assert api.services.audit.verify().is_whole
    with api.services.database.writing() as connection:
        connection.exec_driver_sql("DROP TRIGGER audit_no_update")
        connection.exec_driver_sql("DROP TRIGGER audit_no_delete")
        connection.exec_driver_sql(change)
    async with api.client(token=api.token(Role.ADMIN)) as client:
        verdict = (await client.get("/api/v1/audit/verify")).json()
    assert (verdict["is_whole"], verdict["problem"], verdict["entries"]) == (False, problem, 2)
    assert verdict["broken_at"] in (3, 4)


def test_an_end_that_was_cut_off_is_found_by_the_head_that_is_known_elsewhere(api: Api) -> None:
    assert api.services.audit.verify().head_hash == GENESIS
    fill(api)
    head = api.services.audit.verify().head_hash
    assert api.services.audit.verify(expected_head=head).is_whole
    with api.services.database.writing() as connection:
        connection.exec_driver_sql("DROP TRIGGER audit_no_delete")
        connection.exec_driver_sql("DELETE FROM audit WHERE seq = 6")
    assert api.services.audit.verify().is_whole
    assert "cut off" in str(api.services.audit.verify(expected_head=head).problem)


def test_the_command_tells_a_whole_log_from_a_broken_one(
    api: Api, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ARB_CONFIG", raising=False)
    fill(api)
    command = ["audit", "verify", "--data-dir", str(tmp_path / "data")]
    assert int(run(command)) == 0
    assert "whole: 6 entries" in capsys.readouterr().out
    with api.services.database.writing() as connection:
        connection.exec_driver_sql("DROP TRIGGER audit_no_update")
        connection.exec_driver_sql("UPDATE audit SET reason = 'because' WHERE seq = 5")
    assert int(run([*command, "--json"])) == 1
    assert json.loads(capsys.readouterr().out)["broken_at"] == 5
