"""Segments move into the lake and disappear while readers read: every row is there, once, at every moment."""

import asyncio
import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from arb_pipeline_tests.failure.lake_process import begin_lake
from streaming_worker.adapters.clock import AnchoredClock
from streaming_worker.core.events import BookDelta
from streaming_worker.storage.live_file import WorkerRun
from streaming_worker.storage.record_reader import RecordReader, open_record
from streaming_worker.storage.segments import list_segments
from streaming_worker.storage.sink import Sink, SinkSettings

SCRIPT = Path(__file__).with_name("lake_process.py")
REPOSITORY = Path(__file__).resolve().parents[2]
LONG_S = 300.0
BOUND_S = 240.0
MOST_SEGMENTS = 20
FACTS = "SELECT count(*), count(DISTINCT seq), coalesce(max(seq), 0) FROM book_updates"


class Reader(threading.Thread):
    """Opens the record and asks, again and again."""

    def __init__(self, data_dir: Path, ask: Any) -> None:
        super().__init__()
        self.data_dir = data_dir
        self.ask = ask
        self.is_done = threading.Event()
        self.answers: list[Any] = []
        self.problem: BaseException | None = None

    @property
    def has_seen_enough(self) -> bool:
        """True once it got different answers, or ended early."""
        return self.problem is not None or len(set(self.answers)) >= 3

    def run(self) -> None:
        try:
            while not self.is_done.wait(0.05):
                with open_record(self.data_dir) as record:
                    self.answers.append(self.ask(record))
        except BaseException as e:
            self.problem = e


async def record(sink: Sink, data_dir: Path, readers: list[Reader], seconds: float) -> int:
    """Record for so long, and on until every reader has seen the record grow; a broken one is not waited for.

    It waits while many segments lie before the lake: each makes a look slower, so that on a slow machine the readers
    would fall ever further behind.
    """
    seq, started = 0, time.monotonic()
    while (took := time.monotonic() - started) < seconds or not all(reader.has_seen_enough for reader in readers):
        assert took < seconds + BOUND_S, f"the readers see nothing new: {[len(set(r.answers)) for r in readers]}"
        if len(list_segments(data_dir)) > MOST_SEGMENTS:
            await asyncio.sleep(0.05)
            continue
        for _ in range(50):
            seq += 1
            sink.put_event(seq, BookDelta("gemini:SOLUSD", [(seq, 1)], [(seq + 1, 2)], None, 10**18 + seq, seq))
        await asyncio.sleep(0.005)
        await sink.until_writable()
    await sink.flush()
    return seq


def published_rows(record: RecordReader) -> int:
    return record.rows("SELECT count(*) FROM published.fct_numbers")[0][0] if record.has_published else 0


@pytest.mark.parametrize(
    "seconds", [0.0, pytest.param(LONG_S, marks=[pytest.mark.slow, pytest.mark.timeout(LONG_S + 360)])]
)
def test_no_reader_sees_a_row_twice_or_not_at_all_while_segments_move(tmp_path: Path, seconds: float) -> None:
    run = WorkerRun(worker="w", run_id="run-1", version="0", settings="{}")
    sink = Sink(tmp_path, run, AnchoredClock(), SinkSettings(commit_ms=5, rotate_rows=1_000, queue_limit=2_000))
    command = [sys.executable, str(SCRIPT), "loop", str(tmp_path)]
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    readers = [
        Reader(tmp_path, lambda record: record.rows(FACTS)[0]),
        Reader(tmp_path, lambda record: record.polars(FACTS).row(0)),
    ]
    analyst = Reader(tmp_path, published_rows)
    begin_lake(tmp_path)
    sink.start()
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment) as lake:
        try:
            for reader in (*readers, analyst):
                reader.start()
            put = asyncio.run(record(sink, tmp_path, [*readers, analyst], seconds))
        finally:
            sink.stop()
            for reader in (*readers, analyst):
                reader.is_done.set()
                reader.join(60)
            output, _ = lake.communicate(b"end\n", timeout=60)
    done = json.loads(output)
    for reader in readers:
        assert reader.problem is None
        assert reader.answers == sorted(reader.answers)
        assert all(rows == 2 * seqs and seqs == newest for rows, seqs, newest in reader.answers)
    assert analyst.problem is None
    assert analyst.answers == sorted(analyst.answers)
    assert analyst.answers[-1] > 0
    assert done["segments"] >= 3
    with open_record(tmp_path) as found:
        assert [seq for seq, _ in found.events("run-1")] == list(range(1, put + 1))
        assert found.run_ids() == ["run-1"]
