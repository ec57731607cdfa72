"""Tables of the record together with what is not sealed yet, as SQL; literals and filters are made here only.

A segment is sealed every few seconds. What the engine said since then is known from the worker's stream, and is added
by its event number: a row is counted once, wherever it is.
"""

from collections.abc import Iterable, Sequence
from decimal import Decimal

from streaming_worker.api.worker_link import WorkerView
from streaming_worker.errors import RequestRefused
from streaming_worker.storage.reader import quoted
from streaming_worker.storage.schema import TABLE

Value = str | int | bool | None


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
    values = ", ".join(f"({literals(row[name] for name in columns)})" for row in _last(rows))
    fresh = f"SELECT {names} FROM (VALUES {values}) AS fresh({names}) WHERE seq > ({newest})"
    return f"{sealed} UNION ALL BY NAME {fresh}"


def _last(rows: Sequence[dict[str, object]], most: int = 500) -> Sequence[dict[str, object]]:
    """What a minute may bring; the record is never further behind."""
    return rows[-most:]


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
