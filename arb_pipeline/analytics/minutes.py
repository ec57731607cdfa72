"""What each market was like, minute by minute: volatility, spread, volume, and for how long it could be trusted.

Statistics only: floats inside, whole hundredths of a basis point outside. Prices are rows of ``market_tops``; a row
without a price says that the market is not trusted from then on, and nothing is measured across such a stretch.
"""

from typing import Final

import polars as pl

from streaming_worker.core.units import BPS, E8, NANOS_PER_SECOND

MINUTE_NS: Final = 60 * NANOS_PER_SECOND
_CENTIBPS = BPS * 100
_WHOLE = MINUTE_NS // NANOS_PER_SECOND


def market_minutes(tops: pl.DataFrame, trades: pl.DataFrame, *, until_ns: int) -> pl.DataFrame:
    """Return one row per market and minute in which the market had a price; the last price holds to ``until_ns``.

    ``tops``: market VARCHAR, received_ns, best_bid_e8, best_ask_e8, price_e8 BIGINT. ``trades``: rows of
    ``trade_prints``.

    Columns: market; minute_ns; trusted_seconds BIGINT; volatility_centibps, spread_centibps, volume_e8 BIGINT or null.
    """
    seconds = _by_second(tops, until_ns=until_ns)
    sampled = seconds.group_by("market", "minute_ns").agg(
        trusted_seconds=pl.col("price_e8").count().cast(pl.Int64),
        spread_centibps=_whole(pl.col("spread_bps").mean() * 100),
    )
    joined = sampled.filter(pl.col("trusted_seconds") > 0)
    for measure in (volatility(tops), volume(trades)):
        joined = joined.join(measure, on=["market", "minute_ns"], how="left")
    # A whole minute without a change moved by nothing; one without a trade traded nothing where trades are reported.
    is_whole, reports = pl.col("trusted_seconds") == _WHOLE, pl.col("market").is_in(trades["instrument"].implode())
    return joined.sort("market", "minute_ns").with_columns(
        pl.when(is_whole).then(pl.col("volatility_centibps").fill_null(0)).otherwise(pl.col("volatility_centibps")),
        pl.when(is_whole & reports).then(pl.col("volume_e8").fill_null(0)).otherwise(pl.col("volume_e8")),
    )


def volatility(tops: pl.DataFrame) -> pl.DataFrame:
    """Return the realised volatility by market and minute: the root of the summed squared log returns.

    A return belongs to the minute in which it ends; the first price after a stretch without one has none. Not
    annualised: it is what the price moved in one minute.
    """
    returns = (pl.col("price_e8").cast(pl.Float64).log().diff().over("market") ** 2).alias("square")
    return (
        tops.sort("received_ns", maintain_order=True)
        .with_columns(returns)
        .drop_nulls("square")
        .group_by("market", _minute())
        .agg(volatility_centibps=_whole(pl.col("square").sum().sqrt() * _CENTIBPS))
    )


def volume(trades: pl.DataFrame) -> pl.DataFrame:
    """Return the notional traded by market and minute, quote x 1e8; trades replayed at subscribe do not count."""
    live = trades.filter(~pl.col("is_historical")).rename({"instrument": "market"})
    notional = pl.col("price_e8").cast(pl.Float64) * pl.col("size_e8").cast(pl.Float64) / E8
    return live.group_by("market", _minute()).agg(volume_e8=_whole(notional.sum()))


def _by_second(tops: pl.DataFrame, *, until_ns: int) -> pl.DataFrame:
    """Sample every market on the grid of seconds, so that time weighs and not traffic."""
    spread = (pl.col("best_ask_e8") - pl.col("best_bid_e8")) / pl.col("price_e8") * BPS
    known = tops.select("market", "received_ns", "price_e8", spread_bps=spread).sort("received_ns", maintain_order=True)
    first = -(-pl.col("received_ns").min() // NANOS_PER_SECOND)
    grid = (
        known.group_by("market")
        .agg(first=first)
        .select("market", received_ns=pl.int_ranges("first", until_ns // NANOS_PER_SECOND))
        .explode("received_ns")
        .drop_nulls("received_ns")
        .with_columns(pl.col("received_ns") * NANOS_PER_SECOND)
    )
    # Both sides are sorted here; within groups it cannot be checked.
    sampled = grid.sort("received_ns").join_asof(
        known, on="received_ns", by="market", strategy="backward", check_sortedness=False
    )
    return sampled.with_columns(_minute())


def _minute() -> pl.Expr:
    return (pl.col("received_ns") // MINUTE_NS * MINUTE_NS).alias("minute_ns")


def _whole(value: pl.Expr) -> pl.Expr:
    return value.round(0).cast(pl.Int64)
