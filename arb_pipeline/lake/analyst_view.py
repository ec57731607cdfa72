"""What a view of the lake shows beside the recorded integers: decimals and timestamps, exact, by the columns' names."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from arb_pipeline.lake.tables import LakeTable
from streaming_worker.storage.schema import Column, ColumnType

# decimals are multiplied, never divided: a division would give a float
_E8: Final = "CAST(CAST({0} AS DECIMAL(20, 0)) * CAST('0.00000001' AS DECIMAL(9, 8)) AS DECIMAL(28, 8))"
_CENTI: Final = "CAST(CAST({0} AS DECIMAL(20, 0)) * CAST('0.01' AS DECIMAL(3, 2)) AS DECIMAL(22, 2))"
_AT: Final = "make_timestamp({0} // 1000)"


@dataclass(frozen=True, slots=True)
class ShownColumn:
    """A column of a view and what it is made by."""

    name: str
    data_type: str
    doc: str
    expression: str


def shown_columns(table: LakeTable) -> Iterator[ShownColumn]:
    """Yield the columns that a view adds to a table."""
    for column in table.columns:
        shown = _shown(column)
        if shown is not None:
            yield shown


def _shown(column: Column) -> ShownColumn | None:
    if column.type is not ColumnType.BIGINT:
        return None
    name = column.name
    if name.endswith("_e8"):
        doc = f"{column.doc.replace(' x 1e8', '')}, exact"
        return ShownColumn(name.removesuffix("_e8"), "DECIMAL(28,8)", doc, _E8.format(name))
    if name.endswith("_centibps"):
        doc = f"basis points, exact; from {name}"
        return ShownColumn(name.removesuffix("centibps") + "bps", "DECIMAL(22,2)", doc, _CENTI.format(name))
    if name.endswith("_ns") and "UTC" in column.doc:
        doc = f"UTC, cut to microseconds; from {name}"
        return ShownColumn(name.removesuffix("ns") + "at", "TIMESTAMP", doc, _AT.format(name))
    return None
