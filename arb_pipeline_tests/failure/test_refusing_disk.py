"""A disk that refuses is a named error at once, and costs nothing that was acknowledged."""

import asyncio
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from streaming_worker.adapters.clock import AnchoredClock
from streaming_worker.core.events import ClockTick
from streaming_worker.errors import StorageError
from streaming_worker.storage.live_file import WorkerRun
from streaming_worker.storage.recovery import recover_leftovers
from streaming_worker.storage.sink import Sink, SinkSettings

NOBODY = 65_534
Recorder = Callable[..., subprocess.Popen[bytes]]
LastWords = Callable[[subprocess.Popen[bytes]], dict]
RecordedSeqs = Callable[[Path], dict[str, list[int]]]


@pytest.fixture
def plain_user_folder() -> Iterator[Path]:
    """Return a folder that a plain user owns: the owner of the machine may write anywhere, and would prove nothing."""
    folder = Path(tempfile.mkdtemp())
    if os.geteuid() == 0:
        os.chown(folder, NOBODY, NOBODY)
    yield folder
    shutil.rmtree(folder)


def plain_user() -> dict[str, int]:
    return {"user": NOBODY} if os.geteuid() == 0 else {}


def test_a_full_disk_is_named_and_costs_nothing_acknowledged(
    recorder: Recorder, recorded_seqs: RecordedSeqs, last_words: LastWords, tmp_path: Path
) -> None:
    words = last_words(recorder(tmp_path, "run-1", 60, file_limit=2_000_000))
    assert "cannot write" in words["failed"]
    assert "File too large" in words["failed"]
    recover_leftovers(tmp_path, "w")
    found = recorded_seqs(tmp_path)["run-1"]
    assert words["acknowledged"] > 0
    assert found[: words["acknowledged"]] == list(range(1, words["acknowledged"] + 1))
    assert found == list(range(1, len(found) + 1))


def test_a_read_only_folder_is_named_at_the_start(
    recorder: Recorder, last_words: LastWords, plain_user_folder: Path
) -> None:
    plain_user_folder.chmod(0o500)
    words = last_words(recorder(plain_user_folder / "data", "run-1", 60, **plain_user()))
    assert "cannot prepare" in words["failed"]
    assert "Permission denied" in words["failed"]


def test_a_folder_that_becomes_read_only_is_named_at_the_next_file(
    recorder: Recorder, recorded_seqs: RecordedSeqs, last_words: LastWords, plain_user_folder: Path
) -> None:
    data = plain_user_folder / "data"
    words = last_words(recorder(data, "run-1", 0.2, close_live=400, **plain_user()))
    assert "Permission denied" in words["failed"]
    (data / "live").chmod(0o700)
    recover_leftovers(data, "w")
    found = recorded_seqs(data)["run-1"]
    assert found[: words["acknowledged"]] == list(range(1, words["acknowledged"] + 1))
    assert words["acknowledged"] >= 400


async def test_a_deleted_folder_is_noticed_before_anything_is_acknowledged(tmp_path: Path) -> None:
    run = WorkerRun(worker="w", run_id="run-1", version="0", settings="{}")
    sink = Sink(tmp_path / "data", run, AnchoredClock(), SinkSettings(commit_ms=5))
    await asyncio.to_thread(sink.start)
    sink.put_event(1, ClockTick(1))
    await sink.flush()
    shutil.rmtree(tmp_path / "data")
    sink.put_event(2, ClockTick(2))
    with pytest.raises(StorageError, match="No such file"):
        await sink.flush()
    with pytest.raises(StorageError, match="No such file"):
        sink.put_event(3, ClockTick(3))
    assert sink.acknowledged_seq == 1
    with pytest.raises(StorageError, match="stopped early"):
        await asyncio.to_thread(sink.stop)


def test_a_file_where_the_folder_should_be_is_named(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("not a folder")
    run = WorkerRun(worker="w", run_id="run-1", version="0", settings="{}")
    with pytest.raises(StorageError, match="cannot prepare"):
        Sink(tmp_path / "data", run, AnchoredClock()).start()
