"""Ask Dagster's web interface: is the location loaded, what is materialised, which checks passed."""

from dataclasses import dataclass
from typing import Any, Final

import httpx
import msgspec

from streaming_worker.errors import OperationError

_TIMEOUT_S: Final = 20.0
_LOCATIONS: Final = """
{ workspaceOrError { __typename ... on Workspace { locationEntries {
    name loadStatus locationOrLoadError { __typename ... on PythonError { message } } } }
  ... on PythonError { message } } }
"""
_DAEMONS: Final = "{ instance { daemonHealth { allDaemonStatuses { daemonType required healthy } } } }"
_ASSETS: Final = """
{ assetNodes {
    assetKey { path } isMaterializable groupName partitionStats { numPartitions }
    assetMaterializations(limit: 1) { timestamp }
    assetChecksOrError { __typename ... on AssetChecks { checks {
      name blocking executionForLatestMaterialization { status evaluation { success severity } } } } } } }
"""
_RUNS: Final = """
{ runsOrError(limit: 50) { __typename ... on Runs { results { runId status pipelineName } } } }
"""


@dataclass(frozen=True, slots=True)
class CheckState:
    """The last result of one check; None while it has none."""

    name: str
    is_blocking: bool
    passed: bool | None


@dataclass(frozen=True, slots=True)
class AssetState:
    """One asset as Dagster shows it. ``is_due``: not before its first partition is there, as the first whole week."""

    key: str
    group: str
    is_materializable: bool
    is_materialized: bool
    checks: tuple[CheckState, ...]
    is_due: bool = True


class DagsterClient:
    """Queries of one web interface. Raises OperationError when it does not answer as expected."""

    def __init__(self, host: str, port: int) -> None:
        self._url = f"http://{host}:{port}/graphql"

    def loaded_locations(self) -> tuple[str, ...]:
        """Return the names of the loaded locations. Raises OperationError with the reason of a failed one."""
        workspace = self._ask(_LOCATIONS)["workspaceOrError"]
        if "locationEntries" not in workspace:
            raise OperationError(f"Dagster has no workspace: {workspace.get('message')}")
        loaded = []
        for entry in workspace["locationEntries"]:
            content = entry["locationOrLoadError"] or {}
            if content.get("__typename") == "PythonError":
                raise OperationError(f"code location {entry['name']} does not load: {content['message'].strip()}")
            if entry["loadStatus"] == "LOADED" and content:
                loaded.append(str(entry["name"]))
        return tuple(loaded)

    def unhealthy_daemons(self) -> tuple[str, ...]:
        """Return the required daemons that do not report."""
        statuses = self._ask(_DAEMONS)["instance"]["daemonHealth"]["allDaemonStatuses"]
        return tuple(str(row["daemonType"]) for row in statuses if row["required"] and not row["healthy"])

    def assets(self) -> tuple[AssetState, ...]:
        """Return every asset with its last materialisation and checks, by key."""
        nodes = self._ask(_ASSETS)["assetNodes"]
        return tuple(sorted((_asset(node) for node in nodes), key=lambda asset: asset.key))

    def runs(self) -> dict[str, int]:
        """Return how many of the last runs have which status."""
        counts: dict[str, int] = {}
        for row in self._ask(_RUNS)["runsOrError"].get("results", []):
            counts[row["status"]] = counts.get(row["status"], 0) + 1
        return counts

    def _ask(self, query: str) -> dict[str, Any]:
        try:
            answer = httpx.post(self._url, json={"query": query}, timeout=_TIMEOUT_S, trust_env=False)
            content = msgspec.json.decode(answer.content)
        except (httpx.HTTPError, msgspec.DecodeError) as e:
            raise OperationError(f"Dagster does not answer at {self._url}: {e!r}") from e
        if not isinstance(content, dict) or content.get("errors") or not content.get("data"):
            raise OperationError(f"Dagster refuses a query: {str(content)[:300]}")
        data = content["data"]
        assert isinstance(data, dict)
        return data


def _asset(node: dict[str, Any]) -> AssetState:
    checks = node["assetChecksOrError"].get("checks", [])
    partitions = node.get("partitionStats")
    return AssetState(
        key="/".join(node["assetKey"]["path"]),
        group=str(node["groupName"]),
        is_materializable=bool(node["isMaterializable"]),
        is_materialized=bool(node["assetMaterializations"]),
        checks=tuple(_check(check) for check in checks),
        is_due=partitions is None or partitions["numPartitions"] > 0,
    )


def _check(check: dict[str, Any]) -> CheckState:
    execution = check["executionForLatestMaterialization"]
    passed = None
    if execution and execution["status"] in ("SUCCEEDED", "FAILED"):
        evaluation = execution["evaluation"]
        passed = execution["status"] == "SUCCEEDED" and (evaluation is None or bool(evaluation["success"]))
    return CheckState(name=str(check["name"]), is_blocking=bool(check["blocking"]), passed=passed)
