"""Tables of the record together with what is not sealed yet, as SQL; literals and filters are made here only.

A segment is sealed every few seconds. What the engine said since then is known from the worker's stream, and is added
by its event number: a row is counted once, wherever it is.
"""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any, Final

import msgspec

from streaming_worker.api.worker_link import WorkerView
from streaming_worker.core.units import NANOS_PER_SECOND
from streaming_worker.errors import RequestRefused
from streaming_worker.storage.reader import quoted
from streaming_worker.storage.schema import TABLE, ColumnType

Value = str | int | bool | None
_VALUE: Final = "VARCHAR"
_UNSEALED_NS: Final = 120 * NANOS_PER_SECOND
_LEAST: Final = 500


def literal(value: object) -> str:
    """Return a value as an SQL literal. Raises RequestRefused for text that no query can hold."""
    match value:
        case None:
            return "NULL"
        case bool():
            return "true" if value else "false"
        case int():
            return str(value)
        case Decimal():
            return f"{value:f}"
        case _:
            return quoted(_text(str(value)))


def _text(text: str) -> str:
    if "\0" in text:
        raise RequestRefused(422, "invalid", "expected text without a NUL character")
    return text


def literals(values: Iterable[object]) -> str:
    """Return values as a list for IN."""
    return ", ".join(literal(value) for value in values)


def whole(table: str, view: WorkerView) -> str:
    """Return a select of a table's rows, sealed and not, with ``worker`` and ``run_id``."""
    columns = (*TABLE[table].column_names, "worker", "run_id")
    names = ", ".join(columns)
    sealed = f"SELECT {names} FROM {table}"
    rows = view.recent(table)
    if not rows:
        return sealed
    newest = f"SELECT coalesce(max(seq), -1) FROM {table} WHERE run_id = {literal(view.run_id)}"
    unsealed = _relation(table, _last(rows))
    return f"{sealed} UNION ALL BY NAME SELECT {names} FROM {unsealed} WHERE seq > ({newest})"


def _relation(table: str, rows: Sequence[dict[str, Any]]) -> str:
    """Return rows as a relation: one text and its types, which a query takes in a fraction of the time of VALUES."""
    types = {column.name: column.type.value for column in TABLE[table].columns} | {"worker": _VALUE, "run_id": _VALUE}
    # JSON has no exact number that is wider than 64 bits; a text is cast exactly.
    wide = [column.name for column in TABLE[table].columns if column.type is ColumnType.DECIMAL]
    plain = [row | {name: _text_of(row[name]) for name in wide} for row in rows] if wide else rows
    content, structure = (msgspec.json.encode(one).decode() for one in (plain, [types]))
    return f"(SELECT one.* FROM (SELECT unnest(from_json({quoted(content)}, {quoted(structure)})) AS one))"


def _text_of(value: object) -> str | None:
    return None if value is None else str(value)


def _last(rows: Sequence[dict[str, Any]]) -> Sequence[dict[str, Any]]:
    """Return what may be missing in a reader: it may be a minute old, and what it saw was sealed some time before."""
    since_ns = rows[-1]["received_ns"] - _UNSEALED_NS
    count = sum(1 for row in rows if row["received_ns"] >= since_ns)
    return rows[-max(count, _LEAST) :]


def every(conditions: Iterable[str | None]) -> str:
    """Return conditions joined, those that are not set left out."""
    kept = [f"({condition})" for condition in conditions if condition is not None]
    return " AND ".join(kept) if kept else "true"


def equals(column: str, value: object) -> str | None:
    """Return a condition, None where no value is given."""
    return None if value is None else f"{column} = {literal(value)}"


def contains(columns: Sequence[str], text: str | None) -> str | None:
    """Return a condition that one of the columns holds a text, whatever its case."""
    if text is None:
        return None
    wanted = literal(text.lower())
    return " OR ".join(f"contains(lower(CAST({column} AS VARCHAR)), {wanted})" for column in columns)
