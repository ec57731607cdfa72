"""The file that analysts open: marts as tables, the lake as views, built beside the old one and swapped in.

A reader that has the old file open keeps it; the next one to open gets the new one. Views name the lake's absolute
path, so they work from any folder of this machine.
"""

from collections.abc import Mapping
from pathlib import Path

import duckdb

from arb_pipeline.lake.connection import quoted
from arb_pipeline.lake.layout import LakeLayout, appear
from arb_pipeline.lake.tables import LAKE_TABLES

_README = """
CREATE TABLE readme (name VARCHAR NOT NULL, kind VARCHAR NOT NULL, description VARCHAR NOT NULL)
"""
_MARTS = """
SELECT table_name, coalesce(comment, '') FROM duckdb_tables()
WHERE database_name = 'warehouse' AND schema_name = 'marts' ORDER BY table_name
"""


def publish(warehouse: Path, layout: LakeLayout, published: Path) -> dict[str, int]:
    """Write the file anew and swap it in; return the number of rows of each mart."""
    published.parent.mkdir(parents=True, exist_ok=True)
    temporary = published.with_name(f".{published.name}.new")
    temporary.unlink(missing_ok=True)
    connection = duckdb.connect(str(temporary))
    try:
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute(f"ATTACH {quoted(str(warehouse))} AS warehouse (READ_ONLY)")
        descriptions = _copy_marts(connection)
        _make_views(connection, layout)
        _write_readme(connection, descriptions)
        rows = {name: _count(connection, name) for name in descriptions}
        connection.execute("DETACH warehouse")
        connection.execute("CHECKPOINT")
    finally:
        connection.close()
    appear(temporary, published)
    return rows


def _copy_marts(connection: duckdb.DuckDBPyConnection) -> dict[str, str]:
    marts = {str(name): str(comment) for name, comment in connection.execute(_MARTS).fetchall()}
    for name, comment in marts.items():
        connection.execute(f"CREATE TABLE {name} AS FROM warehouse.marts.{name}")
        connection.execute(f"COMMENT ON TABLE {name} IS {quoted(comment)}")
    return marts


def _make_views(connection: duckdb.DuckDBPyConnection, layout: LakeLayout) -> None:
    connection.execute("CREATE SCHEMA lake")
    for table in LAKE_TABLES.values():
        connection.execute(
            f"CREATE VIEW lake.{table.name} AS FROM read_parquet({quoted(layout.glob(table.name))},"
            " union_by_name = true, hive_partitioning = true)"
        )


def _write_readme(connection: duckdb.DuckDBPyConnection, marts: Mapping[str, str]) -> None:
    connection.execute(_README)
    rows = [(name, "mart", description) for name, description in marts.items()]
    rows += [(f"lake.{table.name}", f"{table.origin.value} view", table.grain) for table in LAKE_TABLES.values()]
    connection.executemany("INSERT INTO readme VALUES (?, ?, ?)", rows)


def _count(connection: duckdb.DuckDBPyConnection, table: str) -> int:
    row = connection.execute(f"FROM {table} SELECT count(*)").fetchone()
    return 0 if row is None else int(row[0])
