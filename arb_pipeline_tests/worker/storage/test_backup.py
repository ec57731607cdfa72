"""A backup is whole, grows only by what changed, and comes back bit for bit or not at all."""

import json
import os
import shutil
import sqlite3
import stat
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import duckdb
import pytest

from arb_pipeline.lake.catalogue import Catalogue
from arb_pipeline.lake.layout import LakeLayout
from arb_pipeline_tests.failure.lake_process import compact_quickly, make_warehouse, publish_all, remove_compacted
from streaming_worker.core.events import ClockTick
from streaming_worker.core.units import NANOS_PER_HOUR, NANOS_PER_SECOND
from streaming_worker.errors import StorageError
from streaming_worker.storage import backup as backup_module
from streaming_worker.storage.backup import back_up
from streaming_worker.storage.backup_store import BackupStore, copy_hashed, hash_of
from streaming_worker.storage.manifest import read_manifest
from streaming_worker.storage.record_reader import open_record
from streaming_worker.storage.restore import restore
from streaming_worker.storage.sink import Sink

NOON = 1_767_268_800 * NANOS_PER_SECOND
FACTS = "SELECT worker, run_id, seq, received_ns FROM clock_ticks ORDER BY ALL"
WHOLE = ("segments/", "lake/", "published/")


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def store(tmp_path: Path) -> BackupStore:
    return BackupStore(tmp_path / "kept")


@pytest.fixture
def captured(start_sink: Callable[..., Sink]) -> Callable[..., None]:
    """Return a capture of one run of ticks into one segment."""

    def capture(run_id: str, count: int, start_ns: int = NOON) -> None:
        sink = start_sink(run_id=run_id)
        for seq in range(1, count + 1):
            sink.put_event(seq, ClockTick(start_ns + seq))
        sink.stop()

    return capture


def quiet(_what: str, _done: int, _total: int) -> None:
    """Show nothing."""


def contents(folder: Path) -> dict[str, str]:
    return {str(p.relative_to(folder)): hash_of(p) for p in sorted(folder.rglob("*")) if p.is_file()}


def facts(data_dir: Path) -> list[tuple]:
    with open_record(data_dir) as record:
        return record.rows(FACTS)


def fill(data: Path, captured: Callable[..., None]) -> None:
    """Make something of every kind: segments in the lake and not, marts, a report, state and its leftovers."""
    captured("run-1", 5)
    compact_quickly(data)
    captured("run-2", 7)
    make_warehouse(data, 3)
    publish_all(data)
    for name, text in {
        "reports/2026-01-01/report.html": "<p>report</p>",
        "state/dagster/dagster.yaml": "x: 1",
        "state/logs/worker.log": "noise",
        "state/supervisor/supervisord.conf": "noise",
        "state/half.tmp": "noise",
    }.items():
        path = data / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (data / "state" / "dagster" / "dagster.yaml").chmod(0o640)


def test_a_restored_backup_holds_the_same_record_marts_and_reports(
    captured: Callable[..., None], data: Path, store: BackupStore, tmp_path: Path
) -> None:
    fill(data, captured)
    settings = tmp_path / "arb.toml"
    settings.write_text("[capture]\n")
    report = back_up(store, data, now_ns=NOON, configuration=settings)
    again = tmp_path / "again"
    assert restore(store, report.name, again).digest == report.digest
    assert facts(again) == facts(data)
    with open_record(again) as record:
        assert record.rows("SELECT count(*) FROM published.fct_numbers") == [(3,)]
    assert read_manifest(again / "lake") == read_manifest(data / "lake")
    original, restored = contents(data), contents(again)
    whole = [name for name in original if name.startswith(WHOLE) and not name.endswith(".sqlite")]
    assert len(whole) > 10
    assert {name: restored.get(name) for name in whole} == {name: original[name] for name in whole}
    assert sorted(name for name in restored if name.startswith(("state/", "reports/", "config/", "live/"))) == [
        "config/arb.toml",
        "live/w.lock",
        "reports/2026-01-01/report.html",
        "state/dagster/dagster.yaml",
    ]
    assert stat.S_IMODE((again / "state" / "dagster" / "dagster.yaml").stat().st_mode) == 0o640
    assert stat.S_IMODE(again.stat().st_mode) == 0o700


def test_only_what_changed_is_stored_again(captured: Callable[..., None], data: Path, store: BackupStore) -> None:
    fill(data, captured)
    first = back_up(store, data, now_ns=NOON)
    second = back_up(store, data, now_ns=NOON + NANOS_PER_SECOND)
    assert first.new_files == len(objects(store)) > 10
    assert (second.new_files, second.new_bytes, second.digest) == (0, 0, first.digest)
    captured("run-3", 2)
    third = back_up(store, data, now_ns=NOON + 2 * NANOS_PER_SECOND)
    assert third.new_files == 2  # the segment, and the file that remembers its name
    assert third.digest != first.digest
    assert store.names() == ["20260101T120000Z", "20260101T120001Z", "20260101T120002Z"]


def objects(store: BackupStore) -> set[str]:
    return {path.name for path in store.folder.glob("objects/??/*")}


def test_old_backups_go_with_the_content_that_only_they_had(
    captured: Callable[..., None], data: Path, store: BackupStore, tmp_path: Path
) -> None:
    captured("run-1", 2)
    (data / "reports").mkdir()
    (data / "reports" / "old.html").write_text("old")
    back_up(store, data, now_ns=NOON)
    (data / "reports" / "old.html").unlink()
    captured("run-2", 2)
    report = back_up(store, data, now_ns=NOON + NANOS_PER_SECOND, keep=1)
    assert report.removed_backups == ["20260101T120000Z"]
    assert objects(store) == {file.sha256 for file in store.load(report.name).files}
    assert store.verify(report.name, quiet) == []
    restore(store, report.name, tmp_path / "again")
    assert facts(tmp_path / "again") == facts(data)


def test_a_database_is_copied_as_of_one_moment_while_it_is_written(
    data: Path, store: BackupStore, tmp_path: Path
) -> None:
    (data / "state").mkdir(parents=True)
    with closing(sqlite3.connect(data / "state" / "app.db")) as writing, writing:
        writing.execute("PRAGMA journal_mode = WAL")
        writing.execute("CREATE TABLE users (name TEXT)")
        writing.execute("INSERT INTO users VALUES ('ann')")
        writing.commit()
        writing.execute("INSERT INTO users VALUES ('not yet')")
        report = back_up(store, data, now_ns=NOON)
        writing.rollback()
    restore(store, report.name, tmp_path / "again")
    with closing(sqlite3.connect(tmp_path / "again" / "state" / "app.db")) as reading, reading:
        assert reading.execute("SELECT name FROM users").fetchall() == [("ann",)]
    assert [file.name for file in store.load(report.name).files] == ["state/app.db"]


def test_an_hour_that_is_deleted_meanwhile_makes_us_look_again(
    captured: Callable[..., None], data: Path, store: BackupStore, tmp_path: Path
) -> None:
    captured("run-1", 3)
    captured("run-2", 3, NOON + NANOS_PER_HOUR)
    compact_quickly(data)
    remove_compacted(data)
    manifest = Catalogue(LakeLayout(data / "lake").catalogue)

    def delete_first_hour(what: str, done: int, _total: int) -> None:
        if (what, done) == ("lake", 1):
            with manifest._open() as connection:
                connection.execute("DELETE FROM files WHERE hour_ns = ?", (NOON,))
            for path in (data / "lake").glob("clock_ticks/date=2026-01-01/hour=12/*"):
                path.unlink()

    report = back_up(store, data, now_ns=NOON, progress=delete_first_hour)
    restore(store, report.name, tmp_path / "again")
    assert {run_id for _, run_id, _, _ in facts(tmp_path / "again")} == {"run-2"}
    assert not any("hour=12/w-" in file.name and "clock_ticks" in file.name for file in store.load(report.name).files)


def test_a_stored_file_that_changed_is_named_and_never_restored(
    captured: Callable[..., None], data: Path, store: BackupStore, tmp_path: Path
) -> None:
    captured("run-1", 3)
    report = back_up(store, data, now_ns=NOON)
    segment = next(file for file in store.load(report.name).files if file.name.startswith("segments/"))
    content = store.object(segment.sha256)
    content.write_bytes(content.read_bytes()[:-1] + b"\xff")
    (finding,) = store.verify(report.name, quiet)
    assert finding.startswith(f"{segment.name}: expected sha256 {segment.sha256[:16]}")
    with pytest.raises(StorageError, match="expected sha256"):
        restore(store, report.name, tmp_path / "again")
    assert not (tmp_path / "again").exists()
    content.unlink()
    assert store.verify(report.name, quiet) == [f"{segment.name}: its content is missing"]
    with pytest.raises(StorageError, match="No such file"):
        restore(store, report.name, tmp_path / "again")


def test_a_list_that_was_changed_or_leads_outside_is_refused(
    captured: Callable[..., None], data: Path, store: BackupStore
) -> None:
    captured("run-1", 3)
    report = back_up(store, data, now_ns=NOON)
    path = store.folder / "backups" / f"{report.name}.json"
    content = json.loads(path.read_bytes())
    content["files"].pop()
    path.write_text(json.dumps(content))
    with pytest.raises(StorageError, match="was changed after it was made"):
        store.load(report.name)
    path.write_text("{")
    with pytest.raises(StorageError, match=f"there: {report.name}"):
        store.load(report.name)
    with pytest.raises(StorageError, match="cannot read backup absent"):
        store.load("absent")


@pytest.mark.parametrize("name", ["../outside", "/etc/outside", "a/../../outside"])
def test_a_name_outside_the_folder_is_refused(name: str, data: Path, store: BackupStore) -> None:
    (data / "reports").mkdir(parents=True)
    (data / "reports" / "x").write_text("x")
    report = back_up(store, data, now_ns=NOON)
    backup = store.load(report.name)
    (saved,) = backup.files
    moved = [type(saved)(name=name, sha256=saved.sha256, size=1, mode=0o600, changed_ns=1)]
    with store.locked():
        digest = backup_module.digest_of(moved)
        store.put_list("forged", type(backup)(format=1, made_ns=1, digest=digest, files=moved))
    with pytest.raises(StorageError, match="was changed"):
        store.load("forged")


def test_a_folder_in_use_is_never_restored_into(
    captured: Callable[..., None], data: Path, store: BackupStore, tmp_path: Path
) -> None:
    captured("run-1", 3)
    report = back_up(store, data, now_ns=NOON)
    before = contents(data)
    with pytest.raises(StorageError, match="expected an empty folder"):
        restore(store, report.name, data)
    assert contents(data) == before
    empty = tmp_path / "empty"
    empty.mkdir()
    leftover = tmp_path / ".empty.restoring"
    leftover.mkdir()
    (leftover / "of a killed restore").touch()
    restore(store, report.name, empty)
    assert facts(empty) == facts(data)
    assert not leftover.exists()


def test_a_restored_worker_goes_on_with_fresh_names_and_its_gap(
    captured: Callable[..., None], data: Path, store: BackupStore, start_sink: Callable[..., Sink]
) -> None:
    """The manifest knows the old names: a segment that took one again would never be compacted."""
    captured("run-1", 3)
    compact_quickly(data)
    remove_compacted(data)
    report = back_up(store, data, now_ns=NOON)
    shutil.rmtree(data)
    restore(store, report.name, data)
    sink = start_sink(run_id="run-2")
    assert sink.last_recorded_ns == NOON
    sink.put_event(1, ClockTick(NOON + 1))
    sink.stop()
    assert compact_quickly(data) == 1
    assert len(facts(data)) == 4


def test_two_backups_at_once_are_refused(data: Path, store: BackupStore) -> None:
    data.mkdir()
    with store.locked(), pytest.raises(StorageError, match=r"another backup to .* is under way"):
        back_up(BackupStore(store.folder), data, now_ns=NOON)
    with pytest.raises(StorageError, match="nothing to back up"):
        back_up(store, data / "absent", now_ns=NOON)
    back_up(store, data, now_ns=NOON)
    with pytest.raises(StorageError, match="at most one in a second"):
        back_up(store, data, now_ns=NOON)


def test_a_killed_backup_leaves_nothing_that_counts(
    captured: Callable[..., None], data: Path, store: BackupStore
) -> None:
    captured("run-1", 3)

    class Killed(BaseException):
        pass

    def kill(what: str, _done: int, _total: int) -> None:
        if what == "lake" or what == "segments":
            raise Killed

    with pytest.raises(Killed):
        back_up(store, data, now_ns=NOON, progress=kill)
    assert store.names() == []
    report = back_up(store, data, now_ns=NOON)
    assert store.verify(report.name, quiet) == []
    assert sorted(path.name for path in store.folder.iterdir()) == ["backups", "lock", "objects"]


def test_everything_in_a_backup_is_for_its_owner_only(
    captured: Callable[..., None], data: Path, store: BackupStore
) -> None:
    captured("run-1", 3)
    back_up(store, data, now_ns=NOON)
    modes = {stat.S_IMODE(path.stat().st_mode) for path in store.folder.rglob("*") if path.is_file()}
    assert modes == {0o600}
    assert {stat.S_IMODE(path.stat().st_mode) for path in store.folder.rglob("*") if path.is_dir()} == {0o700}


def test_a_copy_is_hashed_as_it_is_read(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_bytes(os.urandom(3_000_000))
    assert copy_hashed(source, tmp_path / "target") == (hash_of(source), 3_000_000)
    assert hash_of(tmp_path / "target") == hash_of(source)


def test_a_published_file_of_a_restored_folder_opens_by_itself(
    captured: Callable[..., None], data: Path, store: BackupStore, tmp_path: Path
) -> None:
    fill(data, captured)
    report = back_up(store, data, now_ns=NOON)
    restore(store, report.name, tmp_path / "again")
    with duckdb.connect(str(tmp_path / "again" / "published" / "arb.duckdb"), read_only=True) as connection:
        assert connection.execute("SELECT count(*) FROM fct_numbers").fetchall() == [(3,)]
