"""The report's tables to take along: every trade as CSV, and a workbook with typed cells for everything that is shown.

A spreadsheet may run text that begins like a formula: in the CSV such text gets a quote mark in front, in the workbook
text is always written as text. A workbook's numbers are binary floats, as every spreadsheet's are.
"""

import csv
from datetime import UTC, date, datetime
from decimal import Decimal
from io import BytesIO, StringIO
from typing import Any, Final

import duckdb
import xlsxwriter

from arb_pipeline.report import queries
from arb_pipeline.report.figures import Figures, Row, rows
from arb_pipeline.report.words import plain, title

_FORMULA_BEGINS: Final = ("=", "+", "-", "@", "\t", "\r")
_MADE: Final = datetime(2000, 1, 1, tzinfo=UTC)
_WIDEST: Final = 40
_NARROWEST: Final = 9
_SAMPLE_ROWS: Final = 200


def trades_csv(connection: duckdb.DuckDBPyConnection, figures: Figures) -> str:
    """Return every simulated trade of the period, all latencies, as CSV with a header."""
    cursor = connection.execute(queries.TRADES, [figures.period.first, figures.period.last])
    text = StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([column[0] for column in cursor.description or ()])
    writer.writerows([[_safe(value) for value in row] for row in cursor.fetchall()])
    return text.getvalue()


def _safe(value: object) -> object:
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA_BEGINS) else value


def workbook(connection: duckdb.DuckDBPyConnection, figures: Figures) -> bytes:
    """Return an XLSX: a summary, the stack, each table of the report, and every trade."""
    content = BytesIO()
    book = xlsxwriter.Workbook(
        content, {"in_memory": True, "default_date_format": "yyyy-mm-dd hh:mm:ss", "remove_timezone": True}
    )
    # The same figures give the same bytes.
    book.set_properties({"title": title(figures), "created": _MADE.replace(tzinfo=None)})
    sheets = _Sheets(book)
    if figures.summary is not None:
        sheets.add("summary", [{"item": plain(name), "value": value} for name, value in figures.summary.items()])
    sheets.add(
        "stack",
        [{"item": line.name, "planned_usd": line.predicted, "realised_usd": line.realised} for line in figures.stack],
    )
    for name, table in figures.tables.items():
        sheets.add(name, list(table))
    sheets.add("trades", list(rows(connection, queries.TRADES, figures.period)))
    book.close()
    return content.getvalue()


class _Sheets:
    """Writes one sheet a table: a frozen header, filters, and cells by the type of their value."""

    def __init__(self, book: xlsxwriter.Workbook) -> None:
        self._book = book
        self._header = book.add_format({"bold": True, "bg_color": "#e6e8eb", "text_wrap": True, "valign": "top"})
        self._formats = {
            "money": book.add_format({"num_format": "#,##0.00;[Red]-#,##0.00"}),
            "number": book.add_format({"num_format": "#,##0.########"}),
            "whole": book.add_format({"num_format": "#,##0"}),
            "moment": book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss.000"}),
            "day": book.add_format({"num_format": "yyyy-mm-dd"}),
        }

    def add(self, name: str, table: list[Row]) -> None:
        """Add a sheet; a table without rows says so."""
        sheet = self._book.add_worksheet(name)
        if not table:
            sheet.write_string(0, 0, "no rows")
            return
        columns = list(table[0])
        sheet.freeze_panes(1, 1)
        sheet.autofilter(0, 0, len(table), len(columns) - 1)
        for index, column in enumerate(columns):
            sheet.write_string(0, index, column, self._header)
            longest = max(len(str(row[column])) for row in table[:_SAMPLE_ROWS])
            sheet.set_column(index, index, min(max(longest, _NARROWEST), _WIDEST))
        for place, row in enumerate(table, start=1):
            for index, column in enumerate(columns):
                self._write(sheet, (place, index), column, row[column])

    def _write(self, sheet: Any, cell: tuple[int, int], column: str, value: object) -> None:
        match value:
            case None:
                sheet.write_blank(*cell, None)
            case bool():
                sheet.write_boolean(*cell, value)
            case int():
                sheet.write_number(*cell, value, self._formats["whole"])
            case Decimal() if column.endswith("_usd"):
                sheet.write_number(*cell, float(value), self._formats["money"])
            case Decimal():
                sheet.write_number(*cell, float(value), self._formats["number"])
            case datetime():
                sheet.write_datetime(*cell, value, self._formats["moment"])
            case date():
                sheet.write_datetime(*cell, value, self._formats["day"])
            case _:
                sheet.write_string(*cell, str(value))
