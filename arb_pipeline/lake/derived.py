"""Derived tables of an hour: one file each, replaced as a whole, so that working an hour again gives the same lake."""

from collections.abc import Iterable, Sequence
from typing import Final

import duckdb
import pyarrow as pa

from arb_pipeline.hours import Hour
from arb_pipeline.lake.connection import quoted
from arb_pipeline.lake.layout import LakeLayout, appear, beside
from arb_pipeline.lake.tables import LakeTable
from streaming_worker.storage.schema import ColumnType

_FILE: Final = "hour.parquet"
_ARROW: Final[dict[ColumnType, pa.DataType]] = {
    ColumnType.BIGINT: pa.int64(),
    ColumnType.INTEGER: pa.int32(),
    ColumnType.BOOLEAN: pa.bool_(),
    ColumnType.VARCHAR: pa.string(),
    ColumnType.BLOB: pa.binary(),
}


def write_hour(
    connection: duckdb.DuckDBPyConnection, layout: LakeLayout, table: LakeTable, hour: Hour, *, query: str
) -> int:
    """Write a query's rows as the hour of a derived table; return their number. Columns are matched by name."""
    folder = layout.folder(table.name, hour)
    folder.mkdir(parents=True, exist_ok=True)
    temporary = beside(folder / _FILE)
    columns = ", ".join(f"{column.name}::{column.type.value} AS {column.name}" for column in table.columns)
    connection.execute(
        f"COPY (FROM ({query}) SELECT {columns}) TO {quoted(str(temporary))}"
        " (FORMAT parquet, COMPRESSION zstd, PARQUET_VERSION v2)"
    )
    count = connection.execute("SELECT count(*) FROM read_parquet(?)", [str(temporary)]).fetchone()
    appear(temporary, folder / _FILE)
    return 0 if count is None else int(count[0])


def rows_as_table(
    connection: duckdb.DuckDBPyConnection, name: str, table: LakeTable, rows: Sequence[Iterable[object]]
) -> None:
    """Make a temporary table of Python rows, typed as the lake table."""
    columns = list(zip(*rows, strict=True)) if rows else [()] * len(table.columns)
    arrays = [pa.array(values, _ARROW[column.type]) for values, column in zip(columns, table.columns, strict=True)]
    batch = pa.table(arrays, names=list(table.column_names))
    connection.register("incoming_rows", batch)
    try:
        connection.execute(f"CREATE OR REPLACE TEMP TABLE {name} AS FROM incoming_rows")
    finally:
        connection.unregister("incoming_rows")
