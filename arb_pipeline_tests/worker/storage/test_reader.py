"""Readers see sealed segments of a time range, and nothing else."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import duckdb
import polars as pl
import pytest

from streaming_worker.core.events import ClockTick
from streaming_worker.errors import StorageError
from streaming_worker.storage.reader import open_range, open_segments
from streaming_worker.storage.segments import list_segments
from streaming_worker.storage.sink import Sink

SECOND = 10**9
NOON = 1_767_268_800 * SECOND
StartSink = Callable[..., Sink]


def run(start_sink: StartSink, worker: str, run_id: str, seconds: list[int]) -> None:
    """Record one tick a second in one segment."""
    sink = start_sink(worker=worker, run_id=run_id)
    for seq, second in enumerate(seconds, start=1):
        sink.put_event(seq, ClockTick(NOON + second * SECOND))
    asyncio.run(sink.flush())
    sink.stop()


def test_rows_of_all_segments_carry_their_owner(start_sink: StartSink, tmp_path: Path) -> None:
    run(start_sink, "a", "a1", [0, 1])
    run(start_sink, "a", "a2", [2])
    run(start_sink, "b", "b1", [1])
    with open_range(tmp_path / "data") as reader:
        rows = reader.query("SELECT worker, run_id, count(*) FROM clock_ticks GROUP BY ALL ORDER BY ALL").fetchall()
        assert reader.run_ids() == ["a1", "a2", "b1"]
        assert reader.query("SELECT count(*) FROM worker_runs").fetchall() == [(3,)]
    assert rows == [("a", "a1", 2), ("a", "a2", 1), ("b", "b1", 1)]


def test_a_range_is_half_open_and_passes_over_older_files(start_sink: StartSink, tmp_path: Path) -> None:
    run(start_sink, "a", "a1", [0, 1])
    run(start_sink, "a", "a2", [10, 11, 12])
    with open_range(tmp_path / "data", from_ns=NOON + 11 * SECOND, to_ns=NOON + 12 * SECOND) as reader:
        assert reader.run_ids() == ["a2"]
        assert reader.query("SELECT received_ns FROM clock_ticks").fetchall() == [(NOON + 11 * SECOND,)]
    with open_range(tmp_path / "data", from_ns=NOON + SECOND) as reader:
        assert reader.run_ids() == ["a1", "a2"]


def test_one_worker_can_be_asked_for(start_sink: StartSink, tmp_path: Path) -> None:
    run(start_sink, "a", "a1", [0])
    run(start_sink, "b", "b1", [0])
    with open_range(tmp_path / "data", worker="b") as reader:
        assert reader.run_ids() == ["b1"]


def test_no_segment_is_an_empty_record(tmp_path: Path) -> None:
    with open_range(tmp_path) as reader:
        assert reader.query("SELECT worker, run_id, seq FROM book_updates").fetchall() == []
        assert reader.query("SELECT * FROM worker_runs").fetchall() == []


def test_results_outlive_the_reader(start_sink: StartSink, tmp_path: Path) -> None:
    run(start_sink, "a", "a1", [0, 1])
    with open_range(tmp_path / "data") as reader:
        arrow = reader.arrow("SELECT seq FROM clock_ticks ORDER BY seq")
        frame = reader.polars("SELECT seq FROM clock_ticks ORDER BY seq")
    assert arrow.column("seq").to_pylist() == [1, 2]
    assert frame.equals(pl.DataFrame({"seq": [1, 2]}))


def test_a_live_file_is_never_opened(start_sink: StartSink, tmp_path: Path) -> None:
    sink = start_sink()
    sink.put_event(1, ClockTick(NOON))
    asyncio.run(sink.flush())
    with open_range(tmp_path / "data") as reader:
        assert reader.segments == []


def test_a_removed_segment_stays_readable_while_it_is_open(start_sink: StartSink, tmp_path: Path) -> None:
    run(start_sink, "a", "a1", [0, 1])
    with open_range(tmp_path / "data") as reader:
        for info in list_segments(tmp_path / "data"):
            info.path.unlink()
        assert reader.query("SELECT count(*) FROM clock_ticks").fetchall() == [(2,)]


def test_nothing_is_written_through_a_reader(start_sink: StartSink, tmp_path: Path) -> None:
    run(start_sink, "a", "a1", [0])
    with open_range(tmp_path / "data") as reader, pytest.raises(StorageError, match="read-only"):
        reader.query("DELETE FROM segment_0.clock_ticks")


def test_a_segment_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match=r"absent\.duckdb"), open_segments([tmp_path / "absent.duckdb"]):
        pass


def test_a_damaged_segment_is_named(start_sink: StartSink, tmp_path: Path) -> None:
    run(start_sink, "a", "a1", [0])
    (info,) = list_segments(tmp_path / "data")
    with info.path.open("r+b") as file:
        file.write(b"\0" * 8_192)
    with pytest.raises(StorageError, match=info.path.name), open_range(tmp_path / "data"):
        pass


def test_a_file_that_is_no_segment_is_named(tmp_path: Path) -> None:
    path = tmp_path / "other.duckdb"
    duckdb.connect(str(path)).close()
    with pytest.raises(StorageError, match="worker_runs"), open_segments([path]):
        pass


def test_a_wrong_query_is_a_storage_error(tmp_path: Path) -> None:
    with open_range(tmp_path) as reader, pytest.raises(StorageError, match="no_such_column"):
        reader.arrow("SELECT no_such_column FROM clock_ticks")


def test_segments_in_the_wrong_order_are_refused(start_sink: StartSink, tmp_path: Path) -> None:
    run(start_sink, "a", "same", [0, 1])
    run(start_sink, "a", "same", [2, 3])
    with open_range(tmp_path / "data") as reader, pytest.raises(StorageError, match="expected a seq above 2"):
        list(reader.events("same"))


def test_events_can_start_after_a_keyframe(start_sink: StartSink, tmp_path: Path) -> None:
    run(start_sink, "a", "a1", [0, 1, 2])
    with open_range(tmp_path / "data") as reader:
        assert [seq for seq, _ in reader.events("a1", after_seq=2)] == [3]
