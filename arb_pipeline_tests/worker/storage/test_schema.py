"""DDL, Arrow schemas and docs come from one list."""

import duckdb
import pytest

from streaming_worker.storage.schema import TABLES


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_duckdb_builds_the_columns_that_arrow_fills(table) -> None:
    with duckdb.connect() as connection:
        connection.execute(table.ddl)
        connection.from_arrow(table.arrow_schema.empty_table()).insert_into(table.name)
        described = connection.execute(f"DESCRIBE {table.name}").fetchall()
    assert [(row[0], row[1], row[2] == "YES") for row in described] == [
        (column.name, column.type.value, column.nullable) for column in table.columns
    ]


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_every_table_and_column_is_described(table) -> None:
    assert table.grain.startswith("one row per ")
    assert all(column.doc for column in table.columns)
    assert len(set(table.column_names)) == len(table.columns)
    assert "received_ns" in table.column_names
