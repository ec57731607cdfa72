"""The SQL of the report, over the published file and nothing else: an analyst gets every figure by the same text.

Every query takes two parameters, the first and the last UTC day. The marts define what is counted: ``rpt_daily`` the
headline of a day, of which a range is the sum; the fct tables the rest. Sums are decimals and exact; shares and basis
points are cut for showing and never added up.
"""

from typing import Final

STACK: Final = (
    ("gross", "Gross edge"),
    ("taker_fee", "Exchange fee"),
    ("pool_fee", "Pool fee"),
    ("slippage", "Slippage on the book"),
    ("price_impact", "Price impact on the pool"),
    ("network_cost", "Network cost"),
    ("stable_basis", "Stable coin basis"),
    ("rebalancing", "Rebalancing"),
    ("net", "Net"),
)
SHOWN_GAPS: Final = 10
SHOWN_EPISODES: Final = 5
_IN_PERIOD: Final = "report_date BETWEEN CAST($1 AS DATE) AND CAST($2 AS DATE)"
_COUNTS: Final = (
    "hours_covered", "hours_complete", "downtime_ns", "gaps", "gap_ns", "rows_matched", "rows_not_matched",
    "opportunities", "opportunities_matched", "rejected_evaluations", "trades", "winning_trades", "unwound_trades",
    "risk_changes", "risk_kills", "cycle_opportunities", "cycle_opportunities_matched", "cycle_rejected_evaluations",
    "cycle_trades", "cycle_winning_trades",
)  # fmt: skip
_MONEY: Final = (
    "opportunities_net_usd", "notional_usd",
    *(f"{prefix}_{kind}_usd" for prefix in ("predicted", "realised") for kind, _ in STACK),
    "cycle_predicted_net_usd", "cycle_realised_net_usd", "total_realised_net_usd",
)  # fmt: skip
# Whatever counts for the result of a day: primary trades of the routes, and primary turns of the cycles.
_RESULTS: Final = f"""(
    FROM fct_simulated_trades
    SELECT report_date, completed_at, completed_ns, trade_id, notional_usd, predicted_net_usd, realised_net_usd
    WHERE {_IN_PERIOD} AND is_primary
    UNION ALL
    FROM fct_cycle_trades
    SELECT report_date, completed_at, completed_ns, trade_id, predicted_spent_usd AS notional_usd, predicted_net_usd,
           realised_net_usd
    WHERE {_IN_PERIOD} AND is_primary
)"""  # noqa: S608 - only text of ours is put together


def _bps(money: str, notional: str) -> str:
    ratio = f"CAST(sum({money}) AS DOUBLE) / nullif(CAST(sum({notional}) AS DOUBLE), 0)"
    return f"CAST(round({ratio} * 10000, 2) AS DECIMAL(22, 2))"


# One row, or none where no day of the period is covered. A day that is missing counts as 0 % complete.
SUMMARY: Final = f"""
FROM rpt_daily
SELECT count(*) AS days_covered,
       CAST(sum(completeness_pct) / (CAST($2 AS DATE) - CAST($1 AS DATE) + 1) AS DECIMAL(18, 4)) AS completeness_pct,
       CAST(sum(covered_completeness_pct * hours_covered) / sum(hours_covered) AS DECIMAL(18, 4))
           AS covered_completeness_pct,
       bool_and(is_reconciled) AS is_reconciled,
       CASE WHEN bool_or(data_verdict = 'doubtful') THEN 'doubtful'
            WHEN bool_and(data_verdict = 'complete') AND count(*) = CAST($2 AS DATE) - CAST($1 AS DATE) + 1
            THEN 'complete' ELSE 'incomplete' END AS data_verdict,
       max(primary_latency_ns) AS primary_latency_ns,
       {", ".join(f"CAST(sum({name}) AS BIGINT) AS {name}" for name in _COUNTS)},
       {", ".join(f"CAST(sum({name}) AS DECIMAL(28, 8)) AS {name}" for name in _MONEY)}
WHERE {_IN_PERIOD}
HAVING count(*) > 0
"""
DAYS: Final = f"""
FROM rpt_daily
SELECT report_date, data_verdict, completeness_pct, opportunities, trades, winning_trades, opportunities_net_usd,
       predicted_net_usd, realised_net_usd, gaps, gap_ns
WHERE {_IN_PERIOD} ORDER BY report_date
"""
# Running sums over what counts for the result; the drawdown is how far the sum is below its highest point so far, or 0.
CURVE: Final = f"""
WITH running AS (
    FROM {_RESULTS}
    SELECT completed_at, completed_ns, trade_id, sum(realised_net_usd) OVER so_far AS realised_usd,
           sum(predicted_net_usd) OVER so_far AS predicted_usd
    WINDOW so_far AS (ORDER BY completed_ns, trade_id)
)
FROM running
SELECT completed_at, realised_usd, predicted_usd,
       realised_usd - greatest(0, max(realised_usd) OVER (ORDER BY completed_ns, trade_id)) AS drawdown_usd
ORDER BY completed_ns, trade_id
"""  # noqa: S608 - only text of ours is put together
DECAY: Final = f"""
FROM fct_edge_decay
SELECT latency_ns, bool_or(is_primary) AS is_primary, CAST(sum(trades) AS BIGINT) AS trades,
       CAST(sum(winning_trades) AS BIGINT) AS winning_trades,
       CAST(sum(both_filled_trades) AS BIGINT) AS both_filled_trades,
       sum(predicted_net_usd) AS predicted_net_usd, sum(realised_net_usd) AS realised_net_usd,
       {_bps("predicted_net_usd", "notional_usd")} AS predicted_edge_bps,
       {_bps("realised_net_usd", "notional_usd")} AS realised_edge_bps
WHERE {_IN_PERIOD}
GROUP BY latency_ns ORDER BY latency_ns
"""
SLIPPAGE: Final = f"""
FROM fct_slippage
SELECT split_part(instrument, ':', 1) AS venue, notional_bucket, CAST(sum(trades) AS BIGINT) AS trades,
       CAST(sum(predicted_slippage_usd + predicted_price_impact_usd) AS DECIMAL(28, 8)) AS predicted_usd,
       CAST(sum(realised_slippage_usd + realised_price_impact_usd) AS DECIMAL(28, 8)) AS realised_usd,
       {_bps("predicted_slippage_usd + predicted_price_impact_usd", "notional_usd")} AS predicted_bps,
       {_bps("realised_slippage_usd + realised_price_impact_usd", "notional_usd")} AS realised_bps
WHERE {_IN_PERIOD} AND latency_ns = (FROM rpt_daily SELECT max(primary_latency_ns) WHERE {_IN_PERIOD})
GROUP BY venue, notional_bucket
ORDER BY venue, CASE notional_bucket WHEN 'below_100' THEN 0 WHEN '100_to_300' THEN 1 WHEN '300_to_1000' THEN 2 ELSE 3
         END
"""
VENUES: Final = f"""
FROM fct_venue_comparison
SELECT market, any_value(venue) AS venue, CAST(sum(trades) AS BIGINT) AS trades,
       CAST(sum(winning_trades) AS BIGINT) AS winning_trades, sum(notional_usd) AS notional_usd,
       sum(predicted_net_usd) AS predicted_net_usd, sum(realised_net_usd) AS realised_net_usd,
       sum(taker_fee_usd) AS taker_fee_usd, sum(pool_fee_usd) AS pool_fee_usd,
       CAST(sum(events) AS BIGINT) AS events, CAST(sum(gaps) AS BIGINT) AS gaps, CAST(sum(gap_ns) AS BIGINT) AS gap_ns,
       CAST(sum(missing_hours) AS BIGINT) AS missing_hours, min(completeness_pct) AS completeness_pct,
       max(delay_p99_ns) AS delay_p99_ns
WHERE {_IN_PERIOD}
GROUP BY market ORDER BY venue, market
"""
ROUTES: Final = f"""
FROM fct_pnl_daily
SELECT instrument, pool, direction, CAST(sum(trades) AS BIGINT) AS trades,
       CAST(sum(winning_trades) AS BIGINT) AS winning_trades, sum(notional_usd) AS notional_usd,
       sum(predicted_net_usd) AS predicted_net_usd, sum(realised_net_usd) AS realised_net_usd
WHERE {_IN_PERIOD} AND is_primary
GROUP BY instrument, pool, direction ORDER BY realised_net_usd DESC, instrument, pool, direction
"""
EPISODES: Final = f"""
FROM fct_simulated_trades AS trade
JOIN fct_opportunities AS episode USING (worker, run_id, opportunity_id)
LEFT JOIN fct_attribution AS cause USING (worker, run_id, opportunity_id)
SELECT opportunity_id, episode.opened_at, trade.instrument, trade.pool, trade.direction, episode.duration_ns,
       episode.close_reason, episode.opening_net_edge_bps, trade.notional_usd, trade.outcome, trade.predicted_net_usd,
       trade.realised_net_usd, coalesce(cause.opened_by, 'unknown') AS opened_by,
       coalesce(cause.closed_by, 'unknown') AS closed_by
WHERE trade.{_IN_PERIOD} AND trade.is_primary
ORDER BY trade.realised_net_usd DESC, episode.opened_ns, opportunity_id, trade.trade_id
"""
OUTCOMES: Final = f"""
FROM fct_simulated_trades
SELECT outcome, count(*) AS trades, sum(realised_net_usd) AS realised_net_usd
WHERE {_IN_PERIOD} AND is_primary
GROUP BY outcome ORDER BY trades DESC, outcome
"""
REJECTIONS: Final = f"""
FROM fct_rejections
SELECT reason, CAST(sum(evaluations) AS BIGINT) AS evaluations, max(best_edge_bps) AS best_edge_bps
WHERE {_IN_PERIOD}
GROUP BY reason ORDER BY evaluations DESC, reason
"""
# What was held at the end of the period, by the last snapshot of each worker.
INVENTORY: Final = f"""
FROM fct_inventory
SELECT worker, venue, asset, arg_max(total, snapshot_ns) AS total, arg_max(target, snapshot_ns) AS target,
       arg_max(drift, snapshot_ns) AS drift, arg_max(drift_usd, snapshot_ns) AS drift_usd,
       arg_max(drift_pct, snapshot_ns) AS drift_pct, max(snapshot_at) AS snapshot_at
WHERE {_IN_PERIOD}
GROUP BY worker, venue, asset ORDER BY worker, venue, asset
"""
# The triangular cycles of the venues, as their turns at the primary latency went.
CYCLES: Final = f"""
FROM fct_cycle_pnl_daily
SELECT cycle, any_value(venue) AS venue, CAST(sum(trades) AS BIGINT) AS trades,
       CAST(sum(winning_trades) AS BIGINT) AS winning_trades,
       CAST(sum(broken_off_trades) AS BIGINT) AS broken_off_trades, sum(realised_spent_usd) AS realised_spent_usd,
       sum(predicted_net_usd) AS predicted_net_usd, sum(realised_net_usd) AS realised_net_usd,
       {_bps("realised_net_usd", "realised_spent_usd")} AS realised_edge_bps
WHERE {_IN_PERIOD} AND is_primary
GROUP BY cycle ORDER BY realised_net_usd DESC, cycle
"""
# The lowest point of the running result of each UTC day, and the largest order, against the limits in force at the end
# of the period: those that the last replayed run began with, and what an operator has changed since.
LIMITS: Final = f"""
WITH running AS (
    FROM {_RESULTS}
    SELECT report_date, notional_usd, sum(realised_net_usd) OVER day_so_far AS net_usd
    WINDOW day_so_far AS (PARTITION BY report_date ORDER BY completed_ns, trade_id)
),
begun AS (
    FROM lake.replay_runs
    SELECT worker, run_id, settings
    WHERE CAST(make_timestamp(hour_ns // 1000) AS DATE) BETWEEN CAST($1 AS DATE) AND CAST($2 AS DATE)
    ORDER BY hour_ns DESC, worker, run_id DESC LIMIT 1
),
changed AS (
    FROM lake.limit_changes SEMI JOIN begun USING (worker, run_id)
    SELECT arg_max(requested, seq) FILTER (name = 'max_position_usd_e8') AS max_position_usd_e8,
           arg_max(requested, seq) FILTER (name = 'daily_loss_usd_e8') AS daily_loss_usd_e8
    WHERE refusal IS NULL AND CAST(make_timestamp(received_ns // 1000) AS DATE) <= CAST($2 AS DATE)
)
FROM changed LEFT JOIN begun ON true LEFT JOIN running ON true
SELECT max(notional_usd) AS largest_order_usd, least(0, min(net_usd)) AS worst_day_usd,
       any_value(coalesce(max_position_usd_e8, CAST(settings ->> '$.limits.max_position_usd_e8' AS BIGINT)))
           AS max_position_usd_e8,
       any_value(coalesce(daily_loss_usd_e8, CAST(settings ->> '$.limits.daily_loss_usd_e8' AS BIGINT)))
           AS daily_loss_usd_e8
"""  # noqa: S608 - only text of ours is put together
GAPS: Final = f"""
FROM fct_gaps
SELECT started_at, ended_at, duration_ns, worker, feed, market, cause
WHERE {_IN_PERIOD}
ORDER BY duration_ns DESC, start_ns, feed, market, cause
"""
TRADES: Final = f"""
FROM fct_simulated_trades
SELECT * WHERE {_IN_PERIOD} ORDER BY completed_ns, latency_ns, trade_id
"""
