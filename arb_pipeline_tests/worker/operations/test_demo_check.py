"""The check proves what it saw and nothing more: what is missing is named, and nothing is left behind."""

import json
import os
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from streaming_worker.cli import run
from streaming_worker.cli.exit_codes import ExitCode
from streaming_worker.operations.demo_check import DemoCheck, Proof, missing_in
from streaming_worker.operations.supervisor import session_members

WHOLE = Proof(
    ready_seconds=40.0,
    rows_captured=1_000,
    segments_sealed=2,
    assets_materialized=["pnl_hourly"],
    checks_passed=3,
    report={"subject": "report"},
)


def test_a_whole_proof_misses_nothing() -> None:
    assert missing_in(WHOLE) == []
    assert WHOLE.passed
    assert json.loads(json.dumps(WHOLE.as_json()))["passed"] is True


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"ready_seconds": None}, "did not become ready"),
        ({"rows_captured": 0}, "no rows captured"),
        ({"segments_sealed": 0}, "no segment sealed"),
        ({"assets_materialized": []}, "no asset materialised"),
        ({"assets_missing": ["daily_report"]}, "assets not materialised: daily_report"),
        ({"checks_passed": 0}, "no asset check passed"),
        ({"checks_failed": ["lake/gaps:rows"]}, "asset checks not passed: lake/gaps:rows"),
        ({"report": None}, "no report with a filled table"),
    ],
)
def test_each_part_that_is_missing_is_named(change: dict[str, object], words: str) -> None:
    (line,) = missing_in(replace(WHOLE, **change))
    assert words in line


def test_a_check_that_runs_out_of_time_says_what_it_lacks_and_leaves_nothing_running() -> None:
    lines: list[str] = []
    proof = DemoCheck(dict(os.environ), lines.append, bound_seconds=6).run()
    assert not proof.passed
    assert "the platform did not become ready" in proof.missing
    assert proof.left_running == 0
    assert proof.stop_seconds is not None
    assert proof.stop_seconds < 15
    assert proof.folder is not None
    folder = Path(proof.folder)
    pid_file = folder / "data" / "state" / "supervisor" / "supervisord.pid"
    assert not pid_file.exists() or session_members(int(pid_file.read_text(encoding="ascii"))) == ()
    shutil.rmtree(folder)


@pytest.mark.system
@pytest.mark.slow
@pytest.mark.timeout(420)
def test_the_whole_system_proves_itself(capsys: pytest.CaptureFixture[str]) -> None:
    code = run(["demo-check", "--json"])
    proof = json.loads(capsys.readouterr().out)
    assert proof["missing"] == []
    assert code == ExitCode.OK
