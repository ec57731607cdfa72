"""What the record says of the end of a run is what the engine held, and what it does not say is an error."""

import asyncio
from pathlib import Path

import duckdb
import pytest

from arb_pipeline_tests.fixtures.controlled import SECOND, play
from arb_pipeline_tests.fixtures.market import Script
from streaming_worker.adapters.clock import AnchoredClock
from streaming_worker.core.controls import Controls
from streaming_worker.core.outputs import Output, RiskState
from streaming_worker.engine.engine import Engine
from streaming_worker.engine.restoration import controls_of
from streaming_worker.errors import StorageError
from streaming_worker.service.last_controls import read_controls
from streaming_worker.storage.live_file import WorkerRun
from streaming_worker.storage.segments import list_segments
from streaming_worker.storage.sink import Sink, SinkSettings

WORKER = "main"
EVERYTHING = [
    ("trade", 0),
    ("limit", 950),
    ("for_a_time", 20),
    ("halt", 0),
    ("hour", 1),
    ("release", 0),
    ("trade", 0),
    ("halt", 1),
    ("for_a_time", 600),
    ("kill", 1),
]


def record(data_dir: Path, script: Script, run_id: str, *, rotate_rows: int = 1) -> None:
    """Write a run down as the worker does, by default over several segments."""
    run = WorkerRun(worker=WORKER, run_id=run_id, version="1", settings="{}")
    settings = SinkSettings(commit_ms=1, rotate_rows=rotate_rows)
    sink = Sink(data_dir, run, AnchoredClock(), settings)
    sink.start()
    engine = Engine(script.engine.state.settings)
    for event in script.events:
        outputs: list[Output] = engine.process(event)
        sink.put_event(engine.event_count, event, outputs)
        if engine.event_count % 60 == 0:
            asyncio.run(sink.flush())
    sink.stop()


def ended(script: Script, run_id: str) -> Controls:
    return controls_of(script.engine.state, run_id)


def test_a_run_is_read_back_as_it_ended(tmp_path: Path) -> None:
    script, _ = play(EVERYTHING)
    record(tmp_path, script, "run-1")
    controls = read_controls(tmp_path, WORKER, script.now_ns)
    assert controls == ended(script, "run-1")
    assert controls.risk is not None
    assert controls.risk.state is RiskState.KILLED
    assert controls.daily_net_usd_e8 != 0
    assert [one.scope for one in controls.halts] == ["pair:SOL/USD"]
    assert [one.value for one in controls.limits] == [950, 800]


def test_of_two_runs_the_later_one_counts_which_took_over_from_the_earlier(tmp_path: Path) -> None:
    script, (before,) = play([*EVERYTHING, ("again", 0), ("resume", 2), ("trade", 0), ("pause", 3)])
    record(tmp_path, before, "run-1")
    record(tmp_path, script, "run-2")
    controls = read_controls(tmp_path, WORKER, script.now_ns)
    assert controls == ended(script, "run-2")
    assert controls.risk is not None
    assert controls.risk.command_id == "pause3"
    assert controls.limits != ()


def test_a_run_without_an_event_is_passed_over(tmp_path: Path) -> None:
    """Only the gap before it was written when it was killed: hours after the last keyframe."""
    script, _ = play(EVERYTHING)
    record(tmp_path, script, "run-1")
    sink = Sink(tmp_path, WorkerRun(worker=WORKER, run_id="run-2", version="1", settings="{}"), AnchoredClock())
    sink.start()
    now_ns = script.now_ns + 5 * 3_600 * SECOND
    sink.put_gap(now_ns, "worker", None, "worker_restart", start_ns=script.now_ns, end_ns=now_ns)
    sink.stop()
    assert read_controls(tmp_path, WORKER, now_ns) == ended(script, "run-1")


def test_another_workers_record_says_nothing(tmp_path: Path) -> None:
    script, _ = play([("pause", 1)])
    record(tmp_path, script, "run-1")
    with pytest.raises(StorageError, match="no keyframe of worker other"):
        read_controls(tmp_path, "other", script.now_ns)


def test_a_damaged_published_file_is_in_nobodys_way(tmp_path: Path) -> None:
    script, _ = play([("pause", 1)])
    record(tmp_path, script, "run-1")
    (tmp_path / "published").mkdir()
    (tmp_path / "published" / "arb.duckdb").write_bytes(b"no database")
    assert read_controls(tmp_path, WORKER, script.now_ns) == ended(script, "run-1")


def test_more_segments_than_can_be_opened_in_time_are_not_opened(tmp_path: Path) -> None:
    script, _ = play([("pause", 1)])
    record(tmp_path, script, "run-1")
    with pytest.raises(StorageError, match="segments to look through, more than 0"):
        read_controls(tmp_path, WORKER, script.now_ns, most_segments=0)


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE commands SET kind = 'trade'",
        "UPDATE commands SET kind = 'restore'",
        "UPDATE risk_events SET cause = 'mood'",
        "UPDATE keyframes SET state = 'nothing'::BLOB",
    ],
)
def test_a_record_that_says_what_cannot_be_is_refused(tmp_path: Path, damage: str) -> None:
    script, _ = play([("pause", 1)])
    record(tmp_path, script, "run-1", rotate_rows=10**6)
    (segment,) = list_segments(tmp_path)
    with duckdb.connect(str(segment.path)) as connection:
        connection.execute(damage)
    with pytest.raises(StorageError):
        read_controls(tmp_path, WORKER, script.now_ns)
