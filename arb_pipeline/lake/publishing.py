"""The file that analysts open: marts as tables, the lake as views, built beside the old one and swapped in.

A reader that has the old file open keeps it; the next one to open gets the new one. Views name the lake's absolute
path, so they work from any folder of this machine; where the data folder was moved or restored elsewhere, the
variable ``arb_data`` leads them there. The file explains itself: ``readme`` has every table and column, ``examples``
has queries.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path

import duckdb

from arb_pipeline.lake.analyst_view import shown_columns
from arb_pipeline.lake.connection import quoted
from arb_pipeline.lake.examples import EXAMPLES
from arb_pipeline.lake.layout import LakeLayout, appear, beside
from arb_pipeline.lake.tables import LAKE_TABLES
from streaming_worker.storage.worker_files import FILE_MODE, FOLDER_MODE

_README = """
CREATE TABLE readme (
    name VARCHAR NOT NULL, kind VARCHAR NOT NULL, column_name VARCHAR, data_type VARCHAR, description VARCHAR NOT NULL)
"""
_EXAMPLES = "CREATE TABLE examples (title VARCHAR NOT NULL, query VARCHAR NOT NULL)"
_OWN = (
    ("readme", "guide", "every table and view of this file, one row each, then one row for each of its columns"),
    ("examples", "guide", "queries to begin with, each with the question that it answers"),
)
# Made from the folders' names by the views of the lake.
_FOLDER_COLUMNS = (("date", "DATE", "UTC day of the file"), ("hour", "BIGINT", "UTC hour of the file"))
_MARTS = """
SELECT table_name, coalesce(comment, '') FROM duckdb_tables()
WHERE database_name = 'warehouse' AND schema_name = 'marts' ORDER BY table_name
"""
_COLUMNS = """
SELECT table_name, column_name, data_type, coalesce(comment, '') FROM duckdb_columns()
WHERE database_name = 'warehouse' AND schema_name = 'marts' ORDER BY table_name, column_index
"""


def publish(warehouse: Path, layout: LakeLayout, published: Path) -> dict[str, int]:
    """Write the file anew and swap it in; return the number of rows of each mart."""
    published.parent.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
    temporary = beside(published)
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
    temporary.chmod(FILE_MODE)
    appear(temporary, published)
    return rows


def _copy_marts(connection: duckdb.DuckDBPyConnection) -> dict[str, str]:
    marts = {str(name): str(comment) for name, comment in connection.execute(_MARTS).fetchall()}
    for name, comment in marts.items():
        connection.execute(f"CREATE TABLE {name} AS FROM warehouse.marts.{name}")
        connection.execute(f"COMMENT ON TABLE {name} IS {quoted(comment)}")
    for table, column, _, comment in connection.execute(_COLUMNS).fetchall():
        connection.execute(f'COMMENT ON COLUMN {table}."{column}" IS {quoted(comment)}')
    return marts


def _make_views(connection: duckdb.DuckDBPyConnection, layout: LakeLayout) -> None:
    connection.execute("CREATE SCHEMA lake")
    for table in LAKE_TABLES.values():
        below = Path(layout.glob(table.name)).relative_to(layout.root.parent)
        shown = "".join(f", {column.expression} AS {column.name}" for column in shown_columns(table))
        connection.execute(
            f"CREATE VIEW lake.{table.name} AS FROM read_parquet("
            f"coalesce(getvariable('arb_data'), {quoted(str(layout.root.parent))}) || {quoted(f'/{below}')},"
            " union_by_name = true, hive_partitioning = true, hive_types = {'date': DATE, 'hour': BIGINT})"
            f" SELECT *{shown}"
        )


def _write_readme(connection: duckdb.DuckDBPyConnection, marts: Mapping[str, str]) -> None:
    connection.execute(_README)
    connection.execute(_EXAMPLES)
    rows = [(name, kind, None, None, text) for name, kind, text in _OWN]
    rows += [(name, "mart", None, None, description) for name, description in marts.items()]
    rows += [
        (table, "mart", column, kind, comment)
        for table, column, kind, comment in connection.execute(_COLUMNS).fetchall()
    ]
    connection.executemany("INSERT INTO readme VALUES (?, ?, ?, ?, ?)", [*rows, *_lake_rows()])
    connection.executemany("INSERT INTO examples VALUES (?, ?)", EXAMPLES)


def _lake_rows() -> Iterator[tuple[str, str, str | None, str | None, str]]:
    for table in LAKE_TABLES.values():
        name, kind = f"lake.{table.name}", f"{table.origin.value} view"
        yield name, kind, None, None, table.grain
        for column in table.columns:
            yield name, kind, column.name, column.type.value, column.doc
        for shown in shown_columns(table):
            yield name, kind, shown.name, shown.data_type, shown.doc
        for folder_column, data_type, text in _FOLDER_COLUMNS:
            yield name, kind, folder_column, data_type, text


def _count(connection: duckdb.DuckDBPyConnection, table: str) -> int:
    row = connection.execute(f"FROM {table} SELECT count(*)").fetchone()
    return 0 if row is None else int(row[0])
