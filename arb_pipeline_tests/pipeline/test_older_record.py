"""Hours that an older release recorded: compared in the tables that it could write, and in all of those."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from arb_pipeline_tests.fixtures.damage import rewrite
from arb_pipeline_tests.fixtures.platform import FIRST, Platform, checks_of, platform_at
from streaming_worker.storage.schema import TABLES
from streaming_worker.storage.segments import list_segments

HOUR = FIRST.shifted(1)
REPLAY = ["replayed_outputs", "reconciled_opportunities"]


@pytest.fixture
def older(captured: Path, tmp_path: Path) -> Iterator[Platform]:
    """The evening as the first release would have recorded it, in the lake."""
    folder = tmp_path / "data"
    shutil.copytree(captured, folder)
    for info in list_segments(folder):
        with duckdb.connect(str(info.path)) as connection:
            for table in TABLES:
                if table.since > 1:
                    connection.execute(f"DROP TABLE {table.name}")
            connection.execute("UPDATE worker_runs SET schema_version = 1")
    platform = platform_at(folder)
    with platform.instance:
        assert platform.compact().success
        yield platform


def statuses(platform: Platform) -> dict[tuple[str, str], int]:
    """Return the number of compared rows by table and status."""
    (path,) = platform.layout.folder("reconciliation", HOUR).glob("*.parquet")
    query = "FROM read_parquet(?) SELECT table_name, status, count(*) GROUP BY ALL"
    with duckdb.connect() as connection:
        return {(table, status): n for table, status, n in connection.execute(query, [str(path)]).fetchall()}


def test_an_hour_of_the_first_release_is_reconciled_in_what_it_could_write(older: Platform) -> None:
    result = older.work(HOUR, HOUR, only=REPLAY)
    checks = checks_of(result)
    assert [name for name, check in checks.items() if not check.passed] == []
    assert checks["reconciled_opportunities:digest_equals_live"].metadata["compared"].value == 1
    found = statuses(older)
    assert {status for _, status in found} == {"matched"}
    assert found["opportunities", "matched"] == 9
    # Its replay gives the items of every cost, and there is nothing to compare them with.
    (path,) = older.layout.folder("replayed_opportunity_costs", HOUR).glob("*.parquet")
    with duckdb.connect() as connection:
        ((costs,),) = connection.execute("FROM read_parquet(?) SELECT count(*)", [str(path)]).fetchall()
    assert costs > 0
    assert not any(table == "opportunity_costs" for table, _ in found)


def test_what_it_could_write_is_compared_like_today(older: Platform) -> None:
    query = "SELECT * FROM file WHERE trade_id <> (SELECT min(trade_id) FROM file)"
    rewrite(older.layout, "simulated_trades", HOUR, query, is_noticed=False)
    check = checks_of(older.work(HOUR, HOUR, only=REPLAY))["reconciled_opportunities:live_equals_replay"]
    assert not check.passed
    assert check.metadata["extra"].value == 1
