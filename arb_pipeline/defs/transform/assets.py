"""The dbt project: staging views over the lake, marts with contracts, tests as asset checks."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import dagster as dg
from dagster_dbt import DagsterDbtTranslator, DbtCliResource, DbtProject, dbt_assets

from arb_pipeline.catalogue_text import OWNERS
from arb_pipeline.dbt_files import built_manifest
from arb_pipeline.lineage import model_lineage
from arb_pipeline.resources import DbtFolders, Warehouse

WRITER_POOL = "duckdb_writer"
# One process at a time has the warehouse open. The pool keeps runs of one instance apart; retries, everybody else.
WRITER_RETRIES = dg.RetryPolicy(max_retries=4, delay=5, backoff=dg.Backoff.EXPONENTIAL, jitter=dg.Jitter.FULL)
_HELD = "Could not set lock on file"


class MartTranslator(DagsterDbtTranslator):  # type: ignore[misc]  # dagster_dbt is read without its types
    """Models keep their schema and name as key; every one has an owner, and says where its columns come from."""

    def get_asset_spec(self, manifest: Mapping[str, Any], unique_id: str, project: DbtProject | None) -> dg.AssetSpec:
        """Return the spec of a model with our owners and its column lineage."""
        spec: dg.AssetSpec = super().get_asset_spec(manifest, unique_id, project)
        lineage = model_lineage(spec.key.path[-1], self._keys(manifest))
        metadata = dict(spec.metadata) if lineage is None else {**spec.metadata, "dagster/column_lineage": lineage}
        return spec.replace_attributes(owners=OWNERS, metadata=metadata)

    def _keys(self, manifest: Mapping[str, Any]) -> dict[str, dg.AssetKey]:
        """Return the asset of every source, seed and model by its name."""
        tables = (*manifest["sources"].values(), *manifest["nodes"].values())
        kinds = ("source", "seed", "model")
        return {str(table["name"]): self.get_asset_key(table) for table in tables if table["resource_type"] in kinds}


@dbt_assets(  # type: ignore[untyped-decorator]  # as above
    manifest=built_manifest(),
    name="dbt_marts",
    dagster_dbt_translator=MartTranslator(),
    pool=WRITER_POOL,
    retry_policy=WRITER_RETRIES,
)
def dbt_marts(
    context: dg.AssetExecutionContext, dbt: DbtCliResource, warehouse: Warehouse, folders: DbtFolders
) -> Iterator[Any]:
    """Build and test every model; a failed test fails the run, and what was built stays visible."""
    Path(warehouse.path).parent.mkdir(parents=True, exist_ok=True)
    # Unit tests prove the SQL, not the data: they run in CI.
    command = ["build", "--exclude", "resource_type:unit_test", "--vars", json.dumps({"data_dir": folders.data_dir})]
    # The older kind of context: given the newer one, the library calls a deprecated part of it.
    step = context.op_execution_context
    invocation = dbt.cli(command, context=step, target_path=Path(folders.target), raise_on_error=False)
    events = list(invocation.stream())
    rows = _row_counts(warehouse)
    for event in events:
        if isinstance(event, dg.Output):
            name = str(context.asset_key_for_output(event.output_name).path[-1])
            if name in rows:
                context.add_output_metadata({"dagster/row_count": rows[name]}, output_name=event.output_name)
        yield event
    if not invocation.is_successful():
        # A warehouse that another process has open will be free again; anything else will fail again.
        error = str(invocation.get_error())
        raise dg.Failure(f"dbt build failed; see the failed checks: {error}", allow_retries=_HELD in error)


def _row_counts(warehouse: Warehouse) -> dict[str, int]:
    with warehouse.reader() as connection:
        rows = connection.execute(
            "SELECT table_name, estimated_size FROM duckdb_tables() WHERE schema_name = 'marts'"
        ).fetchall()
    return {str(name): int(count) for name, count in rows}
