"""The live stream: snapshots, changes and breaks in order, for many at once, and nobody waits for who does not read."""

import asyncio
import contextlib
import json
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from arb_pipeline_tests.fixtures.api import PASSWORD, Api, live_api, served
from arb_pipeline_tests.fixtures.door import Door
from arb_pipeline_tests.fixtures.market import COINBASE, GEMINI
from arb_pipeline_tests.fixtures.scripted_venue import until
from streaming_worker.api.identity.roles import Role, Scope
from streaming_worker.api.stream import WAITING, WAITING_TEXT, CloseCode, Topic, Viewer
from streaming_worker.core.units import E8, NANOS_PER_SECOND

TOPICS = ["status", "risk", "feeds", "books", "opportunities", "trades", "rejections", "inventory", "alerts"]


@contextlib.asynccontextmanager
async def serving(folder: Path, **environ: str) -> AsyncIterator[tuple[Api, Door, str]]:
    """Serve an API over a door; yields the stream's address."""
    door = Door()
    async with door.open() as gateway_port:
        api = live_api(folder / "data", gateway_port=gateway_port, **environ)
        async with served(api.app) as port:
            await until(lambda: api.services.view.is_up, "the worker's stream")
            yield api, door, f"ws://127.0.0.1:{port}/api/v1/stream"


def opened(url: str, token: str, **options: Any) -> connect:
    return connect(url, subprotocols=["arb.v1", f"bearer.{token}"], proxy=None, ping_interval=None, **options)


async def told(socket: ClientConnection, topic: str, kind: str, *, bound_s: float = 60.0) -> dict[str, Any]:
    """Return the next message of a topic and kind."""
    async with asyncio.timeout(bound_s):
        while True:
            message = json.loads(await socket.recv())
            if (message["topic"], message["kind"]) == (topic, kind):
                return message


async def closing(socket: ClientConnection) -> int:
    """Read on until the other side closes; return its code."""
    async with asyncio.timeout(60):
        with contextlib.suppress(ConnectionClosed):
            while True:
                await socket.recv()
        await socket.wait_closed()
    assert socket.close_code is not None
    return socket.close_code


async def test_each_topic_begins_with_its_snapshot_and_goes_on_in_order(tmp_path: Path) -> None:
    async with serving(tmp_path) as (api, door, url), opened(url, api.token(Role.VIEWER)) as socket:
        await socket.send(json.dumps({"subscribe": TOPICS}))
        snapshots: dict[str, dict[str, Any]] = {}
        while len(snapshots) < len(TOPICS):
            message = json.loads(await socket.recv())
            if message["kind"] == "snapshot":
                snapshots[message["topic"]] = message
        books = snapshots["books"]
        assert {row["id"] for row in books["data"]["items"]} == {COINBASE, GEMINI}
        door.now().book(GEMINI, 148 * E8, 148 * E8 + E8 // 100)
        seq, asks = books["seq"], {row["id"]: row["best_ask"] for row in books["data"]["items"]}
        while asks[GEMINI] != "148.01":
            delta = await told(socket, "books", "delta")
            assert delta["seq"] == seq + 1
            seq, asks = delta["seq"], asks | {row["id"]: row["best_ask"] for row in delta["data"]["items"]}
        assert asks == {COINBASE: "150.01", GEMINI: "148.01"}


async def test_an_opportunity_is_seen_open_then_closed_then_graded_with_its_trades(tmp_path: Path) -> None:
    async with serving(tmp_path) as (api, door, url), opened(url, api.token(Role.VIEWER)) as socket:
        await socket.send(json.dumps({"subscribe": ["opportunities", "trades"]}))
        await told(socket, "opportunities", "snapshot")
        door.now().book(GEMINI, 148 * E8, 148 * E8 + E8 // 100)
        seen = (await told(socket, "opportunities", "delta"))["data"]["items"][0]
        assert (seen["is_open"], seen["buy_venue"], seen["grade"]) == (True, "gemini", None)
        door.now().book(GEMINI, 150 * E8 - E8 // 100, 150 * E8 + E8 // 100)
        row = seen
        while row["is_open"]:
            rows = (await told(socket, "opportunities", "delta"))["data"]["items"]
            row = next(one for one in rows if one["id"] == seen["id"])
        assert (row["close_reason"], row["opening"]["stack"]["net_usd"]) == ("edge_gone", seen["net_usd"])
        trades: dict[str, dict[str, Any]] = {}
        door.now()
        door.script.wait(4 * NANOS_PER_SECOND)
        while len(trades) < 7:
            items = (await told(socket, "trades", "delta"))["data"]["items"]
            trades |= {one["id"]: one for one in items}
        assert {one["opportunity_id"] for one in trades.values()} == {seen["id"]}


async def test_a_control_shows_on_the_risk_topic(tmp_path: Path) -> None:
    async with serving(tmp_path) as (api, _, url), opened(url, api.token(Role.VIEWER)) as socket:
        await socket.send(json.dumps({"subscribe": ["risk"]}))
        assert (await told(socket, "risk", "snapshot"))["data"]["state"] == "active"
        async with api.client(token=api.token(Role.OPERATOR)) as client:
            await client.post("/api/v1/controls/pause", json={"reason": "odd prices"})
        changed = (await told(socket, "risk", "delta"))["data"]
        assert (changed["state"], changed["actor"], changed["reason"]) == ("paused", "operator", "odd prices")


async def test_a_worker_that_was_gone_is_a_gap_and_a_new_snapshot(tmp_path: Path) -> None:
    async with contextlib.AsyncExitStack() as stack:
        first = contextlib.AsyncExitStack()
        door = Door("run-1")
        port = await first.enter_async_context(door.open())
        api = live_api(tmp_path / "data", gateway_port=port)
        api_port = await stack.enter_async_context(served(api.app))
        await until(lambda: api.services.view.is_up, "the worker's stream")
        socket = await stack.enter_async_context(
            opened(f"ws://127.0.0.1:{api_port}/api/v1/stream", api.token(Role.VIEWER))
        )
        await socket.send(json.dumps({"subscribe": ["books", "status"]}))
        before = await told(socket, "books", "snapshot")
        await first.aclose()
        gap = await told(socket, "books", "gap")
        lost = await told(socket, "books", "snapshot")
        assert (gap["seq"], lost["seq"]) == (before["seq"] + 1, before["seq"] + 2)
        assert {row["state"] for row in lost["data"]["items"]} == {"lost"}
        while (status := (await told(socket, "status", "delta"))["data"])["worker"]["state"] != "down":
            pass
        assert (status["health"], status["risk"]["state"]) == ("down", None)
        assert status["alarms"][0]["severity"] == "critical"
        async with api.client(token=api.token(Role.VIEWER)) as client:
            assert (await client.get("/api/v1/opportunities")).status_code == 200
            assert (await client.get("/api/v1/health/ready")).status_code == 200
        await stack.enter_async_context(Door("run-2").open(port))
        await told(socket, "books", "gap")
        again = await told(socket, "books", "snapshot")
        assert again["seq"] == lost["seq"] + 2
        assert {row["is_synced"] for row in again["data"]["items"]} == {True}
        assert (api.services.view.run_id, api.services.view.runs) == ("run-2", 2)


class Crowd:
    """Viewers that read and keep the newest book message."""

    def __init__(self, readers: list[ClientConnection]) -> None:
        self._readers = readers
        self.newest: list[dict[str, Any]] = [{} for _ in readers]

    async def read(self, index: int) -> None:
        """Read one viewer's messages until its end."""
        with contextlib.suppress(ConnectionClosed):
            async for text in self._readers[index]:
                message = json.loads(text)
                if message["topic"] == "books":
                    self.newest[index] = message

    def all_see(self, best_ask: str) -> bool:
        """Return whether every reader has seen a price."""
        return all(one and one["data"]["items"][-1]["best_ask"] == best_ask for one in self.newest)


async def subscribe(sockets: list[ClientConnection], *topics: str) -> None:
    """Let every one follow the topics."""
    for one in sockets:
        await one.send(json.dumps({"subscribe": topics}))


def small_socket(url: str) -> socket.socket:
    """Return a connection that takes little before somebody reads it."""
    made = socket.socket()
    made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16 * 1024)
    address = urlsplit(url)
    made.connect((address.hostname, address.port))
    made.setblocking(False)
    return made


async def flood(api: Api, *, until_viewers: int) -> None:
    """Send more than the buffers of a socket hold, until so many viewers are left."""
    out, filler = api.services.broadcaster, json.dumps("x" * 100_000).encode()
    # Nothing is packed: what is sent is as long as it looks.
    for _ in range(5 * WAITING):
        out.publish(Topic.ALERTS, filler)
        await asyncio.sleep(0.02)
        if out.viewer_count == until_viewers:
            return


@pytest.mark.parametrize(("viewers", "silent"), [(40, 4), pytest.param(200, 20, marks=pytest.mark.slow)])
async def test_who_does_not_read_is_cut_and_holds_nobody_up(tmp_path: Path, viewers: int, silent: int) -> None:
    async with contextlib.AsyncExitStack() as stack, asyncio.TaskGroup() as group:
        api, door, url = await stack.enter_async_context(serving(tmp_path, ARB_API_STREAMS_PER_IP="1000"))
        out, token = api.services.broadcaster, api.token(Role.VIEWER)
        # A silent one's library keeps one message; after that its small socket is full.
        quiet = [
            await stack.enter_async_context(opened(url, token, max_queue=1, sock=small_socket(url)))
            for _ in range(silent)
        ]
        readers = [await stack.enter_async_context(opened(url, token)) for _ in range(viewers - silent)]
        await subscribe(quiet, "books", "alerts")
        await subscribe(readers, "books")
        crowd = Crowd(readers)
        tasks = [group.create_task(crowd.read(index)) for index in range(len(readers))]
        await until(lambda: crowd.all_see("150.01"), "the first snapshot")
        await flood(api, until_viewers=viewers - silent)
        assert out.viewer_count == viewers - silent
        assert await asyncio.gather(*(closing(socket) for socket in quiet)) == [4408] * silent
        door.now().book(GEMINI, 149 * E8, 149 * E8 + E8 // 100)
        await until(lambda: crowd.all_see("149.01"), "the others")
        assert len({one["seq"] for one in crowd.newest}) == 1
        lines = [line for line in api.services.metrics.text().decode().splitlines() if "viewers_cut_total{" in line]
        assert lines == [f'arb_api_viewers_cut_total{{reason="slow"}} {silent}.0']
        for task in tasks:
            task.cancel()


def test_a_full_queue_holds_no_more_than_it_may() -> None:
    viewer = Viewer(principal=None, ip="127.0.0.1")  # type: ignore[arg-type]  # not asked here
    assert all(viewer.offer("x") for _ in range(WAITING))
    assert not viewer.offer("x")
    assert (len(viewer.waiting), viewer.is_cut is not None) == (0, True)


def test_a_queue_holds_one_long_message_or_many_short_ones() -> None:
    viewer = Viewer(principal=None, ip="127.0.0.1")  # type: ignore[arg-type]  # not asked here
    assert viewer.offer("x" * (WAITING_TEXT + 1))
    assert len(viewer.take()) == WAITING_TEXT + 1
    assert viewer.offer("x" * WAITING_TEXT)
    assert not viewer.offer("x")
    assert (viewer.waiting_text, viewer.is_cut) == (0, CloseCode.SLOW)


async def test_an_address_holds_five_streams(tmp_path: Path) -> None:
    async with serving(tmp_path) as (api, _, url), contextlib.AsyncExitStack() as stack:
        token = api.token(Role.VIEWER)
        for _ in range(5):
            await stack.enter_async_context(opened(url, token))
        await until(lambda: api.services.broadcaster.viewer_count == 5, "five streams")
        async with opened(url, token) as sixth:
            assert await closing(sixth) == 4429
        assert api.services.broadcaster.viewer_count == 5


@pytest.mark.parametrize(("origin", "code"), [("http://attacker.example", 4403), (None, 4403), ("own", None)])
async def test_a_cookie_counts_only_from_our_own_page(tmp_path: Path, origin: str | None, code: int | None) -> None:
    async with serving(tmp_path) as (api, _, url):
        login = await api.login("viewer", PASSWORD)
        cookie = f"arb_access={login.cookies['arb_access']}"
        page = url.replace("ws://", "http://").removesuffix("/api/v1/stream") if origin == "own" else origin
        async with connect(url, additional_headers={"cookie": cookie}, origin=page, proxy=None) as socket:  # type: ignore[arg-type]
            if code is None:
                await socket.send(json.dumps({"subscribe": ["risk"]}))
                assert (await told(socket, "risk", "snapshot"))["data"]["state"] == "active"
            else:
                assert await closing(socket) == code


async def test_nobody_and_a_token_in_the_address_are_refused(tmp_path: Path) -> None:
    async with serving(tmp_path) as (api, _, url):
        token = api.token(Role.VIEWER)
        _, metrics = api.key(Role.ADMIN, Scope.METRICS)
        for address, given, code in ((url, "nothing", 4401), (url, metrics, 4403)):
            async with opened(address, given) as socket:
                assert await closing(socket) == code
        async with connect(f"{url}?token={token}&access_token={token}", proxy=None) as socket:
            assert await closing(socket) == 4401


async def test_a_login_that_is_ended_ends_its_streams(tmp_path: Path) -> None:
    async with serving(tmp_path) as (api, _, url):
        tokens = (await api.login("viewer", mode="bearer")).json()
        async with opened(url, tokens["tokens"]["access_token"]) as socket:
            await socket.send(json.dumps({"subscribe": ["risk"]}))
            await told(socket, "risk", "snapshot")
            async with api.client(token=api.token(Role.ADMIN)) as admin:
                await admin.delete(f"/api/v1/sessions/{tokens['me']['session_id']}")
            assert await closing(socket) == 4401


@pytest.mark.parametrize("text", ["{", "[]", '{"subscribe": ["none"]}', '{"buy": 1}', "x" * 5_000])
async def test_a_message_that_is_none_of_ours_ends_the_stream(tmp_path: Path, text: str) -> None:
    async with serving(tmp_path) as (api, _, url), opened(url, api.token(Role.VIEWER)) as socket:
        await socket.send(text)
        assert await closing(socket) == 4400


async def test_a_topic_above_ones_role_is_refused_and_the_others_go_on(tmp_path: Path) -> None:
    async with serving(tmp_path) as (api, _, url), opened(url, api.token(Role.VIEWER)) as socket:
        await socket.send(json.dumps({"subscribe": ["logs", "risk"]}))
        assert (await told(socket, "logs", "error"))["code"] == "forbidden"
        await socket.send(json.dumps({"unsubscribe": ["risk"], "subscribe": ["books"]}))
        await told(socket, "books", "snapshot")
        assert (await told(socket, "status", "heartbeat"))["data"]["at"].endswith("Z")


async def test_an_end_of_the_process_is_said_to_every_viewer(tmp_path: Path) -> None:
    async with contextlib.AsyncExitStack() as stack:
        async with serving(tmp_path) as (api, _, url):
            socket = await stack.enter_async_context(opened(url, api.token(Role.VIEWER)))
            await socket.send(json.dumps({"subscribe": ["risk"]}))
            await told(socket, "risk", "snapshot")
        assert await closing(socket) in (1001, 1012)
