"""Other programs read in a loop while we capture, compact and publish: no lock, no torn row, no doubled one.

Where the system can keep a process to a core, the sink has one and the others have the rest: its commits then show what
it waits for because of the files that they read, and not that all of them want the same core.
"""

import asyncio
import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from arb_pipeline_tests.failure.lake_process import begin_lake
from streaming_worker.adapters.clock import AnchoredClock
from streaming_worker.core.events import BookDelta
from streaming_worker.storage.live_file import WorkerRun
from streaming_worker.storage.sink import Sink, SinkSettings

HERE = Path(__file__).parent
REPOSITORY = HERE.parents[1]
KINDS = ("cli", "polars", "record")
LONG_S = float(os.environ.get("READERS_SECONDS", "300"))
SHORT_S = 3.0
BOUND_S = 240.0
EVENTS_PER_S = 2_000
TICK_S = 0.01
CORES = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
SINK_CORE, OTHER_CORES = slice(0, 1), slice(1, None)


@contextlib.contextmanager
def on_cores(wanted: slice) -> Iterator[None]:
    """Keep this thread and what it starts to some cores; to all where there is but one, or no way to choose."""
    if not hasattr(os, "sched_setaffinity") or len(CORES) < 2:
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, CORES[wanted])
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


@contextlib.contextmanager
def program(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    """Run one of the processes beside us; it is gone afterwards, whatever happened."""
    environ = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    command = [sys.executable, *arguments]
    with on_cores(OTHER_CORES):
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environ, text=True)
    with process:
        try:
            yield process
        finally:
            process.kill()


async def capture(sink: Sink, first: int, seconds: float, *, until: Callable[[], bool] = lambda: True) -> int:
    """Record at a steady pace from an event on, so long and until something holds; returns the last seq."""
    seq, started = first - 1, time.monotonic()
    while (took := time.monotonic() - started) < seconds or not until():
        assert took < seconds + BOUND_S, "nothing is published"
        for seq in range(seq + 1, first + round(took * EVENTS_PER_S)):  # noqa: B020 - goes on where it stopped
            sink.put_event(seq, BookDelta("gemini:SOLUSD", [(seq, 1)], [(seq + 1, 2)], None, 10**18 + seq, seq))
        await asyncio.sleep(TICK_S)
        await sink.until_writable()
    await sink.flush()
    return seq


def said(process: subprocess.Popen[str]) -> dict[str, Any]:
    """Tell a process to end, and return what it says."""
    output, _ = process.communicate("end\n", timeout=120)
    return dict(json.loads(output))


def commits_ms(sink: Sink, since: int) -> dict[str, float]:
    """Return how long the commits took since so many, as far as they are still remembered."""
    laps = sorted(sink.commit_laps.since(since))
    return {f"p{percent}": round(laps[len(laps) * percent // 100] / 1e6, 2) for percent in (50, 95)}


@pytest.mark.parametrize(
    "seconds", [SHORT_S, pytest.param(LONG_S, marks=[pytest.mark.slow, pytest.mark.timeout(LONG_S * 2 + 300)])]
)
def test_programs_that_read_in_a_loop_meet_no_lock_and_no_torn_row(
    tmp_path: Path, seconds: float, capsys: pytest.CaptureFixture[str]
) -> None:
    run = WorkerRun(worker="w", run_id="run-1", version="0", settings="{}")
    sink = Sink(tmp_path, run, AnchoredClock(), SinkSettings(rotate_rows=4_000))
    published = tmp_path / "published" / "arb.duckdb"
    begin_lake(tmp_path)
    try:
        with contextlib.ExitStack() as stack:
            stack.enter_context(on_cores(SINK_CORE))
            sink.start()
            alone = asyncio.run(capture(sink, 1, seconds / 5))
            before = commits_ms(sink, 0)
            lake = stack.enter_context(program(str(HERE / "lake_process.py"), "loop", str(tmp_path)))
            script = str(HERE / "reader_process.py")
            readers = {kind: stack.enter_context(program(script, kind, str(tmp_path))) for kind in KINDS}
            for process in readers.values():
                assert process.stdout is not None
                assert process.stdout.readline() == "ready\n"
            count = sink.commit_laps.count
            put = asyncio.run(capture(sink, alone + 1, seconds, until=published.exists))
            beside = commits_ms(sink, count)
            sink.stop()
            done = said(lake)
            answers = {kind: said(process) for kind, process in readers.items()}
    finally:
        sink.stop()
    for kind, answer in answers.items():
        assert answer["problems"] == [], kind
        assert answer["answers"] >= 2, kind
        assert 0 < answer["newest"] <= put, kind
    assert answers["record"]["newest"] == put
    assert done["segments"] >= 1
    assert done["publications"] >= 1
    with capsys.disabled():
        ratio = {share: round(beside[share] / before[share], 2) for share in before}
        asked = {kind: answer["answers"] for kind, answer in answers.items()}
        sys.stdout.write(f"\n{seconds:g} s, {put} events, {done}, answers {asked}, no problem; ")
        sys.stdout.write(f"commits alone {before} ms, beside readers {beside} ms, ratio {ratio}\n")
