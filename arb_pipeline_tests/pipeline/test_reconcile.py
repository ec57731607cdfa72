"""Planted faults in a worked evening: each is caught by the right check, with the right words."""

import shutil

import pytest

from arb_pipeline.lake.tables import CAPTURED, DERIVED
from arb_pipeline_tests.fixtures.damage import rewrite
from arb_pipeline_tests.fixtures.platform import FIRST, Platform, checks_of

HOUR = FIRST.shifted(1)
HOURLY_ASSETS = [
    "replayed_outputs", "reconciled_opportunities", "feed_quality", "simulated_trades", "pnl_hourly", "market_minutes",
    "attribution", "lead_lag",
]  # fmt: skip
REPLAY = ["replayed_outputs", "reconciled_opportunities"]


def test_a_changed_byte_in_the_lake_is_named_before_anything_is_replayed(compacted: Platform) -> None:
    query = "SELECT * REPLACE (opening_net_usd_e8 + 1 AS opening_net_usd_e8) FROM file"
    path = rewrite(compacted.layout, "opportunities", HOUR, query, is_noticed=True)
    result = compacted.work(HOUR, HOUR, only=REPLAY)
    assert not result.success
    check = checks_of(result)["replayed_outputs:files_unchanged"]
    assert not check.passed
    assert check.blocking
    (named,) = check.metadata["changed"].value
    assert path.name in named
    assert "content differs" in named
    assert "reconciled_opportunities" not in {event.step_key for event in result.get_step_success_events()}


def test_a_lost_file_is_named_with_its_rows(compacted: Platform) -> None:
    path = min(compacted.layout.folder("rejections", HOUR).glob("*.parquet"))
    path.unlink()
    result = compacted.work(HOUR, HOUR, only=REPLAY)
    (named,) = checks_of(result)["replayed_outputs:files_unchanged"].metadata["changed"].value
    assert named.endswith(" rows lost")


def test_a_different_figure_fails_with_the_column_and_both_values(compacted: Platform) -> None:
    query = "SELECT * REPLACE (opening_net_usd_e8 + 1 AS opening_net_usd_e8) FROM file"
    rewrite(compacted.layout, "opportunities", HOUR, query, is_noticed=False)
    check = checks_of(compacted.work(HOUR, HOUR))["reconciled_opportunities:live_equals_replay"]
    assert not check.passed
    assert check.metadata["different"].value == 9
    first = check.metadata["rows"].value[0]
    assert (first["table"], first["status"]) == ("opportunities", "different")
    ((difference,),) = ([first["differences"]],)
    (only,) = difference
    assert only["column"] == "opening_net_usd_e8"
    assert int(only["live"]) == int(only["replayed"]) + 1


def test_nothing_downstream_runs_after_a_mismatch(compacted: Platform) -> None:
    rewrite(compacted.layout, "rejections", HOUR, "SELECT * FROM file LIMIT 5", is_noticed=False)
    result = compacted.work(HOUR, HOUR)
    steps = {event.step_key for event in result.get_step_success_events()}
    assert not result.success
    assert "simulated_trades" not in steps
    assert "dbt_marts" not in steps


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("SELECT * FROM file WHERE trade_id <> (SELECT min(trade_id) FROM file)", "extra"),
        ("FROM file UNION ALL (SELECT * REPLACE ('forged' AS trade_id) FROM file LIMIT 1)", "missing"),
        ("FROM file UNION ALL (FROM file ORDER BY trade_id LIMIT 1)", "missing"),
    ],
    ids=["an output that was not recorded", "a trade that nobody made", "a trade that is there twice"],
)
def test_rows_without_a_partner_are_named(compacted: Platform, query: str, status: str) -> None:
    rewrite(compacted.layout, "simulated_trades", HOUR, query, is_noticed=False)
    check = checks_of(compacted.work(HOUR, HOUR, only=REPLAY))["reconciled_opportunities:live_equals_replay"]
    assert not check.passed
    assert check.metadata[status].value == 1
    (row,) = check.metadata["rows"].value
    assert (row["table"], row["status"]) == ("simulated_trades", status)


def test_missing_inputs_are_named_by_their_numbers(compacted: Platform) -> None:
    query = "SELECT * FROM file WHERE seq NOT BETWEEN 9000 AND 9010"
    rewrite(compacted.layout, "clock_ticks", HOUR, query, is_noticed=False)
    result = compacted.work(HOUR, HOUR, only=REPLAY)
    assert not result.success
    check = checks_of(result)["replayed_outputs:inputs_complete"]
    assert not check.passed
    assert "inputs are missing" in check.metadata["fault"].value


def test_an_engine_that_said_something_else_shows_in_the_digest(compacted: Platform) -> None:
    query = "SELECT * REPLACE ('00' AS digest) FROM file"
    rewrite(compacted.layout, "keyframes", HOUR.shifted(1), query, is_noticed=False)
    check = checks_of(compacted.work(HOUR, HOUR, only=REPLAY))["reconciled_opportunities:digest_equals_live"]
    assert not check.passed
    (named,) = check.metadata["different"].value
    assert "live 00" in named


def test_a_lost_keyframe_makes_every_live_row_missing(compacted: Platform) -> None:
    rewrite(compacted.layout, "keyframes", HOUR, "SELECT * FROM file LIMIT 0", is_noticed=False)
    check = checks_of(compacted.work(HOUR, HOUR, only=REPLAY))["reconciled_opportunities:live_equals_replay"]
    assert check.metadata["matched"].value == 0
    assert check.metadata["missing"].value > 1_000
    assert check.metadata["runs_without_keyframe"].value == ["main run-1"]


def test_a_segment_that_is_there_twice_turns_the_check_red_and_counts_once(compacted: Platform) -> None:
    before = compacted.catalogue.row_counts()
    first = min((compacted.settings.data_dir / "segments" / "main").iterdir())
    shutil.copy(first, first.with_name("20991231T000000Z-00000099.duckdb"))
    check = checks_of(compacted.compact())["lake/worker_runs:segments_accepted"]
    assert not check.passed
    assert "20991231T000000Z-00000099: events 1 to" in check.metadata["reasons"].value
    assert compacted.catalogue.row_counts() == before


def test_a_compaction_says_nothing_about_tables_without_news(compacted: Platform) -> None:
    first = compacted.compact()
    assert len(first.asset_materializations_for_node("lake_segments")) == len(CAPTURED)
    assert compacted.compact().asset_materializations_for_node("lake_segments") == []


def test_working_an_hour_again_gives_the_same_bytes_in_every_derived_table(compacted: Platform) -> None:
    before = {table.name: _bytes(compacted, table.name) for table in DERIVED}
    assert all(before.values())
    assert compacted.work(HOUR, HOUR, only=HOURLY_ASSETS).success
    assert {name for name in before if _bytes(compacted, name) != before[name]} == set()


def _bytes(platform: Platform, table: str) -> list[bytes]:
    return [path.read_bytes() for path in sorted(platform.layout.folder(table, HOUR).glob("*.parquet"))]
