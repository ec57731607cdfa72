"""The system screen's figures, from the worker's readings, the files and Dagster's own answer."""

from pathlib import Path

import pytest
from fastapi.routing import APIRoute

from streaming_worker.adapters.clock import HandClock
from streaming_worker.api.dagster_link import DagsterLink, pipeline_of
from streaming_worker.api.reading import machine
from streaming_worker.api.routes.machine import router
from streaming_worker.core.units import NANOS_PER_SECOND

SECOND = NANOS_PER_SECOND


def test_readings_become_figures_with_their_units() -> None:
    metrics = {
        "bus": {"waiting": 3, "capacity": 1000, "high_water": 40, "dropped.gemini": 2},
        "sink": {"committed_rows": 9, "commit_p95_ns": 7_900_999, "committed_ns": SECOND, "failure": None},
        "feed.gemini": {"frames": 5, "host": "x", "is_open": True, "last_frame_ns": 77, "resyncs": 1},
    }
    queue, writer = machine.queue(metrics), machine.writer(metrics)
    assert queue is not None
    assert writer is not None
    assert (queue.waiting, queue.dropped) == (3, {"gemini": 2})
    assert (writer.commit_p95_us, writer.commit_p50_us) == (7_900, None)
    assert writer.committed_at == "1970-01-01T00:00:01.000000Z"
    assert machine.feed_counters(metrics)[0].counters == {"frames": 5, "resyncs": 1}


def test_a_worker_that_has_not_spoken_has_no_figures() -> None:
    assert machine.queue({}) is None
    assert machine.writer({}) is None
    assert machine.feed_counters({}) == []


def test_disk_days_follow_the_pace_of_the_last_hour(tmp_path: Path) -> None:
    folder = tmp_path / "segments" / "demo"
    folder.mkdir(parents=True)
    for minute, size in ((0, 50), (10, 1_000), (20, 1_000)):
        (folder / f"20260131T12{minute:02d}00Z-{minute:08d}.duckdb").write_bytes(b"x" * size)
    now_ns = 1_769_862_300 * SECOND
    seen = machine.files(tmp_path, now_ns)
    assert (seen.segments, seen.segment_bytes, seen.published_bytes) == (3, 2_050, None)
    assert seen.newest_segment_at is not None
    if seen.days_left is not None:
        # 2,000 bytes in 20 minutes are 144,000 a day
        assert abs(seen.days_left - seen.free_bytes // 144_000) <= seen.free_bytes // 1_440_000


def _check(name: str, status: str | None, success: bool = True) -> dict[str, object]:
    execution = None if status is None else {"status": status, "evaluation": {"success": success}}
    return {"name": name, "executionForLatestMaterialization": execution}


def _node(key: str, *checks: dict[str, object], made: bool = True) -> dict[str, object]:
    return {
        "assetKey": {"path": [key]},
        "isMaterializable": True,
        "assetMaterializations": [{"timestamp": "1"}] if made else [],
        "assetChecksOrError": {"checks": list(checks)},
    }


def test_a_check_that_ran_and_said_no_has_failed() -> None:
    daemons = [{"daemonType": "SENSOR", "required": True, "healthy": False}]
    seen = pipeline_of(
        {
            "instance": {"daemonHealth": {"allDaemonStatuses": daemons}},
            "runsOrError": {
                "results": [
                    {"runId": "r", "status": "SUCCESS", "pipelineName": "p", "startTime": 1.5, "endTime": 2.0},
                    {"runId": "q", "status": "QUEUED", "pipelineName": "p", "startTime": None, "endTime": None},
                ]
            },
            "assetNodes": [
                _node("lake", _check("rows", "SUCCEEDED"), _check("order", "SUCCEEDED", success=False)),
                _node("mart", _check("sum", None), made=False),
            ],
        }
    )
    assert (seen.assets, seen.assets_materialized, seen.checks_passed) == (2, 1, 1)
    assert [(check.asset, check.state) for check in seen.checks] == [("lake", "failed"), ("mart", "waiting")]
    assert seen.daemons_down == ["SENSOR"]
    assert [run.duration_ms for run in seen.runs] == [500, None]


async def test_dagster_that_is_not_there_is_said_once_and_not_asked_again_at_once() -> None:
    clock = HandClock(SECOND)
    link = DagsterLink("127.0.0.1", 1, clock)
    first = await link.pipeline()
    assert not first.is_reachable
    assert await link.pipeline() is first
    clock.advance(60)
    assert await link.pipeline() is not first


@pytest.mark.parametrize("name", ["status.json", "system.json", "readings.json"])
def test_readings_are_json(name: str) -> None:
    assert machine.readings({name: {"count": 1}}).startswith(b"{")


def test_the_routes_stand_beside_the_others() -> None:
    paths = {route.path for route in router.routes if isinstance(route, APIRoute)}
    assert paths == {"/api/v1/system", "/api/v1/diagnostics"}
