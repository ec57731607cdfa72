"""One view over segments, lake and published file: every row once, wherever it is at the moment."""

import asyncio
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import duckdb
import polars as pl
import pytest

from arb_pipeline.hours import Hour
from arb_pipeline.lake.catalogue import Catalogue, FileRecord, SegmentRecord
from arb_pipeline.lake.derived import write_hour
from arb_pipeline.lake.layout import LakeLayout
from arb_pipeline.lake.publishing import publish
from arb_pipeline.lake.tables import PNL_HOURLY
from arb_pipeline_tests.failure.lake_process import compact_quickly
from streaming_worker.core.events import ClockTick
from streaming_worker.core.units import NANOS_PER_HOUR, NANOS_PER_SECOND
from streaming_worker.errors import StorageError
from streaming_worker.storage.manifest import Manifest, hour_start_ns, read_manifest
from streaming_worker.storage.record_reader import open_record
from streaming_worker.storage.segments import list_segments
from streaming_worker.storage.sink import Sink

NOON = 1_767_268_800 * NANOS_PER_SECOND
TICKS = "SELECT worker, run_id, seq FROM clock_ticks ORDER BY ALL"
StartSink = Callable[..., Sink]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def captured(start_sink: StartSink) -> Callable[..., None]:
    """Return a capture of one run: ticks at some seconds after noon, in one segment."""

    def capture(worker: str, run_id: str, seconds: list[int], *, after_seq: int = 0) -> None:
        sink = start_sink(worker=worker, run_id=run_id)
        for seq, second in enumerate(seconds, start=after_seq + 1):
            sink.put_event(seq, ClockTick(NOON + second * NANOS_PER_SECOND))
        asyncio.run(sink.flush())
        sink.stop()

    return capture


def compacted(data: Path) -> LakeLayout:
    """Compact everything that is sealed; the segments stay."""
    compact_quickly(data)
    return LakeLayout(data / "lake")


def test_a_row_is_read_once_before_during_and_after_its_compaction(captured: Callable[..., None], data: Path) -> None:
    captured("a", "a1", [0, 1])
    rows = [("a", "a1", 1), ("a", "a1", 2)]
    with open_record(data) as record:
        assert record.rows(TICKS) == rows
        compacted(data)
        assert record.rows(TICKS) == rows
    with open_record(data) as record:
        assert record.rows(TICKS) == rows
        for info in list_segments(data):
            info.path.unlink()
        assert record.rows(TICKS) == rows
    with open_record(data) as record:
        assert record.rows(TICKS) == rows
        assert [seq for seq, _ in record.events("a1")] == [1, 2]


def test_one_run_is_joined_from_the_lake_and_its_newer_segments(captured: Callable[..., None], data: Path) -> None:
    captured("a", "a1", [0, 1])
    compacted(data)
    captured("a", "a1", [2, 3], after_seq=2)
    captured("b", "b1", [9])
    with open_record(data) as record:
        assert record.run_ids() == ["a1", "b1"]
        assert [seq for seq, _ in record.events("a1")] == [1, 2, 3, 4]
        assert [seq for seq, _ in record.events("a1", after_seq=2)] == [3, 4]
        assert record.rows("SELECT worker, count(*) FROM worker_runs GROUP BY ALL ORDER BY ALL") == [("a", 2), ("b", 1)]
    with open_record(data, worker="b") as record:
        assert record.run_ids() == ["b1"]
        assert record.rows(TICKS) == [("b", "b1", 1)]


def test_a_range_opens_only_the_hours_that_it_touches(captured: Callable[..., None], data: Path) -> None:
    hour = NANOS_PER_HOUR // NANOS_PER_SECOND
    captured("a", "a1", [0, hour, 2 * hour])
    compacted(data)
    captured("a", "a1", [3 * hour, 4 * hour], after_seq=3)
    with open_record(data, from_ns=NOON + NANOS_PER_HOUR, to_ns=NOON + 4 * NANOS_PER_HOUR) as record:
        assert [seq for _, _, seq in record.rows(TICKS)] == [2, 3, 4]
        assert sum(file.table == "clock_ticks" for file in record._files) == 2
    with open_record(data, from_ns=NOON + 5 * NANOS_PER_HOUR, to_ns=NOON + 6 * NANOS_PER_HOUR) as record:
        assert (record.run_ids(), record.rows(TICKS), record._files) == ([], [], [])


def test_a_segment_that_the_pipeline_refused_is_not_read(captured: Callable[..., None], data: Path) -> None:
    captured("a", "a1", [0, 1])
    compacted(data)
    captured("a", "a1", [0, 1])
    compacted(data)
    assert [segment.is_compacted for segment in read_manifest(data / "lake").segments] == [True, False]
    with open_record(data) as record:
        assert record.rows(TICKS) == [("a", "a1", 1), ("a", "a1", 2)]


def test_a_file_that_the_manifest_does_not_name_does_not_count(captured: Callable[..., None], data: Path) -> None:
    """A crash of the compaction leaves such files; the segment is then still the one to read."""
    captured("a", "a1", [0])
    layout = compacted(data)
    layout.catalogue.unlink()
    with open_record(data) as record:
        assert record.rows(TICKS) == [("a", "a1", 1)]


def test_a_file_that_retention_removes_makes_the_reader_look_again(captured: Callable[..., None], data: Path) -> None:
    hour = NANOS_PER_HOUR // NANOS_PER_SECOND
    captured("a", "a1", [0, hour])
    layout = compacted(data)
    with open_record(data) as record:
        with Catalogue(layout.catalogue)._open() as manifest:
            manifest.execute("DELETE FROM files WHERE hour_ns = ?", (NOON,))
        for path in layout.folder("clock_ticks", Hour(NOON)).iterdir():
            path.unlink()
        assert record.rows(TICKS) == [("a", "a1", 2)]


def test_what_the_pipeline_derives_is_there_by_its_name(captured: Callable[..., None], data: Path) -> None:
    captured("a", "a1", [0])
    layout = compacted(data)
    columns = ", ".join(f"NULL::{column.type.value} AS {column.name}" for column in PNL_HOURLY.columns)
    with duckdb.connect() as connection:
        for offset, worker in enumerate("aab"):
            hour = Hour(NOON).shifted(offset)
            own = f"SELECT * REPLACE ({hour.start_ns} AS hour_ns, '{worker}' AS worker) FROM (SELECT {columns})"
            write_hour(connection, layout, PNL_HOURLY, hour, query=own)
    query = "SELECT worker, count(*) FROM pnl_hourly GROUP BY ALL ORDER BY ALL"
    with open_record(data) as record:
        assert record.rows(query) == [("a", 2), ("b", 1)]
        assert record.rows("SELECT * FROM reconciliation") == []
    with open_record(data, from_ns=NOON + NANOS_PER_HOUR, to_ns=NOON + 2 * NANOS_PER_HOUR) as record:
        assert record.rows(query) == [("a", 1)]
    with open_record(data, worker="b") as record:
        assert record.rows(query) == [("b", 1)]


def test_the_published_file_is_there_and_a_swap_does_not_disturb_who_reads_it(
    captured: Callable[..., None], data: Path
) -> None:
    captured("a", "a1", [0])
    layout = compacted(data)
    warehouse, target = data / "warehouse.duckdb", data / "published" / "arb.duckdb"
    with open_record(data) as record:
        assert not record.has_published
    with duckdb.connect(str(warehouse)) as connection:
        connection.execute("CREATE SCHEMA marts; CREATE TABLE marts.fct_gaps AS SELECT 1 AS gap")
    publish(warehouse, layout, target)
    with open_record(data) as record:
        with duckdb.connect(str(warehouse)) as connection:
            connection.execute("UPDATE marts.fct_gaps SET gap = 2")
        publish(warehouse, layout, target)
        assert record.polars("SELECT gap FROM published.fct_gaps").equals(pl.DataFrame({"gap": [1]}, {"gap": pl.Int32}))
    with open_record(data) as record:
        assert record.rows("SELECT gap FROM published.fct_gaps") == [(2,)]


def test_a_wrong_query_is_named_and_not_asked_again(captured: Callable[..., None], data: Path) -> None:
    captured("a", "a1", [0])
    compacted(data)
    with open_record(data) as record, pytest.raises(StorageError, match="no_such_column"):
        record.arrow("SELECT no_such_column FROM clock_ticks")


def test_a_damaged_manifest_is_named(captured: Callable[..., None], data: Path) -> None:
    captured("a", "a1", [0])
    compacted(data).catalogue.write_bytes(b"not a database, but long enough to look like one" * 40)
    with pytest.raises(StorageError, match=r"manifest\.sqlite"), open_record(data):
        pass


def test_no_lake_is_an_empty_manifest(tmp_path: Path) -> None:
    assert read_manifest(tmp_path / "lake") == Manifest()


@pytest.mark.parametrize("made_so_far", ["", "CREATE TABLE segments (worker TEXT);"])
def test_a_manifest_that_is_just_being_made_names_nothing(tmp_path: Path, made_so_far: str) -> None:
    """The file is there a moment before its tables are: a reader that came in between was refused."""
    with closing(sqlite3.connect(tmp_path / "manifest.sqlite")) as connection, connection:
        connection.executescript(made_so_far)
    connection.close()
    assert read_manifest(tmp_path) == Manifest()


def test_the_manifest_is_read_as_the_pipeline_writes_it(tmp_path: Path) -> None:
    file = FileRecord("clock_ticks/x.parquet", "clock_ticks", "a", "a1", NOON, 7, 99, "ff")
    segment = SegmentRecord("a", "s1", "a1", "compacted", None, 7, 1, 7, NOON, NOON + 6)
    refused = SegmentRecord("a", "s2", "a1", "refused", "overlaps", 7, 1, 7, NOON, NOON + 6)
    Catalogue(tmp_path / "manifest.sqlite").record([segment, refused], [file], now_ns=NOON)
    manifest = read_manifest(tmp_path)
    ((found,), (first, second)) = manifest.files, manifest.segments
    assert (found.path, found.table, found.worker, found.run_id) == (file.path, file.table, file.worker, file.run_id)
    assert (found.hour_ns, found.row_count, found.size, found.sha256) == (NOON, 7, 99, "ff")
    assert (first.name, first.run_id, first.is_compacted, first.row_count) == ("s1", "a1", True, 7)
    assert (second.name, second.is_compacted) == ("s2", False)
    assert manifest.knows("a", Path("s2.duckdb"))
    assert not manifest.knows("b", Path("s1.duckdb"))


def test_a_file_outside_the_folders_of_an_hour_is_named() -> None:
    assert hour_start_ns(Path("t/date=2026-01-01/hour=12/x.parquet")) == NOON
    with pytest.raises(StorageError, match="date=2026-01-31"):
        hour_start_ns(Path("t/2026/12/x.parquet"))
