"""Tokens, sessions and keys: what holds, what never does, and what stops holding at once."""

import base64
import json
from pathlib import Path

import jwt
import pytest

from arb_pipeline_tests.fixtures.api import Api, make_api
from streaming_worker.api.identity.roles import Role, Scope
from streaming_worker.api.identity.sessions import IDLE_NS, LONGEST_NS, SUPERSEDED_NS
from streaming_worker.api.identity.tokens import ACCESS_S

ME = "/api/v1/auth/me"


async def status_of(api: Api, token: str) -> int:
    async with api.client(token=token) as client:
        return (await client.get(ME)).status_code


def parts(token: str) -> tuple[dict[str, object], dict[str, object]]:
    head, body, _ = token.split(".")
    padded = [json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))) for part in (head, body)]
    return padded[0], padded[1]


def encoded(content: dict[str, object]) -> str:
    return base64.urlsafe_b64encode(json.dumps(content).encode()).decode().rstrip("=")


async def test_an_access_token_holds_fifteen_minutes_and_not_a_second_more(api: Api) -> None:
    token = api.token(Role.VIEWER)
    api.clock.advance(ACCESS_S - 1)
    assert await status_of(api, token) == 200
    api.clock.advance(1)
    assert await status_of(api, token) == 401


async def test_what_we_did_not_sign_does_not_hold(api: Api, tmp_path: Path) -> None:
    token = api.token(Role.ADMIN)
    head, body = parts(token)
    signature = token.rpartition(".")[2]
    other = make_api(tmp_path / "other")
    elsewhere = other.token(Role.ADMIN)
    other.close()
    public = jwt.encode(body, "x" * 48, algorithm="HS256", headers={"kid": str(head["kid"])})
    forged = {
        "alg none": f"{encoded({**head, 'alg': 'none'})}.{encoded(body)}.",
        "alg none, signed": f"{encoded({**head, 'alg': 'none'})}.{encoded(body)}.{signature}",
        "other body": f"{encoded(head)}.{encoded({**body, 'sub': 'somebody'})}.{signature}",
        "longer life": f"{encoded(head)}.{encoded({**body, 'exp': 9_999_999_999})}.{signature}",
        "our name, other key": public,
        "other algorithm": jwt.encode(body, "x" * 64, algorithm="HS512", headers={"kid": str(head["kid"])}),
        "other installation": elsewhere,
        "no name": jwt.encode(body, "x" * 48, algorithm="HS256"),
        "name that is no text": f"{encoded({**head, 'kid': 7})}.{encoded(body)}.{signature}",
        "half": token[: len(token) // 2],
        "nothing": "..",
        "text": "admin",
    }
    for name, one in forged.items():
        assert await status_of(api, one) == 401, name
    assert await status_of(api, token) == 200


@pytest.mark.parametrize(
    "change", [{"aud": "other"}, {"iss": "other"}, {"sid": "nobody"}, {"sub": "nobody"}, {"exp": None}]
)
async def test_a_token_of_ours_for_something_else_does_not_hold(api: Api, change: dict[str, object]) -> None:
    token = api.token(Role.ADMIN)
    head, body = parts(token)
    ring = api.services.signer._keys
    claims = {name: value for name, value in {**body, **change}.items() if value is not None}
    made = jwt.encode(claims, ring[str(head["kid"])], algorithm="HS256", headers={"kid": str(head["kid"])})
    assert await status_of(api, made) == 401


async def test_tokens_hold_over_a_rotation_until_they_end(api: Api) -> None:
    old = api.token(Role.VIEWER)
    first = api.services.signer.rotate()
    new = api.token(Role.VIEWER)
    assert parts(new)[0]["kid"] == first != parts(old)[0]["kid"]
    assert (await status_of(api, old), await status_of(api, new)) == (200, 200)
    api.clock.advance(3 * ACCESS_S)
    api.services.signer.rotate()
    assert parts(old)[0]["kid"] not in api.services.signer._keys


async def test_each_refresh_token_is_good_once_and_a_second_use_ends_the_login(api: Api) -> None:
    first = (await api.login("viewer", mode="bearer")).json()["tokens"]
    async with api.client() as client:
        second = await client.post("/api/v1/auth/refresh", json={"refresh_token": first["refresh_token"]})
        tokens = second.json()["tokens"]
        assert tokens["refresh_token"] != first["refresh_token"]
        at_once = await client.post("/api/v1/auth/refresh", json={"refresh_token": first["refresh_token"]})
        assert (at_once.status_code, at_once.json()["error"]["code"]) == (409, "refresh_superseded")
        assert await status_of(api, tokens["access_token"]) == 200
        api.clock.advance_to(api.clock.now_ns() + SUPERSEDED_NS)
        stolen = await client.post("/api/v1/auth/refresh", json={"refresh_token": first["refresh_token"]})
        assert (stolen.status_code, stolen.json()["error"]["code"]) == (401, "refresh_reused")
        assert await status_of(api, tokens["access_token"]) == 401
        after = await client.post("/api/v1/auth/refresh", json={"refresh_token": tokens["refresh_token"]})
        assert after.status_code == 401
    with api.services.database.reading() as connection:
        actions = [row.action for row in connection.exec_driver_sql("SELECT action FROM audit ORDER BY seq")]
    assert actions == ["login", "refresh_reused"]


async def test_a_login_ends_when_it_is_idle_and_after_a_week_whatever_happens(api: Api) -> None:
    tokens = (await api.login("viewer", mode="bearer")).json()["tokens"]
    began_ns = api.clock.now_ns()
    async with api.client() as client:
        while True:
            api.clock.advance_to(api.clock.now_ns() + IDLE_NS - 10**9)
            answer = await client.post("/api/v1/auth/refresh", json={"refresh_token": tokens["refresh_token"]})
            if answer.status_code != 200:
                break
            tokens = answer.json()["tokens"]
    assert LONGEST_NS <= api.clock.now_ns() - began_ns < LONGEST_NS + IDLE_NS
    idle = (await api.login("viewer", mode="bearer")).json()["tokens"]
    api.clock.advance_to(api.clock.now_ns() + IDLE_NS)
    async with api.client() as client:
        answer = await client.post("/api/v1/auth/refresh", json={"refresh_token": idle["refresh_token"]})
    assert answer.status_code == 401


async def test_a_session_that_is_revoked_stops_at_once(api: Api) -> None:
    tokens = (await api.login("viewer", mode="bearer")).json()
    mine = tokens["me"]["session_id"]
    async with api.client(token=api.token(Role.OPERATOR)) as other, api.client(token=api.token(Role.ADMIN)) as admin:
        assert (await other.delete(f"/api/v1/sessions/{mine}")).status_code == 404
        assert await status_of(api, tokens["tokens"]["access_token"]) == 200
        assert (await admin.delete(f"/api/v1/sessions/{mine}")).status_code == 204
    assert await status_of(api, tokens["tokens"]["access_token"]) == 401


async def test_a_user_who_is_shut_out_or_loses_a_role_is_out_at_once(api: Api) -> None:
    operator = api.services.users.named("operator")
    assert operator is not None
    token, (_, key) = api.token(Role.OPERATOR), api.key(Role.OPERATOR, Scope.READ)
    async with api.client(token=api.token(Role.ADMIN)) as admin:
        assert (await status_of(api, token), await status_of(api, key)) == (200, 200)
        changed = await admin.patch(f"/api/v1/users/{operator.user_id}", json={"role": "viewer"})
        assert changed.json()["role"] == "viewer"
        assert (await status_of(api, token), await status_of(api, key)) == (401, 200)
        await admin.patch(f"/api/v1/users/{operator.user_id}", json={"is_disabled": True})
        assert await status_of(api, key) == 401
    assert (await api.login("operator")).status_code == 401


async def test_the_last_admin_stays_one(api: Api) -> None:
    admin = api.services.users.named("admin")
    assert admin is not None
    async with api.client(token=api.token(Role.ADMIN)) as client:
        lowered = await client.patch(f"/api/v1/users/{admin.user_id}", json={"role": "viewer"})
        shut = await client.patch(f"/api/v1/users/{admin.user_id}", json={"is_disabled": True})
    assert [answer.json()["error"]["code"] for answer in (lowered, shut)] == ["last_admin"] * 2


async def test_a_key_is_shown_once_kept_as_a_hash_and_over_on_its_day(api: Api, tmp_path: Path) -> None:
    async with api.client(token=api.token(Role.VIEWER)) as client:
        made = await client.post("/api/v1/keys", json={"name": "cron", "scopes": ["read"], "expires_in_days": 2})
        value, key_id = made.json()["value"], made.json()["key"]["key_id"]
        listed = await client.get("/api/v1/keys")
        assert value not in listed.text
        assert listed.json()["items"][0]["expires_at"] == "2026-09-24T18:00:00.000000Z"
    assert value.rpartition("_")[2].encode() not in (tmp_path / "data" / "state" / "app.db").read_bytes()
    assert await status_of(api, value) == 200
    assert await status_of(api, value[:-1] + ("A" if value[-1] != "A" else "B")) == 401
    api.clock.advance(2 * 86_400)
    assert await status_of(api, value) == 401
    again_id, again = api.key(Role.VIEWER, Scope.READ)
    assert await status_of(api, again) == 200
    async with api.client(token=api.token(Role.VIEWER)) as client:
        assert (await client.delete(f"/api/v1/keys/{again_id}")).status_code == 204
        assert (await client.delete(f"/api/v1/keys/{key_id}")).status_code == 204
    assert await status_of(api, again) == 401


async def test_a_key_makes_no_keys_and_sets_no_passwords(api: Api) -> None:
    admin = api.services.users.named("admin")
    assert admin is not None
    _, value = api.key(Role.ADMIN, *Scope)
    async with api.client(token=value) as client:
        key = await client.post("/api/v1/keys", json={"name": "more", "scopes": ["admin"]})
        word = await client.post(f"/api/v1/users/{admin.user_id}/password", json={"password": "nine-blue-herons"})
    assert (key.status_code, word.status_code) == (403, 403)


async def test_a_new_password_needs_the_old_one_and_ends_the_other_logins(api: Api) -> None:
    first = (await api.login("viewer", mode="bearer")).json()
    second = (await api.login("viewer", mode="bearer")).json()
    user_id = first["me"]["user_id"]
    async with api.client(token=first["tokens"]["access_token"]) as client:
        path = f"/api/v1/users/{user_id}/password"
        wrong = await client.post(path, json={"password": "nine-blue-herons", "current_password": "no"})
        weak = await client.post(path, json={"password": "viewer-viewer-1", "current_password": "six-green-otters"})
        done = await client.post(path, json={"password": "nine-blue-herons", "current_password": "six-green-otters"})
    assert (wrong.status_code, weak.json()["error"]["code"], done.status_code) == (403, "weak_password", 204)
    assert await status_of(api, first["tokens"]["access_token"]) == 200
    assert await status_of(api, second["tokens"]["access_token"]) == 401
    assert (await api.login("viewer", "nine-blue-herons")).status_code == 200
