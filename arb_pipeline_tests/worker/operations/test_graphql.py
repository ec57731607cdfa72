"""What Dagster answers becomes facts; what it does not answer becomes one clear error."""

import json
from typing import Any

import pytest
from dagster_graphql.schema import create_schema
from graphql import parse, validate

from streaming_worker.errors import OperationError
from streaming_worker.operations import graphql
from streaming_worker.operations.graphql import AssetState, CheckState, DagsterClient

QUERIES = [name for name in vars(graphql) if name.startswith("_") and name.isupper() and "TIMEOUT" not in name]


@pytest.fixture(scope="module")
def schema() -> Any:
    return create_schema().graphql_schema


@pytest.mark.parametrize("name", QUERIES)
def test_every_query_fits_the_installed_dagster(schema: Any, name: str) -> None:
    assert validate(schema, parse(getattr(graphql, name))) == []


def _client(answers: Any, content: object) -> DagsterClient:
    answers.bodies["/graphql"] = json.dumps(content).encode()
    return DagsterClient("127.0.0.1", answers.port)


def test_a_location_counts_once_it_is_loaded(answers: Any) -> None:
    entries = [
        {"name": "arb_pipeline", "loadStatus": "LOADED", "locationOrLoadError": {"__typename": "RepositoryLocation"}},
        {"name": "slow", "loadStatus": "LOADING", "locationOrLoadError": None},
    ]
    client = _client(answers, {"data": {"workspaceOrError": {"__typename": "Workspace", "locationEntries": entries}}})
    assert client.loaded_locations() == ("arb_pipeline",)


def test_a_location_that_cannot_be_loaded_says_why(answers: Any) -> None:
    error = {"__typename": "PythonError", "message": "no module named x\n"}
    entries = [{"name": "arb_pipeline", "loadStatus": "LOADED", "locationOrLoadError": error}]
    client = _client(answers, {"data": {"workspaceOrError": {"__typename": "Workspace", "locationEntries": entries}}})
    with pytest.raises(OperationError, match=r"code location arb_pipeline does not load: no module named x$"):
        client.loaded_locations()
    client = _client(answers, {"data": {"workspaceOrError": {"__typename": "PythonError", "message": "broken"}}})
    with pytest.raises(OperationError, match="no workspace: broken"):
        client.loaded_locations()


def test_only_required_daemons_must_report(answers: Any) -> None:
    rows = [
        {"daemonType": "SENSOR", "required": True, "healthy": True},
        {"daemonType": "SCHEDULER", "required": True, "healthy": None},
        {"daemonType": "EVENT_LOG_CONSUMER", "required": False, "healthy": False},
    ]
    client = _client(answers, {"data": {"instance": {"daemonHealth": {"allDaemonStatuses": rows}}}})
    assert client.unhealthy_daemons() == ("SCHEDULER",)


def _check(name: str, execution: dict[str, Any] | None) -> dict[str, Any]:
    return {"name": name, "blocking": True, "executionForLatestMaterialization": execution}


def test_a_check_passes_only_when_it_ran_and_succeeded(answers: Any) -> None:
    checks = [
        _check("good", {"status": "SUCCEEDED", "evaluation": {"success": True, "severity": "ERROR"}}),
        _check("bad", {"status": "FAILED", "evaluation": {"success": False, "severity": "ERROR"}}),
        _check("warned", {"status": "SUCCEEDED", "evaluation": {"success": False, "severity": "WARN"}}),
        _check("never", None),
        _check("running", {"status": "IN_PROGRESS", "evaluation": None}),
    ]
    nodes = [
        {
            "assetKey": {"path": ["pnl", "daily"]},
            "isMaterializable": True,
            "groupName": "pnl",
            "assetMaterializations": [{"timestamp": "1"}],
            "assetChecksOrError": {"__typename": "AssetChecks", "checks": checks},
        },
        {
            "assetKey": {"path": ["lake"]},
            "isMaterializable": False,
            "groupName": "lake",
            "assetMaterializations": [],
            "assetChecksOrError": {"__typename": "AssetCheckNeedsMigrationError"},
        },
    ]
    lake, pnl = _client(answers, {"data": {"assetNodes": nodes}}).assets()
    assert lake == AssetState("lake", "lake", is_materializable=False, is_materialized=False, checks=())
    assert pnl.is_materialized
    assert [(check.name, check.passed) for check in pnl.checks] == [
        ("good", True),
        ("bad", False),
        ("warned", False),
        ("never", None),
        ("running", None),
    ]
    assert pnl.checks[0] == CheckState("good", is_blocking=True, passed=True)


@pytest.mark.parametrize(("partitions", "is_due"), [(None, True), (0, False), (3, True)])
def test_an_asset_without_a_partition_yet_is_not_due(answers: Any, partitions: int | None, is_due: bool) -> None:
    node = {
        "assetKey": {"path": ["weekly_report"]},
        "isMaterializable": True,
        "groupName": "report",
        "partitionStats": None if partitions is None else {"numPartitions": partitions},
        "assetMaterializations": [],
        "assetChecksOrError": {"__typename": "AssetChecks", "checks": []},
    }
    (asset,) = _client(answers, {"data": {"assetNodes": [node]}}).assets()
    assert asset.is_due is is_due


def test_runs_are_counted_by_status(answers: Any) -> None:
    rows = [{"status": "SUCCESS"}, {"status": "FAILURE"}, {"status": "SUCCESS"}]
    client = _client(answers, {"data": {"runsOrError": {"results": rows}}})
    assert client.runs() == {"SUCCESS": 2, "FAILURE": 1}


@pytest.mark.parametrize("content", [{"errors": [{"message": "no"}]}, {"data": None}, ["list"]])
def test_an_answer_that_is_none_is_an_error(answers: Any, content: object) -> None:
    with pytest.raises(OperationError, match="Dagster refuses a query"):
        _client(answers, content).runs()


def test_silence_is_an_error_that_names_the_address(answers: Any) -> None:
    answers.bodies["/graphql"] = b"<html>"
    client = DagsterClient("127.0.0.1", answers.port)
    with pytest.raises(OperationError, match=f"Dagster does not answer at http://127.0.0.1:{answers.port}/graphql"):
        client.runs()
    with pytest.raises(OperationError, match="does not answer"):
        DagsterClient("127.0.0.1", 1).runs()
