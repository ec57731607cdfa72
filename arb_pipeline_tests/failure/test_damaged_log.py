"""A damaged log is cut at its last whole transaction; the rest is kept beside, and nothing is lost in silence."""

import random
import shutil
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

from streaming_worker.core.events import BookDelta
from streaming_worker.errors import StorageError
from streaming_worker.storage import wal
from streaming_worker.storage.batch import Batch
from streaming_worker.storage.live_file import LiveFile, WorkerRun
from streaming_worker.storage.reader import open_segments
from streaming_worker.storage.recovery import RecoveredSegment, recover_leftovers
from streaming_worker.storage.rows import event_rows
from streaming_worker.storage.worker_files import WorkerFiles, wal_path

NOON = 1_767_268_800 * 10**9
COMMITS = 12
PER_COMMIT = 10
FRAMES_PER_COMMIT = 3  # table, rows, end of transaction
RUN = WorkerRun(worker="w", run_id="run-1", version="0", settings="{}")


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a live file as a kill leaves it: rows in the log only."""
    origin, copy = tmp_path_factory.mktemp("origin"), tmp_path_factory.mktemp("copy")
    files = WorkerFiles(origin, "w")
    live = LiveFile(files, RUN, NOON)
    for commit in range(COMMITS):
        batch = Batch()
        for seq in range(commit * PER_COMMIT + 1, (commit + 1) * PER_COMMIT + 1):
            batch.add(event_rows(seq, BookDelta("gemini:SOLUSD", [(seq, 1)], [(seq + 1, 2)], NOON, NOON + seq)))
        live.commit(batch.tables())
    for path in (live.path, wal_path(live.path)):
        shutil.copy(path, copy / path.name)
    live.abandon()
    files.release()
    return copy


@pytest.fixture
def leftover(template: Path, tmp_path: Path) -> Path:
    """Return the live file of a data folder whose worker was killed."""
    shutil.copytree(template, tmp_path / "live")
    (path,) = (tmp_path / "live").glob("*.duckdb")
    return path


def recover(leftover: Path) -> RecoveredSegment:
    (recovered,) = recover_leftovers(leftover.parent.parent, "w")
    assert [path for path in leftover.parent.glob("live-*") if path.suffix != ".damaged"] == []
    return recovered


def sealed_seqs(recovered: RecoveredSegment) -> list[int]:
    assert recovered.sealed is not None
    with open_segments([recovered.sealed]) as reader:
        return [seq for seq, _ in reader.events("run-1")]


def test_the_installed_duckdb_writes_the_log_as_we_read_it(leftover: Path) -> None:
    log = wal_path(leftover)
    assert log.read_bytes().startswith(wal.HEADER)
    starts, end = wal.frame_starts(log)
    assert end == log.stat().st_size
    assert len(starts) == COMMITS * FRAMES_PER_COMMIT


def test_a_whole_log_is_replayed_whole(leftover: Path) -> None:
    recovered = recover(leftover)
    assert sealed_seqs(recovered) == list(range(1, COMMITS * PER_COMMIT + 1))
    assert (recovered.cuts, recovered.problem) == ((), None)
    assert recovered.last_received_ns == NOON + COMMITS * PER_COMMIT
    assert recover_leftovers(leftover.parent.parent, "w") == []


def truncated(data: bytes, at: int) -> bytes:
    return data[:at]


def flipped(data: bytes, at: int) -> bytes:
    return data[:at] + bytes([data[at] ^ 0x10]) + data[at + 1 :]


def zeroed(data: bytes, at: int) -> bytes:
    return data[:at] + bytes(len(data) - at)


def scrambled(data: bytes, at: int) -> bytes:
    return data[:at] + random.Random(at).randbytes(len(data) - at)


@pytest.mark.parametrize("damage", [truncated, flipped, zeroed, scrambled])
@pytest.mark.parametrize("seed", range(6))
def test_rows_before_the_damage_are_kept(damage: Callable[[bytes, int], bytes], seed: int, leftover: Path) -> None:
    log = wal_path(leftover)
    whole = log.read_bytes()
    at = random.Random(seed).randrange(len(wal.HEADER), len(whole))
    damaged = damage(whole, at)
    starts, end = wal.frame_starts(log)
    log.write_bytes(damaged)
    recovered = recover(leftover)
    seqs = sealed_seqs(recovered) if recovered.sealed else []
    assert seqs == list(range(1, len(seqs) + 1))
    whole_frames = sum(frame_end <= at for frame_end in [*starts[1:], end])
    assert len(seqs) == whole_frames // FRAMES_PER_COMMIT * PER_COMMIT
    kept = b"".join(cut.kept.read_bytes() for cut in sorted(recovered.cuts, key=lambda cut: cut.offset))
    assert damaged.endswith(kept)
    assert recovered.cuts or damage is truncated
    assert recovered.set_aside == ()


@pytest.mark.parametrize("length", [1, 16, 4_096])
def test_zeros_after_the_last_frame_cost_nothing(leftover: Path, length: int) -> None:
    with wal_path(leftover).open("ab") as file:
        file.write(bytes(length))
    recovered = recover(leftover)
    assert len(sealed_seqs(recovered)) == COMMITS * PER_COMMIT
    assert [cut.length for cut in recovered.cuts] == [length]


@pytest.mark.parametrize("at", range(8))
def test_a_damaged_header_does_not_cost_the_whole_log(leftover: Path, at: int) -> None:
    log = wal_path(leftover)
    log.write_bytes(flipped(log.read_bytes(), at))
    recovered = recover(leftover)
    assert len(sealed_seqs(recovered)) == COMMITS * PER_COMMIT
    assert [(cut.offset, cut.length) for cut in recovered.cuts] == [(0, 8)]


def test_a_damaged_length_is_reported_although_duckdb_would_not(leftover: Path) -> None:
    log = wal_path(leftover)
    starts, _ = wal.frame_starts(log)
    middle = starts[len(starts) // 2]
    log.write_bytes(flipped(log.read_bytes(), middle + 6))
    recovered = recover(leftover)
    (cut,) = recovered.cuts
    assert cut.offset == middle
    assert 0 < len(sealed_seqs(recovered)) < COMMITS * PER_COMMIT


def test_a_damaged_database_file_is_set_aside_with_its_log(leftover: Path) -> None:
    log_bytes = wal_path(leftover).read_bytes()
    with leftover.open("r+b") as file:
        file.write(b"\xff" * 12_288)
    recovered = recover(leftover)
    assert recovered.sealed is None
    assert recovered.problem is not None
    assert [path.name for path in recovered.set_aside] == [
        f"{leftover.name}.damaged",
        f"{leftover.name}.wal.damaged",
    ]
    assert recovered.set_aside[1].read_bytes() == log_bytes


def test_a_file_that_was_never_finished_is_removed(tmp_path: Path, leftover: Path) -> None:
    shutil.rmtree(leftover.parent)
    leftover.parent.mkdir()
    leftover.touch()
    assert recover(leftover).sealed is None
    assert list(leftover.parent.glob("live-*")) == []


def test_a_file_killed_before_it_had_tables_is_removed(leftover: Path) -> None:
    wal_path(leftover).unlink()
    leftover.unlink()
    duckdb.connect(str(leftover)).close()
    recovered = recover(leftover)
    assert (recovered.sealed, recovered.run_id, recovered.problem) == (None, None, None)
    assert list(leftover.parent.glob("live-*")) == []


def test_a_file_without_rows_is_removed(leftover: Path) -> None:
    wal_path(leftover).unlink()
    recovered = recover(leftover)
    assert (recovered.sealed, recovered.run_id) == (None, "run-1")
    assert list(leftover.parent.glob("live-*")) == []


def test_a_file_that_someone_holds_open_is_left_alone(leftover: Path) -> None:
    """An open handle is no damage: setting the file aside would hide acknowledged rows."""
    with duckdb.connect(str(leftover)), pytest.raises(StorageError, match="cannot recover"):
        recover_leftovers(leftover.parent.parent, "w")
    assert len(sealed_seqs(recover(leftover))) == COMMITS * PER_COMMIT


def test_what_was_set_aside_before_is_not_overwritten(leftover: Path) -> None:
    with leftover.open("r+b") as file:
        file.write(b"\xff" * 12_288)
    leftover.with_name(f"{leftover.name}.damaged").write_bytes(b"earlier")
    with pytest.raises(StorageError, match="already exists"):
        recover_leftovers(leftover.parent.parent, "w")


def test_a_log_shorter_than_its_header_holds_nothing(leftover: Path) -> None:
    wal_path(leftover).write_bytes(wal.HEADER[:3])
    assert recover(leftover).sealed is None


def test_a_running_worker_is_not_recovered(leftover: Path) -> None:
    files = WorkerFiles(leftover.parent.parent, "w")
    try:
        with pytest.raises(StorageError, match="already runs"):
            recover_leftovers(leftover.parent.parent, "w")
    finally:
        files.release()
    assert leftover.exists()
