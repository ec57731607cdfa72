"""What a start does before the first event: recover, and find where the gap since the last run begins."""

from collections.abc import Callable
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from streaming_worker.adapters.clock import AnchoredClock
from streaming_worker.app.record import last_controls, open_record, sink_settings, worker_run, write_down_downtime
from streaming_worker.config import Config
from streaming_worker.core.controls import Controls
from streaming_worker.core.events import ClockTick, CommandKind, OperatorCommand
from streaming_worker.core.units import NANOS_PER_SECOND
from streaming_worker.engine.engine import Engine
from streaming_worker.storage.reader import open_range
from streaming_worker.storage.recovery import RecoveredSegment
from streaming_worker.storage.segments import list_segments
from streaming_worker.storage.sink import Sink
from streaming_worker.storage.worker_files import has_record

NOON = 1_767_268_800 * NANOS_PER_SECOND


@pytest.fixture
def record_ticks(config: Config) -> Callable[[int, int], None]:
    """Return a run of the record: started, its downtime written, ticks put, sealed."""

    def record(started_ns: int, ticks: int) -> None:
        sink = Sink(config.paths.data_dir, worker_run(config, started_ns), AnchoredClock(), sink_settings(config))
        try:
            write_down_downtime(sink, open_record(sink), started_ns)
            for seq in range(1, ticks + 1):
                sink.put_event(seq, ClockTick(started_ns + seq))
        finally:
            sink.stop()

    return record


def gaps(data_dir: Path) -> list[tuple[str, int, int]]:
    with open_range(data_dir) as reader:
        return reader.query("SELECT cause, start_ns, end_ns FROM gaps ORDER BY received_ns").fetchall()


def test_a_first_start_has_no_gap(config: Config, record_ticks: Callable[[int, int], None]) -> None:
    assert not has_record(config.paths.data_dir, config.worker.name)
    record_ticks(NOON, 3)
    assert gaps(config.paths.data_dir) == []
    assert has_record(config.paths.data_dir, config.worker.name)


def test_the_gap_of_a_restart_begins_at_the_last_row(config: Config, record_ticks: Callable[[int, int], None]) -> None:
    record_ticks(NOON, 3)
    record_ticks(NOON + 50, 1)
    assert gaps(config.paths.data_dir) == [("worker_restart", NOON + 3, NOON + 50)]


def test_a_restart_has_its_gap_although_every_segment_was_compacted_away(
    config: Config, record_ticks: Callable[[int, int], None]
) -> None:
    """The name of the last segment rounds its newest row up to a second: the gap begins at that second's start."""
    record_ticks(NOON, 3)
    for segment in list_segments(config.paths.data_dir):
        segment.path.unlink()
    assert has_record(config.paths.data_dir, config.worker.name)
    record_ticks(NOON + 50, 1)
    assert gaps(config.paths.data_dir) == [("worker_restart", NOON, NOON + 50)]


def held(config: Config, *, damaged: bool = False) -> Controls | None:
    """Open the record as a start does and return what it takes over."""
    sink = Sink(config.paths.data_dir, worker_run(config, NOON + 60), AnchoredClock(), sink_settings(config))
    last_ns = open_record(sink)
    try:
        if damaged:
            live = config.paths.data_dir / "live" / "live-worker-1.duckdb"
            sink.recovered.append(RecoveredSegment(live=live, problem="not a database"))
        return last_controls(sink, config, last_ns)
    finally:
        sink.stop()


def test_a_first_start_takes_nothing_over(config: Config) -> None:
    assert held(config) is None


def test_what_the_record_does_not_tell_is_said_and_no_reason_not_to_start(
    config: Config, record_ticks: Callable[[int, int], None]
) -> None:
    record_ticks(NOON, 3)
    with capture_logs() as lines:
        controls = held(config)
    assert controls is not None
    assert controls.problem is not None
    assert controls.problem.startswith("no keyframe of worker")
    assert [(line["event"], line["log_level"]) for line in lines if line["event"].startswith("controls")] == [
        ("controls_unknown", "error"),
        ("controls_restored", "info"),
    ]


@pytest.mark.parametrize("damaged", [False, True])
def test_what_held_is_told_in_the_log_and_a_damaged_file_makes_it_doubtful(config: Config, *, damaged: bool) -> None:
    engine = Engine(config.engine)
    sink = Sink(config.paths.data_dir, worker_run(config, NOON), AnchoredClock(), sink_settings(config))
    open_record(sink)
    halt = OperatorCommand("c1", CommandKind.HALT, "ann", "maintenance", NOON, (), "venue:gemini")
    sink.put_event(1, halt, engine.process(halt))
    sink.stop()
    with capture_logs() as lines:
        controls = held(config, damaged=damaged)
    assert controls is not None
    assert [one.scope for one in controls.halts] == ["venue:gemini"]
    assert controls.problem == ("damaged: live-worker-1.duckdb" if damaged else None)
    (told,) = [line for line in lines if line["event"] == "controls_restored"]
    assert (told["log_level"], told["halts"], told["risk"]) == ("warning", ["venue:gemini"], None)
