"""What the catalogue shows of a table: owners, kinds and a column schema made from the definition of its columns."""

from collections.abc import Iterable, Mapping
from typing import Final

import dagster as dg

from arb_pipeline.lake.tables import LakeTable
from arb_pipeline.lineage import table_lineage
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


def table_metadata(
    *tables: LakeTable, upstream: Mapping[str, dg.AssetKey]
) -> dict[str, dg.TableSchema | dg.TableColumnLineage | str]:
    """Return what is known of an asset before it is made: grain, columns and their origin of its main table, the first.

    ``upstream`` has the asset of each lake table that it is made from.
    """
    metadata: dict[str, dg.TableSchema | dg.TableColumnLineage | str] = {
        "dagster/column_schema": column_schema(tables[0].columns),
        "dagster/column_lineage": table_lineage(tables[0], upstream),
        "dagster/table_name": f"lake.{tables[0].name}",
        "grain": tables[0].grain,
    }
    if len(tables) > 1:
        metadata["tables"] = ", ".join(table.name for table in tables)
    return metadata


def rows_metadata(rows: int) -> dict[str, int]:
    """Return the row count as the catalogue plots it."""
    return {"dagster/row_count": rows}
