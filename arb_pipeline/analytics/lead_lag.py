"""Which of two markets moves first: the Hayashi-Yoshida contrast over lags, free of any common grid.

Statistics only: floats, never money. Source: Hoffmann, Rosenbaum, Yoshida, "Estimation of the lead-lag parameter from
non-synchronous data", Bernoulli 19 (2013), arXiv:1303.4871.

Ticks are a frame with the columns
    received_ns  BIGINT  when the price was seen, ns UTC; of equal times the last row counts
    price        DOUBLE  the reference price (mid, last, pool price), in any one unit per market; null where it is not
                         known from then on: no return is measured across
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import polars as pl

from streaming_worker.core.units import MILLIONTHS, NANOS_PER_MILLISECOND

# Five seconds to each side: what leads by more is not worth an order.
LAGS_NS: Final = tuple(step * 200 * NANOS_PER_MILLISECOND for step in range(-25, 26))


@dataclass(frozen=True, slots=True)
class LeadLag:
    """What a contrast curve says about two markets.

    ``lag_ns`` is the lag of the largest absolute contrast: above 0 the first market leads by as much, below 0 the
    second. ``ratio`` is the sum of squared contrasts at positive lags over that at negative ones: above 1 the first
    leads over all lags together; None when nothing is on the negative side.
    """

    lag_ns: int
    contrast: float
    contrast_at_zero: float | None
    ratio: float | None


def contrast_curve(first: pl.DataFrame, second: pl.DataFrame, lags_ns: Sequence[int]) -> pl.DataFrame:
    """Return the normalised covariation of the first market's returns with the second's, shifted by each lag.

    At a lag, the product of two log returns counts when the interval of the first overlaps that of the second moved
    back by the lag; the sum is divided by the root of both markets' summed squared returns. It is a correlation on
    synchronous data and lies near 0 where the markets have nothing to do with each other at that lag.

    Columns: lag_ns BIGINT; contrast DOUBLE, null when a market has no return; overlaps BIGINT, pairs of intervals.
    """
    one, two = _returns(first), _returns(second)
    scale = (_squares(one) * _squares(two)) ** 0.5
    rows = [(lag, *_covariation(one, two, lag)) for lag in lags_ns]
    return pl.DataFrame(
        {
            "lag_ns": [lag for lag, _, _ in rows],
            "contrast": [covariation / scale if scale > 0 else None for _, covariation, _ in rows],
            "overlaps": [overlaps for _, _, overlaps in rows],
        },
        schema={"lag_ns": pl.Int64, "contrast": pl.Float64, "overlaps": pl.Int64},
    )


def lead_lag(curve: pl.DataFrame) -> LeadLag | None:
    """Read a contrast curve; None when it has no contrast. Of equal contrasts the lag nearest to 0 counts."""
    known = curve.drop_nulls("contrast").with_columns(size=pl.col("contrast").abs(), distance=pl.col("lag_ns").abs())
    if known.is_empty():
        return None
    best = known.sort("size", "distance", "lag_ns", descending=[True, False, False]).row(0, named=True)
    at_zero = known.filter(pl.col("lag_ns") == 0)["contrast"]
    ahead, behind = (
        float((known.filter(side)["contrast"] ** 2).sum()) for side in (pl.col("lag_ns") > 0, pl.col("lag_ns") < 0)
    )
    return LeadLag(
        lag_ns=best["lag_ns"],
        contrast=best["contrast"],
        contrast_at_zero=None if at_zero.is_empty() else float(at_zero[0]),
        ratio=ahead / behind if behind > 0 else None,
    )


def lead_lag_row(first: pl.DataFrame, second: pl.DataFrame) -> dict[str, int | None]:
    """Return an hour of two markets as whole numbers; see the lake table ``lead_lag``."""
    found = lead_lag(contrast_curve(first, second, LAGS_NS))
    return {
        "instrument_moves": len(_returns(first)),
        "pool_moves": len(_returns(second)),
        "lag_ns": None if found is None else found.lag_ns,
        "contrast_millionths": None if found is None else _millionths(found.contrast),
        "contrast_at_zero_millionths": None if found is None else _millionths(found.contrast_at_zero),
        "ratio_millionths": None if found is None else _millionths(found.ratio),
    }


def _millionths(value: float | None) -> int | None:
    return None if value is None else round(value * MILLIONTHS)


def _returns(ticks: pl.DataFrame) -> pl.DataFrame:
    """Return one row per interval between ticks: (start_ns, end_ns] and its log return."""
    ordered = ticks.group_by("received_ns", maintain_order=True).last().sort("received_ns")
    return ordered.select(
        start_ns=pl.col("received_ns").shift(1),
        end_ns=pl.col("received_ns"),
        move=pl.col("price").log().diff(),
    ).drop_nulls("move")


def _squares(returns: pl.DataFrame) -> float:
    return float((returns["move"] ** 2).sum())


def _covariation(one: pl.DataFrame, two: pl.DataFrame, lag_ns: int) -> tuple[float, int]:
    """Return the sum of products over overlapping intervals, and how many pairs overlap.

    The intervals of the second that overlap one of the first are neighbours, so their returns are a difference of
    running sums.
    """
    if one.is_empty() or two.is_empty():
        return 0.0, 0
    starts, ends = two["start_ns"] - lag_ns, two["end_ns"] - lag_ns
    # Intervals are open at the start and closed at the end: touching is not overlapping.
    first = ends.search_sorted(one["start_ns"], side="right").cast(pl.Int64)
    last = starts.search_sorted(one["end_ns"], side="left").cast(pl.Int64)
    running = pl.concat([pl.Series("move", [0.0]), two["move"].cum_sum()])
    overlaps = (last - first).clip(lower_bound=0)
    moved = running.gather(first + overlaps) - running.gather(first)
    return float((one["move"] * moved).sum()), int(overlaps.sum())
