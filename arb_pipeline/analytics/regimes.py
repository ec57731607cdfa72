"""What the market was like while episodes opened: volatility, spread, volume and priority fee in three buckets each.

Statistics only: floats. A measure is a frame with
    market    VARCHAR  an instrument, a pool or a chain
    start_ns  BIGINT   start of the interval, a multiple of its length, ns UTC
    value     DOUBLE   unit by measure
"""

from collections.abc import Sequence
from enum import StrEnum

import polars as pl

from streaming_worker.core.units import BPS, E8, NANOS_PER_SECOND

INTERVAL_NS = 60 * NANOS_PER_SECOND


class Regime(StrEnum):
    """How much of a measure there was, against the other intervals of the same market."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"


def volatility(prices: pl.DataFrame, *, every_ns: int = INTERVAL_NS) -> pl.DataFrame:
    """Return the realised volatility of each interval: the root of the summed squared log returns, in bps.

    ``prices``: market VARCHAR, received_ns BIGINT, price DOUBLE. A return belongs to the interval in which it ends; the
    first price of a market has none. Not annualised: it is what the price moved in one interval.
    """
    squares = (pl.col("price").log().diff().over("market") ** 2).alias("square")
    return _measure(
        prices.sort("received_ns", maintain_order=True).with_columns(squares).drop_nulls("square"),
        (pl.col("square").sum().sqrt() * BPS),
        every_ns,
    )


def spread(tops: pl.DataFrame, *, every_ns: int = INTERVAL_NS, sample_ns: int = NANOS_PER_SECOND) -> pl.DataFrame:
    """Return the mean spread of each interval in bps of the mid, sampled on a grid so that time weighs, not traffic.

    ``tops``: market VARCHAR, received_ns BIGINT, best_bid and best_ask DOUBLE. A top holds until the next; each market
    is sampled from its first top to its last.
    """
    mid = (pl.col("best_bid") + pl.col("best_ask")) / 2
    known = tops.select("market", "received_ns", spread_bps=(pl.col("best_ask") - pl.col("best_bid")) / mid * BPS).sort(
        "received_ns", maintain_order=True
    )
    first, last = pl.col("received_ns").min(), pl.col("received_ns").max()
    spans = known.group_by("market").agg(first=-(-first // sample_ns), end=last // sample_ns + 1)
    grid = (
        spans.select("market", received_ns=pl.int_ranges("first", "end"))
        .explode("received_ns")
        .drop_nulls("received_ns")
        .with_columns(pl.col("received_ns") * sample_ns)
    )
    # Both sides are sorted here; within groups it cannot be checked.
    sampled = grid.sort("received_ns").join_asof(
        known, on="received_ns", by="market", strategy="backward", check_sortedness=False
    )
    return _measure(sampled, pl.col("spread_bps").mean(), every_ns)


def volume(trades: pl.DataFrame, *, every_ns: int = INTERVAL_NS) -> pl.DataFrame:
    """Return the notional traded in each interval, in the quote asset; trades replayed at subscribe do not count.

    ``trades``: rows of ``trade_prints`` (instrument, received_ns, price_e8, size_e8, is_historical). An interval
    without a trade has no row.
    """
    live = trades.filter(~pl.col("is_historical")).rename({"instrument": "market"})
    notional = pl.col("price_e8").cast(pl.Float64) * pl.col("size_e8").cast(pl.Float64) / (E8 * E8)
    return _measure(live, notional.sum(), every_ns)


def priority_fee(fees: pl.DataFrame, *, every_ns: int = INTERVAL_NS) -> pl.DataFrame:
    """Return the median priority fee of each interval in lamports.

    ``fees``: market VARCHAR (the chain), received_ns BIGINT, lamports BIGINT.
    """
    return _measure(fees, pl.col("lamports").cast(pl.Float64).median(), every_ns)


def buckets(measure: pl.DataFrame) -> pl.DataFrame:
    """Return the measure with its regime: which third of the market's own intervals a value falls in.

    Columns: market, start_ns, value; regime VARCHAR: low up to the first tercile, high from above the second one. A
    market whose values are all equal is low throughout.
    """
    lower, upper = (pl.col("value").quantile(third / 3, "lower").over("market") for third in (1, 2))
    return measure.with_columns(
        regime=pl.when(pl.col("value") <= lower)
        .then(pl.lit(Regime.LOW.value))
        .when(pl.col("value") <= upper)
        .then(pl.lit(Regime.MEDIUM.value))
        .otherwise(pl.lit(Regime.HIGH.value))
    )


def label(
    opportunities: pl.DataFrame,
    bucketed: pl.DataFrame,
    *,
    name: str,
    market: str = "instrument",
    every_ns: int = INTERVAL_NS,
) -> pl.DataFrame:
    """Add the regime in which each opportunity opened, as column ``name``; null where nothing was measured.

    ``market`` is the column of the opportunities that names the market; rows keep their order.
    """
    regimes = bucketed.select(pl.col("market").alias(market), pl.col("start_ns").alias("_start_ns"), regime="regime")
    return (
        opportunities.with_columns(_start_ns=pl.col("opened_ns") // every_ns * every_ns)
        .join(regimes, on=[market, "_start_ns"], how="left", maintain_order="left")
        .rename({"regime": name})
        .drop("_start_ns")
    )


def by_regime(labelled: pl.DataFrame, names: Sequence[str]) -> pl.DataFrame:
    """Return what opened in each combination of regimes, low before high.

    Columns: the regime columns; episodes BIGINT; peak_edge_bps_p50 DOUBLE, of the peak's net edge; lifetime_ns_p50
    DOUBLE. ``labelled`` has peak_net_edge_centibps, opened_ns and closed_ns BIGINT.
    """
    order = [regime.value for regime in Regime]
    ranks = [pl.col(name).replace_strict(order, list(range(len(order))), default=len(order)) for name in names]
    return (
        labelled.group_by(*names)
        .agg(
            episodes=pl.len().cast(pl.Int64),
            peak_edge_bps_p50=pl.col("peak_net_edge_centibps").median() / 100,
            lifetime_ns_p50=(pl.col("closed_ns") - pl.col("opened_ns")).median(),
        )
        .sort(*ranks)
    )


def _measure(frame: pl.DataFrame, value: pl.Expr, every_ns: int) -> pl.DataFrame:
    start = (pl.col("received_ns") // every_ns * every_ns).alias("start_ns")
    return frame.group_by("market", start).agg(value=value).sort("market", "start_ns")
