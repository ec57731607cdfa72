"""Gather the rows of one commit and turn them into one Arrow table per table of the record.

Runs on the writer's thread only. A value that does not fit its column names the table, the column and the value; it
is never rounded, cut or replaced.
"""

from collections.abc import Iterable, Iterator
from typing import Any

import pyarrow as pa

from streaming_worker.errors import StorageError
from streaming_worker.storage.rows import Row, TableRow
from streaming_worker.storage.schema import TABLE, Table


def arrow_table(table: Table, rows: list[Row]) -> Any:
    """Return the rows as an Arrow table of the table's schema. Raises StorageError for a value that does not fit."""
    schema = table.arrow_schema
    columns = zip(*rows, strict=True)
    arrays = [_array(table, field, values) for field, values in zip(schema, columns, strict=True)]
    return pa.Table.from_arrays(arrays, schema=schema)


def _array(table: Table, field: Any, values: tuple[object, ...]) -> Any:
    try:
        return pa.array(values, field.type)
    except (pa.ArrowException, OverflowError, TypeError, ValueError) as e:
        raise StorageError(f"{table.name}.{field.name} takes {field.type}: {e}") from e


class Batch:
    """Rows by table, in the order they came."""

    def __init__(self) -> None:
        self._rows: dict[str, list[Row]] = {}
        self.row_count = 0

    def add(self, rows: Iterable[TableRow]) -> None:
        """Add rows to their tables."""
        by_table = self._rows
        for name, row in rows:
            held = by_table.get(name)
            if held is None:
                held = by_table[name] = []
            held.append(row)
            self.row_count += 1

    def tables(self) -> Iterator[tuple[str, Any]]:
        """Yield each table's name and its rows as Arrow, in the order of first use."""
        for name, rows in self._rows.items():
            yield name, arrow_table(TABLE[name], rows)
