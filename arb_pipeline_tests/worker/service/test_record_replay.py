"""The record replayed: every digest and every output again, or the exact place where it is not so."""

from itertools import pairwise
from pathlib import Path
from typing import Any

import duckdb
import pytest

from arb_pipeline_tests.fixtures.market import START_NS
from arb_pipeline_tests.fixtures.recorded import HOUR_NS, Stretch, capture
from streaming_worker.core.units import NANOS_PER_SECOND
from streaming_worker.errors import StorageError
from streaming_worker.service.record_replay import open_segment
from streaming_worker.service.replay import replay_captures
from streaming_worker.storage.schema import TABLES

# From 6 minutes before an hour to 30 s after it: one incident of each kind, and a keyframe at the hour.
BEFORE_S = 6 * 60
SECONDS = BEFORE_S + 30
HOUR_START_NS = (START_NS // HOUR_NS + 1) * HOUR_NS
RUN = "main/run-1"


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, int]:
    """Return the one sealed segment of a run, and how many events it holds."""
    data_dir = tmp_path_factory.mktemp("data")
    start_ns = HOUR_START_NS - BEFORE_S * NANOS_PER_SECOND
    events = capture(data_dir, Stretch(start_ns=start_ns, seconds=SECONDS), rotate_rows=10**6)
    (segment,) = (data_dir / "segments" / "main").iterdir()
    return segment, events


@pytest.fixture
def segments(recorded: tuple[Path, int], tmp_path: Path) -> list[Path]:
    """Return the run cut into four segments of our own, to be damaged; the last one starts with the hour."""
    segment, events = recorded
    with duckdb.connect(str(segment), read_only=True) as connection:
        (hour,) = connection.execute("SELECT max(seq) FROM keyframes").fetchall()[0]
    bounds = [0, hour // 3, 2 * hour // 3, hour, events]
    paths = []
    for number, (after, until) in enumerate(pairwise(bounds), start=1):
        path = tmp_path / "segments" / "main" / f"20260921T15003{number}Z-0000000{number}.duckdb"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(segment.read_bytes())
        _cut(path, after, until)
        paths.append(path)
    return paths


def _cut(path: Path, after: int, until: int) -> None:
    """Keep the rows of a range of seq; a keyframe is stored with the event that follows it."""
    with duckdb.connect(str(path)) as connection:
        for table in TABLES:
            if "seq" in table.column_names:
                seq = "seq + 1" if table.name == "keyframes" else "seq"
                connection.execute(f"DELETE FROM {table.name} WHERE NOT ({seq} > {after} AND {seq} <= {until})")


def _run(path: Path) -> dict[str, Any]:
    return replay_captures([path])["runs"][RUN]


def test_a_replay_gives_every_keyframe_and_every_output_again(recorded: tuple[Path, int]) -> None:
    segment, events = recorded
    report = replay_captures([segment])
    run = report["runs"][RUN]
    assert (run["first_seq"], run["events"], run["damage"]) == (0, events, None)
    assert (run["keyframes"], run["keyframes_equal"]) == (2, 2)
    assert (run["missing_rows"], run["unexpected_rows"], run["is_equal"]) == (0, 0, True)
    assert run["outputs"] > 100
    assert report["overall"]["events"] == events
    assert report["overall"]["opportunities"] > 0
    assert report["overall"]["simulated_trades"] > 0
    assert report["overall"]["rejections"]["no_edge"] > 0
    assert run["instruments"]["coinbase:SOL-USD"]["state"] == "synced"
    assert run["instruments"]["coinbase:SOL-USD"]["best_ask"] is not None
    assert len(run["digest"]) == 64


def test_cutting_a_run_into_segments_changes_nothing(recorded: tuple[Path, int], segments: list[Path]) -> None:
    assert _run(segments[0].parent) == _run(recorded[0])


def test_a_record_without_its_start_begins_at_the_next_keyframe(segments: list[Path]) -> None:
    whole = _run(segments[0].parent)
    for path in segments[:2]:
        path.unlink()
    part = _run(segments[0].parent)
    assert part["first_seq"] > 0
    assert part["first_seq"] + part["events"] == whole["events"]
    assert (part["digest"], part["damage"]) == (whole["digest"], None)
    assert (part["missing_rows"], part["unexpected_rows"]) == (0, 0)


def test_a_segment_that_is_missing_ends_the_run_and_says_where(segments: list[Path]) -> None:
    segments[1].unlink()
    run = _run(segments[0].parent)
    assert f"expected event {run['events'] + 1}, the record goes on at" in run["damage"]
    assert (run["missing_rows"], run["unexpected_rows"]) == (0, 0)


def test_an_output_that_was_changed_in_the_record_is_found(segments: list[Path]) -> None:
    with duckdb.connect(str(segments[1])) as connection:
        connection.execute("UPDATE rejections SET count = count + 1 WHERE seq = (SELECT max(seq) FROM rejections)")
    run = _run(segments[0].parent)
    assert run["missing_rows"] == run["unexpected_rows"] > 0
    assert not run["is_equal"]
    assert run["keyframes_equal"] == run["keyframes"]


def test_an_input_that_was_changed_in_the_record_changes_the_digest(segments: list[Path]) -> None:
    whole = _run(segments[0].parent)
    with duckdb.connect(str(segments[-1])) as connection:
        connection.execute(
            "UPDATE book_updates SET price_e8 = price_e8 + 1 WHERE seq = (SELECT max(seq) FROM book_updates)"
        )
    assert _run(segments[0].parent)["digest"] != whole["digest"]


def test_a_keyframe_with_another_digest_is_found(segments: list[Path]) -> None:
    for path in segments:
        with duckdb.connect(str(path)) as connection:
            connection.execute("UPDATE keyframes SET digest = 'ff' WHERE seq > 0")
    run = _run(segments[0].parent)
    assert (run["keyframes"], run["keyframes_equal"], run["is_equal"]) == (2, 1, False)


def test_a_record_without_any_keyframe_cannot_start(segments: list[Path]) -> None:
    for path in segments:
        with duckdb.connect(str(path)) as connection:
            connection.execute("DELETE FROM keyframes")
    run = _run(segments[0].parent)
    assert (run["events"], run["digest"], run["instruments"], run["is_equal"]) == (0, "", {}, False)


def _lake(segments: list[Path], folder: Path) -> Path:
    """Write the segments as a lake of one hour."""
    for table in (table.name for table in TABLES):
        hour = folder / table / "date=2026-09-21" / "hour=14"
        with duckdb.connect() as connection:
            parts = []
            for number, path in enumerate(segments):
                connection.execute(f"ATTACH '{path}' AS s{number} (READ_ONLY)")
                owner = "" if table == "worker_runs" else ", 'main' AS worker, 'run-1' AS run_id"
                parts.append(f"SELECT *{owner} FROM s{number}.{table}")
            union = " UNION ALL ".join(parts)
            if connection.execute(f"SELECT count(*) FROM ({union})").fetchall()[0][0]:
                hour.mkdir(parents=True)
                connection.execute(f"COPY ({union}) TO '{hour / 'part-0.parquet'}' (FORMAT parquet)")
    return folder


def test_a_lake_gives_the_same_as_its_segments(segments: list[Path], tmp_path: Path) -> None:
    lake = _lake(segments, tmp_path / "lake")
    report = replay_captures([lake])
    whole = _run(segments[0].parent)
    differing = {name for name, value in report["runs"][RUN].items() if value != whole[name]}
    assert differing == set()
    assert report["skipped"] == {}


def test_a_lake_and_newer_segments_are_one_run(segments: list[Path], tmp_path: Path) -> None:
    whole = _run(segments[0].parent)
    _lake(segments[:3], tmp_path / "lake")
    run = _run(tmp_path)
    assert (run["digest"], run["events"], run["damage"]) == (whole["digest"], whole["events"], None)


def test_a_live_file_is_never_opened_and_foreign_files_are_named(tmp_path: Path) -> None:
    (tmp_path / "live-main-20260921T140000Z-00000001.duckdb").write_bytes(b"not even a database")
    (tmp_path / "20260921T140000Z-00000001.duckdb").write_bytes(b"nor this")
    (tmp_path / "x.parquet").write_bytes(b"PAR1")
    skipped = replay_captures([tmp_path])["skipped"]
    assert "not a sealed segment" in skipped["live-main-20260921T140000Z-00000001.duckdb"]
    assert "cannot read the record" in skipped["20260921T140000Z-00000001.duckdb"]
    assert "lake folder" in skipped["x.parquet"]


def test_a_segment_belongs_to_one_run(segments: list[Path]) -> None:
    with duckdb.connect(str(segments[0])) as connection:
        connection.execute("DELETE FROM worker_runs")
    with pytest.raises(StorageError, match="expected one worker_runs row"), open_segment(segments[0]):
        pass
