"""A segment of an older schema is read and replayed as one of today's: what it does not have is empty."""

from pathlib import Path

import duckdb
import pytest

from arb_pipeline_tests.fixtures.market import START_NS
from arb_pipeline_tests.fixtures.recorded import Stretch, capture
from streaming_worker.errors import StorageError
from streaming_worker.service.replay import replay_captures
from streaming_worker.storage.reader import open_segments
from streaming_worker.storage.schema import TABLES
from streaming_worker.storage.versions import no_rows, whole_relations


@pytest.fixture(scope="module")
def old(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a segment as the first schema would have written it: without younger tables and one younger column."""
    data_dir = tmp_path_factory.mktemp("data")
    capture(data_dir, Stretch(start_ns=START_NS, seconds=90), rotate_rows=10**6)
    (segment,) = (data_dir / "segments" / "main").iterdir()
    segment.chmod(0o600)
    with duckdb.connect(str(segment)) as connection:
        for table in TABLES:
            if table.since > 1:
                connection.execute(f"DROP TABLE {table.name}")
        connection.execute("ALTER TABLE rejections DROP COLUMN best_net_usd_e8")
        connection.execute("UPDATE worker_runs SET schema_version = 1")
    return segment


def test_what_an_older_segment_lacks_is_empty(old: Path) -> None:
    with open_segments([old]) as reader:
        ((count, priced),) = reader.query("SELECT count(*), count(best_net_usd_e8) FROM rejections").fetchall()
        assert (count > 0, priced) == (True, 0)
        for name in ("priority_fees", "cycle_trades", "opportunity_costs"):
            assert reader.query(f"SELECT * FROM {name}").fetchall() == []
        (run_id,) = reader.run_ids()
        assert len(list(reader.events(run_id))) > 300


def test_an_older_segment_replays_without_rows_that_it_could_not_have(old: Path) -> None:
    (run,) = replay_captures([old])["runs"].values()
    assert run["damage"] is None
    assert run["keyframes"] == run["keyframes_equal"] > 0
    assert run["events"] > 300


def test_a_whole_file_is_read_as_it_stands() -> None:
    with duckdb.connect() as connection:
        connection.execute("ATTACH ':memory:' AS whole")
        for table in TABLES:
            connection.execute(table.ddl.replace(table.name, f"whole.{table.name}", 1))
        relations = whole_relations(connection, "whole")
        assert relations == {table.name: f"whole.{table.name}" for table in TABLES}
        assert connection.execute(f"FROM {no_rows('rejections')}").fetchall() == []
    with pytest.raises(StorageError, match="whole"):
        whole_relations(connection, "whole")
