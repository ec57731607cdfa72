"""Who opened a gap and who closed it: each market's own move, before the opening and from the peak to the close.

The gap of an episode is the log of the selling market's price over the buying market's. Each of the two markets adds
to a change of the gap exactly its own log move, signed, so the parts add up to the whole. Statistics only: floats.

Opportunities are rows of ``opportunities`` with at least
    opportunity_id                        VARCHAR
    instrument, pool                      VARCHAR  the two markets
    direction                             VARCHAR  buy_cex_sell_pool or buy_pool_sell_cex
    opened_ns, peaked_ns, closed_ns       BIGINT   ns UTC
Prices are the markets' reference prices over time (mid of a book, marginal price of a pool)
    market                                VARCHAR  an instrument or a pool
    received_ns                           BIGINT   since when the price was known, ns UTC
    price                                 DOUBLE   quote per base; null while the market is not trusted
"""

import polars as pl

from streaming_worker.core.outputs import Direction
from streaming_worker.core.units import BPS, NANOS_PER_SECOND

CEX = "cex"
POOL = "pool"
BOTH = "both"
NONE = "none"

MOVER_SHARE = 0.75
LOOKBACK_NS = 5 * NANOS_PER_SECOND
_MARKET_OF = {CEX: "instrument", POOL: "pool"}
_MOMENTS = ("before", "opened", "peaked", "closed")


def attribute(
    opportunities: pl.DataFrame,
    prices: pl.DataFrame,
    *,
    lookback_ns: int = LOOKBACK_NS,
    mover_share: float = MOVER_SHARE,
) -> pl.DataFrame:
    """Return one row per opportunity, in the order given.

    Rule: the opening is the change of the gap from ``lookback_ns`` before it, the closing that from the peak to the
    close. Of the moves in the right direction (widening, then narrowing) a market with at least ``mover_share`` made
    it, else both did; when no market moved in that direction nobody did ("none": a cost or a size changed).

    Columns: opportunity_id VARCHAR; opening_cex_bps, opening_pool_bps DOUBLE, what each added to the gap before the
    opening; closing_cex_bps, closing_pool_bps DOUBLE, what each took from it after the peak; opened_by, closed_by
    VARCHAR: cex, pool, both or none. All null where a price is not known.
    """
    frame = opportunities.with_row_index("row").with_columns(
        before_ns=pl.col("opened_ns") - lookback_ns,
        cex_sign=pl.when(pl.col("direction") == Direction.BUY_CEX_SELL_POOL.value).then(-1).otherwise(1),
    )
    for market, column in _MARKET_OF.items():
        for moment in _MOMENTS:
            frame = _with_log_price(frame, prices, market=column, moment=f"{moment}_ns", name=f"{market}_{moment}")
    moves = frame.sort("row").select(
        "opportunity_id",
        opening_cex_bps=_move("cex", "before", "opened") * pl.col("cex_sign"),
        opening_pool_bps=-_move("pool", "before", "opened") * pl.col("cex_sign"),
        closing_cex_bps=-_move("cex", "peaked", "closed") * pl.col("cex_sign"),
        closing_pool_bps=_move("pool", "peaked", "closed") * pl.col("cex_sign"),
    )
    return moves.with_columns(
        opened_by=_mover("opening", mover_share), closed_by=_mover("closing", mover_share)
    )  # fmt: skip


def attribution_rows(attributed: pl.DataFrame) -> pl.DataFrame:
    """Return what ``attribute`` gave in whole hundredths of a basis point, as ``_centibps``."""
    moves = [name for name in attributed.columns if name.endswith("_bps")]
    whole = {name.replace("_bps", "_centibps"): (pl.col(name) * 100).round(0).cast(pl.Int64) for name in moves}
    return attributed.select("opportunity_id", "opened_by", "closed_by", **whole)


def _with_log_price(frame: pl.DataFrame, prices: pl.DataFrame, *, market: str, moment: str, name: str) -> pl.DataFrame:
    """Add the log price of a market as known at a moment."""
    known = prices.select(
        pl.col("market").alias(market), pl.col("received_ns").alias(moment), pl.col("price").log().alias(name)
    )
    # Both sides are sorted here; within groups it cannot be checked.
    return frame.sort(moment).join_asof(
        known.sort(moment), on=moment, by=market, strategy="backward", check_sortedness=False
    )


def _move(market: str, start: str, end: str) -> pl.Expr:
    return (pl.col(f"{market}_{end}") - pl.col(f"{market}_{start}")) * BPS


def _mover(phase: str, mover_share: float) -> pl.Expr:
    cex, pool = (pl.col(f"{phase}_{market}_bps").clip(lower_bound=0.0) for market in (CEX, POOL))
    moved = cex + pool
    return (
        pl.when(moved.is_null())
        .then(pl.lit(None, dtype=pl.String))
        .when(moved == 0.0)
        .then(pl.lit(NONE))
        .when(cex >= moved * mover_share)
        .then(pl.lit(CEX))
        .when(pool >= moved * mover_share)
        .then(pl.lit(POOL))
        .otherwise(pl.lit(BOTH))
    )
