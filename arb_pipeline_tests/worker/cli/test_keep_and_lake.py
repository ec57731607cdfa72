"""`arb backup`, `arb restore` and `arb lake` as an operator uses them: one record, lost and brought back."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from arb_pipeline_tests.failure.lake_process import compact_quickly
from streaming_worker.adapters.clock import AnchoredClock
from streaming_worker.cli import run
from streaming_worker.cli.exit_codes import ExitCode
from streaming_worker.core.events import ClockTick
from streaming_worker.core.units import NANOS_PER_SECOND
from streaming_worker.storage.live_file import WorkerRun
from streaming_worker.storage.record_reader import open_record
from streaming_worker.storage.sink import Sink

NOON = 1_767_268_800 * NANOS_PER_SECOND
Arb = Callable[..., tuple[int, str, str]]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Return a data folder with one run, compacted."""
    folder = tmp_path / "data"
    sink = Sink(folder, WorkerRun(worker="demo", run_id="run-1", version="0", settings="{}"), AnchoredClock())
    sink.start()
    for seq in range(1, 6):
        sink.put_event(seq, ClockTick(NOON + seq))
    sink.stop()
    compact_quickly(folder)
    return folder


@pytest.fixture
def arb(data: Path, capsys: pytest.CaptureFixture[str]) -> Arb:
    """Return a call of the command on that folder: exit code, output, errors."""

    def call(*arguments: str) -> tuple[int, str, str]:
        code = run([*arguments, "--profile", "demo", "--data-dir", str(data)])
        captured = capsys.readouterr()
        return int(code), captured.out, captured.err

    return call


def rows(data: Path) -> list[tuple[Any, ...]]:
    with open_record(data) as record:
        return record.rows("SELECT run_id, seq FROM clock_ticks ORDER BY ALL")


def test_a_lost_data_folder_comes_back_from_its_backup(arb: Arb, data: Path, tmp_path: Path) -> None:
    kept, before = str(tmp_path / "kept"), rows(data)
    code, made, _ = arb("backup", kept, "--verify", "--json")
    report = json.loads(made)
    assert (code, report["findings"], report["new_files"] > 0) == (ExitCode.OK, [], True)
    code, _, error = arb("restore", kept)
    assert (code, "expected an empty folder to restore into" in error) == (ExitCode.ENVIRONMENT, True)
    shutil.rmtree(data)
    code, restored, _ = arb("restore", kept, "--at", report["name"], "--json")
    assert (code, json.loads(restored)["digest"]) == (ExitCode.OK, report["digest"])
    assert rows(data) == before
    assert arb("lake", "verify")[0] == ExitCode.OK


def test_a_backup_says_in_words_what_it_took(arb: Arb, data: Path, tmp_path: Path) -> None:
    _, first, _ = arb("backup", str(tmp_path / "kept"))
    assert first.startswith("backup ")
    assert "new: " in first
    shutil.rmtree(data)
    code, text, _ = arb("restore", str(tmp_path / "kept"))
    assert code == ExitCode.OK
    assert str(data) in text


def test_content_that_changed_in_the_store_is_a_finding_and_content_that_is_cut_is_stored_again(
    arb: Arb, tmp_path: Path
) -> None:
    kept = tmp_path / "kept"
    arb("backup", str(kept))
    (made,) = (kept / "backups").iterdir()
    made.rename(made.with_name("20000101T000000Z.json"))
    contents = sorted((kept / "objects").glob("??/*"))
    contents[0].write_bytes(b"")
    contents[1].write_bytes(bytes(contents[1].stat().st_size))
    code, text, _ = arb("backup", str(kept), "--verify")
    assert code == ExitCode.FINDING
    assert text.count("expected sha256") == 1
    assert "new: 1 files" in text


def test_a_folder_without_backups_is_named(arb: Arb, tmp_path: Path) -> None:
    code, _, error = arb("restore", str(tmp_path / "nothing"))
    assert (code, "there is no backup in" in error) == (ExitCode.ENVIRONMENT, True)


def test_the_lake_is_verified_listed_and_added_up(arb: Arb, data: Path) -> None:
    code, text, _ = arb("lake", "verify")
    assert (code, text) == (ExitCode.OK, f"2 files, 6 rows, {lake_bytes(data)} bytes: all as the manifest says\n")
    _, listed, _ = arb("lake", "ls", "--table", "clock_ticks")
    assert listed.startswith("clock_ticks  2026-01-01 12:00  demo  run-1  5  ")
    files = json.loads(arb("lake", "ls", "--json")[1])["files"]
    assert sorted(file["table"] for file in files) == ["clock_ticks", "worker_runs"]
    stats = json.loads(arb("lake", "stats", "--json")[1])
    assert (stats["segments_compacted"], stats["segments_waiting"]) == (1, 0)
    table = arb("lake", "stats")[1]
    assert "clock_ticks" in table
    assert "segments: 1 in the lake, 0 refused, 0 waiting" in table


def lake_bytes(data: Path) -> int:
    paths = (data / "lake").glob("*/*/*/*.parquet")
    return sum(path.stat().st_size for path in paths if not path.name.startswith("empty-"))


def test_a_lake_that_is_not_as_its_manifest_says_is_a_finding(arb: Arb, data: Path) -> None:
    (file,) = (data / "lake" / "clock_ticks").glob("date=2026-01-01/*/*.parquet")
    file.unlink()
    code, text, _ = arb("lake", "verify", "--quick")
    assert (code, f"{file.relative_to(data / 'lake')}: is missing" in text) == (ExitCode.FINDING, True)
    assert json.loads(arb("lake", "verify", "--json")[1])["findings"]


def test_what_would_go_is_shown_with_its_reason_and_stays(
    arb: Arb, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("WARN", "RAW_FRAMES", "CAPTURE"):
        monkeypatch.setenv(f"ARB_DISK_{name}_FREE_MB", "0")
    before = sorted(data.rglob("*"))
    assert arb("lake", "retention")[:2] == (ExitCode.OK, "nothing would go\n")
    monkeypatch.setenv("ARB_RETENTION_DAYS", "replay=1")
    code, text, _ = arb("lake", "retention")
    assert code == ExitCode.OK
    assert text.startswith("lake_file  clock_ticks/date=2026-01-01/hour=12/")
    assert "clock_ticks is kept 1 days\n1 would go, " in text
    (removal,) = json.loads(arb("lake", "retention", "--json")[1])["removals"]
    assert removal["kind"] == "lake_file"
    assert sorted(data.rglob("*")) == before
    monkeypatch.setenv("ARB_RETENTION_DAYS", "book_update=1")
    code, _, error = arb("lake", "retention")
    assert (code, "unknown table book_update" in error) == (ExitCode.CONFIGURATION, True)
    monkeypatch.setenv("ARB_RETENTION_DAYS", "raw_frames")
    assert "expected each name once, as in raw_frames=14" in arb("lake", "retention")[2]
