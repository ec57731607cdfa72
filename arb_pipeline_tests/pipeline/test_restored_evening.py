"""A worked evening, backed up and brought back into an empty folder: the same digests, the same marts made again."""

from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from arb_pipeline_tests.fixtures.platform import FIRST, LAST, Evening, Platform, platform_at
from streaming_worker.core.units import NANOS_PER_SECOND
from streaming_worker.storage.backup import back_up
from streaming_worker.storage.backup_store import BackupStore
from streaming_worker.storage.lake_audit import audit_lake
from streaming_worker.storage.record_reader import open_record
from streaming_worker.storage.restore import restore

NOW = 1_767_268_800 * NANOS_PER_SECOND
DIGESTS = "SELECT hour_ns, worker, run_id, events, live_digest, replayed_digest FROM replay_runs ORDER BY ALL"


def quiet(_what: str, _done: int, _total: int) -> None:
    """Show nothing."""


@pytest.fixture
def restored(evening: Evening, tmp_path: Path) -> Iterator[Platform]:
    """The evening's data folder as its backup gives it back."""
    store = BackupStore(tmp_path / "kept")
    report = back_up(store, evening.platform.settings.data_dir, now_ns=NOW)
    assert store.verify(report.name, quiet) == []
    assert restore(store, report.name, tmp_path / "data").digest == report.digest
    platform = platform_at(tmp_path / "data", home=tmp_path / "home")
    with platform.instance:
        yield platform


def marts(published: Path) -> dict[str, tuple[int, int]]:
    """Return the rows of each mart and a hash over all of them, in whatever order."""
    with duckdb.connect(str(published), read_only=True) as connection:
        names = connection.execute(
            "SELECT table_name FROM duckdb_tables() WHERE table_name NOT IN ('readme', 'examples')"
        ).fetchall()
        return {
            name: connection.execute(f"SELECT count(*), bit_xor(hash(t)) FROM {name} AS t").fetchall()[0]
            for (name,) in names
        }


def digests(data_dir: Path) -> list[tuple[object, ...]]:
    with open_record(data_dir) as record:
        return record.rows(DIGESTS)


def test_a_restored_evening_has_the_same_digests_marts_and_lake(evening: Evening, restored: Platform) -> None:
    original = evening.platform.settings
    assert len(digests(original.data_dir)) >= 3
    assert digests(restored.settings.data_dir) == digests(original.data_dir)
    assert marts(restored.settings.published) == marts(original.published)
    assert audit_lake(restored.settings.data_dir, has_hashes=True).findings == []


@pytest.mark.slow
def test_hours_that_are_worked_again_after_a_restore_give_the_same_digests_and_marts(
    evening: Evening, restored: Platform
) -> None:
    original = evening.platform.settings
    restored.settings.published.unlink()
    assert not restored.settings.warehouse.exists()
    assert restored.compact().success
    assert restored.work(FIRST, LAST).success
    assert digests(restored.settings.data_dir) == digests(original.data_dir)
    again, before = marts(restored.settings.published), marts(original.published)
    assert {name for name in before if again[name] != before[name]} == set()
    assert again["fct_simulated_trades"][0] > 100
