"""kill -9 of the compaction and of the publication at any moment: nothing is lost, doubled or half there."""

import asyncio
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from time import monotonic
from typing import Any

import duckdb
import pytest

from arb_pipeline_tests.failure.lake_process import (
    begin_lake,
    compact_all,
    make_warehouse,
    publish_all,
    remove_compacted,
)
from streaming_worker.adapters.clock import AnchoredClock
from streaming_worker.core.events import BookDelta, ClockTick
from streaming_worker.core.units import NANOS_PER_SECOND
from streaming_worker.storage.live_file import WorkerRun
from streaming_worker.storage.record_reader import open_record
from streaming_worker.storage.sink import Sink, SinkSettings

SCRIPT = Path(__file__).with_name("lake_process.py")
REPOSITORY = Path(__file__).resolve().parents[2]
NOON = 1_767_268_800 * NANOS_PER_SECOND
SHORT = 3
# a machine that has become slower since the first, timed run would otherwise never let one end
GROWTH = 1.5
LONG = int(os.environ.get("CHAOS_KILLS", "200"))
FACTS = """
SELECT 'book', worker, run_id, count(*), count(DISTINCT seq), bit_xor(hash(b)) FROM book_updates AS b GROUP BY ALL
UNION ALL SELECT 'tick', worker, run_id, count(*), count(DISTINCT seq), bit_xor(hash(t)) FROM clock_ticks AS t
GROUP BY ALL UNION ALL SELECT 'run', worker, run_id, count(*), 0, bit_xor(hash(r)) FROM worker_runs AS r GROUP BY ALL
ORDER BY ALL
"""
Attempt = Callable[[str, Path, float], str]


@pytest.fixture(scope="module")
def sealed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a data folder with segments of two workers over three hours."""
    folder = tmp_path_factory.mktemp("sealed")
    for worker in ("a", "b"):
        run = WorkerRun(worker=worker, run_id=f"{worker}1", version="0", settings="{}")
        sink = Sink(folder, run, AnchoredClock(), SinkSettings(commit_ms=2, rotate_rows=2_500))
        sink.start()
        try:
            asyncio.run(fill(sink))
        finally:
            sink.stop()
    return folder


async def fill(sink: Sink) -> None:
    for seq in range(1, 4_001):
        at = NOON + 2 * seq * NANOS_PER_SECOND
        levels = [(seq * 7 + step, step) for step in range(1, 4)]
        sink.put_event(seq, ClockTick(at) if seq % 5 == 0 else BookDelta("gemini:SOLUSD", levels, [], None, at, seq))
        if seq % 500 == 0:
            await sink.flush()


@pytest.fixture
def attempt() -> Iterator[Attempt]:
    """Return what tries an action and kills it after some seconds; it answers how that ended."""
    command = [sys.executable, str(SCRIPT), "serve"]
    environ = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environ, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        source, sink = process.stdin, process.stdout

        def run(action: str, folder: Path, seconds: float) -> str:
            source.write(f"{action} {folder} {seconds}\n")
            source.flush()
            return sink.readline().strip()

        yield run
        source.close()


def fresh(sealed: Path, folder: Path, *, has_lake: bool) -> Path:
    """Return a copy to work on; without a lake, the first compaction makes that as well."""
    shutil.copytree(sealed, folder, copy_function=os.link)
    if has_lake:
        begin_lake(folder)
    return folder


def facts(folder: Path) -> list[tuple[Any, ...]]:
    with open_record(folder) as record:
        return record.rows(FACTS)


def killed_compactions(attempt: Attempt, sealed: Path, tmp_path: Path, kills: int) -> dict[str, int]:
    """Compact fresh copies, killed at random moments, until so many kills hit; compare at every step."""
    random = Random(5)
    expected = facts(sealed)
    is_short = kills == SHORT
    usual_s = timed(attempt, "compact", fresh(sealed, tmp_path / "usual", has_lake=is_short))
    done = {"kills": 0, "completed": 0, "orphans": 0}
    while done["kills"] < kills:
        has_lake = is_short or bool(done["completed"] % 2)
        folder = fresh(sealed, tmp_path / f"try-{done['completed']}", has_lake=has_lake)
        patience_s = usual_s
        while (outcome := attempt("compact", folder, random.uniform(0, patience_s))) != "done":
            assert outcome == "killed"
            patience_s *= GROWTH
            done["kills"] += 1
            done["orphans"] += len(set(folder.glob("lake/*/*/*/*.tmp")))
            assert facts(folder) == expected
        done["completed"] += 1
        assert compact_all(folder) == 0
        remove_compacted(folder)
        assert list(folder.glob("segments/*/*.duckdb")) == []
        assert facts(folder) == expected
        assert list(folder.glob("lake/**/*.tmp")) == []
        shutil.rmtree(folder)
    return done


def timed(attempt: Attempt, action: str, folder: Path) -> float:
    started = monotonic()
    assert attempt(action, folder, 60) == "done"
    return monotonic() - started


def killed_publications(attempt: Attempt, sealed: Path, tmp_path: Path, kills: int) -> dict[str, int]:
    """Publish over an older file, killed at random moments; it is the old file or the new one, never less."""
    random = Random(6)
    folder = fresh(sealed, tmp_path / "published-here", has_lake=True)
    compact_all(folder)
    done = {"kills": 0, "completed": 0}
    make_warehouse(folder, 1_000)
    publish_all(folder)
    old = new = 1_000
    usual_s = timed(attempt, "publish", folder)
    while done["kills"] < kills:
        old, new = new, new + 50_000 + done["completed"]
        make_warehouse(folder, new)
        patience_s = usual_s
        while (outcome := attempt("publish", folder, random.uniform(0, patience_s))) != "done":
            assert outcome == "killed"
            patience_s *= GROWTH
            done["kills"] += 1
            assert published_rows(folder) in (old, new)
        done["completed"] += 1
        assert published_rows(folder) == new
    assert [path.name for path in (folder / "published").iterdir()] == ["arb.duckdb"]
    return done


def published_rows(folder: Path) -> int:
    with duckdb.connect(str(folder / "published" / "arb.duckdb"), read_only=True) as connection:
        assert connection.execute("SELECT count(*) FROM lake.book_updates").fetchall()[0][0] > 0
        return int(connection.execute("SELECT count(*) FROM fct_numbers").fetchall()[0][0])


def test_a_killed_compaction_is_repeated_to_the_same_lake(attempt: Attempt, sealed: Path, tmp_path: Path) -> None:
    assert killed_compactions(attempt, sealed, tmp_path, SHORT)["kills"] >= SHORT


def test_a_killed_publication_leaves_the_old_file_or_the_new_one(
    attempt: Attempt, sealed: Path, tmp_path: Path
) -> None:
    assert killed_publications(attempt, sealed, tmp_path, SHORT)["kills"] >= SHORT


@pytest.mark.chaos
@pytest.mark.timeout(60 + 10 * LONG)
@pytest.mark.parametrize("campaign", [killed_compactions, killed_publications])
def test_many_kills_of_the_lakes_processes_lose_nothing(
    campaign: Callable[..., dict[str, int]],
    attempt: Attempt,
    sealed: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    done = campaign(attempt, sealed, tmp_path, LONG)
    assert done["kills"] >= LONG
    with capsys.disabled():
        sys.stdout.write(f"\n{campaign.__name__}: {done}, nothing lost, doubled or half there\n")
