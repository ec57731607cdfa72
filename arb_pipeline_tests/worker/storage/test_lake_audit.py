"""The lake is as its manifest says, or each difference is named."""

from collections.abc import Callable
from pathlib import Path

import pytest

from arb_pipeline.lake.catalogue import Catalogue
from arb_pipeline.lake.layout import LakeLayout
from arb_pipeline_tests.failure.lake_process import compact_quickly
from streaming_worker.core.events import ClockTick
from streaming_worker.core.units import NANOS_PER_HOUR, NANOS_PER_SECOND
from streaming_worker.storage.lake_audit import audit_lake, lake_stats
from streaming_worker.storage.manifest import read_manifest
from streaming_worker.storage.segments import list_segments
from streaming_worker.storage.sink import Sink

NOON = 1_767_268_800 * NANOS_PER_SECOND


@pytest.fixture
def data(start_sink: Callable[..., Sink], tmp_path: Path) -> Path:
    """Return a folder with two compacted hours of ticks and a segment that waits."""
    for run_id, start_ns, is_compacted in (("run-1", NOON, True), ("run-2", NOON + NANOS_PER_HOUR, False)):
        sink = start_sink(run_id=run_id)
        for seq in range(1, 4):
            sink.put_event(seq, ClockTick(start_ns + seq * 30 * 60 * NANOS_PER_SECOND))
        sink.stop()
        if is_compacted:
            compact_quickly(tmp_path / "data")
    return tmp_path / "data"


def ticks(data: Path) -> list[Path]:
    return [data / "lake" / file.path for file in read_manifest(data / "lake").files if file.table == "clock_ticks"]


def test_a_lake_that_is_whole_has_no_findings(data: Path) -> None:
    audit = audit_lake(data)
    assert audit.findings == []
    assert audit.rows == 4  # three ticks and the run
    assert audit.files == len(read_manifest(data / "lake").files)
    assert audit.bytes == sum((data / "lake" / file.path).stat().st_size for file in read_manifest(data / "lake").files)


def test_each_difference_is_named(data: Path) -> None:
    first, second = ticks(data)
    content = first.read_bytes()
    first.write_bytes(content[:-9] + bytes([content[-9] ^ 1]) + content[-8:])
    second.write_bytes(second.read_bytes()[:-1])
    stray = first.with_name("stray.parquet")
    stray.write_bytes(b"PAR1")
    findings = audit_lake(data).findings
    assert len(findings) == 3
    assert findings[0].startswith(f"{first.relative_to(data / 'lake')}: expected sha256 ")
    assert "bytes, found" in findings[1]
    assert findings[2] == f"{stray.relative_to(data / 'lake')}: the manifest does not name it"
    first.unlink()
    assert audit_lake(data).findings[0] == f"{first.relative_to(data / 'lake')}: is missing"


def test_without_hashes_the_content_still_has_to_be_what_the_manifest_counts(data: Path) -> None:
    first, second = ticks(data)
    with Catalogue(LakeLayout(data / "lake").catalogue)._open() as manifest:
        manifest.execute("UPDATE files SET row_count = 7, hour_ns = 0 WHERE path = ?", (str(_relative(data, first)),))
    content = second.read_bytes()
    second.write_bytes(content[:-8] + bytes(4) + content[-4:])
    findings = audit_lake(data, has_hashes=False).findings
    assert [line.split(": ", 1)[1] for line in findings[:2]] == [
        "expected 7 rows, found 1",
        "stands in the folder of another hour",
    ]
    assert "cannot be read as Parquet" in findings[2]
    assert findings[3].startswith("run run-1: 10 rows in the lake, 4 went in")


def _relative(data: Path, path: Path) -> Path:
    return path.relative_to(data / "lake")


def test_a_refused_segment_is_a_finding(data: Path) -> None:
    waiting = list_segments(data)[-1].path
    waiting.write_bytes(b"not a segment" * 4_096)
    compact_quickly(data)
    assert audit_lake(data).findings == [f"segment w/{waiting.stem}: refused by the compaction"]


def test_the_sums_follow_the_manifest_and_the_folder(data: Path) -> None:
    stats = lake_stats(data)
    by_table = {table.table: table for table in stats.tables}
    assert sorted(by_table) == ["clock_ticks", "worker_runs"]
    found = by_table["clock_ticks"]
    assert (found.files, found.rows, found.last_hour_ns - found.first_hour_ns) == (2, 3, NANOS_PER_HOUR)
    assert (stats.segments_compacted, stats.segments_refused, stats.segments_waiting) == (1, 0, 1)
    assert stats.segment_bytes == sum(info.path.stat().st_size for info in list_segments(data))


def test_no_lake_is_an_empty_audit(tmp_path: Path) -> None:
    assert audit_lake(tmp_path).files == 0
    assert lake_stats(tmp_path).tables == []
