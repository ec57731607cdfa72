"""The machine's clock stands an hour off when the worker starts again: no row is lost, doubled or passed over."""

from pathlib import Path

import pytest

from arb_pipeline_tests.failure.lake_process import compact_quickly, remove_compacted
from streaming_worker.adapters.clock import HandClock
from streaming_worker.app.record import open_record as start_record
from streaming_worker.app.record import write_down_downtime
from streaming_worker.core.events import ClockTick
from streaming_worker.core.units import NANOS_PER_HOUR, NANOS_PER_SECOND
from streaming_worker.service.clock_watch import ClockWatch
from streaming_worker.storage.live_file import WorkerRun
from streaming_worker.storage.record_reader import open_record
from streaming_worker.storage.segments import list_segments
from streaming_worker.storage.sink import Sink

NOON = 1_767_268_800 * NANOS_PER_SECOND


def capture(data_dir: Path, run_id: str, start_ns: int) -> list[str]:
    """Record a second of ticks as the worker does; returns what health says of the clock."""
    clock = HandClock(start_ns)
    run = WorkerRun(worker="w", run_id=run_id, version="0", settings="{}")
    sink = Sink(data_dir, run, clock)
    last_ns = start_record(sink)
    try:
        write_down_downtime(sink, last_ns, start_ns)
        for tick in range(1, 11):
            sink.put_event(tick, ClockTick(start_ns + tick * 100_000_000))
    finally:
        sink.stop()
    return ClockWatch(clock, last_ns).complaints()


@pytest.mark.parametrize("jump_ns", [NANOS_PER_HOUR, -NANOS_PER_HOUR])
def test_a_jump_of_an_hour_costs_nothing(tmp_path: Path, jump_ns: int) -> None:
    start_ns = NOON + jump_ns
    assert capture(tmp_path, "run-1", NOON) == []
    complaints = capture(tmp_path, "run-2", start_ns)
    assert [line.split(":")[0] for line in complaints] == (["clock"] if jump_ns < 0 else [])
    names = [info.path.name for info in list_segments(tmp_path)]
    assert names == sorted(names)
    assert len(names) == 2
    check(tmp_path, start_ns)
    compact_quickly(tmp_path)
    remove_compacted(tmp_path)
    check(tmp_path, start_ns)


def check(data_dir: Path, start_ns: int) -> None:
    with open_record(data_dir) as record:
        assert record.run_ids() == ["run-1", "run-2"]
        for run_id in record.run_ids():
            assert [seq for seq, _ in record.events(run_id)] == list(range(1, 11))
        gap = record.rows("SELECT run_id, start_ns, end_ns FROM gaps")
    last_ns = NOON + NANOS_PER_SECOND
    assert gap == [("run-2", last_ns, max(last_ns, start_ns))]
    with open_record(data_dir, from_ns=start_ns, to_ns=start_ns + NANOS_PER_SECOND + 1) as record:
        assert record.rows("SELECT run_id, count(*) FROM clock_ticks GROUP BY ALL") == [("run-2", 10)]
