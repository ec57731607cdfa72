"""One run of the whole worker over real sockets: it captures, says how it is, stops in time, and replays exactly."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from random import Random

import httpx
import msgspec
import pytest
from structlog.testing import capture_logs

from arb_pipeline_tests.fixtures.scripted_venue import closed_port
from streaming_worker.adapters.clock import AnchoredClock
from streaming_worker.adapters.http import HttpSettings
from streaming_worker.app import RunReport, Tuning, run_worker, status_file
from streaming_worker.config import Config, FallbackConfig
from streaming_worker.engine.engine import Engine
from streaming_worker.errors import ConfigError, StorageError
from streaming_worker.sandbox.faces.solana import SolanaFace
from streaming_worker.sandbox.market.stepper import Market
from streaming_worker.sandbox.server import Sandbox
from streaming_worker.service.capture import RetrySettings
from streaming_worker.storage.reader import open_range

Moved = Callable[..., Config]
QUICK = Tuning(
    retry=RetrySettings(backoff_base_s=0.05, backoff_cap_s=0.2),
    http=HttpSettings(backoff_base_s=0.02, backoff_cap_s=0.1),
)
STOP_LIMIT_S = 10.0
BOUND_S = 120.0


class Running:
    """A worker in this process, and a client of its gateway."""

    def __init__(self, client: httpx.AsyncClient, stop: asyncio.Event, task: "asyncio.Task[RunReport]") -> None:
        self.client = client
        self.task = task
        self._stop = stop

    async def get(self, path: str) -> dict[str, object]:
        return dict((await self.client.get(path)).json())

    async def until(self, path: str, holds: Callable[[dict[str, object]], object], what: str) -> dict[str, object]:
        deadline = asyncio.get_running_loop().time() + BOUND_S
        while not holds(answer := await self.get(path)):
            assert asyncio.get_running_loop().time() < deadline, f"{what}: {answer}"
        return answer

    async def stopped(self) -> RunReport:
        """Stop, within the time that a stop may take."""
        self._stop.set()
        async with asyncio.timeout(STOP_LIMIT_S):
            return await self.task


@asynccontextmanager
async def worker(config: Config, tuning: Tuning = QUICK) -> AsyncIterator[Running]:
    stop = asyncio.Event()
    ready: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    task = asyncio.ensure_future(
        run_worker(config, clock=AnchoredClock(), stop=stop, ready=ready.set_result, tuning=tuning, random=Random(1))
    )
    await asyncio.wait([ready, task], return_when=asyncio.FIRST_COMPLETED)
    if task.done():
        task.result()
    async with httpx.AsyncClient(base_url=await ready, trust_env=False, timeout=60) as client:
        running = Running(client, stop, task)
        try:
            yield running
        finally:
            await running.stopped()


@asynccontextmanager
async def venues(config: Config, moved: Moved) -> AsyncIterator[tuple[Sandbox, Config]]:
    clock = AnchoredClock()
    market = Market.start(seed=1, start_ns=clock.now_ns())
    async with Sandbox(clock=clock.now_ns, market=market, base_port=0) as sandbox:
        urls = sandbox.urls
        addresses = {feed.name: (urls[f"{feed.name}_ws"], urls[f"{feed.name}_http"]) for feed in config.feeds}
        addresses["gemini"] = (addresses["gemini"][0] + "/?snapshot=-1", addresses["gemini"][1])
        yield sandbox, moved(config, addresses)


def unreachable(config: Config, moved: Moved) -> Config:
    """Two feeds at closed ports and one at a name that does not resolve; none has anything to fall back to."""
    port = closed_port()
    addresses = {feed.name: (f"ws://127.0.0.1:{port}", f"http://127.0.0.1:{port}") for feed in config.feeds}
    addresses["solana"] = ("ws://rpc.invalid/?api-key=SECRET", "http://rpc.invalid/?api-key=SECRET")
    return moved(config, addresses)


async def test_a_live_run_replays_from_its_sealed_segments_to_the_same_digest(
    config: Config, with_feeds: Moved
) -> None:
    async with venues(config, with_feeds) as (_, at_venues), worker(at_venues) as running:
        await running.until("/ready", lambda answer: answer["is_ready"], "readiness")
        health = await running.until(
            "/health", lambda answer: answer["sink"]["sealed_segments"] >= 2, "two sealed segments"
        )
        assert health["status"] == "ok"
        report = await running.stopped()
    assert report.events > 200
    with open_range(config.paths.data_dir) as reader:
        assert len(reader.segments) >= 3
        ((_, keyframe),) = reader.query("SELECT seq, state FROM keyframes").fetchall()
        engine = Engine.resume(bytes(keyframe))
        for seq, event in reader.events(report.run_id):
            engine.process(event)
            assert engine.event_count == seq
        lost = reader.query("SELECT feed, cause FROM feed_events WHERE kind = 'lost' ORDER BY feed").fetchall()
        ticks = reader.query("SELECT count(*) FROM clock_ticks").fetchall()[0][0]
        timed = dict(reader.query("SELECT stage, sum(count) FROM latency_histograms GROUP BY stage").fetchall())
        offsets = reader.query("SELECT DISTINCT feed FROM clock_offsets ORDER BY feed").fetchall()
    assert timed["event"] == report.events
    assert set(timed) == {"event", "decision", "queue", "loop", "commit"}
    assert ("coinbase",) in offsets
    assert (engine.event_count, engine.digest()) == (report.events, report.digest)
    assert lost == [(feed, "worker stopped") for feed in ("coinbase", "gemini", "solana")]
    assert ticks >= 15
    assert msgspec.json.decode(status_file(config).read_bytes())["worker"] == "demo"


async def test_calls_that_are_limited_are_made_again(config: Config, with_feeds: Moved) -> None:
    async with venues(config, with_feeds) as (sandbox, at_venues):
        solana = sandbox.hub.faces["solana"]
        assert isinstance(solana, SolanaFace)
        solana.refuse_next(2)
        async with worker(at_venues) as running:
            await running.until("/ready", lambda answer: answer["is_ready"], "readiness")
            state = await running.get("/state")
    counted = state["metrics"]["feed.solana"]
    assert (counted["losses"], counted["calls_limited"], counted["call_retries"]) == (0, 2, 2)


async def test_without_a_network_the_worker_stays_up_says_why_and_stops_in_time(
    config: Config, with_feeds: Moved
) -> None:
    with capture_logs() as logs:
        async with worker(unreachable(config, with_feeds)) as running:
            health = await running.until(
                "/health",
                lambda answer: all(feed["failures"] >= 2 for feed in answer["feeds"].values()),
                "two attempts of every feed",
            )
            ready = await running.client.get("/ready")
            paused = await running.client.post(
                "/command", json={"command_id": "1", "kind": "pause", "actor": "ann", "reason": "no network"}
            )
            assert not running.task.done()
            report = await running.stopped()
    assert (health["status"], ready.status_code, paused.json()["risk"]) == ("down", 503, "paused")
    assert [line.split(":")[0] for line in health["why"]] == ["coinbase", "gemini", "solana", *["instruments"] * 2]
    assert health["why"][0].startswith("coinbase: lost, cannot reach 127.0.0.1: ")
    assert health["why"][2].startswith("solana: lost, cannot reach rpc.invalid: ")
    lines = [line for line in logs if line["event"] == "feed_lost"]
    assert {line["feed"] for line in lines} == {"coinbase", "gemini", "solana"}
    assert "SECRET" not in str(logs) + str(health)
    with open_range(config.paths.data_dir) as reader:
        (events,) = reader.query("SELECT count(*) FROM feed_events WHERE kind = 'lost'").fetchall()[0]
        gaps = reader.query("SELECT DISTINCT feed FROM gaps ORDER BY feed").fetchall()
        assert sum(1 for _ in reader.events(report.run_id)) == report.events
    assert events >= len(lines)
    assert gaps == [("coinbase",), ("gemini",), ("solana",)]


async def test_a_dead_primary_is_replaced_by_the_fallback_protocol(config: Config, with_feeds: Moved) -> None:
    async with venues(config, with_feeds) as (sandbox, at_venues):
        urls = sandbox.urls
        addresses = {feed.name: (feed.websocket_url, feed.rest_url) for feed in at_venues.feeds}
        addresses["gemini"] = (f"ws://127.0.0.1:{closed_port()}", addresses["gemini"][1])
        fallback = FallbackConfig(
            protocol="gemini_v2",
            websocket_url=urls["gemini_v2_ws"] + "/v2/marketdata",
            rest_url=urls["gemini_v2_http"],
        )
        async with worker(with_feeds(at_venues, addresses, {"gemini": fallback})) as running:
            health = await running.until("/health", lambda answer: answer["is_ready"], "readiness over the fallback")
    assert health["feeds"]["gemini"]["failures"] == 3
    assert health["feeds"]["gemini"]["connection"] == 1


async def test_the_time_between_two_runs_is_written_down_as_a_gap(config: Config, with_feeds: Moved) -> None:
    reports = []
    for _ in range(2):
        async with worker(unreachable(config, with_feeds)) as running:
            await running.until("/state", lambda answer: answer["events"] >= 3, "the first events")
            reports.append(await running.stopped())
    with open_range(config.paths.data_dir) as reader:
        assert reader.run_ids() == [report.run_id for report in reports]
        gaps = reader.query(
            "SELECT run_id, feed, instrument, start_ns, end_ns FROM gaps WHERE cause = 'worker_restart'"
        ).fetchall()
        ends = dict(reader.query("SELECT run_id, max(received_ns) FROM feed_events GROUP BY run_id").fetchall())
    ((run_id, feed, instrument, start_ns, end_ns),) = gaps
    assert (run_id, feed, instrument) == (reports[1].run_id, "worker", None)
    assert ends[reports[0].run_id] <= start_ns < end_ns


async def test_a_taken_port_ends_the_start_before_anything_is_opened(config: Config) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken = replace(config, gateway=replace(config.gateway, port=other.getsockname()[1]))
        with pytest.raises(ConfigError, match=r"gateway\.port \d+ on 127\.0\.0\.1 cannot be used"):
            await run_worker(taken, clock=AnchoredClock(), stop=asyncio.Event())
    assert not config.paths.data_dir.exists()


async def test_a_record_that_cannot_be_written_ends_the_worker_with_one_named_error(
    config: Config, with_feeds: Moved
) -> None:
    ready: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    run = run_worker(
        unreachable(config, with_feeds),
        clock=AnchoredClock(),
        stop=asyncio.Event(),
        ready=ready.set_result,
        tuning=QUICK,
    )
    task = asyncio.ensure_future(run)
    port = httpx.URL(await ready).port
    for file in config.paths.live.glob("live-*.duckdb*"):
        file.unlink()
    with pytest.raises(StorageError, match="live-demo"):
        await asyncio.wait_for(task, STOP_LIMIT_S)
    socket.create_server(("127.0.0.1", port)).close()
