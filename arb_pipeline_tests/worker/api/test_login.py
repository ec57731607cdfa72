"""Logging in: cookies and CSRF for browsers, waiting for who guesses, and no word about who exists."""

import contextlib
from collections.abc import AsyncIterator

import httpx
import pytest

from arb_pipeline_tests.fixtures.api import PASSWORD, Api
from streaming_worker.api.identity.throttle import FREE_TRIES, LONGEST_WAIT_S

PAUSE = "/api/v1/controls/pause"
REASON = {"reason": "odd prices"}
ORIGIN = {"origin": "http://test"}


@contextlib.asynccontextmanager
async def browser(api: Api, username: str = "operator") -> AsyncIterator[httpx.AsyncClient]:
    """Give a client with the cookies of a login."""
    async with api.client() as client:
        login = {"username": username, "password": PASSWORD}
        answer = await client.post("/api/v1/auth/login", json=login, headers=ORIGIN)
        assert answer.status_code == 200, answer.text
        assert answer.json()["tokens"] is None
        yield client


async def test_a_browser_gets_cookies_that_scripts_cannot_read_but_one(api: Api) -> None:
    answer = await api.login("viewer")
    cookies = {line.partition("=")[0]: line.lower() for line in answer.headers.get_list("set-cookie")}
    assert set(cookies) == {"arb_access", "arb_refresh", "arb_csrf"}
    assert all("samesite=strict" in line for line in cookies.values())
    assert all("httponly" in cookies[name] for name in ("arb_access", "arb_refresh"))
    assert "httponly" not in cookies["arb_csrf"]
    assert "path=/api/v1/auth" in cookies["arb_refresh"]
    assert answer.json()["me"]["csrf_token"] in cookies["arb_csrf"]
    assert answer.headers["cache-control"] == "no-store"


async def test_a_cookie_changes_nothing_without_the_csrf_token(api: Api) -> None:
    async with browser(api) as client, browser(api, "admin") as other:
        csrf = client.cookies["arb_csrf"]
        read = await client.get("/api/v1/auth/me")
        bare = await client.post(PAUSE, json=REASON)
        wrong = await client.post(PAUSE, json=REASON, headers={"x-csrf-token": "0" * 64})
        others = await client.post(PAUSE, json=REASON, headers={"x-csrf-token": other.cookies["arb_csrf"]})
        odd = await client.post(PAUSE, json=REASON, headers=[(b"x-csrf-token", "\u00e4".encode())])
        right = await client.post(PAUSE, json=REASON, headers={"x-csrf-token": csrf})
    assert read.status_code == 200
    assert [one.json()["error"]["code"] for one in (bare, wrong, others, odd)] == ["csrf"] * 4
    assert (right.status_code, right.json()["error"]["code"]) == (503, "worker_down")


async def test_a_program_needs_no_csrf_token(api: Api) -> None:
    token = (await api.login("operator", mode="bearer")).json()["tokens"]["access_token"]
    async with api.client(token=token) as client:
        answer = await client.post(PAUSE, json=REASON)
    assert answer.json()["error"]["code"] == "worker_down"


async def test_a_page_of_another_origin_logs_nobody_in_and_refreshes_nothing(api: Api) -> None:
    login = {"username": "viewer", "password": PASSWORD}
    async with browser(api) as client:
        stranger = {"origin": "http://attacker.example"}
        logged = await client.post("/api/v1/auth/login", json=login, headers=stranger)
        refreshed = await client.post("/api/v1/auth/refresh", json={}, headers=stranger)
        silent = await client.post("/api/v1/auth/refresh", json={})
        own = await client.post("/api/v1/auth/refresh", json={}, headers=ORIGIN)
    assert [one.json()["error"]["code"] for one in (logged, refreshed, silent)] == ["origin", "origin", "csrf"]
    assert own.status_code == 200


async def test_a_logout_ends_the_login_and_takes_the_cookies(api: Api) -> None:
    async with browser(api) as client:
        kept = client.cookies["arb_access"]
        answer = await client.post("/api/v1/auth/logout", headers={"x-csrf-token": client.cookies["arb_csrf"]})
        assert answer.status_code == 204
        assert not client.cookies
        after = await client.get("/api/v1/auth/me", headers={"cookie": f"arb_access={kept}"})
    assert after.status_code == 401


@pytest.mark.parametrize("username", ["viewer", "nobody-of-this-name"])
async def test_who_guesses_has_to_wait_whether_the_name_exists_or_not(api: Api, username: str) -> None:
    wrong = [await api.login(username, f"guess-number-{number}") for number in range(FREE_TRIES["user"])]
    assert {one.status_code for one in wrong} == {401}
    assert {one.json()["error"]["message"] for one in wrong} == {"name or password is wrong"}
    locked = await api.login(username)
    assert (locked.status_code, locked.json()["error"]["code"]) == (429, "login_locked")
    assert int(locked.headers["retry-after"]) == 30
    api.clock.advance(29)
    assert (await api.login(username)).status_code == 429
    api.clock.advance(1)
    assert (await api.login(username)).status_code == (200 if username == "viewer" else 401)


async def test_waiting_doubles_up_to_a_quarter_of_an_hour(api: Api) -> None:
    waits = []
    for _ in range(FREE_TRIES["user"] + 7):
        await api.login("viewer", "guess")
        answer = await api.login("viewer")
        if answer.status_code == 429:
            waits.append(int(answer.headers["retry-after"]))
            api.clock.advance(waits[-1])
        else:
            await api.login("viewer", "guess")
        if len(waits) == 3:
            break
    assert api.services.throttle.wait_s("user:viewer") <= LONGEST_WAIT_S
    for _ in range(12):
        api.services.throttle.failed("user:somebody")
    assert api.services.throttle.wait_s("user:somebody") == LONGEST_WAIT_S


async def test_an_address_that_tries_many_names_has_to_wait_for_all_of_them(api: Api) -> None:
    for number in range(FREE_TRIES["ip"]):
        assert (await api.login(f"name-{number}", "guess")).status_code == 401
    assert (await api.login("viewer")).status_code == 429
    async with api.client(ip="192.0.2.9") as elsewhere:
        answer = await elsewhere.post("/api/v1/auth/login", json={"username": "viewer", "password": PASSWORD})
    assert answer.status_code == 200


async def test_an_answer_never_repeats_a_password(api: Api) -> None:
    async with api.client() as client:
        answer = await client.post("/api/v1/auth/login", json={"username": "ann", "password": "hunter2" * 40})
    assert answer.status_code == 422
    assert "hunter2" not in answer.text
