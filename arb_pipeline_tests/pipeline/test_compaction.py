"""Segments become Parquet hours exactly once; what cannot be used is refused by name."""

import shutil
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

from arb_pipeline.lake.catalogue import Catalogue
from arb_pipeline.lake.compaction import compact, ensure_placeholders
from arb_pipeline.lake.inspection import Segment
from arb_pipeline.lake.layout import LakeLayout, sha256_of
from arb_pipeline.lake.tables import CAPTURED, LAKE_TABLES
from arb_pipeline_tests.fixtures.platform import FIRST, HOURS, STRETCH
from arb_pipeline_tests.fixtures.recorded import Stretch, capture
from streaming_worker.adapters.clock import AnchoredClock
from streaming_worker.core.events import ClockTick
from streaming_worker.errors import StorageError
from streaming_worker.storage.live_file import WorkerRun
from streaming_worker.storage.segments import list_segments, sealed_path
from streaming_worker.storage.sink import Sink

NOW_NS = 1_000
LARGE = 130_000


class Shop:
    """A data folder, its lake, and the hand that compacts."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.layout = LakeLayout(folder / "lake")
        self.catalogue = Catalogue(self.layout.catalogue)

    @property
    def segments(self) -> list[Segment]:
        """Every sealed segment."""
        return [Segment(info.worker, info.path) for info in list_segments(self.folder)]

    def compact(self, segments: list[Segment] | None = None) -> int:
        """Compact and return the number of segments taken or refused."""
        chosen = self.segments if segments is None else segments
        return len(compact(self.layout, self.catalogue, chosen, now=lambda: NOW_NS).segments)

    def rows(self, table: str) -> int:
        """Count what a reader of the lake sees."""
        with duckdb.connect() as connection:
            source = f"read_parquet('{self.layout.glob(table)}', union_by_name = true)"
            return int(connection.execute(f"SELECT count(*) FROM {source}").fetchall()[0][0])

    def files(self) -> dict[str, str]:
        """Return every captured file with its hash."""
        return {
            str(path.relative_to(self.layout.root)): sha256_of(path)
            for table in CAPTURED
            for path in sorted((self.layout.root / table.name).glob("*/*/*.parquet"))
        }


@pytest.fixture
def shop(captured: Path, tmp_path: Path) -> Shop:
    """A copy of the captured evening."""
    shutil.copytree(captured, tmp_path / "data")
    return Shop(tmp_path / "data")


def segment_rows(segment: Segment, table: str) -> int:
    """Count the rows of a table in a sealed segment."""
    with duckdb.connect(str(segment.path), read_only=True) as connection:
        return int(connection.execute(f"SELECT count(*) FROM {table}").fetchall()[0][0])


def test_every_row_arrives_once_and_again_is_nothing(shop: Shop) -> None:
    assert shop.compact() == len(shop.segments) > 1
    before = shop.files()
    for table in CAPTURED:
        expected = sum(segment_rows(segment, table.name) for segment in shop.segments)
        assert shop.rows(table.name) == expected, table.name
    assert shop.compact() == 0
    assert shop.files() == before


def test_rows_lie_in_their_hour_in_the_order_of_events_with_their_run(shop: Shop) -> None:
    shop.compact()
    hour = HOURS[1]
    folder = shop.layout.folder("book_updates", hour)
    with duckdb.connect() as connection:
        rows = connection.execute(
            f"SELECT seq, position, received_ns, worker, run_id FROM read_parquet('{folder}/*.parquet')"
        ).fetchall()
    assert [row[:2] for row in rows] == sorted(row[:2] for row in rows)
    assert all(hour.start_ns <= row[2] < hour.end_ns for row in rows)
    assert {row[3:] for row in rows} == {("main", "run-1")}
    assert folder.parent.name == "date=2025-03-08"


def large_segments(folder: Path, first_ns: int) -> None:
    """Seal four segments of one run, each with more ticks than DuckDB keeps in one group of rows, 10 ms apart."""
    sink = Sink(folder, WorkerRun(worker="main", run_id="run-1", version="test", settings="{}"), AnchoredClock())
    sink.start()
    sink.put_event(1, ClockTick(first_ns))
    sink.stop()
    (made,) = list_segments(folder)
    for number in range(4):
        start = number * LARGE
        path = sealed_path(folder, "main", first_ns + (start + LARGE) * 10_000_000, number + 1)
        shutil.copy(made.path, path)
        with duckdb.connect(str(path)) as connection:
            connection.execute("DELETE FROM clock_ticks")
            connection.execute(
                "INSERT INTO clock_ticks SELECT seq, ? + seq * 10_000_000, 0 FROM range(?, ?) AS t(seq)",
                [first_ns, start, start + LARGE],
            )
    made.path.unlink()


def test_an_hour_of_large_segments_keeps_the_order_of_events(tmp_path: Path) -> None:
    hour = HOURS[1]
    large_segments(tmp_path, hour.start_ns - LARGE * 6 // 5 * 10_000_000)
    shop = Shop(tmp_path)
    ensure_placeholders(shop.layout)
    assert shop.compact() == 4
    (path,) = shop.layout.folder("clock_ticks", hour).glob("*.parquet")
    with duckdb.connect() as connection:
        rows = (
            f"FROM read_parquet('{path}', file_row_number = true) SELECT seq, lag(seq) OVER (ORDER BY file_row_number)"
        )
        found = connection.execute(
            f"SELECT count(*), count(*) FILTER (seq < before) FROM ({rows} AS before)"
        ).fetchall()
    assert found == [(360_000, 0)]


def test_an_hour_becomes_due_with_each_batch_until_it_is_worked(shop: Shop) -> None:
    shop.compact(shop.segments[:1])
    versions = {part.hour: part.version for part in shop.catalogue.due_hours()}
    assert versions[FIRST] == 1
    shop.catalogue.begin(FIRST)
    shop.catalogue.finish(FIRST)
    assert FIRST not in {part.hour for part in shop.catalogue.due_hours()}
    shop.compact()
    # how many hours the first segment reaches into depends on how fast the machine wrote it
    again = {part.hour: part.version for part in shop.catalogue.due_hours()}
    assert again[HOURS[-1]] == versions.get(HOURS[-1], 0) + 1


def test_data_that_comes_in_while_an_hour_is_worked_keeps_it_due(shop: Shop) -> None:
    shop.compact(shop.segments[:1])
    touched = shop.catalogue.due_hours()[-1].hour
    shop.catalogue.begin(touched)
    shop.compact()
    shop.catalogue.finish(touched)
    assert touched in {part.hour for part in shop.catalogue.due_hours()}


def test_a_crash_between_files_and_manifest_is_repaired_by_the_next_compaction(shop: Shop) -> None:
    shop.compact()
    shop.layout.catalogue.unlink()
    leftover = shop.layout.folder("gaps", FIRST) / "half.tmp"
    leftover.parent.mkdir(parents=True, exist_ok=True)
    leftover.write_bytes(b"PAR1")
    assert shop.compact(shop.segments[:1]) == 1
    assert not leftover.exists()
    shop.compact()
    for table in CAPTURED:
        assert shop.rows(table.name) == sum(segment_rows(segment, table.name) for segment in shop.segments)


def _copied(shop: Shop) -> str:
    first = shop.segments[0].path
    shutil.copy(first, first.with_name("20991231T000000Z-00000099.duckdb"))
    return "overlap 1 to"


def _truncated(shop: Shop) -> str:
    path = shop.segments[0].path.with_name("20991231T000000Z-00000099.duckdb")
    path.write_bytes(shop.segments[0].path.read_bytes()[:20_000])
    return ""


def _foreign(shop: Shop) -> str:
    folder = shop.folder / "segments" / "other"
    folder.mkdir()
    shutil.copy(shop.segments[0].path, folder / "20991231T000000Z-00000099.duckdb")
    return "expected rows of one run of worker other"


@pytest.mark.parametrize("plant", [_copied, _truncated, _foreign])
def test_a_segment_that_cannot_be_used_is_refused_and_the_rest_goes_on(
    shop: Shop, plant: Callable[[Shop], str]
) -> None:
    expected = {table.name: sum(segment_rows(s, table.name) for s in shop.segments) for table in CAPTURED}
    reason = plant(shop)
    shop.compact()
    ((_, name, said),) = shop.catalogue.refused()
    assert name == "20991231T000000Z-00000099"
    assert reason in said
    assert {table.name: shop.rows(table.name) for table in CAPTURED} == expected
    assert shop.compact() == 0


def test_damage_that_comes_to_light_while_rows_are_copied_costs_only_its_own_segment(shop: Shop) -> None:
    """A flipped byte of a text column: counting rows and times does not read it, copying does."""
    damaged = shop.segments[1]
    expected = sum(segment_rows(s, "feed_events") for s in shop.segments if s != damaged)
    data = damaged.path.read_bytes()
    at = data.index(b"coinbase:")
    damaged.path.write_bytes(data[:at] + b"C" + data[at + 1 :])
    shop.compact()
    ((_, name, said),) = shop.catalogue.refused()
    assert (name, "checksum" in said) == (damaged.name, True)
    assert shop.rows("feed_events") == expected
    assert list(shop.layout.root.glob("*/*/*/*.tmp")) == []


def test_a_disk_that_is_in_the_way_refuses_no_segment(shop: Shop) -> None:
    """A segment that is refused is never looked at again: only damage may do that."""
    gone = Segment("main", shop.folder / "segments" / "main" / "20991231T000000Z-00000099.duckdb")
    with pytest.raises(StorageError, match="cannot read segment 20991231T000000Z-00000099"):
        shop.compact([*shop.segments, gone])
    assert shop.catalogue.refused() == []
    assert shop.compact() == len(shop.segments)


def test_two_runs_of_a_worker_never_share_a_file(shop: Shop) -> None:
    capture(shop.folder, Stretch(start_ns=STRETCH.start_ns + STRETCH.seconds * 10**9, seconds=30, run_id="run-2"))
    shop.compact()
    for files in (shop.catalogue.files_of(hour) for hour in HOURS):
        assert len({file.path for file in files}) == len(files)
    with duckdb.connect() as connection:
        runs = connection.execute(
            f"SELECT filename, count(DISTINCT run_id) FROM read_parquet('{shop.layout.glob('clock_ticks')}',"
            " union_by_name = true, filename = true) GROUP BY filename"
        ).fetchall()
    assert {count for _, count in runs} == {1}
    assert len(runs) > 3


def test_every_table_can_be_read_before_any_row_exists(tmp_path: Path) -> None:
    layout = LakeLayout(tmp_path / "lake")
    ensure_placeholders(layout)
    with duckdb.connect() as connection:
        for table in LAKE_TABLES.values():
            described = connection.execute(
                f"DESCRIBE SELECT * FROM read_parquet('{layout.glob(table.name)}')"
            ).fetchall()
            assert [row[0] for row in described][: len(table.columns)] == list(table.column_names)


def test_a_placeholder_follows_its_columns(tmp_path: Path) -> None:
    layout = LakeLayout(tmp_path / "lake")
    ensure_placeholders(layout)
    current = layout.placeholder(LAKE_TABLES["gaps"])
    old = current.with_name("empty-00000000.parquet")
    current.rename(old)
    ensure_placeholders(layout)
    assert current.exists()
    assert not old.exists()
