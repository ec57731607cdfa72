"""Swap in a new file for analysts."""

from pathlib import Path

import dagster as dg

from arb_pipeline.catalogue_text import OWNERS
from arb_pipeline.defs.transform.assets import WRITER_POOL, WRITER_RETRIES, dbt_marts
from arb_pipeline.lake.publishing import publish
from arb_pipeline.resources import Lake, Published, Warehouse


@dg.asset(
    group_name="published",
    owners=OWNERS,
    kinds={"duckdb"},
    code_version="1",
    deps=[key for key in sorted(dbt_marts.keys) if key.path[0] == "marts"],
    pool=WRITER_POOL,
    retry_policy=WRITER_RETRIES,
)
def published_database(lake: Lake, warehouse: Warehouse, published: Published) -> dg.MaterializeResult[None]:
    """The DuckDB file that analysts open: marts as tables, the lake as views, a table readme that explains both.

    It is built beside the old file and swapped in by a rename, so that a reader never sees half of it.
    """
    rows = publish(Path(warehouse.path), lake.layout, Path(published.path))
    return dg.MaterializeResult(
        metadata={
            "dagster/row_count": sum(rows.values()),
            "path": dg.MetadataValue.path(published.path),
            "bytes": Path(published.path).stat().st_size,
            "tables": dg.MetadataValue.json(rows),
        }
    )
