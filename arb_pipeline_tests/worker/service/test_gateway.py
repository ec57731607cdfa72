"""The door answers on loopback only, takes commands strictly, and answers after the engine has seen them."""

import asyncio
import io
import json
import signal
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest

from arb_pipeline_tests.fixtures.kept_record import KeptRecord
from arb_pipeline_tests.fixtures.market import COINBASE, GEMINI, POOL, started
from arb_pipeline_tests.fixtures.scripted_venue import until
from streaming_worker.adapters.clock import HandClock
from streaming_worker.core.events import ClockTick, OperatorCommand
from streaming_worker.core.feed_state import FeedLimits
from streaming_worker.errors import ConfigError
from streaming_worker.service import gateway, log
from streaming_worker.service.bus import Bus
from streaming_worker.service.connection import TransportStatus
from streaming_worker.service.feed_watch import FeedWatch
from streaming_worker.service.gaps import GapLedger
from streaming_worker.service.health import Health
from streaming_worker.service.metrics import Metrics
from streaming_worker.service.pump import Pump

COMMAND = {"command_id": "c-1", "kind": "pause", "actor": "ann", "reason": "odd prices"}


class Door:
    """A calm market behind a real server on a free port."""

    def __init__(self, **options: float) -> None:
        script = started()
        self.engine = script.engine
        self.clock = HandClock(script.now_ns)
        self.bus = Bus()
        self.record = KeptRecord()
        self.transports = {
            feed: TransportStatus(host=f"{feed}.example", is_open=True, last_frame_ns=script.now_ns)
            for feed in ("coinbase", "gemini", "solana")
        }
        health = Health(
            worker="main",
            run_id="run",
            engine=self.engine,
            transports=self.transports,
            sink=dict,
            complaints=list,
            clock=self.clock,
            watch=FeedWatch(self.engine, self.transports, FeedLimits()),
        )
        metrics = Metrics()
        metrics.add_source("bus", self.bus.reading)
        self.gateway = gateway.Gateway(
            engine=self.engine, bus=self.bus, health=health, metrics=metrics, clock=self.clock, **options
        )
        self.pump = Pump(
            self.engine,
            self.record,
            clock=self.clock,
            gaps=GapLedger(()),
            observers=[self.gateway.observe],
        )

    @asynccontextmanager
    async def open(self, *, is_pumping: bool = True) -> AsyncIterator[httpx.AsyncClient]:
        listener = gateway.bind("127.0.0.1", 0)
        stop = asyncio.Event()
        async with asyncio.TaskGroup() as group:
            group.create_task(gateway.serve(self.gateway.app, listener, stop))
            if is_pumping:
                group.create_task(self.pump.run(self.bus))
            url = f"http://127.0.0.1:{listener.getsockname()[1]}"
            async with httpx.AsyncClient(base_url=url, trust_env=False, timeout=60) as client:
                yield client
            self.bus.close()
            stop.set()


async def test_health_and_readiness_follow_the_feeds() -> None:
    door = Door()
    async with door.open() as client:
        healthy, ready = await client.get("/health"), await client.get("/ready")
        assert (healthy.status_code, healthy.json()["status"], ready.status_code) == (200, "ok", 200)
        for transport in door.transports.values():
            transport.is_open = False
        down, unready = await client.get("/health"), await client.get("/ready")
    assert (down.status_code, down.json()["status"], len(down.json()["why"])) == (503, "down", 3)
    assert (unready.status_code, unready.json()["is_ready"]) == (503, False)


async def test_state_shows_exact_prices_digests_and_counters() -> None:
    door = Door()
    async with door.open() as client:
        state = (await client.get("/state")).json()
        digests = (await client.get("/state?digests=true")).json()
    assert state["books"][COINBASE]["best_bid"] == ["149.99", "5"]
    assert state["books"][GEMINI]["best_ask"] == ["150.01", "5"]
    assert (state["books"][GEMINI]["bids"], state["books"][GEMINI]["is_synced"]) == (20, True)
    assert state["pools"][POOL]["liquidity"] == "2000000000000"
    assert state["outputs_digest"] == door.engine.state.chain_digest.hex()
    assert "digest" not in state  # it hashes every level of every book: only for who asks for it
    assert digests["digest"] == door.engine.digest()
    assert digests["feed_digests"] == {feed: door.engine.feed_digest(feed) for feed in ("coinbase", "gemini", "solana")}
    assert state["events"] == door.engine.event_count
    assert state["metrics"]["bus"]["waiting"] == 0


async def test_a_book_and_a_pool_are_shown_whole() -> None:
    door = Door()
    async with door.open() as client:
        book = (await client.get(f"/book/{GEMINI}")).json()
        pool = (await client.get(f"/pool/{POOL}")).json()
        unknown = [await client.get(path) for path in ("/book/gemini:NOUSD", f"/pool/{GEMINI}", "/book/")]
    bids, asks = door.engine.books[GEMINI].book.dump()
    assert (book["is_synced"], book["events"]) == (True, door.engine.event_count)
    assert (len(book["bids"]), len(book["asks"])) == (len(bids), len(asks))
    assert book["asks"][0] == ["150.01", "5"]
    assert [float(price) for price, _ in book["bids"]] == [price / 10**8 for price, _ in bids]
    arrays = door.engine.state.pools[POOL].arrays
    assert pool["liquidity"] == "2000000000000"
    assert {int(start): len(ticks) for start, ticks in pool["arrays"].items()} == {
        start: len(array.ticks) for start, array in arrays.items()
    }
    assert [reply.status_code for reply in unknown] == [404, 404, 404]
    assert GEMINI in unknown[0].json()["error"]


async def test_a_command_becomes_an_event_and_is_answered_with_its_effect() -> None:
    door = Door()
    async with door.open() as client:
        paused = await client.post("/command", json=COMMAND)
        again = await client.post("/command", json=COMMAND)
        resumed = await client.post("/command", json=COMMAND | {"command_id": "c-2", "kind": "resume"})
    assert (paused.status_code, paused.json()["risk"]) == (200, "paused")
    assert again.json()["risk"] == "paused"
    assert resumed.json()["risk"] == "active"
    commands = [(seq, event) for seq, event in door.record.events if isinstance(event, OperatorCommand)]
    assert [event.actor for _, event in commands] == ["ann"] * 3
    assert commands[0] == (
        paused.json()["seq"],
        OperatorCommand("c-1", "pause", "ann", "odd prices", door.clock.now_ns()),
    )


async def test_a_command_that_is_still_on_its_way_is_not_taken_twice() -> None:
    door = Door()
    async with door.open(is_pumping=False) as client:
        first = asyncio.ensure_future(client.post("/command", json=COMMAND))
        await until(lambda: len(door.bus) == 1, "the command")
        second = await client.post("/command", json=COMMAND)
        assert second.status_code == 409
        for event in door.bus.take(10):
            door.pump.process(event)
        assert (await first).json()["risk"] == "paused"


async def test_a_command_that_the_engine_does_not_see_in_time_is_said_to_be_under_way() -> None:
    door = Door(command_timeout_s=0.05)
    async with door.open(is_pumping=False) as client:
        answer = await client.post("/command", json=COMMAND)
    assert (answer.status_code, answer.json()) == (202, {"command_id": "c-1", "seq": None, "risk": None})


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"kind": "buy"}, "Invalid enum value 'buy' - at `$.kind`"),
        ({"actor": ""}, "length >= 1 - at `$.actor`"),
        ({"reason": "x" * 501}, "length <= 500 - at `$.reason`"),
        ({"command_id": "a b"}, "matching regex"),
        ({"size": 1}, "unknown field `size`"),
    ],
)
async def test_a_command_outside_the_rules_is_refused_with_the_rule(change: dict[str, object], told: str) -> None:
    door = Door()
    async with door.open() as client:
        answer = await client.post("/command", json=COMMAND | change)
    assert answer.status_code == 422
    assert told in answer.json()["error"]
    assert not [event for _, event in door.record.events if not isinstance(event, ClockTick)]


async def test_what_a_web_page_could_send_is_refused() -> None:
    door = Door()
    async with door.open() as client:
        as_text = await client.post("/command", content=b"{}", headers={"content-type": "text/plain"})
        too_long = await client.post("/command", content=b" " * 5_000, headers={"content-type": "application/json"})
        rebound = await client.get("/health", headers={"host": "attacker.example"})
        asked_to_get = await client.get("/command")
    assert (as_text.status_code, too_long.status_code, rebound.status_code) == (415, 413, 400)
    assert asked_to_get.status_code == 405


def test_a_taken_port_is_one_clear_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(ConfigError, match=rf"gateway\.port {port} on 127\.0\.0\.1 cannot be used: ") as refused:
            gateway.bind("127.0.0.1", port)
    assert refused.value.key == "gateway.port"


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.1", "example.org"])
def test_a_door_to_the_network_is_refused(host: str) -> None:
    with pytest.raises(ConfigError, match="loopback"):
        gateway.bind(host, 0)


async def test_the_server_leaves_the_signals_alone_and_frees_its_port() -> None:
    before = signal.getsignal(signal.SIGTERM)
    door = Door()
    async with door.open() as client:
        await client.get("/health")
        assert signal.getsignal(signal.SIGTERM) is before
        port = client.base_url.port
    assert port is not None
    gateway.bind("127.0.0.1", port).close()


async def test_a_command_is_logged_with_the_request_it_came_from_and_the_event_it_became() -> None:
    door = Door()
    stream = io.StringIO()
    log.configure(stream=stream)
    async with door.open() as client:
        answer = await client.post("/command", json=COMMAND, headers={"x-request-id": "req-12345678"})
        await client.post("/command", json=COMMAND | {"command_id": "c-9"}, headers={"x-request-id": "a\tb"})
    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    told = [(line["event"], line["request_id"], line.get("seq")) for line in lines if line.get("command_id") == "c-1"]
    assert told == [("command", "req-12345678", None), ("command_done", "req-12345678", answer.json()["seq"])]
    assert {line["request_id"] for line in lines if line.get("command_id") == "c-9"} == {"c-9"}
