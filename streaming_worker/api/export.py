"""CSV, JSON lines and Excel of a whole filter, made page by page: memory stays small, however long the list is.

A cell that begins like a formula is made text, for a spreadsheet would run it.
"""

import csv
import io
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import Any, Final

import xlsxwriter
from pydantic import BaseModel

from streaming_worker.errors import RequestRefused

MOST_ROWS: Final = 1_000_000
_SHEET_ROWS: Final = 1_000_000
_CHUNK: Final = 64 * 1024
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n")
Record = Mapping[str, Any]
Records = AsyncIterator[Sequence[BaseModel]]


class Format(StrEnum):
    """What an export is written as."""

    CSV = "csv"
    JSONL = "jsonl"
    XLSX = "xlsx"


MEDIA: Final = {
    Format.CSV: "text/csv; charset=utf-8",
    Format.JSONL: "application/x-ndjson",
    Format.XLSX: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}


def flat(shape: BaseModel) -> dict[str, Any]:
    """Return a row with one value a column: plans and cost stacks become columns of their own."""
    found: dict[str, Any] = {}
    _flatten("", shape.model_dump(mode="json"), found)
    return found


def _flatten(prefix: str, content: Mapping[str, Any], found: dict[str, Any]) -> None:
    for name, value in content.items():
        column = f"{prefix}{name}"
        if isinstance(value, Mapping):
            inner = "" if name == "stack" else f"{name}_"
            _flatten(f"{prefix}{inner}", value, found)
        elif name == "costs":
            found.update({f"{prefix}{item['kind']}_usd": item["value_usd"] for item in value})
        elif isinstance(value, list):
            found[column] = ", ".join(map(str, value))
        else:
            found[column] = value


def safe(value: object) -> str:
    """Return a cell of text that no spreadsheet runs; plain numbers stay as they are."""
    if value is None:
        return ""
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return f"'{text}" if text.startswith(_FORMULA) and not _is_number(text) else text


def _is_number(text: str) -> bool:
    try:
        return Decimal(text).is_finite() and text.isascii() and not text.startswith(("+", "\t", "\r", "\n"))
    except InvalidOperation:
        return False


def columns_of(shape: type[BaseModel], first: Record | None) -> list[str]:
    """Return the columns: those of the first row, or the shape's own where there is none."""
    return list(first) if first is not None else list(shape.model_fields)


async def as_csv(records: Records, columns: Sequence[str]) -> AsyncIterator[bytes]:
    """Yield a header and a line for each row."""
    yield _csv_lines([columns])
    async for page in records:
        rows = [flat(one) for one in page]
        yield _csv_lines([[safe(row.get(name)) for name in columns] for row in rows])


def _csv_lines(rows: Sequence[Sequence[object]]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerows(rows)
    return text.getvalue().encode()


async def as_json_lines(records: Records, _: Sequence[str]) -> AsyncIterator[bytes]:
    """Yield each row as one line, in the shape of the list."""
    async for page in records:
        yield b"".join(one.model_dump_json().encode() + b"\n" for one in page)


async def as_xlsx(records: Records, columns: Sequence[str]) -> AsyncIterator[bytes]:
    """Yield a workbook. It is written to a temporary file: a workbook can only be sent once it is whole."""
    with tempfile.TemporaryFile() as file:
        options = {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
        with xlsxwriter.Workbook(file, options) as workbook:
            sheet = workbook.add_worksheet("export")
            sheet.freeze_panes(1, 0)
            bold = workbook.add_format({"bold": True})
            for index, name in enumerate(columns):
                sheet.write_string(0, index, name, bold)
            line = 1
            async for page in records:
                for one in page:
                    _write_row(sheet, line, [flat(one).get(name) for name in columns])
                    line += 1
        file.seek(0)
        while chunk := file.read(_CHUNK):
            yield chunk


def _write_row(sheet: Any, line: int, values: Sequence[object]) -> None:
    """Exact numbers stay text: a spreadsheet's own would lose digits. Counts become numbers."""
    for index, value in enumerate(values):
        if isinstance(value, bool):
            sheet.write_boolean(line, index, value)
        elif isinstance(value, int) and abs(value) < 2**53:
            sheet.write_number(line, index, value)
        elif value is not None:
            sheet.write_string(line, index, safe(value))


WRITERS: Final = {Format.CSV: as_csv, Format.JSONL: as_json_lines, Format.XLSX: as_xlsx}


def require_fits(total: int, form: Format) -> None:
    """Raise RequestRefused where an export would be too long."""
    most = _SHEET_ROWS if form is Format.XLSX else MOST_ROWS
    if total > most:
        raise RequestRefused(422, "too_many_rows", f"{total} rows; an export has at most {most}: narrow the range")
