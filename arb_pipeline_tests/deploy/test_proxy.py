"""A real nginx with the shipped file before a real API: TLS, one login for the API and for Dagster, the live stream.

Only addresses and the names of files are replaced. Dagster is stood for by a server that says what it was asked; in the
last test it is Dagster's own web server, with a workspace of one asset.
"""

import asyncio
import contextlib
import json
import os
import re
import ssl
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.asyncio.server import ServerConnection, serve
from websockets.datastructures import Headers
from websockets.exceptions import InvalidURI
from websockets.http11 import Request, Response
from websockets.typing import Subprotocol

from arb_pipeline_tests.deploy.watchtower import answers, running, until
from arb_pipeline_tests.failure.worker_process import environment
from arb_pipeline_tests.fixtures.scripted_venue import closed_port
from streaming_worker.adapters.clock import AnchoredClock
from streaming_worker.api.database import Database, database_url
from streaming_worker.api.identity.passwords import Passwords
from streaming_worker.api.identity.roles import Role
from streaming_worker.api.identity.users import Users
from streaming_worker.config import load_config

PASSWORD = "a long word for a test"
StartDagster = Callable[[Path], contextlib.AbstractAsyncContextManager[int]]
ONE_ASSET = """\
import dagster as dg

@dg.asset
def prices_of_the_day() -> None:
    ...

defs = dg.Definitions(assets=[prices_of_the_day])
"""
NGINX = """\
{user}daemon off;
pid {folder}/nginx.pid;
error_log stderr warn;
events {{}}
http {{
    access_log off;
    client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
    include {folder}/arb.conf;
}}
"""


@dataclass(frozen=True)
class Door:
    """The proxy's addresses, and what trusts its certificate."""

    console: str
    dagster: str
    plain: str
    trust: ssl.SSLContext
    log: Path

    def client(self, base: str) -> httpx.AsyncClient:
        """Return a client of its own, without cookies."""
        return httpx.AsyncClient(base_url=base, verify=self.trust, trust_env=False, timeout=60)


async def _said(connection: ServerConnection, request: Request) -> Response | None:
    """Answer a plain request with what it brought; let a WebSocket through."""
    if request.headers.get("Upgrade", "").lower() == "websocket":
        return None
    body = json.dumps(
        {"path": request.path, "headers": {k.lower(): v for k, v in request.headers.raw_items()}}
    ).encode()
    headers = Headers({"Content-Type": "application/json", "Content-Length": str(len(body)), "Connection": "close"})
    return Response(HTTPStatus.OK, "OK", headers, body)


async def _echo(connection: ServerConnection) -> None:
    async for message in connection:
        await connection.send(message)


def _config(repository: Path, folder: Path, ports: dict[str, int]) -> Path:
    text = (repository / "deploy/nginx/arb.conf").read_text(encoding="utf-8")
    for old, new in (
        ("arb.example.org", "localhost"),
        ("/etc/arb-platform/tls", str(folder / "tls")),
        ("/var/log/nginx", str(folder)),
        ("127.0.0.1:8080", f"127.0.0.1:{ports['api']}"),
        ("127.0.0.1:3000", f"127.0.0.1:{ports['dagster']}"),
        ("listen 80;", f"listen 127.0.0.1:{ports['plain']};"),
        ("listen 443 ", f"listen 127.0.0.1:{ports['tls']} "),
        ("listen 8443 ", f"listen 127.0.0.1:{ports['dagster_tls']} "),
    ):
        assert old in text, old
        text = text.replace(old, new)
    (folder / "arb.conf").write_text(text)
    main = folder / "nginx.conf"
    main.write_text(NGINX.format(folder=folder, user="user root;\n" if os.geteuid() == 0 else ""))
    return main


def _certificate(folder: Path, openssl: str) -> ssl.SSLContext:
    command = [
        openssl,
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:prime256v1",
        "-nodes",
        "-days",
        "1",
    ]
    command += ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    command += ["-keyout", str(folder / "tls.key"), "-out", str(folder / "tls.crt")]
    subprocess.run(command, check=True, capture_output=True)
    return ssl.create_default_context(cafile=str(folder / "tls.crt"))


def make_users(environ: dict[str, str]) -> None:
    """Make an operator and a viewer."""
    config = load_config(None, environ)
    config.paths.state.mkdir(parents=True, exist_ok=True)
    database = Database(database_url(config.api.database_url, config.paths.state))
    with contextlib.closing(database):
        users = Users(database, Passwords(), AnchoredClock())
        for name, role in (("olga", Role.OPERATOR), ("vic", Role.VIEWER)):
            users.create(name, PASSWORD, role)


@contextlib.asynccontextmanager
async def stand_in(folder: Path) -> AsyncIterator[int]:
    """Stand for Dagster; yields the port."""
    async with serve(_echo, "127.0.0.1", 0, process_request=_said) as dagster:
        yield int(next(iter(dagster.sockets)).getsockname()[1])


@contextlib.asynccontextmanager
async def real_dagster(folder: Path) -> AsyncIterator[int]:
    """Run Dagster's web server over one asset, as ``arb up`` does with ours; yields the port."""
    home, port = folder / "dagster", closed_port()
    home.mkdir()
    (home / "one_asset.py").write_text(ONE_ASSET, encoding="utf-8")
    (home / "dagster.yaml").write_text("telemetry:\n  enabled: false\n", encoding="utf-8")
    command = [str(Path(sys.executable).with_name("dagster-webserver")), "-h", "127.0.0.1", "-p", str(port)]
    command += ["-f", str(home / "one_asset.py")]
    environ = {**os.environ, "DAGSTER_HOME": str(home)}
    with running(folder / "dagster.log", command, env=environ, cwd=home):
        await asyncio.to_thread(until, lambda: answers(f"http://127.0.0.1:{port}/server_info"), "Dagster", bound_s=180)
        yield port


@contextlib.asynccontextmanager
async def open_door(
    repository: Path, folder: Path, program: Callable[[str], str], dagster: StartDagster = stand_in
) -> AsyncIterator[Door]:
    """Run API, proxy and Dagster, or what stands for it, until the end of the block."""
    environ = environment(folder / "data", ARB_API_TRUSTED_PROXIES="127.0.0.1/32")
    make_users(environ)
    ports = {name: closed_port() for name in ("plain", "tls", "dagster_tls")}
    api = [sys.executable, "-m", "streaming_worker", "api", "--log-level", "WARNING"]
    trust = _certificate(folder, program("openssl"))
    async with dagster(folder) as dagster_port:
        ports |= {"api": int(environ["ARB_PORT_API"]), "dagster": dagster_port}
        nginx = [program("nginx"), "-c", str(_config(repository, folder, ports)), "-p", str(folder)]
        checked = await asyncio.to_thread(subprocess.run, [*nginx, "-t"], capture_output=True, text=True)
        assert checked.returncode == 0, checked.stderr
        with running(folder / "api.log", api, env=environ), running(folder / "nginx.log", nginx):
            live = f"http://127.0.0.1:{ports['api']}/api/v1/health/live"
            await asyncio.to_thread(until, lambda: answers(live), "the API answers", bound_s=120)
            yield Door(
                console=f"https://localhost:{ports['tls']}",
                dagster=f"https://localhost:{ports['dagster_tls']}",
                plain=f"http://localhost:{ports['plain']}",
                trust=trust,
                log=folder / "arb.log",
            )


async def log_in(client: httpx.AsyncClient, name: str) -> dict[str, Any]:
    """Log in as a browser does."""
    origin = str(client.base_url).rstrip("/")
    answer = await client.post(
        "/api/v1/auth/login", json={"username": name, "password": PASSWORD}, headers={"Origin": origin}
    )
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


@pytest.fixture
def proxy_program(program: Callable[[str], str]) -> Callable[[str], str]:
    program("nginx")
    return program


async def test_one_login_opens_the_api_and_dagster_and_nothing_opens_without(
    repository: Path, tmp_path: Path, proxy_program: Callable[[str], str]
) -> None:
    async with open_door(repository, tmp_path, proxy_program) as door:
        async with door.client(door.console) as stranger, door.client(door.dagster) as dagster:
            assert (await stranger.get("/api/v1/auth/me")).status_code == 401
            assert (await stranger.get("/metrics")).status_code == 404
            turned_away = await dagster.get("/runs")
            assert (turned_away.status_code, turned_away.headers["location"]) == (302, "https://localhost/login")
            plain = await stranger.get(f"{door.plain}/api/v1/auth/me?x=1")
            assert (plain.status_code, plain.headers["location"]) == (301, "https://localhost/api/v1/auth/me?x=1")
        async with door.client(door.console) as operator:
            await log_in(operator, "olga")
            me = await operator.get("/api/v1/auth/me", headers={"X-Forwarded-For": "203.0.113.9"})
            assert (me.status_code, me.json()["role"]) == (200, "operator")
            assert me.headers["strict-transport-security"].startswith("max-age=31536000")
            (session,) = (await operator.get("/api/v1/sessions")).json()["items"]
            assert session["ip"] == "127.0.0.1"
            assert all(cookie.secure for cookie in operator.cookies.jar)
            await assert_dagster(door, operator)
            await assert_stream(door, operator)
        async with door.client(door.console) as viewer:
            await log_in(viewer, "vic")
            assert (await viewer.get(f"{door.dagster}/runs")).status_code == 403
    lines = [json.loads(line) for line in door.log.read_text().splitlines()]
    assert {"ip", "path", "status", "request_id", "seconds"} <= set(lines[0])
    assert all("?" not in line["path"] for line in lines)


async def assert_dagster(door: Door, operator: httpx.AsyncClient) -> None:
    """The same cookies open Dagster, which does not see them."""
    page = await operator.get(f"{door.dagster}/assets?x=1")
    assert page.status_code == 200, page.text
    assert page.headers["strict-transport-security"] == "max-age=31536000"
    said = page.json()
    assert said["path"] == "/assets?x=1"
    assert {"cookie", "authorization"} & set(said["headers"]) == set()
    cookies = "; ".join(f"{cookie.name}={cookie.value}" for cookie in operator.cookies.jar)
    address = door.dagster.replace("https", "wss") + "/graphql"
    async with connect(address, ssl=door.trust, additional_headers={"Cookie": cookies}, proxy=None) as socket:
        await socket.send("subscription")
        assert await asyncio.wait_for(socket.recv(), 60) == "subscription"
    with pytest.raises(InvalidURI, match="localhost/login"):
        await connect(address, ssl=door.trust, proxy=None)


async def assert_stream(door: Door, operator: httpx.AsyncClient) -> None:
    """The live stream passes through with the login's cookie."""
    cookies = "; ".join(f"{cookie.name}={cookie.value}" for cookie in operator.cookies.jar)
    address = door.console.replace("https", "wss") + "/api/v1/stream"
    headers = {"Cookie": cookies, "Origin": door.console}
    async with connect(address, ssl=door.trust, additional_headers=headers, proxy=None) as socket:
        await socket.send(json.dumps({"subscribe": ["status"]}))
        async with asyncio.timeout(60):
            while (message := json.loads(await socket.recv()))["kind"] == "heartbeat":
                pass  # the first sign of life may come before the answer
    assert (message["topic"], message["kind"]) == ("status", "snapshot")


@pytest.mark.slow
async def test_the_real_dagster_is_served_behind_the_same_login_its_socket_too(
    repository: Path, tmp_path: Path, proxy_program: Callable[[str], str]
) -> None:
    async with open_door(repository, tmp_path, proxy_program, real_dagster) as door:
        async with door.client(door.dagster) as stranger:
            assert (await stranger.get("/graphql")).status_code == 302
        async with door.client(door.console) as operator:
            await log_in(operator, "olga")
            assert (await operator.get("/api/v1/auth/me")).json()["role"] == "operator"
            page = await operator.get(f"{door.dagster}/assets")
            assert (page.status_code, page.headers["content-type"].split(";")[0]) == (200, "text/html")
            script = re.search(r'src="(/[^"]+\.js)"', page.text)
            assert script is not None
            assert (await operator.get(door.dagster + script[1])).status_code == 200
            await assert_graphql(door, operator)


async def assert_graphql(door: Door, operator: httpx.AsyncClient) -> None:
    """Ask as the page does: by request and by socket."""
    question = {"query": "{ assetNodes { assetKey { path } } }"}
    nodes = (await operator.post(f"{door.dagster}/graphql", json=question)).json()["data"]["assetNodes"]
    assert [node["assetKey"]["path"] for node in nodes] == [["prices_of_the_day"]]
    cookies = "; ".join(f"{cookie.name}={cookie.value}" for cookie in operator.cookies.jar)
    address, protocols = door.dagster.replace("https", "wss") + "/graphql", [Subprotocol("graphql-ws")]
    headers = {"Cookie": cookies, "Origin": door.dagster}
    async with connect(
        address, ssl=door.trust, additional_headers=headers, subprotocols=protocols, proxy=None
    ) as socket:
        await socket.send(json.dumps({"type": "connection_init", "payload": {}}))
        assert json.loads(await asyncio.wait_for(socket.recv(), 60))["type"] == "connection_ack"
        watch = "subscription { locationStateChangeEvents { event { message } } }"
        await socket.send(json.dumps({"type": "start", "id": "1", "payload": {"query": watch}}))
        await socket.send(json.dumps({"type": "stop", "id": "1"}))
        assert socket.subprotocol == "graphql-ws"
    with pytest.raises(InvalidURI, match="localhost/login"):
        await connect(address, ssl=door.trust, subprotocols=protocols, proxy=None)
