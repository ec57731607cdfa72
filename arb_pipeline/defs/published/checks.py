"""The published file opens, and says the same as the warehouse that it was made from."""

import dagster as dg

from arb_pipeline.defs.transform.assets import WRITER_POOL
from arb_pipeline.lake.tables import LAKE_TABLES
from arb_pipeline.resources import Published, Warehouse

_TABLES = "SELECT table_name FROM duckdb_tables() WHERE schema_name = ? ORDER BY table_name"


@dg.asset_check(
    asset="published_database",
    blocking=True,
    pool=WRITER_POOL,
    description="Each mart has the warehouse's rows, and every view of the lake can be read.",
)
def published_equals_warehouse(warehouse: Warehouse, published: Published) -> dg.AssetCheckResult:
    """Compare row counts mart by mart; read one row of every view."""
    with warehouse.reader() as source, published.reader() as copy:
        marts = [str(name) for (name,) in source.execute(_TABLES, ["marts"]).fetchall()]
        different = {}
        for name in marts:
            expected = source.execute(f"FROM marts.{name} SELECT count(*)").fetchall()
            found = copy.execute(f"FROM {name} SELECT count(*)").fetchall()
            if expected != found:
                different[name] = {"warehouse": expected[0][0], "published": found[0][0]}
        for table in LAKE_TABLES:
            copy.execute(f"FROM lake.{table} LIMIT 1").fetchall()
    return dg.AssetCheckResult(
        passed=not different,
        severity=dg.AssetCheckSeverity.ERROR,
        metadata={"marts": len(marts), "views": len(LAKE_TABLES), "different": dg.MetadataValue.json(different)},
    )
