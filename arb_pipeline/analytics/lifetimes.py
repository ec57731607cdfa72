"""How long episodes last: quantiles, and survival that does not mistake a lost feed for the end of an edge.

An episode that a lost leg, old data or the risk state closed was cut off, not over: it lasted at least so long. The
survival curve counts it while it was watched and no longer (Kaplan and Meier, 1958). Opportunities are rows of
``opportunities`` with at least
    opened_ns     BIGINT   ns UTC
    closed_ns     BIGINT   ns UTC
    close_reason  VARCHAR  edge_gone, or what cut the episode off
"""

from collections.abc import Sequence

import polars as pl

from streaming_worker.core.outputs import CloseReason

_LIFETIME = (pl.col("closed_ns") - pl.col("opened_ns")).alias("lifetime_ns")
_IS_ENDED = pl.col("close_reason") == CloseReason.EDGE_GONE.value


def lifetime_quantiles(opportunities: pl.DataFrame, *, by: Sequence[str] = ()) -> pl.DataFrame:
    """Return what was observed, one row in all or per value of the ``by`` columns; cut-off episodes as far as seen.

    Columns: episodes BIGINT; ended BIGINT, those whose edge went; mean_ns DOUBLE; p10_ns, p25_ns, p50_ns, p75_ns,
    p90_ns, p99_ns and longest_ns BIGINT: lifetimes that occurred.
    """
    quantiles = {
        f"p{percent}_ns": pl.col("lifetime_ns").quantile(percent / 100, "lower").cast(pl.Int64)
        for percent in (10, 25, 50, 75, 90, 99)
    }
    columns = {
        "episodes": pl.len().cast(pl.Int64),
        "ended": _IS_ENDED.sum().cast(pl.Int64),
        "mean_ns": pl.col("lifetime_ns").mean(),
        **quantiles,
        "longest_ns": pl.col("lifetime_ns").max(),
    }
    frame = opportunities.with_columns(_LIFETIME)
    return frame.group_by(*by).agg(**columns).sort(*by) if by else frame.select(**columns)


def survival(opportunities: pl.DataFrame) -> pl.DataFrame:
    """Return the share of edges still there after each lifetime that occurred, by lifetime.

    Columns: lifetime_ns BIGINT; at_risk BIGINT, episodes watched just before; ended BIGINT, edges that went then;
    cut_off BIGINT, episodes watched no longer; survival DOUBLE, 0 to 1; standard_error DOUBLE (Greenwood), null once
    nothing is left.
    """
    by_lifetime = (
        opportunities.with_columns(_LIFETIME)
        .group_by("lifetime_ns")
        .agg(ended=_IS_ENDED.sum().cast(pl.Int64), cut_off=(~_IS_ENDED).sum().cast(pl.Int64))
        .sort("lifetime_ns")
    )
    gone = pl.col("ended") + pl.col("cut_off")
    at_risk, ended = pl.col("at_risk"), pl.col("ended")
    return (
        by_lifetime.with_columns(at_risk=gone.sum() - gone.cum_sum() + gone)
        .with_columns(
            survival=(1 - ended / at_risk).cum_prod(),
            variance=pl.when(at_risk > ended).then(ended / (at_risk * (at_risk - ended))).cum_sum(),
        )
        .with_columns(standard_error=pl.col("survival") * pl.col("variance").sqrt())
        .select("lifetime_ns", "at_risk", "ended", "cut_off", "survival", "standard_error")
    )


def surviving_share(curve: pl.DataFrame, latencies_ns: Sequence[int]) -> pl.DataFrame:
    """Return the share of edges that outlive each latency: what a reaction that takes so long still finds.

    Columns: latency_ns BIGINT, in the order given; surviving_share DOUBLE, null beyond the longest lifetime seen when
    that one was cut off.
    """
    steps = curve.sort("lifetime_ns").select("lifetime_ns", "survival").rows()
    shares: list[float | None] = []
    for latency in latencies_ns:
        passed = [share for lifetime, share in steps if lifetime <= latency]
        is_unknown = bool(steps) and latency > steps[-1][0] and steps[-1][1] > 0
        shares.append(None if is_unknown or not steps else (passed[-1] if passed else 1.0))
    return pl.DataFrame(
        {"latency_ns": list(latencies_ns), "surviving_share": shares},
        schema={"latency_ns": pl.Int64, "surviving_share": pl.Float64},
    )
