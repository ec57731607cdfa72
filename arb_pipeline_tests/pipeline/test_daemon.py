"""Backfills through a real daemon: two at once over the same hours, and a run that is killed in the middle."""

import os
import re
import signal
from pathlib import Path
from typing import Any

import pytest

from arb_pipeline.hours import Hour
from arb_pipeline.lake.layout import LakeLayout
from arb_pipeline.lake.tables import DERIVED
from arb_pipeline_tests.fixtures.daemon import DagsterPrograms, dagster_over, until
from arb_pipeline_tests.fixtures.platform import platform_at
from arb_pipeline_tests.fixtures.recorded import Stretch, capture

pytestmark = [pytest.mark.slow, pytest.mark.system]

# Over the end of a month, and of a quarter.
FIRST = Hour.from_key("2025-03-31-12:00")
HOURS = int(os.environ.get("ARB_BACKFILL_HOURS", "3"))
ASSETS = [
    "replayed_outputs", "reconciled_opportunities", "feed_quality", "simulated_trades", "pnl_hourly", "market_minutes",
    "attribution", "lead_lag",
]  # fmt: skip
PATIENCE = 1_500
PROCESS = re.compile(r"Executing steps in process \(pid: (\d+)\)")


def derived_bytes(layout: LakeLayout, hours: list[Hour]) -> dict[str, bytes]:
    """Return every derived file of the hours."""
    files = (path for table in DERIVED for hour in hours for path in layout.folder(table.name, hour).glob("*.parquet"))
    return {str(path.relative_to(layout.root)): path.read_bytes() for path in files}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with captured hours in the lake, none of them worked."""
    folder = tmp_path_factory.mktemp("daemon") / "data"
    capture(folder, Stretch(start_ns=FIRST.start_ns, seconds=HOURS * 3600 + 360), rotate_rows=200_000)
    platform = platform_at(folder)
    with platform.instance:
        assert platform.compact().success
    return folder


def of_backfill(programs: DagsterPrograms, backfill: str) -> list[dict[str, Any]]:
    """Return the runs of a backfill."""
    tag = {"key": "dagster/backfill", "value": backfill}
    return [run for run in programs.runs() if tag in run["tags"]]


def killed_once(programs: DagsterPrograms, run: str) -> bool:
    """Kill the process of a run, if it has said by now which it is."""
    told = [PROCESS.search(message) for message in programs.messages(run)]
    processes = {int(found.group(1)) for found in told if found is not None}
    for process in processes:
        os.kill(process, signal.SIGKILL)
    return bool(processes)


def test_concurrent_backfills_and_a_killed_run_end_in_the_same_bytes(folder: Path, tmp_path: Path) -> None:
    hours = [FIRST.shifted(offset) for offset in range(HOURS)]
    keys = [hour.key for hour in hours]
    layout = LakeLayout(folder / "lake")
    home = tmp_path / "home"
    with dagster_over(folder, home, ARB_PIPELINE_START="2025-03-01") as programs:
        backfills = [programs.backfill(ASSETS, keys) for _ in range(2)]
        victim: list[str] = []

        def struck() -> bool:
            for run in of_backfill(programs, backfills[1]):
                if run["status"] == "STARTED" and killed_once(programs, run["runId"]):
                    victim.append(run["runId"])
            return bool(victim)

        until(struck, "a run to kill", seconds=PATIENCE)
        done = ("COMPLETED_SUCCESS", "COMPLETED_FAILED", "COMPLETED", "FAILED")
        until(
            lambda: all(programs.backfill_status(backfill) in done for backfill in backfills),
            "both backfills",
            seconds=PATIENCE,
        )
        runs = {run["runId"]: run for run in programs.runs()}
        assert runs[victim[0]]["status"] == "FAILURE"
        again = [run for run in runs.values() if {"key": "dagster/parent_run_id", "value": victim[0]} in run["tags"]]
        assert [run["status"] for run in again] == ["SUCCESS"]
        others = of_backfill(programs, backfills[0])
        assert others
        assert {run["status"] for run in others} == {"SUCCESS"}
        by_daemon = derived_bytes(layout, hours)
    assert len(by_daemon) == len(DERIVED) * HOURS
    platform = platform_at(folder)
    with platform.instance:
        result = platform.work(hours[0], hours[-1], only=ASSETS)
        assert result.success
    assert derived_bytes(layout, hours) == by_daemon
