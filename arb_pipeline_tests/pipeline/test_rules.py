"""Rules of accounting and range: each is broken by a planted row, and the row is attached."""

from collections.abc import Iterator

import duckdb
import pytest

from arb_pipeline.analytics import outcomes, pnl, quality
from arb_pipeline.analytics.rules import breaches
from arb_pipeline.lake.connection import open_hours
from arb_pipeline_tests.fixtures.platform import HOURS, Evening


@pytest.fixture
def hours(evening: Evening) -> Iterator[duckdb.DuckDBPyConnection]:
    """Tables of the evening that may be changed."""
    tables = ("trade_outcomes", "pnl_hourly", "feed_quality")
    with open_hours(evening.platform.layout, tables, HOURS) as connection:
        for table in tables:
            connection.execute(f"CREATE TEMP TABLE {table}_rows AS FROM {table}")
        yield connection


@pytest.mark.parametrize(
    ("table", "rules"),
    [("trade_outcomes", outcomes.RULES), ("pnl_hourly", pnl.RULES), ("feed_quality", quality.RULES)],
)
def test_the_evening_keeps_every_rule(hours: duckdb.DuckDBPyConnection, table: str, rules: dict[str, str]) -> None:
    assert breaches(hours, f"{table}_rows", rules) == []


@pytest.mark.parametrize(
    ("table", "change", "rule"),
    [
        ("trade_outcomes", "predicted_slippage_usd_e8 = predicted_slippage_usd_e8 + 1",
         "predicted net is gross plus every cost"),
        ("trade_outcomes", "legs_cash_usd_e8 = legs_cash_usd_e8 - 1",
         "realised net is the legs' cash, fees, network cost, basis and rebalancing"),
        ("trade_outcomes", "completed_ns = decided_ns - 1", "a trade is done after it was decided"),
        ("trade_outcomes", "size_e8 = 0", "a size is positive"),
        ("trade_outcomes", "realised_network_cost_usd_e8 = 1, realised_net_usd_e8 = realised_net_usd_e8",
         "fees and network costs are never income"),
        ("trade_outcomes", "pool_status = NULL", "a trade has its two legs"),
        ("pnl_hourly", "realised_net_usd_e8 = realised_net_usd_e8 + 1", "realised net is gross plus every cost"),
        ("pnl_hourly", "winning_trades = trades + 1", "counts are consistent"),
        ("pnl_hourly", "completeness_millionths = 1000001", "completeness is a share"),
        ("feed_quality", "gap_ns = 3600000000001", "a gap lies within its hour"),
        ("feed_quality", "downtime_ns = -1", "downtime lies within its hour"),
        ("feed_quality", "delay_p50_ns = 2, delay_p99_ns = 1", "delays are measured above the best"),
    ],
)  # fmt: skip
def test_a_planted_row_breaks_its_rule_and_is_shown(
    hours: duckdb.DuckDBPyConnection, table: str, change: str, rule: str
) -> None:
    hours.execute(f"UPDATE {table}_rows SET {change} WHERE rowid = 0")
    rules = {"trade_outcomes": outcomes.RULES, "pnl_hourly": pnl.RULES, "feed_quality": quality.RULES}[table]
    broken = {breach.rule: breach for breach in breaches(hours, f"{table}_rows", rules)}
    assert rule in broken
    assert broken[rule].rows == len(broken[rule].examples) == 1


def test_an_hour_that_is_not_the_sum_of_its_trades_is_found(hours: duckdb.DuckDBPyConnection) -> None:
    assert hours.execute(pnl.SUM_OF_TRADES).fetchall() == []
    query = pnl.SUM_OF_TRADES.replace("FROM trade_outcomes SELECT", "FROM trade_outcomes_rows SELECT")
    hours.execute("DELETE FROM trade_outcomes_rows WHERE rowid = 0")
    ((_, worker, _, in_pnl, in_trades),) = hours.execute(query).fetchall()
    assert worker == "main"
    assert in_pnl != in_trades


def test_quality_counts_what_was_planted(hours: duckdb.DuckDBPyConnection) -> None:
    rows = hours.execute(
        "FROM feed_quality SELECT market, snapshots, gaps, gap_ns, dead_letters, downtime_ns, completeness_millionths"
        " WHERE hour_ns = ? AND feed = 'gemini' ORDER BY market NULLS FIRST",
        [HOURS[1].start_ns],
    ).fetchall()
    whole, market = rows
    # 12 books of six dislocations and one after the lost connection; 30 of 3,600 seconds without a trusted book.
    assert market == ("gemini:SOLUSD", 13, 1, 30_000_000_000, 0, 0, 3_570 * 1_000_000 // 3_600)
    assert whole[0] is None
    assert whole[1:4] == market[1:4]


def test_half_an_hour_without_a_worker_counts_for_nobody(hours: duckdb.DuckDBPyConnection) -> None:
    rows = hours.execute(
        "FROM feed_quality SELECT DISTINCT downtime_ns, completeness_millionths > 500000 WHERE hour_ns = ?",
        [HOURS[0].start_ns],
    ).fetchall()
    assert rows == [(1_801_000_000_000, False)]


def test_overlapping_gaps_are_counted_once(evening: Evening) -> None:
    from arb_pipeline.analytics.quality import QUALITY
    from arb_pipeline.analytics.query import in_hour

    second = 10**9
    start = HOURS[1].start_ns
    tables = ("book_updates", "trade_prints", "pool_states", "tick_arrays", "oracle_states", "feed_events",
              "dead_letters", "replay_markets")  # fmt: skip
    with open_hours(evening.platform.layout, tables, [HOURS[1]]) as connection:
        connection.execute(
            "CREATE TABLE gaps (worker VARCHAR, feed VARCHAR, instrument VARCHAR, start_ns BIGINT, end_ns BIGINT)"
        )
        spans = [(-5, 10), (5, 20), (6, 8), (3_590, 3_700), (4_000, 4_100)]
        connection.executemany(
            "INSERT INTO gaps VALUES ('main', 'gemini', NULL, ?, ?)",
            [(start + begin * second, start + end * second) for begin, end in spans],
        )
        found = connection.execute(
            f"FROM ({in_hour(QUALITY, HOURS[1])}) SELECT gaps, gap_ns WHERE market = 'gemini:SOLUSD'"
        ).fetchall()
    assert found == [(4, 30 * second)]
