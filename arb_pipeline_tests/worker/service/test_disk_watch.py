"""A full disk costs raw frames first, which is counted and written down, and then the capture."""

import asyncio
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from arb_pipeline_tests.fixtures.kept_record import KeptRecord
from arb_pipeline_tests.fixtures.scripted_venue import until
from streaming_worker.adapters.clock import HandClock
from streaming_worker.errors import StorageError
from streaming_worker.service.disk_watch import DiskWatch, RawFrameGate
from streaming_worker.storage.disk import DiskGauge, DiskLevel, DiskLimits

LIMITS = DiskLimits(warn=300, raw_frames=200, capture=100)


class Rig:
    """A watch over a disk whose free space is set by hand."""

    def __init__(self) -> None:
        self.free = 1_000
        self.clock = HandClock(5)
        self.watch = DiskWatch(DiskGauge(Path("data"), LIMITS, lambda _: self.free), self.clock, interval_s=2)
        self.record = KeptRecord()
        self.gate = RawFrameGate(self.record, self.watch)

    async def look(self, free: int) -> DiskLevel:
        self.free = free
        return await self.watch.look()


async def test_raw_frames_are_held_back_counted_and_written_down_as_a_gap() -> None:
    rig = Rig()
    await rig.look(199)
    rig.gate.put_raw_frame(10, "gemini", 1, "recv", b"one")
    rig.gate.put_raw_frame(20, "coinbase", 1, "recv", b"two")
    rig.gate.put_dead_letter(25, "gemini", "why", b"{")
    assert (rig.record.raw_frames, rig.record.gaps, rig.gate.reading()) == ([], [], {"raw_frames_held_back": 2})
    assert rig.record.dead_letters == [("gemini", "why", b"{")]
    await rig.look(219)
    rig.gate.put_raw_frame(30, "gemini", 1, "recv", b"three")
    await rig.look(220)
    rig.gate.put_raw_frame(40, "gemini", 1, "recv", b"four")
    rig.gate.put_raw_frame(50, "gemini", 1, "recv", b"five")
    assert [frame for _, _, frame in rig.record.raw_frames] == [b"four", b"five"]
    assert rig.record.gaps == [("raw_frames", None, "disk_low", 10, 40)]
    rig.gate.finish(60)
    assert len(rig.record.gaps) == 1


async def test_a_run_that_ends_meanwhile_writes_the_gap_down() -> None:
    rig = Rig()
    await rig.look(0)
    rig.gate.put_raw_frame(10, "gemini", 1, "recv", b"one")
    rig.gate.finish(70)
    assert rig.record.gaps == [("raw_frames", None, "disk_low", 10, 70)]


async def test_every_change_of_level_is_logged_once_and_shown() -> None:
    rig = Rig()
    with capture_logs() as logs:
        for free in (1_000, 299, 298, 99, 98, 1_000):
            await rig.look(free)
    assert [(line["level"], line["log_level"]) for line in logs] == [
        ("low", "warning"),
        ("no_capture", "error"),
        ("plenty", "info"),
    ]
    assert rig.watch.reading() == {"free_bytes": 1_000, "level": "plenty"}
    assert rig.watch.complaints() == []


async def test_capture_must_stop_and_may_go_on_once_there_is_room() -> None:
    rig = Rig()
    task = asyncio.ensure_future(rig.watch.run())
    await until(lambda: rig.clock.sleeper_count == 1)
    rig.free = 99
    rig.clock.advance(2)
    await asyncio.wait_for(rig.watch.must_stop.wait(), 60)
    assert rig.watch.complaints()[0].startswith("disk: 0 MB free under data")
    task.cancel()
    room = asyncio.ensure_future(rig.watch.until_there_is_room())
    await until(lambda: rig.clock.next_due_ns == 4_000_000_005)
    assert not room.done()
    rig.free = 110
    rig.clock.advance(2)
    await asyncio.wait_for(room, 60)
    assert not rig.watch.must_stop.is_set()


async def test_a_folder_that_is_gone_ends_the_watch_with_a_named_error(tmp_path: Path) -> None:
    watch = DiskWatch(DiskGauge(tmp_path / "gone", LIMITS), HandClock())
    with pytest.raises(StorageError, match="cannot examine the disk"):
        await watch.run()
