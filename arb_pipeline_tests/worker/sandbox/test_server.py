"""The venues over real sockets: what a client gets, what the control port says, and that nothing stays behind."""

import asyncio
import json
import signal
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from streaming_worker.errors import ConfigError
from streaming_worker.sandbox.faces.session import Hangup, Output
from streaming_worker.sandbox.market.genesis import POOL_ADDRESS
from streaming_worker.sandbox.market.stepper import Market
from streaming_worker.sandbox.server import Sandbox


class Clock:
    """Starts with the market and runs ``speed`` times as fast as the machine's; can be stopped."""

    def __init__(self, start_ns: int, *, speed: int = 1) -> None:
        self._start_ns = start_ns
        self._speed = speed
        self._began_ns = time.monotonic_ns()
        self._stopped_ns: int | None = None

    def __call__(self) -> int:
        if self._stopped_ns is not None:
            return self._stopped_ns
        return self._start_ns + (time.monotonic_ns() - self._began_ns) * self._speed

    def stop(self) -> None:
        self._stopped_ns = self()


@pytest.fixture
def clock(start_ns: int) -> Clock:
    return Clock(start_ns)


@pytest.fixture
async def sandbox(market: Market, clock: Clock) -> AsyncIterator[Sandbox]:
    async with Sandbox(clock=clock, market=market, base_port=0) as running:
        yield running


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(timeout=60) as client:
        yield client


async def say(socket: ClientConnection, **fields: Any) -> None:
    await socket.send(json.dumps(fields))


async def hear(socket: ClientConnection) -> Any:
    async with asyncio.timeout(60):
        return json.loads(await socket.recv())


async def test_coinbase_over_a_socket_equals_the_truth(sandbox: Sandbox, clock: Clock, http: httpx.AsyncClient) -> None:
    held: dict[str, dict[str, str]] = {"bid": {}, "offer": {}}
    async with connect(sandbox.urls["coinbase_ws"]) as socket:
        await say(socket, type="subscribe", channel="level2", product_ids=["SOL-USD"])
        for expected in range(40):
            if expected == 30:
                clock.stop()
                await say(socket, type="unsubscribe", channel="level2", product_ids=["SOL-USD"])
            frame = await hear(socket)
            assert frame["sequence_num"] == expected
            for event in frame["events"]:
                for update in event.get("updates", ()):
                    held[update["side"]][update["price_level"]] = update["new_quantity"]
            if expected >= 30 and frame["channel"] == "subscriptions":
                break
    truth = (await http.get(f"{sandbox.urls['control_http']}/truth/coinbase/SOL-USD")).json()
    for side, name in (("bid", "bids"), ("offer", "asks")):
        assert {price: size for price, size in held[side].items() if size != "0"} == dict(truth[name])


async def test_gemini_honours_the_snapshot_parameter(sandbox: Sandbox) -> None:
    subscribe = {"id": "1", "method": "subscribe", "params": ["solusd@depth@100ms"]}
    async with connect(f"{sandbox.urls['gemini_ws']}/?snapshot=-1") as full, connect(sandbox.urls["gemini_ws"]) as none:
        await say(full, **subscribe)
        await say(none, **subscribe)
        snapshot, acknowledgement, diff = [await hear(full) for _ in range(3)]
        assert len(snapshot["b"]) > 200
        assert acknowledgement["status"] == 200
        assert diff["U"] == snapshot["u"]
        assert (await hear(none)) == {"id": "1", "status": 200}


async def test_the_archived_gemini_and_the_exchange_feed_listen_too(sandbox: Sandbox) -> None:
    async with connect(f"{sandbox.urls['gemini_v2_ws']}/v2/marketdata") as socket:
        await say(socket, type="subscribe", subscriptions=[{"name": "l2", "symbols": ["SOLUSD"]}])
        assert "auction_events" in await hear(socket)
    async with connect(sandbox.urls["coinbase_exchange_ws"]) as socket:
        await say(socket, type="subscribe", product_ids=["SOL-USD"], channels=["level2_batch"])
        assert [(await hear(socket))["type"] for _ in range(3)] == ["subscriptions", "snapshot", "l2update"]


async def test_bitstamp_speaks_over_a_socket_and_over_rest(sandbox: Sandbox, http: httpx.AsyncClient) -> None:
    async with connect(sandbox.urls["bitstamp_ws"]) as socket:
        await say(socket, event="bts:subscribe", data={"channel": "diff_order_book_solusd"})
        assert (await hear(socket))["event"] == "bts:subscription_succeeded"
        diff = await hear(socket)
        book = (await http.get(f"{sandbox.urls['bitstamp_http']}/api/v2/order_book/solusd/")).json()
        assert int(book["microtimestamp"]) <= int(diff["data"]["microtimestamp"])
        assert len(book["bids"]) > 200


async def test_solana_answers_on_one_port_over_both_transports(sandbox: Sandbox, http: httpx.AsyncClient) -> None:
    async with connect(sandbox.urls["solana_ws"]) as socket:
        await say(socket, jsonrpc="2.0", id=1, method="slotSubscribe")
        number = (await hear(socket))["result"]
        slot = (await hear(socket))["params"]
        assert slot["subscription"] == number
    call = {"jsonrpc": "2.0", "id": 5, "method": "getMultipleAccounts"}
    reply = await http.post(
        sandbox.urls["solana_http"], json={**call, "params": [[POOL_ADDRESS, POOL_ADDRESS], {"encoding": "base64"}]}
    )
    assert reply.headers["content-type"] == "application/json"
    result = reply.json()["result"]
    assert result["context"]["slot"] >= slot["result"]["slot"]
    assert result["value"][0] == result["value"][1]


async def test_rest_calls_of_the_exchanges(sandbox: Sandbox, http: httpx.AsyncClient) -> None:
    products = await http.get(f"{sandbox.urls['coinbase_http']}/api/v3/brokerage/market/products")
    assert products.json()["num_products"] == 2
    details = await http.get(f"{sandbox.urls['gemini_http']}/v1/symbols/details/solusd")
    assert details.json()["quote_increment"] == 0.001
    book = await http.get(f"{sandbox.urls['gemini_http']}/v1/book/solusd", params={"limit_bids": 2, "limit_asks": 2})
    assert len(book.json()["bids"]) == 2
    listed = (await http.get(f"{sandbox.urls['coinbase_exchange_http']}/products")).json()
    assert [(product["id"], product["quote_increment"]) for product in listed] == [("SOL-USD", "0.01")]
    assert (await http.get(f"{sandbox.urls['coinbase_exchange_http']}/nothing")).status_code == 404


async def test_control_tells_status_truth_and_dislocations_and_throttles(
    sandbox: Sandbox, http: httpx.AsyncClient, market: Market
) -> None:
    control = sandbox.urls["control_http"]
    status = (await http.get(f"{control}/status")).json()
    assert status["done"] is False
    assert status["market"]["seed"] == 7
    assert {venue["mode"] for venue in status["venues"].values()} == {"market"}
    pool = (await http.get(f"{control}/truth/orca/{POOL_ADDRESS}")).json()
    assert (pool["fee_rate"], len(pool["arrays"])) == (400, 14)
    assert int(pool["liquidity"]) > 0
    assert (await http.get(f"{control}/truth/gemini/solusd")).json()["symbol"] == "SOL-USD"
    assert (await http.get(f"{control}/truth/gemini/nousd")).status_code == 404
    market.dislocations.advance(market.now_ns)
    listed = (await http.get(f"{control}/dislocations")).json()
    assert set(listed[0]) == {"number", "target", "size_bps", "start_ns", "end_ns"}

    assert (await http.post(f"{control}/throttle/solana", params={"calls": 1})).json() == {"calls": 1}
    body = {"jsonrpc": "2.0", "id": 1, "method": "getHealth"}
    replies = [await http.post(sandbox.urls["solana_http"], json=body) for _ in range(2)]
    assert [reply.status_code for reply in replies] == [429, 200]
    assert replies[0].headers["retry-after"] == "1"
    assert (await http.post(f"{control}/throttle/solana", params={"calls": "x"})).status_code == 400
    assert (await http.get(f"{control}/nothing")).status_code == 404


async def test_the_control_port_has_no_socket(sandbox: Sandbox) -> None:
    url = sandbox.urls["control_http"].replace("http", "ws")
    with pytest.raises(Exception, match="403"):
        await connect(url)


async def test_coinbase_hangs_up_on_a_silent_client(market: Market, start_ns: int) -> None:
    async with (
        Sandbox(clock=Clock(start_ns, speed=40), market=market, base_port=0) as sandbox,
        connect(sandbox.urls["coinbase_ws"]) as socket,
    ):
        with pytest.raises(ConnectionClosed) as closed:
            await hear(socket)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1008


class Tap:
    """An outbound that does to the first outputs with content what it is told to, once."""

    def __init__(self, replacement: Sequence[Output]) -> None:
        self.replacement: Sequence[Output] | None = replacement
        self.seen: list[tuple[str, int]] = []

    def __call__(self, venue: str, connection: int, outputs: Sequence[Output], now_ns: int) -> Sequence[Output]:
        self.seen.append((venue, connection))
        if not outputs or self.replacement is None:
            return outputs
        replacement, self.replacement = self.replacement, None
        return replacement


async def test_outbound_stands_between_sessions_and_sockets(market: Market, clock: Clock) -> None:
    tap = Tap([b'{"changed":true}', Hangup(code=None)])
    async with Sandbox(clock=clock, market=market, base_port=0, outbound=tap) as sandbox:
        async with connect(sandbox.urls["solana_ws"]) as socket:
            await say(socket, jsonrpc="2.0", id=1, method="slotSubscribe")
            assert await hear(socket) == {"changed": True}
            with pytest.raises(ConnectionClosed) as closed:
                await hear(socket)
        assert closed.value.rcvd is None
        async with connect(sandbox.urls["solana_ws"]) as socket:
            await say(socket, jsonrpc="2.0", id=1, method="slotSubscribe")
            assert "result" in await hear(socket)
    assert {("solana", 1), ("solana", 2)} <= set(tap.seen)


async def test_a_reader_that_falls_far_behind_is_dropped(market: Market, clock: Clock) -> None:
    flood = Tap([b"x" * 1_000] * 30_000)
    async with Sandbox(clock=clock, market=market, base_port=0, outbound=flood) as sandbox:
        async with connect(sandbox.urls["solana_ws"], max_queue=1) as socket:
            await say(socket, jsonrpc="2.0", id=1, method="slotSubscribe")
            async with asyncio.timeout(60):
                await asyncio.gather(*(c.overrun.wait() for c in sandbox.hub.connections))
                received = [frame async for frame in frames_until_closed(socket)]
        assert 0 < len(received) < 30_000
        assert sandbox.hub.connections == []


async def frames_until_closed(socket: ClientConnection) -> AsyncIterator[bytes | str]:
    with suppress(ConnectionClosed):
        while True:
            yield await socket.recv()


async def test_stopping_waits_for_no_client_that_does_not_read(market: Market, clock: Clock) -> None:
    flood = Tap([b"x" * 1_000] * 19_000)
    sandbox = Sandbox(clock=clock, market=market, base_port=0, outbound=flood)
    await sandbox.start()
    socket = await connect(sandbox.urls["solana_ws"], max_queue=1, close_timeout=0.1)
    await say(socket, jsonrpc="2.0", id=1, method="slotSubscribe")
    await socket.recv()
    began = time.monotonic()
    await sandbox.stop()
    assert time.monotonic() - began < 8
    await socket.close()


async def test_nothing_is_left_after_the_end(market: Market, clock: Clock) -> None:
    before = (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM))
    async with Sandbox(clock=clock, market=market, base_port=0) as sandbox:
        assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before
        urls = sandbox.urls
        assert all("//127.0.0.1:" in url for url in urls.values())
        socket = await connect(urls["coinbase_ws"])
    with pytest.raises(ConnectionClosed) as closed:
        await socket.recv()
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1001
    await socket.close()
    for url in urls.values():
        with pytest.raises(OSError):
            await connect(url.replace("http", "ws"))
    assert {task for task in asyncio.all_tasks() if "sandbox" in task.get_name()} == set()
    await sandbox.stop()


async def test_a_taken_port_is_named(sandbox: Sandbox, market: Market, clock: Clock) -> None:
    port = int(sandbox.urls["coinbase_http"].rpartition(":")[2])
    with pytest.raises(ConfigError, match=f"port {port} for coinbase"):
        await Sandbox(clock=clock, market=market, base_port=port).start()


async def test_what_breaks_the_market_is_not_swallowed(market: Market, clock: Clock) -> None:
    def broken(venue: str, connection: int, outputs: Sequence[Output], now_ns: int) -> Sequence[Output]:
        raise ZeroDivisionError(venue)

    sandbox = Sandbox(clock=clock, market=market, base_port=0, outbound=broken)
    await sandbox.start()
    socket = await connect(sandbox.urls["solana_ws"])
    async with asyncio.timeout(60):
        with pytest.raises(ZeroDivisionError):
            await sandbox.wait()
    with pytest.raises(ZeroDivisionError):
        await sandbox.stop()
    await socket.close()


async def test_a_long_pause_of_the_machine_moves_no_price(market: Market, clock: Clock, start_ns: int) -> None:
    sandbox = Sandbox(clock=clock, market=market, base_port=0)
    sandbox.hub.advance(start_ns + 1_000_000_000)
    before = (market.latents["SOL"].price_e8, market.pool.price_e8)
    sandbox.hub.advance(start_ns + 3_600_000_000_000)
    assert (market.latents["SOL"].price_e8, market.pool.price_e8) == before
    assert market.now_ns == start_ns + 3_600_000_000_000
