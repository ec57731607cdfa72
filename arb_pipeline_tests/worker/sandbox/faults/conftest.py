"""Venues on free ports whose time runs ten times as fast, with clients and a hand on the faults."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from typing import Any

import httpx
import pytest_asyncio
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from streaming_worker.sandbox.faces.solana_accounts import CLOCK_ADDRESS
from streaming_worker.sandbox.market.genesis import POOL_ADDRESS
from streaming_worker.sandbox.market.stepper import Market
from streaming_worker.sandbox.server import Sandbox

RATE = 10
BASE64 = {"encoding": "base64"}
OPENING: dict[str, tuple[str, list[dict[str, Any]]]] = {
    "coinbase": (
        "",
        [
            {"type": "subscribe", "channel": "heartbeats"},
            {"type": "subscribe", "channel": "level2", "product_ids": ["SOL-USD"]},
        ],
    ),
    "coinbase_exchange": (
        "",
        [{"type": "subscribe", "product_ids": ["SOL-USD"], "channels": ["level2_batch", "heartbeat"]}],
    ),
    "gemini": ("/?snapshot=-1", [{"id": "1", "method": "subscribe", "params": ["solusd@depth@100ms"]}]),
    "gemini_v2": ("", [{"type": "subscribe", "subscriptions": [{"name": "l2", "symbols": ["SOLUSD"]}]}]),
    "bitstamp": ("", [{"event": "bts:subscribe", "data": {"channel": "diff_order_book_solusd"}}]),
    "solana": (
        "",
        [
            {"jsonrpc": "2.0", "id": 1, "method": "slotSubscribe"},
            {"jsonrpc": "2.0", "id": 2, "method": "accountSubscribe", "params": [POOL_ADDRESS, BASE64]},
            {"jsonrpc": "2.0", "id": 3, "method": "accountSubscribe", "params": [CLOCK_ADDRESS, BASE64]},
        ],
    ),
}


class Client:
    """One subscribed connection."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket

    async def raw(self, seconds: float = 5) -> bytes:
        async with asyncio.timeout(seconds):
            return await self.socket.recv(decode=False)

    async def hear(self) -> Any:
        return json.loads(await self.raw())

    async def until(self, wanted: Callable[[Any], bool], most: int = 400) -> Any:
        for _ in range(most):
            message = await self.hear()
            if wanted(message):
                return message
        raise AssertionError(f"not among {most} frames")

    async def gather(self, count: int) -> list[Any]:
        return [await self.hear() for _ in range(count)]

    async def is_silent(self, seconds: float) -> bool:
        try:
            await self.raw(seconds)
        except TimeoutError:
            return True
        return False

    async def closed(self) -> int | None:
        """Read to the end; return the close code, None for a broken connection."""
        with suppress(ConnectionClosed):
            while True:
                await self.raw()
        received = self.socket.protocol.close_rcvd
        return None if received is None else received.code


class Rig:
    """A running sandbox, its clients, and its control port."""

    def __init__(self, sandbox: Sandbox, http: httpx.AsyncClient) -> None:
        self.sandbox = sandbox
        self.http = http
        self._sockets: list[ClientConnection] = []

    async def client(self, venue: str) -> Client:
        path, messages = OPENING[venue]
        socket = await connect(self.sandbox.urls[f"{venue}_ws"] + path, close_timeout=0.2, max_size=None)
        self._sockets.append(socket)
        for message in messages:
            await socket.send(json.dumps(message))
        return Client(socket)

    async def begin(self, kind: str, venue: str, duration_ms: int = 60_000, **options: Any) -> int:
        spec = {"kind": kind, "venue": venue, "duration_ms": duration_ms, **options}
        reply = await self.http.post(f"{self.sandbox.urls['control_http']}/faults", json=spec)
        assert reply.status_code == 201, reply.text
        return int(reply.json()["number"])

    async def end(self, number: int) -> Any:
        return (await self.http.delete(f"{self.sandbox.urls['control_http']}/faults/{number}")).json()

    async def fault(self, number: int) -> Any:
        return (await self.http.get(f"{self.sandbox.urls['control_http']}/faults/{number}")).json()

    async def get(self, venue: str, path: str) -> httpx.Response:
        return await self.http.get(self.sandbox.urls[f"{venue}_http"] + path)

    async def rpc(self, method: str, *params: Any) -> httpx.Response:
        call = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        return await self.http.post(self.sandbox.urls["solana_http"], json=call)

    async def close(self) -> None:
        for socket in self._sockets:
            await socket.close()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def venues() -> AsyncIterator[tuple[Sandbox, httpx.AsyncClient]]:
    """Run the venues once for a module: to start and to stop them takes longer than most tests."""
    start_ns = 1_790_000_000_123_456_789
    began = time.monotonic_ns()

    def clock() -> int:
        return start_ns + (time.monotonic_ns() - began) * RATE

    market = Market.start(seed=7, start_ns=start_ns)
    async with (
        Sandbox(clock=clock, rate=RATE, market=market, base_port=0) as sandbox,
        httpx.AsyncClient(timeout=60) as http,
    ):
        yield sandbox, http


@pytest_asyncio.fixture(loop_scope="module")
async def rig(venues: tuple[Sandbox, httpx.AsyncClient]) -> AsyncIterator[Rig]:
    """Return a hand on the venues; no fault, no client and no rest is left behind."""
    sandbox, http = venues
    rig = Rig(sandbox, http)
    yield rig
    await rig.close()
    sandbox.layer.end_all(sandbox.hub.now_ns())
    sandbox.hub.is_resting = False
