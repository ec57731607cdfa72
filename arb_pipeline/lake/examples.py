"""Queries that an analyst begins with; they go into the published file, and a test runs each on a worked evening."""

from typing import Final

_TEXT: Final = """
-- What is in this file
SELECT name, kind, description FROM readme WHERE column_name IS NULL ORDER BY kind, name

-- What the columns of a table mean
SELECT column_name, data_type, description
FROM readme WHERE name = 'fct_opportunities' AND column_name IS NOT NULL

-- How each day went
SELECT report_date, data_verdict, is_reconciled, opportunities, trades, predicted_net_usd,
    realised_net_usd
FROM rpt_daily ORDER BY report_date DESC

-- Which opportunities promised most, and how long they lasted
SELECT opened_at, instrument, direction, peak_net_usd, duration_ns // 1000000 AS duration_ms,
    close_reason
FROM fct_opportunities ORDER BY peak_net_usd DESC LIMIT 20

-- What each latency would have earned
SELECT latency_ns // 1000000 AS latency_ms, count(*) AS trades,
    sum(predicted_net_usd) AS predicted_net_usd,
    sum(realised_net_usd) AS realised_net_usd
FROM fct_simulated_trades GROUP BY ALL ORDER BY latency_ms

-- Where the money went: realised result of the trades that count, cost by cost
SELECT report_date, sum(realised_gross_usd) AS gross, sum(realised_taker_fee_usd) AS taker_fee,
    sum(realised_pool_fee_usd) AS pool_fee, sum(realised_slippage_usd) AS slippage,
    sum(realised_network_cost_usd) AS network, sum(realised_net_usd) AS net
FROM fct_pnl_daily WHERE is_primary GROUP BY ALL ORDER BY report_date

-- Why evaluations were refused
SELECT reason, sum(evaluations) AS evaluations, max(best_edge_bps) AS best_edge_bps
FROM fct_rejections GROUP BY ALL ORDER BY evaluations DESC

-- What turning three pairs inside one venue would have earned
SELECT report_date, cycle, latency_ns // 1000000 AS latency_ms, trades, winning_trades,
    predicted_net_usd, realised_net_usd
FROM fct_cycle_pnl_daily ORDER BY report_date DESC, cycle, latency_ms

-- How far each feed and hour can be trusted
SELECT hour_at, feed, market, completeness_pct, gaps,
    longest_silence_ns // 1000000 AS longest_silence_ms
FROM fct_feed_quality ORDER BY completeness_pct, hour_at LIMIT 50

-- Which stretches of time have no trustworthy data
SELECT started_at, ended_at, feed, market, cause FROM fct_gaps ORDER BY started_at DESC LIMIT 50

-- Where live and replay differ
SELECT hour_at, output_table, matched, missing, extra, different, digest_status
FROM fct_reconciliation WHERE NOT is_reconciled ORDER BY hour_at

-- Trades of one hour as the venues printed them; date and hour keep the other files closed
SELECT received_at, instrument, taker_side, price, size
FROM lake.trade_prints WHERE date = current_date - 1 AND hour = 12 ORDER BY received_ns

-- How much each table of the lake holds, by day
SELECT date, count(*) AS level_rows, count(DISTINCT instrument) AS instruments
FROM lake.book_updates GROUP BY ALL ORDER BY date
"""

_PARTS: Final = [part.partition("\n") for part in _TEXT.strip().removeprefix("-- ").split("\n\n-- ")]
EXAMPLES: Final[tuple[tuple[str, str], ...]] = tuple((title, query) for title, _, query in _PARTS)
"""Each with the question that it answers."""
