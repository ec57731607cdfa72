"""A venue sends ten times what the engine folds: the queue keeps its bound, health says so, each loss is on record."""

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any

import httpx
import pytest

from arb_pipeline_tests.fixtures.scripted_venue import closed_port
from streaming_worker.adapters.clock import AnchoredClock
from streaming_worker.app import Tuning, run_worker
from streaming_worker.config import Config, load_config
from streaming_worker.core.events import BookDelta, BookSnapshot, FeedGap, FeedLost, GapCause
from streaming_worker.service.capture import RetrySettings
from streaming_worker.storage.record_reader import RecordReader, open_record

HERE = Path(__file__).parent
UPDATES = 25_000
CAPACITY = 2_000
BOUND_S = 90.0
BOOK = "coinbase:SOL-USD"


class Venue:
    """The flooding venue, a process of its own."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self._say, self._hear = process.stdin, process.stdout
        self.host = f"127.0.0.1:{int(self._hear.readline())}"

    async def truth(self) -> dict[str, Any]:
        """Return what it has sent, and what its book is now."""
        return dict(json.loads(await asyncio.to_thread(self._ask)))

    def _ask(self) -> str:
        self._say.write("\n")
        self._say.flush()
        return self._hear.readline()


@pytest.fixture
def venue() -> Iterator[Venue]:
    command = [sys.executable, str(HERE / "flood_venue.py"), str(UPDATES)]
    pipe, environ = subprocess.PIPE, {"PYTHONPATH": str(HERE.parents[1])}
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, env=environ, text=True) as process:
        try:
            yield Venue(process)
        finally:
            process.kill()


@asynccontextmanager
async def worker_at(venue: Venue, config: Config) -> AsyncIterator[httpx.AsyncClient]:
    """Run the worker with that venue alone; the record is sealed at the end."""
    tuning = Tuning(
        retry=RetrySettings(backoff_base_s=0.5, backoff_cap_s=0.5), bus_capacity=CAPACITY, listing_s=0.5, drain_s=30
    )
    stop, clock = asyncio.Event(), AnchoredClock()
    ready: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    settings = with_venue(config, venue)
    worker = asyncio.ensure_future(
        run_worker(settings, clock=clock, stop=stop, ready=ready.set_result, tuning=tuning, random=Random(1))
    )
    try:
        async with httpx.AsyncClient(base_url=await ready, trust_env=False, timeout=30) as client:
            yield client
    finally:
        stop.set()
        await worker


def with_venue(config: Config, venue: Venue) -> Config:
    dead = f"127.0.0.1:{closed_port()}"
    feeds = [
        replace(
            feed,
            websocket_url=f"ws://{venue.host if feed.name == 'coinbase' else dead}",
            rest_url=f"http://{dead}",
            fallback=None,
        )
        for feed in config.feeds
    ]
    return replace(config, feeds=tuple(feeds))


@pytest.fixture
def config(tmp_path: Path) -> Config:
    loaded = load_config(None, {"ARB_PROFILE": "demo", "ARB_DATA_DIR": str(tmp_path / "data")})
    return replace(loaded, gateway=replace(loaded.gateway, port=0))


async def test_a_flood_is_bounded_seen_and_never_lost_in_silence(config: Config, venue: Venue) -> None:
    said: set[str] = set()
    async with worker_at(venue, config) as client:
        async with asyncio.timeout(BOUND_S):
            while (truth := await venue.truth())["left"]:
                health = (await client.get("/health")).json()
                said |= {line.split(" ")[0] for line in health["why"]}
            while not (held := (await client.get(f"/book/{BOOK}")).json())["is_synced"] or exact(held) != sizes(truth):
                truth = await venue.truth()
        metrics = (await client.get("/state")).json()["metrics"]
    queue, sent = metrics["bus"], truth["sent"]
    dropped = queue["dropped.coinbase"]
    assert CAPACITY // 2 < queue["high_water"] < CAPACITY + 50
    assert "coinbase:" in said
    assert metrics["feed.coinbase"]["reason"] == "127.0.0.1 was dropped: the queue to the engine is full"
    assert sent == UPDATES
    with open_record(config.paths.data_dir) as record:
        overflows = check_losses(record)
        assert len(overflows) == dropped == truth["connections"] - 1
        raw = record.rows("SELECT count(*) FROM raw_frames WHERE feed = 'coinbase' AND kind = 'recv'")[0][0]
        assert raw >= metrics["feed.coinbase"]["frames"]
        causes = dict(record.rows("SELECT cause, count(*) FROM gaps WHERE feed = 'coinbase' GROUP BY ALL"))
    assert causes["queue_overflow"] == dropped


def check_losses(record: RecordReader) -> list[int]:
    """Return the moments of overflow, having held every number against the one before it."""
    (run_id,) = record.run_ids()
    numbers: list[int] = []
    overflows: list[int] = []
    for _, event in record.events(run_id):
        match event:
            case BookSnapshot(instrument=key, sequence=number) if key == BOOK:
                numbers = [number]
            case BookDelta(instrument=key, sequence=number) if key == BOOK:
                numbers.append(number)
            case FeedGap(feed="coinbase", cause=GapCause.QUEUE_OVERFLOW):
                overflows.append(event.received_ns)
            case FeedLost(feed="coinbase"):
                assert all(late - early == 1 for early, late in pairwise(numbers))
                numbers = []
    return overflows


def exact(held: dict[str, Any]) -> dict[int, int]:
    """Return the sizes of a book by price in cents, as the worker holds it."""
    return {int(Decimal(price) * 100): int(Decimal(size)) for price, size in (*held["bids"], *held["asks"])}


def sizes(truth: dict[str, Any]) -> dict[int, int]:
    return {int(price): size for price, size in truth["sizes"].items()}
