"""What surrounds every request: limits of rate and size, headers, where a request comes from, the shape of errors."""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from arb_pipeline_tests.fixtures.api import Api, make_api
from arb_pipeline_tests.fixtures.scripted_venue import closed_port
from streaming_worker.api.identity.roles import Role, Scope
from streaming_worker.api.limiting import PAGES_PER_MINUTE
from streaming_worker.errors import ConfigError

LOW = {"ARB_API_GENERAL_PER_MINUTE": "5", "ARB_API_CONTROLS_PER_MINUTE": "2", "ARB_API_STATUS_PER_MINUTE": "8"}
ME, LIVE, PAUSE = "/api/v1/auth/me", "/api/v1/health/live", "/api/v1/controls/pause"


@pytest.fixture
def limited(tmp_path: Path) -> Iterator[Api]:
    made = make_api(tmp_path / "data", **LOW)
    yield made
    made.close()


async def test_each_kind_of_request_has_its_own_limit(limited: Api) -> None:
    async with limited.client(token=limited.token(Role.OPERATOR)) as client:
        general = [(await client.get(ME)).status_code for _ in range(6)]
        status = [(await client.get(LIVE)).status_code for _ in range(9)]
        controls = [(await client.post(PAUSE, json={"reason": "drill"})).status_code for _ in range(3)]
    assert general == [200] * 5 + [429]
    assert status == [200] * 8 + [429]
    assert controls == [503] * 2 + [429]


async def test_a_page_has_a_generous_limit_of_its_own_and_its_kept_files_have_none(limited: Api) -> None:
    async with limited.client(ip="192.0.2.9") as client:
        files = {(await client.get("/assets/index-Bx9_kQ2a.js")).status_code for _ in range(PAGES_PER_MINUTE + 1)}
        pages = [(await client.get("/")).status_code for _ in range(PAGES_PER_MINUTE - 1)]
        unknown = [(await client.get("/wp-login.php")).status_code for _ in range(2)]
        reading = (await client.get(LIVE)).status_code
    assert 429 not in files
    assert set(pages) == {200}
    assert unknown[0] != 429, "a page that is not there counts as a page"
    assert unknown[1] == 429
    assert reading == 200, "pages take nothing from the API's own limits"


async def test_a_refusal_says_when_to_come_back_and_then_it_works(limited: Api) -> None:
    async with limited.client(token=limited.token(Role.VIEWER)) as client:
        first = await client.get(ME)
        assert (first.headers["x-ratelimit-limit"], first.headers["x-ratelimit-remaining"]) == ("5", "4")
        limited.clock.advance(20)
        for _ in range(4):
            await client.get(ME)
        refused = await client.get(ME)
        error = refused.json()["error"]
        assert (refused.status_code, error["code"], error["request_id"]) == (
            429,
            "too_many_requests",
            refused.headers["x-request-id"],
        )
        assert int(refused.headers["retry-after"]) == 40
        limited.clock.advance(39)
        assert (await client.get(ME)).status_code == 429
        limited.clock.advance(1)
        assert (await client.get(ME)).status_code == 200


async def test_a_login_is_counted_over_all_addresses_and_an_address_over_all_logins(limited: Api) -> None:
    token = limited.token(Role.VIEWER)
    codes = []
    for number in range(6):
        async with limited.client(token=token, ip=f"192.0.2.{number}") as client:
            codes.append((await client.get(ME)).status_code)
    assert codes == [200] * 5 + [429]
    codes = []
    for _ in range(6):
        _, value = limited.key(Role.ADMIN, Scope.READ)
        async with limited.client(token=value, ip="198.51.100.1") as client:
            codes.append((await client.get(ME)).status_code)
    assert codes == [200] * 5 + [429]


async def test_an_ipv6_network_is_one_address(limited: Api) -> None:
    codes = []
    for number in range(9):
        async with limited.client(ip=f"2001:db8::{number + 1}") as client:
            codes.append((await client.get(LIVE)).status_code)
    async with limited.client(ip="2001:db8:1::1") as client:
        codes.append((await client.get(LIVE)).status_code)
    assert codes == [200] * 8 + [429, 200]


async def forwarded(api: Api, peer: str, header: str) -> list[int]:
    async with api.client(ip=peer) as client:
        return [(await client.get(LIVE, headers={"x-forwarded-for": header})).status_code for _ in range(9)]


async def test_who_is_no_trusted_proxy_cannot_speak_for_others(tmp_path: Path) -> None:
    api = make_api(tmp_path / "data", **LOW, ARB_API_TRUSTED_PROXIES="10.0.0.0/8")
    assert await forwarded(api, "10.0.0.1", "203.0.113.5") == [200] * 8 + [429]
    assert await forwarded(api, "10.0.0.2", "203.0.113.6") == [200] * 8 + [429]
    # What the client itself wrote stands further left and is not believed.
    assert (await forwarded(api, "10.0.0.1", "1.1.1.1, 203.0.113.5, 10.0.0.9"))[0] == 429
    assert (await forwarded(api, "192.0.2.1", "8.8.8.8"))[-1] == 429
    assert (await forwarded(api, "192.0.2.1", "8.8.4.4"))[0] == 429
    api.close()


async def test_a_proxy_that_speaks_tls_makes_cookies_secure(tmp_path: Path) -> None:
    api = make_api(tmp_path / "data", ARB_API_TRUSTED_PROXIES="10.0.0.1")
    headers = {"x-forwarded-for": "203.0.113.5", "x-forwarded-proto": "https"}
    login = {"username": "viewer", "password": "six-green-otters"}
    async with api.client(ip="10.0.0.1") as proxy, api.client(ip="192.0.2.1") as stranger:
        secure = await proxy.post("/api/v1/auth/login", json=login, headers=headers)
        pretended = await stranger.post("/api/v1/auth/login", json=login, headers=headers)
    assert all("secure" in line.lower() for line in secure.headers.get_list("set-cookie"))
    assert "max-age" in secure.headers["strict-transport-security"]
    assert not any("secure" in line.lower() for line in pretended.headers.get_list("set-cookie"))
    assert "strict-transport-security" not in pretended.headers
    api.close()


def test_a_proxy_that_is_no_address_is_refused_at_the_start(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"api\.trusted_proxies: expected addresses or networks, received 'proxy'"):
        make_api(tmp_path, ARB_API_TRUSTED_PROXIES="proxy")


async def test_every_answer_has_the_headers_that_keep_browsers_safe(api: Api) -> None:
    async with api.client() as client:
        answers = [await client.get(path) for path in ("/", "/api/v1/health/live", "/api/v1/none", "/api/v1/auth/me")]
    for answer in answers:
        policy = answer.headers["content-security-policy"]
        assert "default-src 'self'" in policy
        assert "unsafe" not in policy
        for part in ("object-src 'none'", "base-uri 'none'", "frame-ancestors 'none'", "connect-src 'self'"):
            assert part in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["x-frame-options"] == "DENY"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert "server" not in answer.headers
        assert "access-control-allow-origin" not in answer.headers


async def test_other_origins_may_use_it_only_where_they_are_named(tmp_path: Path) -> None:
    origin = "https://desk.example"
    asking = {"origin": origin, "access-control-request-method": "GET"}
    closed = make_api(tmp_path / "closed")
    opened = make_api(tmp_path / "opened", ARB_API_ALLOWED_ORIGINS=origin)
    async with closed.client() as client:
        assert "access-control-allow-origin" not in (await client.options(ME, headers=asking)).headers
    async with opened.client() as client:
        assert (await client.options(ME, headers=asking)).headers["access-control-allow-origin"] == origin
        stranger = {**asking, "origin": "https://other.example"}
        assert "access-control-allow-origin" not in (await client.options(ME, headers=stranger)).headers
    closed.close()
    opened.close()


async def test_a_body_is_refused_when_it_is_too_long_whether_it_says_so_or_not(api: Api) -> None:
    async def drip() -> object:
        for _ in range(100):
            yield b" " * 1_000

    async with api.client() as client:
        said = await client.post("/api/v1/auth/login", content=b" " * 70_000)
        dripped = await client.post("/api/v1/auth/login", content=drip())
        lied = await client.post("/api/v1/auth/login", content=b"{}", headers={"content-length": "-1"})
    assert [one.status_code for one in (said, dripped, lied)] == [413] * 3
    assert [one.json()["error"]["code"] for one in (said, dripped, lied)] == ["too_large"] * 3


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/api/v1/none", 404, "not_found"),
        ("GET", "/api", 404, "not_found"),
        ("PUT", "/api/v1/health/live", 405, "method_not_allowed"),
        ("POST", "/", 405, "method_not_allowed"),
        ("GET", "/api/v1/trades?limit=0", 401, "not_authenticated"),
    ],
)
async def test_errors_have_one_shape(api: Api, method: str, path: str, status: int, code: str) -> None:
    async with api.client() as client:
        answer = await client.request(method, path)
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)
    assert answer.json()["error"]["request_id"] == answer.headers["x-request-id"]


async def test_a_callers_own_request_id_is_kept_where_it_is_one(api: Api) -> None:
    async with api.client() as client:
        kept = await client.get(LIVE, headers={"x-request-id": "trace-0001"})
        made = await client.get(LIVE, headers={"x-request-id": "a\tb<script>"})
    assert kept.headers["x-request-id"] == "trace-0001"
    assert len(made.headers["x-request-id"]) == 16


@pytest.fixture
def redis_url(tmp_path: Path) -> Iterator[str]:
    program = shutil.which("redis-server")
    if program is None:
        pytest.skip("needs redis-server (Debian package redis-server)")
    port = closed_port()
    command = [program, "--port", str(port), "--save", "", "--appendonly", "no", "--dir", str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        for line in server.stdout:
            if "Ready to accept connections" in line:
                break
        try:
            yield f"redis://127.0.0.1:{port}"
        finally:
            server.terminate()


async def test_processes_that_share_a_redis_share_their_limits(tmp_path: Path, redis_url: str) -> None:
    first = make_api(tmp_path / "one", **LOW, ARB_API_REDIS_URL=redis_url)
    second = make_api(tmp_path / "two", **LOW, ARB_API_REDIS_URL=redis_url)
    codes = []
    for number in range(10):
        async with (first if number % 2 else second).client(ip="192.0.2.1") as client:
            codes.append((await client.get(LIVE)).status_code)
    assert first.services.limiter.is_shared
    assert codes == [200] * 8 + [429] * 2
    for api in (first, second):
        await api.services.limiter.close()
        api.close()


async def test_a_redis_that_is_gone_neither_opens_nor_closes_the_door(tmp_path: Path) -> None:
    api = make_api(tmp_path / "data", **LOW, ARB_API_REDIS_URL=f"redis://127.0.0.1:{closed_port()}")
    async with api.client() as client:
        codes = [(await client.get(LIVE)).status_code for _ in range(9)]
    assert codes == [200] * 8 + [429]
    assert not api.services.limiter.is_shared
    await api.services.limiter.close()
    api.close()
