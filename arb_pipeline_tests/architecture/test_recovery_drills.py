"""The drills of the runbook's chapter on disaster recovery, run as they are written there, on a record of a minute."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from arb_pipeline_tests.failure.lake_process import compact_quickly
from streaming_worker.adapters.clock import AnchoredClock
from streaming_worker.cli import run
from streaming_worker.core.events import ClockTick
from streaming_worker.core.units import NANOS_PER_SECOND
from streaming_worker.storage.live_file import WorkerRun
from streaming_worker.storage.record_reader import open_record
from streaming_worker.storage.segments import list_segments
from streaming_worker.storage.sink import Sink

NOON = 1_767_268_800 * NANOS_PER_SECOND
ROWS = "SELECT run_id, seq, received_ns FROM clock_ticks ORDER BY ALL"
SLOW = "make chaos"
Drill = Callable[[str], str]


def written_drills(repository: Path) -> list[str]:
    """Return the chapter's commands in their order."""
    text = (repository / "RUNBOOK.md").read_text(encoding="utf-8")
    chapter = text[text.index("## Disaster recovery") : text.index("## Read the record")]
    blocks = re.findall(r"```console\n(.*?)```", chapter, re.DOTALL)
    return [line.removeprefix("$ ") for block in blocks for line in block.splitlines()]


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Return a folder whose ``data`` holds a compacted and a waiting segment."""
    for number in (1, 2):
        worker_run = WorkerRun(worker="demo", run_id=f"run-{number}", version="0", settings="{}")
        sink = Sink(tmp_path / "data", worker_run, AnchoredClock())
        sink.start()
        for seq in range(1, 61):
            sink.put_event(seq, ClockTick(NOON + number * 60 * NANOS_PER_SECOND + seq))
        sink.stop()
        if number == 1:
            compact_quickly(tmp_path / "data")
    return tmp_path


@pytest.fixture
def drill(place: Path, repository: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Drill:
    """Return what runs a command of the chapter in that folder and gives its output."""
    monkeypatch.chdir(place)
    for name in [name for name in os.environ if name.startswith("ARB_")]:
        monkeypatch.delenv(name)

    def run_line(line: str) -> str:
        assert line in written_drills(repository)
        program, *arguments = shlex.split(line)
        assert (program, int(run(arguments))) == ("arb", 0), line
        return capsys.readouterr().out

    return run_line


def rows(folder: Path) -> list[tuple]:
    with open_record(folder) as record:
        return record.rows(ROWS)


def test_every_drill_of_the_chapter_is_run_here_or_has_its_own_campaign(repository: Path) -> None:
    covered = Path(__file__).read_text(encoding="utf-8")
    assert [line for line in written_drills(repository) if line != SLOW and line not in covered] == [
        line for line in written_drills(repository) if line.startswith("python -c")
    ]


def test_a_backup_restored_beside_is_the_same_record(place: Path, drill: Drill) -> None:
    assert drill("arb backup backups --keep 14 --verify").startswith("backup ")
    before = rows(place / "data")
    drill("arb restore backups --data-dir restored")
    assert "all as the manifest says" in drill("arb lake verify --data-dir restored")
    assert "segments: 1 in the lake, 0 refused, 1 waiting" in drill("arb lake stats --data-dir restored")
    assert rows(place / "restored") == before
    assert len(before) == 120


def test_a_damaged_segment_is_replaced_from_the_backup_and_taken(place: Path, drill: Drill, repository: Path) -> None:
    drill("arb backup backups --keep 14 --verify")
    before = rows(place / "data")
    waiting = list_segments(place / "data")[-1].path
    waiting.write_bytes(b"damaged" * 10_000)
    compact_quickly(place / "data")
    assert rows(place / "data") != before
    drill("arb restore backups --data-dir restored")
    shutil.copy(place / "restored" / waiting.relative_to(place / "data"), waiting)
    (line,) = (line for line in written_drills(repository) if line.startswith("python -c"))
    code = shlex.split(line)[2].replace("NAME", waiting.stem)
    subprocess.run([sys.executable, "-c", code], cwd=place, check=True)
    assert compact_quickly(place / "data") == 1
    assert rows(place / "data") == before
    assert "all as the manifest says" in drill("arb lake verify")
    assert "2 in the lake, 0 refused, 0 waiting" in drill("arb lake stats")
    assert drill("arb lake retention") == "nothing would go\n"
