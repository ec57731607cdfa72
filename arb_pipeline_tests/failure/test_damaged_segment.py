"""A damaged sealed segment is an error that names it, never a wrong or missing row."""

import random
import shutil
from pathlib import Path

import pytest

from arb_pipeline_tests.fixtures.spoiled_bytes import Damage, flipped, truncated, zeroed
from streaming_worker.adapters.clock import AnchoredClock
from streaming_worker.core.events import BookDelta, Event
from streaming_worker.errors import StorageError
from streaming_worker.storage.live_file import WorkerRun
from streaming_worker.storage.record_reader import open_record
from streaming_worker.storage.segments import list_segments
from streaming_worker.storage.sink import Sink, SinkSettings

EVENTS = 4_000
RANDOM = random.Random(7)


def expected() -> list[tuple[int, Event]]:
    dice = random.Random(3)
    return [
        (seq, BookDelta("gemini:SOLUSD", [(dice.getrandbits(40), dice.getrandbits(30))], [], None, seq, seq))
        for seq in range(1, EVENTS + 1)
    ]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a data folder with one sealed segment."""
    folder = tmp_path_factory.mktemp("whole")
    run = WorkerRun(worker="w", run_id="run-1", version="0", settings="{}")
    sink = Sink(folder, run, AnchoredClock(), SinkSettings(commit_ms=5))
    sink.start()
    for seq, event in expected():
        sink.put_event(seq, event)
    sink.stop()
    return folder


@pytest.mark.parametrize("damage", [truncated, flipped, zeroed])
def test_a_damaged_segment_gives_every_row_or_a_named_error(damage: Damage, whole: Path, tmp_path: Path) -> None:
    shutil.copytree(whole, tmp_path / "data")
    (info,) = list_segments(tmp_path / "data")
    data, rows, refusals = info.path.read_bytes(), expected(), list[StorageError]()
    for _ in range(12):
        info.path.write_bytes(damage(data, RANDOM.randrange(len(data))))
        try:
            with open_record(tmp_path / "data") as record:
                assert list(record.events("run-1")) == rows
        except StorageError as e:
            refusals.append(e)
    assert len(refusals) >= 4
    assert [e for e in refusals if info.path.name not in f"{e} {e.path}"] == []
