"""kill -9 of the real worker under load: nothing acknowledged is lost or doubled, and each gap is written down."""

import os
import stat
import sys
from pathlib import Path

import pytest

from arb_pipeline_tests.failure.kill_campaign import (
    check,
    compact_and_compare,
    kill_again_and_again,
    row_count,
    runs_of,
    table,
)
from streaming_worker.storage.record_reader import open_record

SHORT = 3
LONG = int(os.environ.get("CHAOS_KILLS", "200"))


def campaign(folder: Path, kills: int, *, seed: int, longest_s: float) -> str:
    done = kill_again_and_again(folder, kills, seed=seed, longest_s=longest_s)
    with open_record(folder / "data") as record:
        runs, rows = runs_of(record), row_count(record)
    check(done, runs)
    compact_and_compare(folder / "data", runs)
    return table(done, runs, rows)


def modes(folder: Path) -> set[int]:
    return {stat.S_IMODE(path.stat().st_mode) for path in (folder, *folder.rglob("*"))}


def test_a_killed_worker_keeps_what_it_acknowledged(tmp_path: Path) -> None:
    report = campaign(tmp_path, SHORT, seed=2, longest_s=1.0)
    assert "acknowledged and lost: 0;" in report
    assert " 1 batches;" in report or " 0 batches;" in report
    assert modes(tmp_path / "data" / "live") | modes(tmp_path / "data" / "state") == {0o600, 0o700}


@pytest.mark.chaos
@pytest.mark.timeout(60 + 20 * LONG)
def test_a_worker_killed_again_and_again_keeps_what_it_acknowledged(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    report = campaign(tmp_path, LONG, seed=20_260_101, longest_s=2.5)
    with capsys.disabled():
        sys.stdout.write(f"\n{report}\n")
