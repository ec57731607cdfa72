"""How fast an edge goes: what simulated trades kept of their prediction, by latency.

Statistics only: floats, never money that is added up. Trades are rows of ``trade_outcomes`` with at least
    latency_ns                BIGINT   latency of the CEX leg
    notional_usd_e8           BIGINT   predicted CEX leg notional, USD x 1e8
    predicted_net_usd_e8      BIGINT   USD x 1e8
    realised_net_usd_e8       BIGINT   USD x 1e8
    outcome                   VARCHAR  both_filled, partly_filled, unwound or nothing_filled
"""

from collections.abc import Sequence
from itertools import pairwise

import polars as pl

from arb_pipeline.analytics.outcomes import BOTH_FILLED
from streaming_worker.core.units import BPS

_EDGE_BPS = pl.col("realised_net_usd_e8") * BPS / pl.col("notional_usd_e8")


def edge_decay(trades: pl.DataFrame, *, by: Sequence[str] = ()) -> pl.DataFrame:
    """Return one row per latency, and per value of the ``by`` columns where given, by latency.

    Columns: latency_ns BIGINT; trades BIGINT; winning_share DOUBLE, share with a net above 0; both_filled_share DOUBLE;
    predicted_edge_bps and realised_edge_bps DOUBLE, all nets over all notionals; kept_share DOUBLE, realised over
    predicted net, null where nothing was predicted; realised_edge_bps_p10, _p50, _p90 DOUBLE, of single trades.
    """
    predicted, realised, notional = (
        pl.col(name).cast(pl.Float64).sum()
        for name in ("predicted_net_usd_e8", "realised_net_usd_e8", "notional_usd_e8")
    )
    return (
        trades.group_by(*by, "latency_ns")
        .agg(
            trades=pl.len().cast(pl.Int64),
            winning_share=(pl.col("realised_net_usd_e8") > 0).mean(),
            both_filled_share=(pl.col("outcome") == BOTH_FILLED).mean(),
            predicted_edge_bps=predicted / notional * BPS,
            realised_edge_bps=realised / notional * BPS,
            kept_share=pl.when(predicted != 0).then(realised / predicted),
            realised_edge_bps_p10=_EDGE_BPS.quantile(0.1, "linear"),
            realised_edge_bps_p50=_EDGE_BPS.quantile(0.5, "linear"),
            realised_edge_bps_p90=_EDGE_BPS.quantile(0.9, "linear"),
        )
        .sort(*by, "latency_ns")
    )


def half_life_ns(decay: pl.DataFrame) -> float | None:
    """Return the latency at which half of the edge of the smallest latency is left, between two rungs linearly.

    ``decay`` is one group of ``edge_decay``. None when the edge never halves on the ladder, or there was none to lose.
    """
    rungs = decay.sort("latency_ns").select("latency_ns", "realised_edge_bps").rows()
    if not rungs or rungs[0][1] <= 0:
        return None
    half = rungs[0][1] / 2
    for (latency, edge), (next_latency, next_edge) in pairwise(rungs):
        if next_edge <= half:
            return float(latency + (next_latency - latency) * (edge - half) / (edge - next_edge))
    return None
