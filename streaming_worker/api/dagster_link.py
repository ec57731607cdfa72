"""What the pipeline's web interface says of itself, asked at most every few seconds, whoever wants to know."""

from collections.abc import Iterator
from typing import Any, Final

import httpx
import msgspec

from streaming_worker.adapters.clock import Clock
from streaming_worker.api.schemas.base import moment
from streaming_worker.api.schemas.machine import Pipeline, PipelineCheck, PipelineRun
from streaming_worker.core.units import NANOS_PER_SECOND

_TIMEOUT_S: Final = 5.0
_KEEP_NS: Final = 8 * NANOS_PER_SECOND
_RUNS: Final = 15
_QUESTION: Final = f"""
{{ instance {{ daemonHealth {{ allDaemonStatuses {{ daemonType required healthy }} }} }}
  runsOrError(limit: {_RUNS}) {{ ... on Runs {{ results {{ runId status pipelineName startTime endTime }} }} }}
  assetNodes {{ assetKey {{ path }} isMaterializable assetMaterializations(limit: 1) {{ timestamp }}
    assetChecksOrError {{ ... on AssetChecks {{ checks {{
      name executionForLatestMaterialization {{ status evaluation {{ success }} }} }} }} }} }} }}
"""


class DagsterLink:
    """Asks one web interface; says so where it does not answer."""

    def __init__(self, host: str, port: int, clock: Clock) -> None:
        self._url = f"http://{host}:{port}/graphql"
        self._clock = clock
        self._known: tuple[int, Pipeline] | None = None

    async def pipeline(self) -> Pipeline:
        """Return the state of the pipeline, at most eight seconds old."""
        now_ns = self._clock.monotonic_ns()
        if self._known is None or now_ns - self._known[0] > _KEEP_NS:
            self._known = (now_ns, await self._ask())
        return self._known[1]

    async def _ask(self) -> Pipeline:
        try:
            async with httpx.AsyncClient(trust_env=False, timeout=_TIMEOUT_S) as client:
                answer = await client.post(self._url, json={"query": _QUESTION})
            return pipeline_of(msgspec.json.decode(answer.content)["data"])
        except (httpx.HTTPError, msgspec.DecodeError, KeyError, TypeError) as e:
            return _unreachable(f"Dagster does not answer as expected ({type(e).__name__})")


def pipeline_of(data: dict[str, Any]) -> Pipeline:
    """Return the answer in our shape. Raises KeyError, TypeError for one that is not as expected."""
    assets = [node for node in data["assetNodes"] if node["isMaterializable"]]
    results = [result for node in data["assetNodes"] for result in _checks(node)]
    daemons = data["instance"]["daemonHealth"]["allDaemonStatuses"]
    return Pipeline(
        is_reachable=True,
        detail="answers",
        assets=len(assets),
        assets_materialized=sum(bool(node["assetMaterializations"]) for node in assets),
        checks_passed=results.count(None),
        checks=[result for result in results if result is not None],
        daemons_down=[row["daemonType"] for row in daemons if row["required"] and not row["healthy"]],
        runs=[_run(row) for row in data["runsOrError"]["results"]],
    )


def _unreachable(detail: str) -> Pipeline:
    return Pipeline(
        is_reachable=False,
        detail=detail,
        assets=0,
        assets_materialized=0,
        checks_passed=0,
        checks=[],
        daemons_down=[],
        runs=[],
    )


def _checks(node: dict[str, Any]) -> Iterator[PipelineCheck | None]:
    """Yield None for each check that passed, and what is to be shown for each other one."""
    asset = "/".join(node["assetKey"]["path"])
    for check in node["assetChecksOrError"].get("checks", []):
        execution = check["executionForLatestMaterialization"]
        if execution is None or execution["status"] not in ("SUCCEEDED", "FAILED"):
            yield PipelineCheck(asset=asset, name=check["name"], state="waiting")
        elif execution["status"] == "FAILED" or not (execution["evaluation"] or {}).get("success", True):
            yield PipelineCheck(asset=asset, name=check["name"], state="failed")
        else:
            yield None


def _run(row: dict[str, Any]) -> PipelineRun:
    started, ended = row["startTime"], row["endTime"]
    return PipelineRun(
        run_id=row["runId"],
        job=row["pipelineName"],
        status=row["status"].lower(),
        started_at=None if started is None else moment(int(started * NANOS_PER_SECOND)),
        duration_ms=None if started is None or ended is None else int((ended - started) * 1_000),
    )
