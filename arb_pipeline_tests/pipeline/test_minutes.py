"""Measures of the market by minute: weighted by time, and never across a stretch that nobody can vouch for."""

from math import log

import polars as pl

from arb_pipeline.analytics.minutes import market_minutes, volatility, volume

SECOND = 10**9
MINUTE = 60 * SECOND
E8 = 10**8
TOP = {"market": pl.String, "received_ns": pl.Int64, "best_bid_e8": pl.Int64, "best_ask_e8": pl.Int64,
       "price_e8": pl.Int64}  # fmt: skip
TRADE = {"instrument": pl.String, "received_ns": pl.Int64, "price_e8": pl.Int64, "size_e8": pl.Int64,
         "is_historical": pl.Boolean}  # fmt: skip


def tops(*rows: tuple[object, ...]) -> pl.DataFrame:
    """Return prices, latest first to show that order does not matter."""
    return pl.DataFrame(list(rows[::-1]), schema=TOP, orient="row")


def trades(*rows: tuple[object, ...]) -> pl.DataFrame:
    """Return trade prints."""
    return pl.DataFrame(list(rows), schema=TRADE, orient="row")


def price(market: str, at_ns: int, whole: int | None) -> tuple[object, ...]:
    """Return a pool's price in whole units."""
    return (market, at_ns, None, None, None if whole is None else whole * E8)


def test_volatility_is_the_root_of_the_summed_squares_in_the_minute_where_a_return_ends() -> None:
    found = volatility(tops(price("a", 50 * SECOND, 100), price("b", 55 * SECOND, 7), price("a", 70 * SECOND, 101),
                            price("a", 80 * SECOND, 100), price("b", 190 * SECOND, 7)))  # fmt: skip
    expected = round((2 * log(1.01) ** 2) ** 0.5 * 1_000_000)
    assert sorted(found.rows()) == [("a", MINUTE, expected), ("b", 3 * MINUTE, 0)]


def test_nothing_is_measured_across_a_stretch_without_a_price() -> None:
    rows = [price("a", 1 * SECOND, 100), price("a", 10 * SECOND, None), price("a", 20 * SECOND, 200)]
    assert volatility(tops(*rows)).is_empty()
    (row,) = market_minutes(tops(*rows), trades(), until_ns=MINUTE).rows(named=True)
    assert row["trusted_seconds"] == 9 + 40
    assert row["volatility_centibps"] is None


def test_the_spread_is_weighted_by_time_not_by_updates() -> None:
    rows = [("a", 10 * SECOND, 99 * E8, 101 * E8, 100 * E8)]
    rows += [("a", 40 * SECOND + step, 995 * E8 // 10, 1005 * E8 // 10, 100 * E8) for step in range(1, 9)]
    found = market_minutes(tops(*rows), trades(), until_ns=MINUTE + 5 * SECOND)
    # 31 samples at 200 bps (10 s to 40 s), 19 at 100 bps (41 s to 59 s); then five at 100 bps.
    assert found["spread_centibps"].to_list() == [(31 * 200 + 19 * 100) * 2, 10_000]
    assert found["trusted_seconds"].to_list() == [50, 5]


def test_volume_is_notional_of_trades_that_happened_now() -> None:
    rows = [("a", 1, 150 * E8, 2 * E8, False), ("a", 2, 60_000 * E8, E8 // 2, False), ("a", 3, 150 * E8, E8, True),
            ("a", MINUTE, 10 * E8, E8, False)]  # fmt: skip
    assert sorted(volume(trades(*rows)).rows()) == [("a", 0, 30_300 * E8), ("a", MINUTE, 10 * E8)]


def test_an_hour_without_data_measures_nothing() -> None:
    found = market_minutes(tops(), trades(), until_ns=MINUTE)
    assert found.is_empty()
    assert found.columns == ["market", "minute_ns", "trusted_seconds", "spread_centibps", "volatility_centibps",
                             "volume_e8"]  # fmt: skip


def test_a_market_that_is_never_trusted_has_no_minute() -> None:
    assert market_minutes(tops(price("a", 1, None)), trades(), until_ns=MINUTE).is_empty()


def test_a_whole_minute_without_a_change_moved_and_traded_nothing() -> None:
    rows = [("a", -1, 99 * E8, 101 * E8, 100 * E8), ("b", -1, None, None, 100 * E8)]
    found = market_minutes(tops(*rows), trades(("a", MINUTE, E8, E8, False)), until_ns=2 * MINUTE)
    quiet, busy, pool, _ = found.rows(named=True)
    assert (quiet["trusted_seconds"], quiet["volatility_centibps"], quiet["volume_e8"]) == (60, 0, 0)
    assert busy["volume_e8"] == E8
    assert (pool["volatility_centibps"], pool["volume_e8"], pool["spread_centibps"]) == (0, None, None)
