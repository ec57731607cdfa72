"""Which columns each model's columns come from: ``python -m arb_pipeline.lineage`` reads the compiled SQL, once.

The result is kept beside this module, because parsing takes longer than a run of the pipeline. Each model carries the
hash of the SQL that it was read from; a test says when the file is behind.
"""

import hashlib
import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final

import dagster as dg

from arb_pipeline.dbt_files import dbt_program, fee_tiers, project_folder
from arb_pipeline.lake.tables import LAKE_TABLES, LakeTable

FILE: Final = Path(__file__).with_name("column_lineage.json")
_SOURCE: Final = re.compile(r"read_parquet\('[^']*/lake/(\w+)/[^)]*\)")
# What comes out of a JSON document cannot be followed; these models are made of nothing else.
_OUT_OF_JSON: Final = {"dim_instruments": ["int_latest_settings", "settings"]}
Columns = dict[str, list[list[str]]]


@cache
def _known() -> Mapping[str, Any]:
    content: dict[str, Any] = json.loads(FILE.read_text(encoding="utf-8"))
    return content


def hash_of(raw_code: str) -> str:
    """Return what tells one version of a model from another."""
    return hashlib.sha256(raw_code.encode()).hexdigest()[:16]


def model_lineage(model: str, keys: Mapping[str, dg.AssetKey]) -> dg.TableColumnLineage | None:
    """Return the columns of a model with what they come from; ``keys`` has the asset of each table by name."""
    known = _known().get(model)
    if known is None:
        return None
    return dg.TableColumnLineage(
        {
            column: [dg.TableColumnDep(keys[table], name) for table, name in found if table in keys]
            for column, found in known["columns"].items()
        }
    )


def table_lineage(table: LakeTable, upstream: Mapping[str, dg.AssetKey]) -> dg.TableColumnLineage:
    """Return the columns of a lake table with the columns of the same name upstream: names carry through the lake."""
    return dg.TableColumnLineage({column.name: _same_name(column.name, upstream) for column in table.columns})


def _same_name(column: str, upstream: Mapping[str, dg.AssetKey]) -> list[dg.TableColumnDep]:
    # One asset may write several tables.
    keys = dict.fromkeys(key for name, key in upstream.items() if column in LAKE_TABLES[name].column_names)
    return [dg.TableColumnDep(key, column) for key in keys]


def build() -> Path:
    """Compile the project, read every model's columns and write the file. Raises CalledProcessError if dbt refuses."""
    with tempfile.TemporaryDirectory(prefix="arb-lineage-") as folder:
        (Path(folder) / "warehouse").mkdir()
        project = str(project_folder())
        command = [str(dbt_program()), "--quiet", "compile", "--project-dir", project, "--profiles-dir", project]
        places = ["--target-path", f"{folder}/target", "--log-path", folder]
        variables = ["--vars", json.dumps({"data_dir": folder})]
        subprocess.run([*command, *places, *variables], check=True)  # noqa: S603
        manifest = json.loads((Path(folder) / "target" / "manifest.json").read_text(encoding="utf-8"))
    nodes = {key: node for key, node in manifest["nodes"].items() if node["resource_type"] == "model"}
    found = _Reader(nodes).read()
    FILE.write_text(json.dumps(found, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    return FILE


class _Reader:
    """Reads models in the order of their dependencies; each one's columns are the next one's schema."""

    def __init__(self, nodes: Mapping[str, Any]) -> None:
        tiers = fee_tiers().read_text(encoding="utf-8").splitlines()[0].split(",")
        lake = {table.name: dict.fromkeys(table.column_names, "varchar") for table in LAKE_TABLES.values()}
        self._nodes = nodes
        self._schema: dict[str, Any] = {"lake": lake, "reference": {"fee_tiers": dict.fromkeys(tiers, "varchar")}}
        self._found: dict[str, dict[str, Any]] = {}

    def read(self) -> dict[str, dict[str, Any]]:
        """Return hash and columns by model."""
        for key in self._nodes:
            self._visit(key)
        return self._found

    def _visit(self, key: str) -> None:
        node = self._nodes.get(key)
        if node is None or node["name"] in self._found:
            return
        for parent in node["depends_on"]["nodes"]:
            self._visit(parent)
        columns = self._columns(node)
        self._schema.setdefault(node["schema"], {})[node["name"]] = dict.fromkeys(columns, "varchar")
        self._found[node["name"]] = {"hash": hash_of(node["raw_code"]), "columns": columns}

    def _columns(self, node: Mapping[str, Any]) -> Columns:
        import sqlglot
        from sqlglot import exp
        from sqlglot.lineage import lineage
        from sqlglot.optimizer.qualify import qualify
        from sqlglot.optimizer.scope import build_scope

        text = _SOURCE.sub(r"lake.\1", node["compiled_code"]).replace('"warehouse".', "")
        query = qualify(
            sqlglot.parse_one(text, read="duckdb"),
            schema=self._schema,
            dialect="duckdb",
            validate_qualify_columns=False,
        )
        if not isinstance(query, exp.Query):
            raise TypeError(f"{node['name']}: expected a query, received {type(query)}")
        scope = build_scope(query)
        columns: Columns = {}
        for name in query.named_selects:
            tree = lineage(name, query, self._schema, scope=scope, dialect="duckdb")
            leaves = {
                (leaf.source.name, leaf.name.split(".")[-1].strip('"'))
                for leaf in tree.walk()
                if isinstance(leaf.source, exp.Table)
            }
            unseen = [_OUT_OF_JSON[node["name"]]] if node["name"] in _OUT_OF_JSON else []
            columns[name] = sorted([table, source] for table, source in leaves) or unseen
        return columns


if __name__ == "__main__":
    sys.stdout.write(f"{build()}\n")
