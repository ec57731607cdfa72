"""Measures of the market by interval, their buckets, and what opened in each."""

from math import log

import polars as pl
import pytest

from arb_pipeline.analytics.regimes import (
    Regime,
    buckets,
    by_regime,
    label,
    priority_fee,
    spread,
    volatility,
    volume,
)

SECOND = 10**9
MINUTE = 60 * SECOND
E8 = 10**8


def frame(schema: dict[str, type[pl.DataType]], *rows: tuple[object, ...]) -> pl.DataFrame:
    """Return a frame."""
    return pl.DataFrame(list(rows), schema=schema, orient="row")


PRICES = {"market": pl.String, "received_ns": pl.Int64, "price": pl.Float64}
MEASURE = {"market": pl.String, "start_ns": pl.Int64, "value": pl.Float64}


def test_volatility_is_the_root_of_the_summed_squares_in_the_interval_where_a_return_ends() -> None:
    rows = [("a", 50 * SECOND, 100.0), ("b", 55 * SECOND, 7.0), ("a", 70 * SECOND, 101.0), ("a", 80 * SECOND, 100.0),
            ("b", 190 * SECOND, 7.0)]  # fmt: skip
    found = volatility(frame(PRICES, *rows[::-1]))
    assert found.select("market", "start_ns").rows() == [("a", MINUTE), ("b", 3 * MINUTE)]
    assert found["value"].to_list() == pytest.approx([(2 * log(1.01) ** 2) ** 0.5 * 10_000, 0.0])


def test_the_spread_is_weighted_by_time_not_by_updates() -> None:
    schema = {"market": pl.String, "received_ns": pl.Int64, "best_bid": pl.Float64, "best_ask": pl.Float64}
    rows = [("a", 10 * SECOND, 99.0, 101.0)]
    rows += [("a", 40 * SECOND + step, 99.5, 100.5) for step in range(1, 9)]
    rows += [("a", 70 * SECOND + 1, 99.9, 100.1), ("b", 5 * SECOND + 1, 99.0, 101.0)]
    found = spread(frame(schema, *rows))
    assert found.select("market", "start_ns").rows() == [("a", 0), ("a", MINUTE)]
    # 31 samples at 200 bps (10 s to 40 s), 19 at 100 bps (41 s to 59 s); then 11 at 100 bps (60 s to 70 s).
    assert found["value"].to_list() == pytest.approx([(31 * 200 + 19 * 100) / 50, 100.0])


def test_volume_is_notional_of_trades_that_happened_now() -> None:
    schema = {"instrument": pl.String, "received_ns": pl.Int64, "price_e8": pl.Int64, "size_e8": pl.Int64,
              "is_historical": pl.Boolean}  # fmt: skip
    rows = [("a", 1, 150 * E8, 2 * E8, False), ("a", 2, 60_000 * E8, E8 // 2, False), ("a", 3, 150 * E8, E8, True),
            ("a", MINUTE, 10 * E8, E8, False)]  # fmt: skip
    assert volume(frame(schema, *rows)).rows() == [("a", 0, 30_300.0), ("a", MINUTE, 10.0)]


def test_the_priority_fee_is_the_median() -> None:
    schema = {"market": pl.String, "received_ns": pl.Int64, "lamports": pl.Int64}
    rows = [("solana", 1, 5), ("solana", 2, 9_000_000), ("solana", 3, 100)]
    assert priority_fee(frame(schema, *rows), every_ns=10).rows() == [("solana", 0, 100.0)]


def test_each_market_has_its_own_thirds() -> None:
    rows = [("a", start, float(value)) for start, value in enumerate((10, 60, 20, 50, 30, 40))]
    rows += [("b", start, 1_000.0) for start in range(3)]
    found = buckets(frame(MEASURE, *rows))
    regimes = dict(found.group_by("market", maintain_order=True).agg("regime").rows())
    assert regimes["a"] == ["low", "high", "low", "high", "medium", "medium"]
    assert regimes["b"] == ["low", "low", "low"]


def test_an_opportunity_has_the_regime_in_which_it_opened() -> None:
    schema = {"opportunity_id": pl.String, "instrument": pl.String, "opened_ns": pl.Int64, "closed_ns": pl.Int64,
              "peak_net_edge_centibps": pl.Int64}  # fmt: skip
    opportunities = frame(
        schema, ("z", "a", MINUTE + 5, MINUTE + 25, 300), ("b", "a", 7, 17, 100), ("c", "a", 9, 39, 500),
        ("d", "other", 9, 10, 900),
    )  # fmt: skip
    bucketed = frame(MEASURE, ("a", 0, 1.0), ("a", MINUTE, 2.0)).with_columns(regime=pl.Series(["low", "high"]))
    labelled = label(opportunities, bucketed, name="volatility")
    assert labelled.select("opportunity_id", "volatility").rows() == [
        ("z", "high"), ("b", "low"), ("c", "low"), ("d", None),
    ]  # fmt: skip
    chain = bucketed.with_columns(market=pl.lit("solana"))
    twice = label(labelled.with_columns(chain=pl.lit("solana")), chain, name="priority_fee", market="chain")
    assert by_regime(twice, ["volatility", "priority_fee"]).rows() == [
        (Regime.LOW, Regime.LOW, 2, 3.0, 20.0), (Regime.HIGH, Regime.HIGH, 1, 3.0, 20.0),
        (None, Regime.LOW, 1, 9.0, 1.0),
    ]  # fmt: skip


def test_an_hour_without_data_measures_nothing() -> None:
    assert volatility(frame(PRICES)).is_empty()
    assert buckets(frame(MEASURE)).is_empty()
    top = frame({"market": pl.String, "received_ns": pl.Int64, "best_bid": pl.Float64, "best_ask": pl.Float64})
    assert spread(top).is_empty()
