"""The dbt project alone: it builds over an empty lake, its unit tests pass, its data tests catch planted rows."""

import json
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pytest

from arb_pipeline import dbt_files
from arb_pipeline.lake.compaction import ensure_placeholders
from arb_pipeline.lake.layout import LakeLayout
from arb_pipeline.manifest import build, is_current


@dataclass(frozen=True, slots=True)
class Built:
    """A built project: its warehouse, and what dbt wrote about it."""

    warehouse: Path
    target: Path

    def artifact(self, name: str) -> dict[str, Any]:
        """Return one of dbt's own files."""
        return json.loads((self.target / name).read_text())

    def compiled_test(self, name: str) -> str:
        """Return the SQL of a data test; a row that it gives is a failure."""
        (path,) = (self.target / "compiled").rglob(f"{name}.sql")
        return path.read_text()


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """The whole project, unit tests included, over a lake in which every table is empty."""
    folder = tmp_path_factory.mktemp("dbt")
    data = folder / "data"
    ensure_placeholders(LakeLayout(data / "lake"))
    (data / "warehouse").mkdir()
    project = dbt_files.project_folder()
    command = [str(dbt_files.dbt_program()), "build", "--vars", json.dumps({"data_dir": str(data)})]
    folders = ["--project-dir", str(project), "--profiles-dir", str(project)]
    paths = ["--target-path", str(folder / "target"), "--log-path", str(folder)]
    result = subprocess.run([*command, *folders, *paths], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout[-3000:]
    return Built(data / "warehouse" / "warehouse.duckdb", folder / "target")


@pytest.fixture
def marts(built: Built, tmp_path: Path) -> duckdb.DuckDBPyConnection:
    """A copy of the warehouse that a test may fill."""
    copy = tmp_path / "warehouse.duckdb"
    shutil.copy(built.warehouse, copy)
    with duckdb.connect(str(copy)) as connection:
        yield connection


def models(built: Built) -> dict[str, dict[str, Any]]:
    """Return the models of the manifest by name."""
    nodes = built.artifact("manifest.json")["nodes"].values()
    return {node["name"]: node for node in nodes if node["resource_type"] == "model"}


def test_everything_builds_and_passes_over_an_empty_lake(built: Built) -> None:
    results = built.artifact("run_results.json")["results"]
    assert {result["status"] for result in results if result["unique_id"].split(".")[0] != "exposure"} == {
        "success",
        "pass",
    }
    kinds = [result["unique_id"].split(".")[0] for result in results]
    assert kinds.count("unit_test") >= 12
    assert kinds.count("test") >= 90
    assert kinds.count("exposure") == 3
    assert kinds.count("model") == len(models(built))


def test_a_part_of_a_new_warehouse_is_not_compared_with_what_is_not_there_yet(built: Built, tmp_path: Path) -> None:
    sums = built.compiled_test("fct_pnl_daily_is_the_sum_of_its_trades")
    assert "fct_simulated_trades" in sums
    project = dbt_files.project_folder()
    variables = json.dumps({"data_dir": str(built.warehouse.parent.parent)})
    command = [str(dbt_files.dbt_program()), "--quiet", "ls", "--resource-type", "test", "--output", "name"]
    places = ["--project-dir", str(project), "--profiles-dir", str(project), "--target-path", str(tmp_path)]
    select = ["--vars", variables, "--log-path", str(tmp_path), "--select", "fct_simulated_trades"]
    result = subprocess.run([*command, *places, *select], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout[-3000:]
    listed = result.stdout.split()
    assert "fct_simulated_trades_realised_adds_up" in listed
    assert "fct_pnl_daily_is_the_sum_of_its_trades" not in listed


def test_the_documentation_of_every_model_is_made(built: Built) -> None:
    project = dbt_files.project_folder()
    data = json.dumps({"data_dir": str(built.warehouse.parent.parent)})
    command = [str(dbt_files.dbt_program()), "docs", "generate", "--vars", data, "--project-dir", str(project)]
    places = [
        "--profiles-dir",
        str(project),
        "--target-path",
        str(built.target),
        "--log-path",
        str(built.target.parent),
    ]
    result = subprocess.run([*command, *places], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout[-3000:]
    documented = {node["metadata"]["name"] for node in built.artifact("catalog.json")["nodes"].values()}
    assert set(models(built)) <= documented
    assert (built.target / "index.html").is_file()


def test_nothing_was_deprecated_or_warned_about(built: Built) -> None:
    log = (built.target.parent / "dbt.log").read_text()
    assert not re.search(r"\[WARNING\]|Deprecat", log)


def test_every_model_says_its_grain_and_every_mart_its_columns(built: Built) -> None:
    for name, node in models(built).items():
        assert "One row per" in node["description"], name
        if "marts" in node["fqn"]:
            assert node["config"]["contract"]["enforced"], name
            for column in node["columns"].values():
                assert column["description"], f"{name}.{column['name']}"
                assert column["data_type"], f"{name}.{column['name']}"


def test_staging_renames_and_casts_only(built: Built) -> None:
    for name, node in models(built).items():
        if name.startswith("stg_"):
            assert node["config"]["materialized"] == "view"
            assert not re.search(r"\b(join|group by|where|distinct)\b", node["raw_code"].lower()), name


def test_every_source_is_joined_to_an_asset(built: Built) -> None:
    sources = built.artifact("manifest.json")["sources"].values()
    assert len(sources) == 20
    for source in sources:
        assert source["meta"]["dagster"]["asset_key"], source["name"]


def test_nothing_is_fetched_from_elsewhere() -> None:
    assert not (dbt_files.project_folder() / "packages.yml").exists()


def test_an_untouched_project_needs_no_new_manifest() -> None:
    manifest = build()
    assert is_current(dbt_files.project_folder(), manifest)
    assert build().stat().st_mtime_ns == manifest.stat().st_mtime_ns


def _insert(connection: duckdb.DuckDBPyConnection, table: str, **values: object) -> None:
    """Insert a row of nulls but for some columns; the planted fault is in those."""
    columns = connection.execute(
        "SELECT column_name, data_type FROM duckdb_columns() WHERE schema_name = 'marts' AND table_name = ?", [table]
    ).fetchall()
    defaults = {
        "BIGINT": 0,
        "INTEGER": 0,
        "VARCHAR": "x",
        "BOOLEAN": True,
        "DATE": "2025-03-08",
        "TIMESTAMP": "2025-03-08 22:00:00",
    }
    row = [values.get(name, defaults.get(kind, 0)) for name, kind in columns]
    marks = ", ".join("?" * len(row))
    connection.execute(f"INSERT INTO marts.{table} VALUES ({marks})", row)


@pytest.mark.parametrize(
    ("test", "table", "values"),
    [
        ("fct_pnl_daily_realised_adds_up", "fct_pnl_daily",
         {"realised_gross_usd": "1.00000001", "realised_slippage_usd": "-0.5", "realised_net_usd": "0.5"}),
        ("fct_simulated_trades_predicted_adds_up", "fct_simulated_trades",
         {"predicted_gross_usd": "1", "predicted_net_usd": "2"}),
        ("fct_simulated_trades_net_is_cash_of_the_legs", "fct_simulated_trades",
         {"realised_net_usd": "1", "legs_cash_usd": "1.00000001"}),
        ("fct_pnl_daily_is_the_sum_of_its_trades", "fct_pnl_daily", {"realised_net_usd": "0.01"}),
        ("rpt_daily_is_the_primary_pnl", "rpt_daily", {"realised_net_usd": "0.01"}),
        ("fct_opportunities_time_runs_forward", "fct_opportunities", {"opened_ns": 2, "peaked_ns": 1}),
        ("fct_reconciliation_live_equals_replay", "fct_reconciliation", {"is_reconciled": False}),
        ("fct_pnl_hourly_is_the_sum_of_its_trades", "fct_pnl_hourly", {"realised_net_usd": "0.01"}),
        ("fct_pnl_daily_is_the_sum_of_its_hours", "fct_pnl_hourly", {"realised_net_usd": "0.01"}),
        ("fct_edge_decay_is_the_sum_of_its_trades", "fct_edge_decay", {"realised_net_usd": "0.01"}),
        ("fct_lifetimes_episodes_end_or_are_cut_off", "fct_lifetimes", {"episodes": 2, "ended_episodes": 1}),
        ("fct_fee_what_if_as_charged_changes_nothing", "fct_fee_what_if",
         {"tier": "as charged", "what_if_net_usd": "1"}),
        ("fct_fee_what_if_net_follows_the_fee", "fct_fee_what_if", {"what_if_fee_usd": "-1"}),
        ("fct_inventory_drift_is_total_minus_target", "fct_inventory", {"total": "1"}),
        ("fct_completeness_missing_hours_are_empty", "fct_completeness",
         {"status": "missing", "completeness_pct": "1"}),
        ("fct_cycle_opportunities_peak_adds_up", "fct_cycle_opportunities",
         {"peak_gross_usd": "1", "peak_fee_usd": "-0.5", "peak_net_usd": "0", "peak_slippage_usd": "-0.49999999"}),
        ("fct_cycle_trades_predicted_net_is_what_came_back", "fct_cycle_trades",
         {"predicted_spent_usd": "10", "predicted_returned_usd": "11", "predicted_net_usd": "0.99999999"}),
        ("fct_cycle_trades_net_is_what_came_back", "fct_cycle_trades",
         {"realised_returned_usd": "1", "realised_dust_value_usd": "0.5", "realised_net_usd": "1"}),
        ("fct_cycle_legs_are_filled_after_they_are_due", "fct_cycle_legs", {"due_ns": 2, "filled_ns": 1}),
        ("fct_cycle_pnl_daily_is_the_sum_of_its_trades", "fct_cycle_pnl_daily", {"realised_net_usd": "0.01"}),
        ("rpt_daily_is_the_primary_cycle_pnl", "rpt_daily",
         {"cycle_realised_net_usd": "0.01", "total_realised_net_usd": "0.01"}),
        ("rpt_daily_total_is_routes_and_cycles", "rpt_daily", {"total_realised_net_usd": "1"}),
    ],
)  # fmt: skip
def test_a_planted_row_fails_its_data_test(
    built: Built, marts: duckdb.DuckDBPyConnection, test: str, table: str, values: dict[str, object]
) -> None:
    query = built.compiled_test(test)
    assert marts.execute(query).fetchall() == []
    _insert(marts, table, **values)
    assert len(marts.execute(query).fetchall()) == 1


@pytest.mark.parametrize(
    "table",
    [
        "fct_simulated_trades",
        "fct_feed_quality",
        "fct_gaps",
        "fct_attribution",
        "fct_inventory",
        "fct_regimes",
        "fct_cycle_trades",
        "fct_cycle_legs",
        "fct_cycle_pnl_daily",
    ],
)
def test_a_row_that_is_there_twice_fails_its_key(built: Built, marts: duckdb.DuckDBPyConnection, table: str) -> None:
    nodes = built.artifact("manifest.json")["nodes"].values()
    (node,) = (node for node in nodes if node["name"].startswith(f"unique_together_{table}_"))
    query = built.compiled_test(Path(node["path"]).stem)
    _insert(marts, table)
    assert marts.execute(query).fetchall() == []
    _insert(marts, table)
    assert len(marts.execute(query).fetchall()) == 1


def test_contracts_refuse_a_missing_value(marts: duckdb.DuckDBPyConnection) -> None:
    with pytest.raises(duckdb.ConstraintException, match="realised_net_usd"):
        _insert(marts, "fct_pnl_daily", realised_net_usd=None)
