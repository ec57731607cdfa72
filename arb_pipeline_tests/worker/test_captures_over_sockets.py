"""Recorded captures, played by the local venues over real sockets into the real worker, equal the direct replay."""

import asyncio
import dataclasses
from itertools import islice
from pathlib import Path
from typing import Any

import httpx
import msgspec

from streaming_worker.adapters.clock import AnchoredClock
from streaming_worker.adapters.recorder import open_recording
from streaming_worker.app import run_worker
from streaming_worker.config import Config, load_config
from streaming_worker.config.model import FeedConfig, GatewayConfig
from streaming_worker.engine.engine import Engine
from streaming_worker.engine.settings import FeedScope
from streaming_worker.sandbox.captures import load_captures
from streaming_worker.sandbox.server import Sandbox
from streaming_worker.service.replay import replay_captures
from streaming_worker.service.survey import survey
from streaming_worker.storage.reader import open_segments
from streaming_worker.storage.segments import list_segments

FILES = ("coinbase/advanced_btc_eth_20260809.jsonl.gz", "gemini/v2_l2_sol_btc_eth_20260809.jsonl.gz")
BOUND_S = 120


def configured(data_dir: Path, files: list[Path], urls: dict[str, str]) -> Config:
    """Return the worker's configuration for exactly what the recordings are about."""
    base = load_config(None, {"ARB_DATA_DIR": str(data_dir), "ARB_PROFILE": "demo"})
    feeds, scopes, instruments = [], [], []
    for file in files:
        found = survey(open_recording(file))
        name, keys = found.venue.value, tuple(instrument.key for instrument in found.instruments)
        face = "gemini_v2" if found.protocol == "gemini_v2" else name
        feeds.append(
            FeedConfig(
                name=name,
                protocol=found.protocol,
                websocket_url=urls[f"{face}_ws"],
                rest_url=urls[f"{face}_http"],
                instruments=keys,
                pools=(),
                fallback=None,
            )
        )
        scopes.append(FeedScope(name, keys))
        instruments += found.instruments
    engine = msgspec.structs.replace(
        base.engine, instruments=tuple(instruments), pools=(), feeds=tuple(scopes), sol_price_instruments=()
    )
    gateway = GatewayConfig(host="127.0.0.1", port=0)
    return dataclasses.replace(base, feeds=tuple(feeds), engine=engine, gateway=gateway)


async def state_when_played(worker_url: str, control_url: str, wanted: dict[str, int]) -> dict[str, Any]:
    """Return the worker's state once the sandbox has sent everything and the books have taken it."""
    async with httpx.AsyncClient() as client, asyncio.timeout(BOUND_S):
        while True:
            played = (await client.get(f"{control_url}/status")).json()["done"]
            state = (await client.get(f"{worker_url}/state", timeout=30)).json()
            updates = {key: book["updates"] for key, book in state["books"].items()}
            if played and updates == wanted:
                return (await client.get(f"{worker_url}/state?digests=true", timeout=30)).json()
            await asyncio.sleep(0.1)


async def test_books_and_digest_are_those_of_the_direct_replay(shared_dir: Path, tmp_path: Path) -> None:
    files = [shared_dir / "captures" / name for name in FILES]
    direct = replay_captures(files)["captures"]
    wanted, digests = {}, {}
    for capture in direct.values():
        digests[capture["venue"]] = capture["books_digest"]
        for symbol, book in capture["instruments"].items():
            wanted[f"{capture['venue']}:{symbol}"] = book["updates"]
    clock = AnchoredClock()
    stop, started = asyncio.Event(), asyncio.get_running_loop().create_future()
    captures = load_captures(files)
    async with Sandbox(clock=clock.now_ns, captures=captures, speed=None, base_port=0) as sandbox:
        config = configured(tmp_path, files, sandbox.urls)
        async with asyncio.TaskGroup() as group:
            group.create_task(run_worker(config, clock=clock, stop=stop, ready=started.set_result))
            try:
                state = await state_when_played(await started, sandbox.urls["control_http"], wanted)
            finally:
                stop.set()
    assert state["feed_digests"] == digests
    for capture in direct.values():
        for symbol, book in capture["instruments"].items():
            held = state["books"][f"{capture['venue']}:{symbol}"]
            assert (held["bids"], held["asks"]) == (book["bids"], book["asks"])
            assert held["is_synced"]
    assert digest_of_record(tmp_path, config, events=state["events"]) == state["digest"]
    (run,) = replay_captures([tmp_path / "segments"])["runs"].values()
    assert run["is_equal"], run
    assert run["events"] >= state["events"]


def digest_of_record(data_dir: Path, config: Config, *, events: int) -> str:
    """Return the whole digest, outputs and books, of as many recorded events as the live engine had folded."""
    engine = Engine(config.engine)
    with open_segments([info.path for info in list_segments(data_dir, None)]) as reader:
        (run_id,) = reader.run_ids()
        for _, event in islice(reader.events(run_id), events):
            engine.process(event)
    assert engine.event_count == events
    return engine.digest()
