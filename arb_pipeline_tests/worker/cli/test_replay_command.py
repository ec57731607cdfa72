"""``arb replay`` over captures and over a worker's own record: what it prints and how it ends."""

import json
from pathlib import Path

import duckdb
import pytest

from arb_pipeline_tests.fixtures.market import START_NS
from arb_pipeline_tests.fixtures.recorded import Stretch, capture
from streaming_worker.cli import run
from streaming_worker.cli.exit_codes import ExitCode


def test_captures_are_replayed_as_json(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fixtures = repository / "arb_pipeline_tests" / "fixtures"
    assert run(["replay", str(fixtures / "coinbase"), str(fixtures / "gemini"), "--json"]) == ExitCode.OK
    report = json.loads(capsys.readouterr().out)
    assert set(report) == {"captures", "overall", "skipped"}
    assert report["captures"]["v2.jsonl"]["instruments"]["SOLUSD"]["best_bid"] == ["151", "1"]
    assert {"opportunities", "rejections", "simulated_trades", "digest", "seconds", "frames_per_second"} <= set(
        report["overall"]
    )


def test_a_folder_without_anything_to_replay_is_a_finding(tmp_path: Path) -> None:
    assert run(["replay", str(tmp_path)]) == ExitCode.FINDING


def test_a_record_that_does_not_come_out_again_is_a_finding(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    capture(tmp_path, Stretch(start_ns=START_NS, seconds=5), rotate_rows=10**6)
    (segment,) = (tmp_path / "segments" / "main").iterdir()
    assert run(["replay", str(tmp_path / "segments")]) == ExitCode.OK
    assert "1 of 1 keyframes equal, 0 output rows missing, 0 unexpected" in capsys.readouterr().out
    with duckdb.connect(str(segment)) as connection:
        connection.execute("DELETE FROM clock_ticks WHERE seq = (SELECT min(seq) FROM clock_ticks)")
    assert run(["replay", str(segment)]) == ExitCode.FINDING
    assert "ends early: expected event" in capsys.readouterr().out
