"""What is copied into memory is what the files say, each file is opened once, and what is gone is dropped."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

from arb_pipeline_tests.failure.lake_process import compact_quickly
from arb_pipeline_tests.fixtures.recorded import Stretch, capture
from streaming_worker.core.events import ClockTick
from streaming_worker.errors import StorageError
from streaming_worker.storage.record_reader import RecordReader, open_record
from streaming_worker.storage.schema import TABLES
from streaming_worker.storage.segment_copies import COPIED, SegmentCopies
from streaming_worker.storage.segments import list_segments
from streaming_worker.storage.sink import Sink

START = 1_767_268_800 * 10**9
StartSink = Callable[..., Sink]


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with ten minutes of a hand-made market."""
    folder = tmp_path_factory.mktemp("copies")
    capture(folder, Stretch(start_ns=START, seconds=600))
    return folder


def copied_record(folder: Path, copies: SegmentCopies, **span: int) -> RecordReader:
    limits = {"from_ns": None, "to_ns": None, **span}
    return RecordReader(folder, **limits, worker=None, copies=copies)


def ordered(table: str) -> str:
    return f"SELECT * FROM {table} ORDER BY ALL"


def test_every_copied_table_reads_as_the_files_do(recorded: Path) -> None:
    copies = SegmentCopies()
    record = copied_record(recorded, copies)
    with open_record(recorded) as files:
        for table in COPIED:
            assert record.arrow(ordered(table)).equals(files.arrow(ordered(table))), table
        assert record.run_ids() == files.run_ids()
    assert record.rows("SELECT count(*) FROM opportunities")[0][0] > 0
    assert record.rows("SELECT count(*) FROM simulated_legs")[0][0] > 0
    record.close()
    copies.close()


def test_the_range_limits_copies_too(recorded: Path) -> None:
    copies, middle = SegmentCopies(), START + 300 * 10**9
    whole, late = copied_record(recorded, copies), copied_record(recorded, copies, from_ns=middle)
    counted = "SELECT count(*) FILTER (WHERE received_ns >= {}) FROM rejections"
    assert late.rows("SELECT count(*) FROM rejections") == whole.rows(counted.format(middle))
    assert 0 < late.rows("SELECT count(*) FROM rejections")[0][0] < whole.rows("SELECT count(*) FROM rejections")[0][0]
    for record in (whole, late):
        record.close()
    copies.close()


def test_a_row_is_read_once_before_and_after_its_compaction(start_sink: StartSink, tmp_path: Path) -> None:
    data, copies = tmp_path / "data", SegmentCopies()
    sink = start_sink(worker="a", run_id="a1")
    sink.put_event(1, ClockTick(START))
    asyncio.run(sink.flush())
    sink.stop()
    runs = "SELECT worker, run_id FROM worker_runs"
    for step in (lambda: None, lambda: compact_quickly(data), lambda: list_segments(data)[0].path.unlink()):
        step()
        record = copied_record(data, copies)
        assert record.rows(runs) == [("a", "a1")]
        record.close()
    copies.close()


def test_each_file_is_opened_once_and_forgotten_when_it_is_gone(recorded: Path, tmp_path: Path) -> None:
    (info, *_) = list_segments(recorded)
    path = tmp_path / info.path.name
    path.write_bytes(info.path.read_bytes())
    copies = SegmentCopies()
    first = copies.copy_of(path)
    path.unlink()
    assert copies.copy_of(path) is first
    copies.forget_others({info.path})
    with pytest.raises(StorageError, match=path.name):
        copies.copy_of(path)
    assert copies.copy_of(info.path).run_id == first.run_id
    copies.close()


def test_a_damaged_file_is_named_and_hinders_no_other(recorded: Path, tmp_path: Path) -> None:
    (info, *_) = list_segments(recorded)
    broken = tmp_path / "broken.duckdb"
    broken.write_bytes(b"\0" * 20_000)
    empty = tmp_path / "other.duckdb"
    duckdb.connect(str(empty)).close()
    copies = SegmentCopies()
    for path in (broken, empty):
        with pytest.raises(StorageError, match=path.name):
            copies.copy_of(path)
    assert copies.copy_of(info.path).tables["opportunities"].num_rows > 0
    copies.close()


def test_what_is_not_copied_is_refused_and_never_empty(recorded: Path) -> None:
    copies = SegmentCopies()
    record = copied_record(recorded, copies)
    for table in TABLES:
        if table.name not in COPIED:
            with pytest.raises(StorageError, match=f"{table.name} is not among"):
                record.rows(f"SELECT count(*) FROM {table.name}")
    with pytest.raises(StorageError, match="is not among"):
        list(record.events(record.run_ids()[0]))
    record.close()
    copies.close()
