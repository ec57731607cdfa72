"""Profit and loss of an hour, item by item; the sums of trades, nothing estimated."""

from typing import Final

from streaming_worker.storage.schema import COST_KINDS

KINDS: Final = ("gross", *COST_KINDS, "net")
_SUMS: Final = ", ".join(
    f"sum({prefix}_{kind}_usd_e8) AS {prefix}_{kind}_usd_e8" for prefix in ("predicted", "realised") for kind in KINDS
)

# A route is as complete as the worse of its two markets.
PNL: Final = f"""
WITH complete AS (
    FROM feed_quality SELECT worker, market, completeness_millionths
    WHERE hour_ns = {{start_ns}} AND market IS NOT NULL
),
booked AS (
    FROM trade_outcomes
    SELECT worker, instrument, pool, direction, latency_ns, is_primary, count(*) AS trades,
           count(*) FILTER (realised_net_usd_e8 > 0) AS winning_trades,
           count(*) FILTER (is_unwound) AS unwound_trades, sum(notional_usd_e8) AS notional_usd_e8, {_SUMS}
    WHERE hour_ns = {{start_ns}}
    GROUP BY ALL
)
FROM booked
LEFT JOIN complete AS cex ON cex.worker = booked.worker AND cex.market = booked.instrument
LEFT JOIN complete AS chain ON chain.worker = booked.worker AND chain.market = booked.pool
SELECT {{start_ns}} AS hour_ns, booked.*,
       least(coalesce(cex.completeness_millionths, 0), coalesce(chain.completeness_millionths, 0))
       AS completeness_millionths
ORDER BY booked.worker, instrument, pool, direction, latency_ns
"""  # noqa: S608  (joined from column names of our own)

_REALISED: Final = " + ".join(f"realised_{kind}_usd_e8" for kind in ("gross", *COST_KINDS))
_PREDICTED: Final = " + ".join(f"predicted_{kind}_usd_e8" for kind in ("gross", *COST_KINDS))

RULES: Final[dict[str, str]] = {
    "realised net is gross plus every cost": f"realised_net_usd_e8 <> {_REALISED}",
    "predicted net is gross plus every cost": f"predicted_net_usd_e8 <> {_PREDICTED}",
    "counts are consistent": "trades <= 0 OR winning_trades > trades OR unwound_trades > trades",
    "completeness is a share": "completeness_millionths < 0 OR completeness_millionths > 1000000",
}

# Hours add up to their trades: each row here is a route whose sum differs.
SUM_OF_TRADES: Final = """
WITH hours AS (
    FROM pnl_hourly SELECT hour_ns, worker, latency_ns, sum(trades) AS trades, sum(realised_net_usd_e8) AS net
    GROUP BY ALL
),
outcomes AS (
    FROM trade_outcomes SELECT hour_ns, worker, latency_ns, count(*) AS trades, sum(realised_net_usd_e8) AS net
    GROUP BY ALL
)
FROM hours FULL JOIN outcomes USING (hour_ns, worker, latency_ns)
SELECT hour_ns, worker, latency_ns, hours.net AS in_pnl, outcomes.net AS in_trades
WHERE hours.net IS DISTINCT FROM outcomes.net OR hours.trades IS DISTINCT FROM outcomes.trades
"""

COMPLETE_MILLIONTHS: Final = 999_000

# Rows whose share of the hour is not that of the worse of their two markets.
OTHER_COMPLETENESS: Final = """
FROM pnl_hourly AS booked
LEFT JOIN feed_quality AS cex ON cex.hour_ns = booked.hour_ns AND cex.worker = booked.worker
  AND cex.market = booked.instrument
LEFT JOIN feed_quality AS chain ON chain.hour_ns = booked.hour_ns AND chain.worker = booked.worker
  AND chain.market = booked.pool
SELECT booked.hour_ns, booked.worker, instrument, pool, booked.completeness_millionths
WHERE booked.completeness_millionths
      <> least(coalesce(cex.completeness_millionths, 0), coalesce(chain.completeness_millionths, 0))
"""
INCOMPLETE: Final = f"""
FROM feed_quality SELECT hour_ns, worker, min(completeness_millionths) AS share
WHERE market IS NOT NULL GROUP BY hour_ns, worker HAVING share < {COMPLETE_MILLIONTHS} ORDER BY hour_ns, worker
"""
