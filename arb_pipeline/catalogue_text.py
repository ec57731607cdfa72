"""What the catalogue shows of a table: owners, kinds and a column schema made from the definition of its columns."""

from collections.abc import Iterable
from typing import Final

import dagster as dg

from arb_pipeline.lake.tables import LakeTable
from streaming_worker.storage.schema import Column

OWNERS: Final = ["team:data"]
PARQUET: Final = {"parquet", "duckdb"}


def column_schema(columns: Iterable[Column]) -> dg.TableSchema:
    """Return the columns with their types, units and nullability."""
    return dg.TableSchema(
        columns=[
            dg.TableColumn(
                name=column.name,
                type=column.type.value,
                description=column.doc,
                constraints=dg.TableColumnConstraints(nullable=column.nullable),
            )
            for column in columns
        ]
    )


def table_metadata(*tables: LakeTable) -> dict[str, dg.TableSchema | str]:
    """Return what is known of an asset before it is made: grain and columns of its main table, the first."""
    metadata: dict[str, dg.TableSchema | str] = {
        "dagster/column_schema": column_schema(tables[0].columns),
        "dagster/table_name": f"lake.{tables[0].name}",
        "grain": tables[0].grain,
    }
    if len(tables) > 1:
        metadata["tables"] = ", ".join(table.name for table in tables)
    return metadata


def rows_metadata(rows: int) -> dict[str, int]:
    """Return the row count as the catalogue plots it."""
    return {"dagster/row_count": rows}
