"""Files that an older release wrote: recovered, read and compacted; what they lack is empty."""

import asyncio
from pathlib import Path

import duckdb
import pytest

from arb_pipeline_tests.failure.lake_process import compact_quickly, remove_compacted
from streaming_worker.adapters.clock import AnchoredClock
from streaming_worker.core.events import ClockTick
from streaming_worker.core.units import NANOS_PER_SECOND
from streaming_worker.storage.live_file import WorkerRun
from streaming_worker.storage.record_reader import open_record
from streaming_worker.storage.recovery import recover_leftovers
from streaming_worker.storage.schema import SCHEMA_VERSION
from streaming_worker.storage.segments import list_segments, live_path
from streaming_worker.storage.sink import Sink

NOON = 1_767_268_800 * NANOS_PER_SECOND
FACTS = "SELECT run_id, seq, received_ns, late_ns FROM clock_ticks ORDER BY ALL"
VERSIONS = "SELECT DISTINCT run_id, schema_version FROM worker_runs ORDER BY ALL"


async def _fill(sink: Sink, run: int) -> None:
    for seq in range(1, 4):
        sink.put_event(seq, ClockTick(NOON + run * NANOS_PER_SECOND + seq, 7))
    await sink.flush()


def _record(folder: Path, run: int) -> Path:
    sink = Sink(folder, WorkerRun(worker="w", run_id=f"run-{run}", version="0", settings="{}"), AnchoredClock())
    sink.start()
    try:
        asyncio.run(_fill(sink, run))
    finally:
        sink.stop()
    return list_segments(folder)[-1].path


def _age(path: Path) -> None:
    """Make it as the first release would have: without the tables and the column that came later."""
    with duckdb.connect(str(path)) as connection:
        for table in ("clock_offsets", "latency_histograms", "balance_alerts"):
            connection.execute(f"DROP TABLE {table}")
        connection.execute("ALTER TABLE clock_ticks DROP COLUMN late_ns")
        connection.execute("UPDATE worker_runs SET schema_version = 1")


@pytest.fixture
def mixed(tmp_path: Path) -> Path:
    """Return a record of an old run and a new one."""
    _age(_record(tmp_path, 1))
    _record(tmp_path, 2)
    return tmp_path


EXPECTED = [("run-1", seq, NOON + NANOS_PER_SECOND + seq, None) for seq in (1, 2, 3)]
EXPECTED += [("run-2", seq, NOON + 2 * NANOS_PER_SECOND + seq, 7) for seq in (1, 2, 3)]


def test_old_and_new_segments_are_read_together_before_and_after_the_compaction(mixed: Path) -> None:
    versions = [("run-1", 1), ("run-2", SCHEMA_VERSION)]
    with open_record(mixed) as record:
        assert record.rows(FACTS) == EXPECTED
        assert record.rows(VERSIONS) == versions
        assert record.rows("SELECT count(*) FROM clock_offsets") == [(0,)]
    assert compact_quickly(mixed) == 2
    remove_compacted(mixed)
    with open_record(mixed) as record:
        assert record.rows(FACTS) == EXPECTED
        assert record.rows(VERSIONS) == versions
        assert record.rows("SELECT count(*) FROM balance_alerts") == [(0,)]


def test_a_live_file_that_an_older_release_left_is_recovered(tmp_path: Path) -> None:
    path = _record(tmp_path, 1)
    _age(path)
    left = live_path(tmp_path, "w", NOON, 9)
    path.rename(left)
    (found,) = recover_leftovers(tmp_path, "w")
    assert (found.run_id, found.last_seq, found.set_aside) == ("run-1", 3, ())
    assert found.last_received_ns == NOON + NANOS_PER_SECOND + 3
    with open_record(tmp_path) as record:
        assert record.rows(FACTS) == EXPECTED[:3]
