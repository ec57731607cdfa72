"""A worker whose disk fills up seals what it has, waits in sight of everyone, and goes on as a new run."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from random import Random

import httpx
import msgspec
import pytest
from structlog.testing import capture_logs

from arb_pipeline_tests.fixtures.scripted_venue import closed_port
from streaming_worker.adapters.clock import AnchoredClock
from streaming_worker.app import RunReport, Tuning, run_worker, status_file
from streaming_worker.config import Config
from streaming_worker.errors import StorageError
from streaming_worker.service.capture import RetrySettings
from streaming_worker.storage.disk import MEGABYTE
from streaming_worker.storage.reader import open_range

BOUND_S = 120.0
Moved = Callable[..., Config]


class Rig:
    """A worker without a network on a disk whose free space is set by hand."""

    def __init__(self, config: Config, with_feeds: Moved) -> None:
        port = closed_port()
        feeds = {feed.name: (f"ws://127.0.0.1:{port}", f"http://127.0.0.1:{port}") for feed in config.feeds}
        self.config = with_feeds(config, feeds)
        self.free_mb = 10_000
        self.stop = asyncio.Event()
        self.url: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        retry = RetrySettings(backoff_base_s=0.05, backoff_cap_s=0.2)
        self.tuning = Tuning(retry=retry, disk_look_s=0.02, free_bytes=self._free)

    def _free(self, _: Path) -> int:
        return self.free_mb * MEGABYTE

    def start(self) -> "asyncio.Task[RunReport | None]":
        return asyncio.ensure_future(
            run_worker(
                self.config,
                clock=AnchoredClock(),
                stop=self.stop,
                ready=self.url.set_result,
                tuning=self.tuning,
                random=Random(1),
            )
        )

    async def until(self, holds: Callable[[dict], bool]) -> dict:
        """Ask the gateway until its answer holds; its address stays the same, whoever answers there."""
        async with (
            asyncio.timeout(BOUND_S),
            httpx.AsyncClient(base_url=await self.url, trust_env=False, timeout=60) as client,
        ):
            while True:
                try:
                    answer = (await client.get("/health")).json()
                except httpx.TransportError:  # one who answered has just ended
                    continue
                if holds(answer):
                    return answer


@pytest.fixture
async def rig(config: Config, with_feeds: Moved) -> Rig:
    return Rig(config, with_feeds)


async def test_a_full_disk_stops_the_capture_and_room_starts_a_new_run(rig: Rig) -> None:
    worker = rig.start()
    with capture_logs() as logs:
        first = await rig.until(lambda answer: answer.get("events", 0) > 3)
        rig.free_mb = 1_500
        warned = await rig.until(lambda answer: any(line.startswith("disk: ") for line in answer["why"]))
        rig.free_mb = 400
        stopped = await rig.until(lambda answer: answer["run_id"] is None)
        await rig.until(lambda _: msgspec.json.decode(status_file(rig.config).read_bytes())["run_id"] is None)
        rig.free_mb = 600
        second = await rig.until(lambda answer: answer.get("events", 0) > 3)
        rig.stop.set()
        report = await asyncio.wait_for(worker, BOUND_S)
    assert any("this is a warning" in line for line in warned["why"])
    assert (stopped["status"], stopped["is_ready"]) == ("down", False)
    assert stopped["why"][0].endswith("capture is stopped until 550 MB are free")
    assert first["run_id"] != second["run_id"]
    assert any("raw frames are not kept" in line for line in second["why"])
    levels = [line["level"] for line in logs if line["event"] == "disk_level"]
    assert levels == ["low", "no_capture", "no_raw_frames"]
    assert report is not None
    with open_range(rig.config.paths.data_dir) as reader:
        assert reader.run_ids() == [first["run_id"], second["run_id"]]
        ((run_id, start_ns, end_ns),) = reader.query(
            "SELECT run_id, start_ns, end_ns FROM gaps WHERE cause = 'worker_restart'"
        ).fetchall()
        assert run_id == second["run_id"]
        assert start_ns < end_ns
        assert sum(1 for _ in reader.events(second["run_id"])) == report.events
    assert [path.name for path in rig.config.paths.live.iterdir()] == ["demo.lock"]


async def test_a_start_on_a_full_disk_waits_and_a_stop_ends_the_wait(rig: Rig) -> None:
    rig.free_mb = 0
    worker = rig.start()
    answer = await rig.until(lambda answer: answer["run_id"] is None)
    assert answer["why"][0].startswith("disk: 0 MB free")
    rig.stop.set()
    await asyncio.wait_for(worker, BOUND_S)
    assert list(rig.config.paths.live.glob("live-*")) == []


async def test_a_record_that_fails_for_another_reason_says_so_in_its_last_words(rig: Rig) -> None:
    worker = rig.start()
    await rig.until(lambda answer: answer.get("events", 0) > 0)
    for file in rig.config.paths.live.glob("live-*.duckdb*"):
        file.unlink()
    with pytest.raises(StorageError, match="live-demo"):
        await asyncio.wait_for(worker, BOUND_S)
    status = msgspec.json.decode(status_file(rig.config).read_bytes())
    assert status["status"] == "down"
    assert status["why"][0].startswith("record: ")


async def test_a_record_that_fails_on_a_full_disk_is_waited_for(rig: Rig) -> None:
    """The disk may fill up faster than we look at it: the failed commit is then the first to notice."""
    rig.tuning = replace(rig.tuning, disk_look_s=3_600)
    worker = rig.start()
    await rig.until(lambda answer: answer.get("events", 0) > 0)
    rig.free_mb = 0
    for file in rig.config.paths.live.glob("live-*.duckdb*"):
        file.unlink()
    answer = await rig.until(lambda answer: answer["run_id"] is None)
    assert answer["why"][0].startswith("disk: 0 MB free")
    rig.stop.set()
    await asyncio.wait_for(worker, BOUND_S)
