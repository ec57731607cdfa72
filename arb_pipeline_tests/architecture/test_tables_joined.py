"""A table that is added to the record has its place everywhere: in the comparison with the replay and in the graph."""

from arb_pipeline.analytics.reconciled import IDENTITY
from arb_pipeline.defs.lake.assets import captured_streams
from arb_pipeline.lake.tables import CAPTURED, LAKE_TABLES, RECONCILED_TABLES


def test_every_output_table_has_columns_that_name_its_rows() -> None:
    assert set(IDENTITY) == set(RECONCILED_TABLES)
    for table, columns in IDENTITY.items():
        assert set(columns) <= set(LAKE_TABLES[table].column_names), table


def test_every_captured_table_belongs_to_one_stream() -> None:
    named = [name for stream in captured_streams for name in str(stream.metadata["tables"]).split(", ")]
    assert sorted(named) == sorted(table.name for table in CAPTURED)
