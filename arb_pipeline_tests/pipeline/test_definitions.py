"""What the data team sees: everything documented, owned, grouped, scheduled and running by default."""

import json
from typing import Any

import dagster as dg
import pytest

from arb_pipeline.dbt_files import manifest_path
from arb_pipeline.lake.tables import CAPTURED
from arb_pipeline.lineage import FILE, hash_of
from arb_pipeline_tests.fixtures.platform import Evening


@pytest.fixture
def graph(evening: Evening) -> Any:
    """The asset graph of the code location."""
    return evening.platform.definitions.resolve_asset_graph()


def test_the_code_location_loads(evening: Evening) -> None:
    dg.Definitions.validate_loadable(evening.platform.definitions)


def test_every_asset_has_group_owner_kind_and_description(evening: Evening) -> None:
    for spec in evening.platform.definitions.resolve_all_asset_specs():
        name = spec.key.to_user_string()
        assert spec.group_name not in (None, "default"), name
        assert spec.owners, name
        assert spec.kinds, name
        assert len(spec.description or "") > 30, name


def test_tables_show_their_columns_with_units(evening: Evening) -> None:
    specs = {spec.key.to_user_string(): spec for spec in evening.platform.definitions.resolve_all_asset_specs()}
    for table in CAPTURED:
        schema = specs[f"lake/{table.name}"].metadata["dagster/column_schema"]
        assert [column.name for column in schema.columns] == list(table.column_names)
        assert all(column.description for column in schema.columns)
    assert "marts/fct_pnl_daily" in specs


def test_the_way_from_socket_to_mail_is_one_lineage(graph: Any) -> None:
    found: set[dg.AssetKey] = set()
    waiting = [dg.AssetKey("daily_report")]
    while waiting:
        parents = graph.get(waiting.pop()).parent_keys - found
        found |= parents
        waiting += parents
    on_the_way = ["capture/books", "lake/book_updates", "replayed_outputs", "reconciled_opportunities"]
    on_the_way += ["simulated_trades", "pnl_hourly", "feed_quality", "marts/rpt_daily", "published_database"]
    assert set(on_the_way) <= {key.to_user_string() for key in found}


def test_every_table_of_ours_has_a_blocking_check(graph: Any, evening: Evening) -> None:
    blocking = {key.asset_key.to_user_string() for key in graph.asset_check_keys if graph.get_check_spec(key).blocking}
    for key in graph.materializable_asset_keys:
        if key.path[0] not in ("reference", "staging", "intermediate", "marts"):
            assert key.to_user_string() in blocking


def test_sensors_and_schedules_run_without_a_click(evening: Evening) -> None:
    repository = evening.platform.definitions.get_repository_def()
    sensors = {sensor.name: sensor for sensor in repository.sensor_defs}
    assert {
        "sealed_segments",
        "closed_hours",
        "first_report",
        "late_data",
        "platform_alerts",
        "pipeline_alerts",
        "run_failure_alert",
        "run_success_resolves",
    } <= set(sensors)
    for name, sensor in sensors.items():
        assert sensor.default_status is dg.DefaultSensorStatus.RUNNING, name
    names = {schedule.name for schedule in repository.schedule_defs}
    assert {
        "daily_report_mail",
        "weekly_report_mail",
        "hourly_retention",
        "daily_backup",
        "daily_verification",
    } <= names
    for schedule in repository.schedule_defs:
        assert schedule.default_status is dg.DefaultScheduleStatus.RUNNING, schedule.name


def test_whatever_writes_the_warehouse_takes_its_turn(evening: Evening) -> None:
    pools = {}
    for definition in evening.platform.definitions.assets:
        if isinstance(definition, dg.AssetsDefinition):
            pools.update({key.to_user_string(): definition.op.pool for key in definition.keys})
    assert pools["marts/rpt_daily"] == pools["published_database"] == "duckdb_writer"
    assert pools["lake/book_updates"] == "lake_writer"


def test_what_should_come_regularly_has_a_freshness_policy(evening: Evening) -> None:
    specs = {spec.key.to_user_string(): spec for spec in evening.platform.definitions.resolve_all_asset_specs()}
    always = [
        "lake/book_updates",
        "reconciled_opportunities",
        "pnl_hourly",
        "marts/rpt_daily",
        "daily_report",
        "weekly_report",
    ]
    assert all(specs[name].freshness_policy is not None for name in always)
    # Nobody has to worry because nothing was killed for an hour.
    assert specs["lake/risk_events"].freshness_policy is None


# What is not a table: a file, pages, a mail, a list that is kept by hand.
NOT_TABLES = {"published_database", "quality_pages", "daily_report", "weekly_report", "reference/fee_tiers"}


def test_every_table_says_where_its_columns_come_from(evening: Evening, graph: Any) -> None:
    specs = {spec.key: spec for spec in evening.platform.definitions.resolve_all_asset_specs()}
    for key in sorted(graph.materializable_asset_keys):
        name = key.to_user_string()
        if name in NOT_TABLES:
            continue
        lineage = specs[key].metadata["dagster/column_lineage"]
        found = [dep for deps in lineage.deps_by_column.values() for dep in deps]
        assert found, name
        assert {dep.asset_key for dep in found} <= set(specs), name
        for shown in specs[key].metadata.get("dagster/column_schema", dg.TableSchema([])).columns:
            assert shown.name in lineage.deps_by_column, f"{name}.{shown.name}: run python -m arb_pipeline.lineage"


def test_the_lineage_is_that_of_the_models_as_they_are() -> None:
    manifest = json.loads(manifest_path().read_text(encoding="utf-8"))
    models = [node for node in manifest["nodes"].values() if node["resource_type"] == "model"]
    known = json.loads(FILE.read_text(encoding="utf-8"))
    assert {model["name"]: hash_of(model["raw_code"]) for model in models} == {
        name: entry["hash"] for name, entry in known.items()
    }, "run python -m arb_pipeline.lineage"


def test_money_is_followed_from_the_mail_back_to_the_leg(evening: Evening) -> None:
    specs = {spec.key.to_user_string(): spec for spec in evening.platform.definitions.resolve_all_asset_specs()}
    way = [("marts/rpt_daily", "realised_net_usd")]
    for table, column in way:
        lineage = specs[table].metadata.get("dagster/column_lineage")
        if lineage is not None:
            way += [(dep.asset_key.to_user_string(), dep.column_name) for dep in lineage.deps_by_column[column]]
    assert ("marts/fct_pnl_daily", "realised_net_usd") in way
    assert ("pnl_hourly", "realised_net_usd_e8") in way
    assert ("lake/simulated_trades", "realised_net_usd_e8") in way


def test_every_materialisation_has_something_to_look_at(evening: Evening, graph: Any) -> None:
    worked = {"reconcile", "quality", "simulate", "pnl", "analyse"}
    specs = {spec.key: spec for spec in evening.platform.definitions.resolve_all_asset_specs()}
    for key in graph.materializable_asset_keys:
        event = evening.platform.instance.get_latest_materialization_event(key)
        values = event.asset_materialization.metadata.values()
        kinds = {type(value) for value in values}
        assert kinds & {dg.IntMetadataValue, dg.FloatMetadataValue, dg.TableMetadataValue}, key
        if specs[key].group_name in worked and key.path[-1] not in NOT_TABLES:
            assert dg.TableMetadataValue in kinds, key
