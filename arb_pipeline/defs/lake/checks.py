"""Checks of the lake, made in the compaction's own step: what was written is what was read, once and in order."""

from collections.abc import Sequence
from pathlib import Path

import dagster as dg
import duckdb

from arb_pipeline.hours import Hour
from arb_pipeline.lake.catalogue import Catalogue, FileRecord
from arb_pipeline.lake.connection import open_memory, parquet
from arb_pipeline.lake.layout import LakeLayout
from arb_pipeline.lake.tables import CAPTURED, LakeTable

ROWS_VERIFIED = "rows_verified"
SEGMENTS_ACCEPTED = "segments_accepted"


def rows_verified(
    layout: LakeLayout, catalogue: Catalogue, written: Sequence[FileRecord]
) -> dict[str, dg.AssetCheckResult]:
    """Return one result per captured table over the hours that were touched."""
    with open_memory() as connection:
        return {
            table.name: _verified(
                connection, layout, catalogue, table, [file for file in written if file.table == table.name]
            )
            for table in CAPTURED
        }


def _verified(
    connection: duckdb.DuckDBPyConnection,
    layout: LakeLayout,
    catalogue: Catalogue,
    table: LakeTable,
    written: Sequence[FileRecord],
) -> dg.AssetCheckResult:
    hours = sorted({Hour(file.hour_ns) for file in written})
    expected = rows = outside = 0
    for hour in hours:
        expected += sum(file.row_count for file in catalogue.files_of(hour) if file.table == table.name)
        found = connection.execute(
            f"{parquet(layout.hour_files(table, [hour]))}"
            " SELECT count(*), count(*) FILTER (received_ns < ? OR received_ns >= ?)",
            [hour.start_ns, hour.end_ns],
        ).fetchall()
        rows += found[0][0]
        outside += found[0][1]
    disorder = sum(_disorder(connection, layout.root / file.path) for file in written if "seq" in table.column_names)
    return dg.AssetCheckResult(
        check_name=ROWS_VERIFIED,
        asset_key=dg.AssetKey(["lake", table.name]),
        passed=rows == expected and outside == 0 and disorder == 0,
        severity=dg.AssetCheckSeverity.ERROR,
        metadata={
            "hours": len(hours),
            "rows_in_files": rows,
            "rows_in_manifest": expected,
            "rows_outside_their_hour": outside,
            "rows_out_of_order": disorder,
        },
    )


def _disorder(connection: duckdb.DuckDBPyConnection, path: Path) -> int:
    (count,) = connection.execute(
        "FROM (FROM read_parquet(?, file_row_number = true)"
        " SELECT seq - lag(seq) OVER (ORDER BY file_row_number) AS step)"
        " SELECT count(*) FILTER (step < 0)",
        [str(path)],
    ).fetchall()[0]
    return int(count)


def segments_accepted(catalogue: Catalogue) -> dg.AssetCheckResult:
    """Fail while any sealed segment is refused, naming each."""
    refused = catalogue.refused()
    return dg.AssetCheckResult(
        check_name=SEGMENTS_ACCEPTED,
        asset_key=dg.AssetKey(["lake", "worker_runs"]),
        passed=not refused,
        severity=dg.AssetCheckSeverity.ERROR,
        metadata={
            "refused": len(refused),
            "reasons": "; ".join(f"{worker}/{name}: {reason}" for worker, name, reason in refused[:20]),
        },
    )
