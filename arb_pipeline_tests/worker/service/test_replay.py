"""Which files a replay takes, what it calls them, and what it says of those it cannot read."""

import gzip
from pathlib import Path
from shutil import copy

import pytest

from streaming_worker.adapters.clock import HandClock
from streaming_worker.errors import ConfigError
from streaming_worker.service.replay import replay_captures


@pytest.fixture
def coinbase(repository: Path) -> Path:
    """Return the folder of our own Coinbase recordings."""
    return repository / "arb_pipeline_tests" / "fixtures" / "coinbase"


def test_a_file_is_named_relative_to_the_given_folder(coinbase: Path) -> None:
    assert list(replay_captures([coinbase])["captures"]) == ["advanced.jsonl", "exchange.jsonl"]
    assert list(replay_captures([coinbase.parent])["captures"])[:1] == ["coinbase/advanced.jsonl"]
    assert list(replay_captures([coinbase / "advanced.jsonl"])["captures"]) == ["advanced.jsonl"]


def test_a_name_taken_twice_is_told_apart_by_its_path(coinbase: Path, tmp_path: Path) -> None:
    copy(coinbase / "advanced.jsonl", tmp_path)
    report = replay_captures([coinbase / "advanced.jsonl", tmp_path])
    assert list(report["captures"]) == ["advanced.jsonl", (tmp_path / "advanced.jsonl").as_posix()]


def test_a_path_that_does_not_exist_is_a_setting_that_cannot_be_used(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no such file or folder"):
        replay_captures([tmp_path / "nowhere"])


def test_the_digest_depends_on_the_files_not_on_their_order(coinbase: Path) -> None:
    files = [coinbase / "advanced.jsonl", coinbase / "exchange.jsonl"]
    one, other, less = (replay_captures(paths)["overall"]["digest"] for paths in (files, files[::-1], files[:1]))
    assert one == other
    assert one != less


def test_speed_is_measured_by_the_given_clock(coinbase: Path) -> None:
    clock = HandClock()
    seen: list[tuple[str, int, int]] = []

    def progress(name: str, number: int, total: int) -> None:
        seen.append((name, number, total))
        clock.advance(2)

    overall = replay_captures([coinbase], clock=clock, progress=progress)["overall"]
    assert seen == [("advanced.jsonl", 1, 2), ("exchange.jsonl", 2, 2)]
    assert (overall["frames"], overall["seconds"], overall["frames_per_second"]) == (22, 4.0, 5)


def test_a_damaged_file_is_replayed_up_to_the_damage_and_says_so(coinbase: Path, tmp_path: Path) -> None:
    lines = (coinbase / "advanced.jsonl").read_bytes().splitlines(keepends=True)
    cut = gzip.compress(b"".join(lines))[:-8]  # the checksum is missing: everything can be read, nothing is sure
    (tmp_path / "cut.jsonl.gz").write_bytes(cut)
    (tmp_path / "torn.jsonl").write_bytes(b"".join(lines[:10]) + lines[10][:30])
    captures = replay_captures([tmp_path])["captures"]
    assert "damaged" in captures["cut.jsonl.gz"]["damage"]
    assert captures["cut.jsonl.gz"]["frames"] == 15
    assert "line 11" in captures["torn.jsonl"]["damage"]
    assert captures["torn.jsonl"]["instruments"]["SOL-USD"]["state"] == "synced"


def test_a_file_of_another_kind_is_skipped_with_the_reason(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("hello")
    report = replay_captures([tmp_path])
    assert report["captures"] == {}
    assert "expected .jsonl" in report["skipped"]["notes.txt"]


def test_nothing_to_replay_gives_an_empty_report(tmp_path: Path) -> None:
    report = replay_captures([tmp_path])
    assert (report["captures"], report["skipped"], report["overall"]["frames"]) == ({}, {}, 0)
