"""A damaged Parquet file is named by the audit every time; reading it gives all of its rows or a storage error."""

import random
import shutil
from pathlib import Path

import pytest

from arb_pipeline_tests.failure.lake_process import compact_quickly, remove_compacted
from arb_pipeline_tests.fixtures.spoiled_bytes import Damage, flipped, truncated, zeroed
from streaming_worker.adapters.clock import AnchoredClock
from streaming_worker.core.events import BookDelta
from streaming_worker.errors import StorageError
from streaming_worker.storage.lake_audit import audit_lake
from streaming_worker.storage.live_file import WorkerRun
from streaming_worker.storage.manifest import read_manifest
from streaming_worker.storage.record_reader import open_record
from streaming_worker.storage.sink import Sink

EVENTS = 4_000
NOON = 1_767_268_800 * 10**9
ROWS = "SELECT seq, received_ns, side, price_e8, size_e8 FROM book_updates ORDER BY ALL"
TIMES = 12


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a data folder whose only segment is in the lake and gone."""
    folder, dice = tmp_path_factory.mktemp("whole"), random.Random(3)
    sink = Sink(folder, WorkerRun(worker="w", run_id="run-1", version="0", settings="{}"), AnchoredClock())
    sink.start()
    for seq in range(1, EVENTS + 1):
        level = (dice.getrandbits(40), dice.getrandbits(30))
        sink.put_event(seq, BookDelta("gemini:SOLUSD", [level], [], None, NOON + seq, seq))
    sink.stop()
    compact_quickly(folder)
    remove_compacted(folder)
    return folder


def rows(data_dir: Path) -> list[tuple]:
    with open_record(data_dir) as record:
        return record.rows(ROWS)


@pytest.mark.parametrize("damage", [truncated, flipped, zeroed])
def test_damage_to_a_lake_file_never_passes_the_audit(damage: Damage, whole: Path, tmp_path: Path) -> None:
    shutil.copytree(whole, tmp_path / "data")
    (file,) = (file for file in read_manifest(tmp_path / "data" / "lake").files if file.table == "book_updates")
    path, dice = tmp_path / "data" / "lake" / file.path, random.Random(7)
    data, right, refused = path.read_bytes(), rows(whole), list[StorageError]()
    assert len(right) == EVENTS
    for _ in range(TIMES):
        damaged = damage(data, dice.randrange(len(data)))
        path.write_bytes(damaged)
        findings = audit_lake(tmp_path / "data").findings
        assert [line.split(":")[0] for line in findings] == ([file.path] if damaged != data else [])
        try:
            assert len(rows(tmp_path / "data")) == EVENTS
        except StorageError as e:
            refused.append(e)
    # Parquet as it is written has no checksums of its own: a flipped bit is for the manifest's hashes to find
    assert len(refused) >= {truncated: TIMES, zeroed: 1, flipped: 0}[damage]
    if damage is truncated:
        assert [e for e in refused if e.path != str(path)] == []
    path.write_bytes(data)
    assert audit_lake(tmp_path / "data").findings == []
    assert rows(tmp_path / "data") == right
