"""A file of an older schema read as one of today's: what it does not have is empty, and nothing of it is changed."""

from collections.abc import Iterator

import duckdb

from streaming_worker.errors import StorageError
from streaming_worker.storage.schema import TABLE, TABLES


def no_rows(table: str) -> str:
    """Return a relation with a table's columns and no rows."""
    columns = ", ".join(f"NULL::{column.type.value} AS {column.name}" for column in TABLE[table].columns)
    return f"(SELECT {columns} LIMIT 0)"


def whole_relations(connection: duckdb.DuckDBPyConnection, database: str) -> dict[str, str]:
    """Return the relation of every table over an attached file. Raises StorageError when it cannot be read."""
    held: dict[str, set[str]] = {}
    try:
        sql = "SELECT table_name, column_name FROM duckdb_columns() WHERE database_name = ?"
        for table, column in connection.execute(sql, [database]).fetchall():
            held.setdefault(table, set()).add(column)
    except duckdb.Error as e:
        raise StorageError(f"cannot read the columns of {database}: {e}") from e
    return dict(_relations(database, held))


def _relations(database: str, held: dict[str, set[str]]) -> Iterator[tuple[str, str]]:
    for table in TABLES:
        own = f"{database}.{table.name}"
        if table.name not in held:
            yield table.name, no_rows(table.name)
        elif set(table.column_names) <= held[table.name]:
            yield table.name, own
        else:
            yield table.name, f"(FROM {no_rows(table.name)} UNION ALL BY NAME FROM {own})"
