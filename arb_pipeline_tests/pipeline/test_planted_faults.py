"""Faults planted in a worked evening: each is caught by its own check, which says where and how much.

Damage to the record itself (a changed row, a lost file, a doubled segment, another engine) is in test_reconcile.
"""

import shutil
import sqlite3

import dagster as dg

from arb_pipeline.analytics.pnl import OTHER_COMPLETENESS
from arb_pipeline.lake.connection import open_hours
from arb_pipeline_tests.fixtures.damage import rewrite
from arb_pipeline_tests.fixtures.market import GEMINI
from arb_pipeline_tests.fixtures.platform import FIRST, LAST, Platform, checks_of

HOUR = FIRST.shifted(1)
HALF_NS = HOUR.start_ns + 1_000_000_000_000


def check_after(platform: Platform, fault_of: str, name: str, *, only: str) -> dg.AssetCheckEvaluation:
    """Work one asset again and return a check of it."""
    result = platform.work(HOUR, HOUR, only=[only])
    check = checks_of(result)[f"{fault_of}:{name}"]
    assert not check.passed
    return check


def shift_exchange_time(platform: Platform, *, seconds: int, since_ns: int) -> None:
    """Make Gemini's own stamps older from a moment on."""
    query = (
        f"SELECT * REPLACE (CASE WHEN instrument = '{GEMINI}' AND received_ns >= {since_ns}"
        f" THEN exchange_ns - ({seconds * 10**9}) ELSE exchange_ns END AS exchange_ns) FROM file"
    )
    rewrite(platform.layout, "book_updates", HOUR, query, is_noticed=False)


def test_old_prices_on_a_loud_socket_are_a_stale_feed(compacted: Platform) -> None:
    shift_exchange_time(compacted, seconds=3, since_ns=HALF_NS)
    check = check_after(compacted, "feed_quality", "feeds_fresh", only="feed_quality")
    assert check.severity is dg.AssetCheckSeverity.WARN
    assert check.description == "half of the messages are at most 1 s old by the venue's clock"
    (broken,) = check.metadata["broken"].value.values()
    assert {row["market"] for row in broken["examples"]} == {GEMINI, None}
    assert broken["examples"][0]["delay_p50_ns"] == 3 * 10**9


def test_a_book_that_falls_silent_without_a_gap_is_named(compacted: Platform) -> None:
    query = f"SELECT * FROM file WHERE instrument <> '{GEMINI}' OR received_ns < {HALF_NS}"
    rewrite(compacted.layout, "book_updates", HOUR, query, is_noticed=False)
    check = check_after(compacted, "feed_quality", "feeds_fresh", only="feed_quality")
    assert check.description == "a book is not silent for five minutes outside gaps"


def test_a_clock_out_of_bounds_is_named(compacted: Platform) -> None:
    shift_exchange_time(compacted, seconds=20, since_ns=0)
    check = check_after(compacted, "feed_quality", "clocks_in_bounds", only="feed_quality")
    assert check.description == "a venue's clock is at most 10 s behind ours"
    shift_exchange_time(compacted, seconds=-40, since_ns=0)
    check = check_after(compacted, "feed_quality", "clocks_in_bounds", only="feed_quality")
    assert check.description == "a venue's clock is at most 5 s ahead of ours"


def test_a_book_that_stays_crossed_is_named(compacted: Platform) -> None:
    query = f"SELECT * REPLACE (CASE WHEN market = '{GEMINI}' THEN 37 ELSE 0 END AS crossed_seconds) FROM file"
    rewrite(compacted.layout, "replay_markets", HOUR, query, is_noticed=True)
    check = check_after(compacted, "feed_quality", "books_rarely_crossed", only="feed_quality")
    ((row,),) = (rule["examples"] for rule in check.metadata["broken"].value.values())
    assert (row["market"], row["crossed_ns"]) == (GEMINI, 37 * 10**9)


def test_a_missing_hour_is_named(compacted: Platform) -> None:
    with sqlite3.connect(compacted.layout.catalogue) as manifest:
        manifest.execute("delete from files where hour_ns = ?", (HOUR.start_ns,))
    manifest.close()
    for folder in compacted.layout.root.glob(f"*/{HOUR.folder}"):
        shutil.rmtree(folder)
    check = checks_of(compacted.work(LAST, LAST, only=["feed_quality"]))["feed_quality:no_hour_missing"]
    assert not check.passed
    assert check.description == f"nothing was captured in {HOUR.key}"


def test_a_wrong_fee_version_is_caught_leg_by_leg_and_by_name(compacted: Platform) -> None:
    query = "SELECT * REPLACE (replace(settings, ':4000,', ':3500,') AS settings) FROM file"
    rewrite(compacted.layout, "replay_runs", HOUR, query, is_noticed=True)
    result = compacted.work(HOUR, HOUR, only=["simulated_trades"])
    charged = checks_of(result)["simulated_trades:fees_as_scheduled"]
    assert not charged.passed
    assert charged.blocking
    (broken,) = charged.metadata["broken"].value.values()
    instrument, paid, in_force, rate = (broken["examples"][0][place] for place in (1, 4, 5, 6))
    assert (instrument, rate) == (GEMINI, "3500")
    assert int(paid) * 3_500 // 4_000 == int(in_force) - 1 or int(paid) * 3_500 // 4_000 == int(in_force)
    published = checks_of(result)["simulated_trades:fees_published"]
    assert not published.passed
    assert published.severity is dg.AssetCheckSeverity.WARN
    (unknown,) = published.metadata["broken"].value.values()
    assert unknown["examples"] == [["gemini", "None", "3500"]]


def test_a_trade_without_its_episode_is_named(compacted: Platform) -> None:
    query = "SELECT * FROM file WHERE opportunity_id <> (SELECT min(opportunity_id) FROM file)"
    rewrite(compacted.layout, "opportunity_openings", HOUR, query, is_noticed=False)
    check = check_after(compacted, "simulated_trades", "trades_refer", only="simulated_trades")
    assert check.description == "a trade belongs to an episode that opened"
    (broken,) = check.metadata["broken"].value.values()
    assert broken["rows"] == 7


def test_drifted_spreads_are_named_by_market_with_what_was_seen(compacted: Platform) -> None:
    query = (
        f"SELECT * REPLACE (best_ask_e8 + (best_ask_e8 - best_bid_e8) * 4 * (market = '{GEMINI}')::INT AS best_ask_e8)"
    )
    rewrite(compacted.layout, "market_tops", LAST, f"{query} FROM file", is_noticed=True)
    result = compacted.work(LAST, LAST, only=["market_minutes"])
    check = checks_of(result)["market_minutes:market_drift"]
    assert not check.passed
    assert check.severity is dg.AssetCheckSeverity.WARN
    assert check.description == (f"expect_column_median_to_be_between spread_centibps of {GEMINI} in {LAST.key}")
    (failure,) = check.metadata["failures"].value
    assert 5 * 130 <= float(failure["observed"]) <= 5 * 134


def test_incomplete_hours_are_said_with_their_share_and_a_wrong_share_is_found(compacted: Platform) -> None:
    said = checks_of(compacted.work(HOUR, HOUR, only=["pnl_hourly"]))["pnl_hourly:incomplete_is_said"]
    assert said.passed
    assert said.metadata["incomplete"].value == [f"{HOUR.key} main: 99.17 %"]
    query = "SELECT * REPLACE (completeness_millionths - 1 AS completeness_millionths) FROM file"
    rewrite(compacted.layout, "pnl_hourly", HOUR, query, is_noticed=True)
    with open_hours(compacted.layout, ("pnl_hourly", "feed_quality"), [HOUR]) as connection:
        assert len(connection.execute(OTHER_COMPLETENESS).fetchall()) == 7
