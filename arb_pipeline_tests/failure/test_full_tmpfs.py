"""A small disk that fills up for real: a warning, no raw frames, no capture; nothing acknowledged is lost."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from arb_pipeline_tests.failure.kill_campaign import runs_of
from arb_pipeline_tests.failure.worker_process import WorkerProcess, busy_venues, environment, until
from streaming_worker.storage.record_reader import open_record
from streaming_worker.storage.recovery import recover_leftovers

MEGABYTE = 1_000_000


class SmallDisk:
    """A mounted tmpfs, and a file that takes its room away."""

    def __init__(self, root: Path, megabytes: int) -> None:
        self.root = root
        self._filler = root / "filler"
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(root)], check=True)

    def leave(self, free: int) -> None:
        """Take everything but so many bytes."""
        self._filler.unlink(missing_ok=True)
        with self._filler.open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, shutil.disk_usage(self.root).free - free)

    def empty(self) -> None:
        """Give the room back."""
        self._filler.unlink(missing_ok=True)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Callable[[int], SmallDisk]]:
    """Return a maker of small disks. Mounting one needs Linux and its superuser."""
    if not sys.platform.startswith("linux") or os.geteuid() != 0:
        pytest.skip("mounting a small tmpfs needs Linux and the superuser")
    root = tmp_path / "disk"
    root.mkdir()
    probe = subprocess.run(["mount", "-t", "tmpfs", "tmpfs", str(root)], capture_output=True, text=True, check=False)
    if probe.returncode:
        pytest.skip(f"this system does not let its superuser mount a tmpfs: {probe.stderr.strip()}")
    subprocess.run(["umount", str(root)], check=True)
    yield lambda megabytes: SmallDisk(root, megabytes)
    subprocess.run(["umount", str(root)], check=True)


def test_a_full_disk_is_named_and_what_was_acknowledged_is_found_once_there_is_room(
    small_disk: Callable[[int], SmallDisk],
    recorder: Callable[..., subprocess.Popen[bytes]],
    recorded_seqs: Callable[[Path], dict[str, list[int]]],
    last_words: Callable[[subprocess.Popen[bytes]], dict],
) -> None:
    disk = small_disk(10)
    words = last_words(recorder(disk.root / "data", "run-1", 0.3))
    assert "No space left on device" in words["failed"]
    assert words["acknowledged"] > 0
    assert shutil.disk_usage(disk.root).free < 2 * MEGABYTE
    subprocess.run(["mount", "-o", "remount,size=64m", str(disk.root)], check=True)
    recover_leftovers(disk.root / "data", "w")
    found = recorded_seqs(disk.root / "data")["run-1"]
    assert found == list(range(1, len(found) + 1))
    assert len(found) >= words["acknowledged"]


@pytest.mark.fault
def test_the_worker_gives_up_raw_frames_first_then_capture_and_goes_on_with_room(
    small_disk: Callable[[int], SmallDisk], tmp_path: Path
) -> None:
    disk = small_disk(256)
    limits = {"ARB_DISK_WARN_FREE_MB": "120", "ARB_DISK_RAW_FRAMES_FREE_MB": "80", "ARB_DISK_CAPTURE_FREE_MB": "40"}
    environ = environment(disk.root / "data", **limits)

    def says(worker: WorkerProcess, text: str) -> bool:
        return any(text in line for line in (worker.health() or {"why": []})["why"])

    with busy_venues(environ):
        worker = WorkerProcess(environ, tmp_path / "worker.log")
        until(lambda: (seen := worker.seen()) and seen.acknowledged, "the worker acknowledges")
        disk.leave(100 * MEGABYTE)
        until(lambda: says(worker, "this is a warning"), "a warning")
        disk.leave(60 * MEGABYTE)
        until(lambda: says(worker, "raw frames are not kept"), "raw frames are given up")
        before = worker.seen()
        disk.leave(30 * MEGABYTE)
        until(lambda: says(worker, "capture is stopped"), "capture is given up")
        until(lambda: (worker.health() or {})["run_id"] is None, "standby")
        disk.empty()
        until(lambda: (worker.health() or {}).get("events", 0) > 50, "a new run")
        assert worker.stop() == 0
    with open_record(disk.root / "data") as record:
        runs = runs_of(record)
        raw = record.rows("SELECT run_id, count(*) FROM gaps WHERE feed = 'raw_frames' GROUP BY ALL")
    assert before is not None
    assert len(runs) == 2
    assert runs[0].run_id == before.run_id
    assert runs[0].events >= before.events
    assert runs[1].gap is not None
    assert raw == [(runs[0].run_id, 1)]


@pytest.mark.fault
def test_a_worker_without_limits_ends_with_one_named_error_and_is_whole_after_a_restart(
    small_disk: Callable[[int], SmallDisk], tmp_path: Path
) -> None:
    disk = small_disk(96)
    limits = {"ARB_DISK_WARN_FREE_MB": "0", "ARB_DISK_RAW_FRAMES_FREE_MB": "0", "ARB_DISK_CAPTURE_FREE_MB": "0"}
    environ = environment(disk.root / "data", **limits)
    with busy_venues(environ):
        worker = WorkerProcess(environ, tmp_path / "worker.log")
        until(lambda: (seen := worker.seen()) and seen.acknowledged, "the worker acknowledges")
        disk.leave(MEGABYTE)
        last = worker.seen()
        while worker.process.poll() is None:
            last = worker.seen() or last
        worker.forget()
        assert worker.process.returncode == 3
        assert "No space left on device" in (tmp_path / "worker.log").read_text().splitlines()[-1]
        disk.empty()
        again = WorkerProcess(environ, tmp_path / "worker.log")
        until(lambda: (seen := again.seen()) and seen.acknowledged, "the worker acknowledges again")
        assert again.stop() == 0
    with open_record(disk.root / "data") as record:
        runs = runs_of(record)
    assert last is not None
    assert runs[0].run_id == last.run_id
    assert runs[0].events >= last.acknowledged
    assert runs[1].gap is not None
