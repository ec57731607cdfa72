"""Names sort in the order of sealing and say what a segment cannot hold."""

from pathlib import Path

import pytest

from streaming_worker.errors import StorageError
from streaming_worker.storage.segments import (
    check_worker_name,
    list_live_files,
    list_segments,
    live_path,
    parse_sealed,
    sealed_path,
)

SECOND = 1_000_000_000
NOON = 1_767_268_800 * SECOND  # 2026-01-01T12:00:00Z


def touch(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    return path


def test_the_time_in_a_sealed_name_is_rounded_up(tmp_path: Path) -> None:
    path = sealed_path(tmp_path, "w", NOON + 1, 7)
    assert path == tmp_path / "segments" / "w" / "20260101T120001Z-00000007.duckdb"
    info = parse_sealed(path)
    assert info is not None
    assert (info.worker, info.number, info.newest_ns) == ("w", 7, NOON + SECOND)


def test_a_whole_second_stays_as_it_is(tmp_path: Path) -> None:
    assert sealed_path(tmp_path, "w", NOON, 7).name == "20260101T120000Z-00000007.duckdb"


def test_segments_are_listed_by_worker_and_in_order(tmp_path: Path) -> None:
    late = touch(sealed_path(tmp_path, "b", NOON + 5 * SECOND, 2))
    early = touch(sealed_path(tmp_path, "b", NOON, 1))
    other = touch(sealed_path(tmp_path, "a", NOON + 9 * SECOND, 3))
    touch(late.with_name("notes.txt"))
    touch(late.with_name("20260101T120000Z-00000009.duckdb.wal"))
    assert [info.path for info in list_segments(tmp_path)] == [other, early, late]
    assert [info.path for info in list_segments(tmp_path, "b")] == [early, late]


def test_a_folder_that_is_not_there_holds_nothing(tmp_path: Path) -> None:
    assert list_segments(tmp_path / "absent") == []
    assert list_live_files(tmp_path / "absent", "w") == []


def test_a_worker_whose_name_begins_with_anothers_is_not_mixed_up(tmp_path: Path) -> None:
    mine = touch(live_path(tmp_path, "eu", NOON, 2))
    touch(live_path(tmp_path, "eu-west", NOON, 1))
    touch(mine.with_name(f"{mine.name}.wal"))
    touch(mine.with_name(f"{mine.name}.damaged"))
    assert [live.path for live in list_live_files(tmp_path, "eu")] == [mine]


@pytest.mark.parametrize("name", ["", "../x", "a/b", "a b", "-a", "x" * 65, "a.b"])
def test_a_name_that_cannot_stand_in_a_file_name_is_refused(name: str) -> None:
    with pytest.raises(StorageError, match="expected a worker name"):
        check_worker_name(name)
