"""One worker per name, and numbers that are never used twice."""

from pathlib import Path

import duckdb
import pytest

from streaming_worker.errors import StorageError
from streaming_worker.storage.batch import Batch
from streaming_worker.storage.live_file import LiveFile, WorkerRun
from streaming_worker.storage.schema import SCHEMA_VERSION, TABLES
from streaming_worker.storage.segments import LiveName, last_received_ns, list_segments
from streaming_worker.storage.worker_files import WorkerFiles

SECOND = 1_000_000_000
NOON = 1_767_268_800 * SECOND
RUN = WorkerRun(worker="w", run_id="run-1", version="0", settings="{}")


def sealed(files: WorkerFiles, received_ns: int) -> Path:
    live = LiveFile(files, RUN, NOON)
    batch = Batch()
    batch.add([("clock_ticks", (1, received_ns, 0))])
    live.commit(batch.tables())
    return live.seal()


def test_a_second_worker_of_the_same_name_is_told_who_runs(tmp_path: Path) -> None:
    first = WorkerFiles(tmp_path, "w")
    with pytest.raises(StorageError, match=r"worker w already runs .*process \d+"):
        WorkerFiles(tmp_path, "w")
    WorkerFiles(tmp_path, "other").release()
    first.release()
    first.release()
    WorkerFiles(tmp_path, "w").release()


def test_folders_and_files_are_for_the_owner_only(tmp_path: Path) -> None:
    files = WorkerFiles(tmp_path / "data", "w")
    path = sealed(files, NOON)
    files.release()
    folders = [folder for folder in (tmp_path / "data").rglob("*") if folder.is_dir()]
    assert {folder.stat().st_mode & 0o777 for folder in folders} == {0o700}
    assert path.stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "data" / "live" / "w.lock").stat().st_mode & 0o777 == 0o600


def test_a_log_is_for_the_owner_only_while_it_is_written(tmp_path: Path) -> None:
    files = WorkerFiles(tmp_path, "w")
    live = LiveFile(files, RUN, NOON)
    batch = Batch()
    batch.add([("clock_ticks", (1, NOON, 0))])
    live.commit(batch.tables())
    modes = {path.stat().st_mode & 0o777 for path in (tmp_path / "live").iterdir()}
    live.abandon()
    files.release()
    assert modes == {0o600}


def test_a_sealed_segment_says_what_it_holds(tmp_path: Path) -> None:
    files = WorkerFiles(tmp_path, "w")
    path = sealed(files, NOON + 5)
    files.release()
    assert last_received_ns(path) == NOON + 5
    with duckdb.connect(str(path), read_only=True) as connection:
        runs = connection.execute("SELECT worker, run_id, version, schema_version, settings FROM worker_runs")
        assert runs.fetchall() == [("w", "run-1", "0", SCHEMA_VERSION, "{}")]


def test_names_never_go_back_when_the_clock_does(tmp_path: Path) -> None:
    files = WorkerFiles(tmp_path, "w")
    paths = [sealed(files, NOON + 3_600 * SECOND), sealed(files, NOON)]
    files.release()
    files = WorkerFiles(tmp_path, "w")
    paths.append(sealed(files, NOON - 3_600 * SECOND))
    files.release()
    assert [path.name for path in paths] == sorted(path.name for path in paths)
    assert [info.path for info in list_segments(tmp_path)] == paths
    assert [info.number for info in list_segments(tmp_path)] == [1, 2, 3]


def test_names_go_on_after_every_segment_was_compacted_away(tmp_path: Path) -> None:
    files = WorkerFiles(tmp_path, "w")
    first = sealed(files, NOON)
    files.release()
    first.unlink()
    files = WorkerFiles(tmp_path, "w")
    second = sealed(files, NOON - 60 * SECOND)
    files.release()
    assert second.name > first.name


def test_a_segment_is_never_overwritten(tmp_path: Path) -> None:
    files = WorkerFiles(tmp_path, "w")
    path = sealed(files, NOON)
    again = files.live_folder / "again.duckdb"
    connection = duckdb.connect(str(again))
    connection.execute("CREATE TABLE t AS SELECT 1")
    try:
        with pytest.raises(StorageError, match="already exists"):
            files.seal(prepared(connection), LiveName(1, again))
    finally:
        connection.close()
        files.release()
    assert last_received_ns(path) == NOON


def prepared(connection: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyConnection:
    for table in TABLES:
        connection.execute(table.ddl)
    return connection
