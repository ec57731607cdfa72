"""The compaction's bench gives both contestants the same rows, and its numbers come from work that was done."""

from pathlib import Path

import duckdb

from arb_pipeline.bench import make_segments, measure, run_compaction
from streaming_worker.storage.record_reader import open_record

ROWS = 20_000
SUMS = "count(*), count(DISTINCT seq), sum(price_e8), sum(size_e8)"


def test_both_contestants_write_the_same_rows(tmp_path: Path) -> None:
    make_segments(tmp_path, ROWS)
    facts = measure("copy", tmp_path)
    run_compaction(tmp_path)
    with open_record(tmp_path) as record:
        (compacted,) = record.rows(f"SELECT {SUMS} FROM book_updates")
    with duckdb.connect() as connection:
        copied = connection.execute(f"SELECT {SUMS} FROM read_parquet(?)", [str(tmp_path / "copy.parquet")]).fetchone()
    assert compacted == copied
    assert compacted[:2] == (ROWS, ROWS // 5)
    assert facts["seconds"] > 0
    assert facts["peak_mb"] > 10
