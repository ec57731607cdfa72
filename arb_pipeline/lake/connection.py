"""In-memory DuckDB connections over the lake: bounded memory, UTC, views named like the tables."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from arb_pipeline.hours import Hour
from arb_pipeline.lake.layout import LakeLayout
from arb_pipeline.lake.tables import LAKE_TABLES

MEMORY_LIMIT = "2GB"
THREADS = 2


@contextmanager
def open_memory() -> Iterator[duckdb.DuckDBPyConnection]:
    """Yield an in-memory database; it is closed whatever happens."""
    connection = duckdb.connect(config={"threads": THREADS, "memory_limit": MEMORY_LIMIT})
    try:
        connection.execute("SET TimeZone = 'UTC'")
        yield connection
    finally:
        connection.close()


@contextmanager
def open_hours(layout: LakeLayout, tables: Iterable[str], hours: Iterable[Hour]) -> Iterator[duckdb.DuckDBPyConnection]:
    """Yield a database with one view per table that holds just the given hours."""
    wanted = sorted(set(hours))
    with open_memory() as connection:
        for table in tables:
            files = layout.hour_files(LAKE_TABLES[table], wanted)
            connection.execute(f"CREATE VIEW {table} AS {parquet(files)}")
        yield connection


def parquet(files: Iterable[Path]) -> str:
    """Return the query that reads files of one table; columns are matched by name."""
    listed = ", ".join(quoted(str(path)) for path in files)
    return f"FROM read_parquet([{listed}], union_by_name = true, hive_partitioning = false)"


def quoted(text: str) -> str:
    """Return text as an SQL literal."""
    return "'" + text.replace("'", "''") + "'"
