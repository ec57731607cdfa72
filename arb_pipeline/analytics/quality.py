"""How far an hour can be trusted, by feed and market: what came, how late, what was missing.

Completeness is counted by the replay, second by second: a second counts when the market had its full state, its feed
was connected and had shown a recent sign of life. A second without a running worker counts for nobody.
"""

from typing import Final

_MARKETS: Final = """
markets AS (
    FROM replay_markets
    SELECT worker, feed, market, sum(seconds) AS seconds, sum(trusted_seconds) AS trusted_seconds,
           sum(crossed_seconds) * {second_ns} AS crossed_ns
    WHERE hour_ns = {start_ns}
    GROUP BY ALL
)"""

_EVENTS: Final = """
hour_books AS (
    FROM book_updates SELECT worker, run_id, seq, received_ns, exchange_ns, instrument AS market, is_snapshot
    WHERE received_ns >= {start_ns} AND received_ns < {end_ns}
),
messages AS (
    FROM hour_books
    SELECT worker, run_id, seq, market, any_value(received_ns) AS received_ns, any_value(exchange_ns) AS exchange_ns,
           bool_or(is_snapshot) AS is_snapshot, count(*) AS rows_captured
    GROUP BY ALL
    UNION ALL
    FROM trade_prints
    SELECT worker, run_id, seq, instrument, received_ns, NULL::BIGINT, false, 1
    WHERE received_ns >= {start_ns} AND received_ns < {end_ns}
    UNION ALL
    FROM pool_states SELECT worker, run_id, seq, pool, received_ns, NULL::BIGINT, true, 1
    WHERE received_ns >= {start_ns} AND received_ns < {end_ns}
    UNION ALL
    FROM tick_arrays SELECT worker, run_id, seq, pool, any_value(received_ns), NULL::BIGINT, false, count(*)
    WHERE received_ns >= {start_ns} AND received_ns < {end_ns} GROUP BY worker, run_id, seq, pool
    UNION ALL
    FROM oracle_states SELECT worker, run_id, seq, pool, received_ns, NULL::BIGINT, false, 1
    WHERE received_ns >= {start_ns} AND received_ns < {end_ns}
),
spaced AS (
    FROM messages
    SELECT *, received_ns - exchange_ns AS delay_ns,
           received_ns - lag(received_ns, 1, {start_ns}) OVER (PARTITION BY worker, market ORDER BY received_ns, seq)
           AS silence_ns
),
offsets AS (FROM spaced SELECT worker, market, min(delay_ns) AS clock_offset_ns GROUP BY ALL),
by_market AS (
    FROM spaced JOIN offsets USING (worker, market)
    SELECT worker, market, count(*) AS events, sum(rows_captured) AS rows_captured,
           count(*) FILTER (is_snapshot) AS snapshots,
           greatest(max(silence_ns), {end_ns} - max(received_ns)) AS longest_silence_ns,
           quantile_disc(delay_ns - clock_offset_ns, 0.5) AS delay_p50_ns,
           quantile_disc(delay_ns - clock_offset_ns, 0.99) AS delay_p99_ns,
           any_value(clock_offset_ns) AS clock_offset_ns
    GROUP BY ALL
)"""

_LOSSES: Final = """
feed_counts AS (
    FROM feed_events
    SELECT worker, feed, count(*) AS events, count(*) FILTER (kind = 'connected') AS connections,
           count(*) FILTER (kind = 'lost') AS losses
    WHERE received_ns >= {start_ns} AND received_ns < {end_ns} GROUP BY ALL
),
letters AS (
    FROM dead_letters SELECT worker, feed, count(*) AS dead_letters
    WHERE received_ns >= {start_ns} AND received_ns < {end_ns} GROUP BY ALL
),
clipped AS (
    FROM gaps
    SELECT worker, feed, instrument AS market, greatest(start_ns, {start_ns}) AS start_ns,
           least(end_ns, {end_ns}) AS end_ns
    WHERE start_ns < {end_ns} AND end_ns > {start_ns}
),
-- A gap of the whole feed is a gap of each of its markets.
market_gaps AS (
    FROM clipped JOIN markets USING (worker, feed)
    SELECT worker, feed, markets.market AS market, start_ns, end_ns
    WHERE clipped.market IS NULL OR clipped.market = markets.market
),
-- The part of each gap that no earlier gap of the same market covers; these parts add up to the union.
uncovered AS (
    FROM market_gaps
    SELECT worker, feed, market, end_ns, greatest(start_ns, coalesce(max(end_ns) OVER earlier, start_ns)) AS start_ns
    WINDOW earlier AS (PARTITION BY worker, feed, market ORDER BY start_ns, end_ns
                       ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
),
gap_sums AS (
    FROM uncovered
    SELECT worker, feed, market, count(*) AS gaps, sum(greatest(end_ns - start_ns, 0)) AS gap_ns
    GROUP BY ALL
)"""

_RESULT: Final = """
market_rows AS (
    FROM markets LEFT JOIN by_market USING (worker, market) LEFT JOIN gap_sums USING (worker, feed, market)
    SELECT worker, feed, market, coalesce(events, 0) AS events, coalesce(rows_captured, 0) AS rows_captured,
           coalesce(snapshots, 0) AS snapshots, 0 AS connections, 0 AS losses, coalesce(gaps, 0) AS gaps,
           coalesce(gap_ns, 0) AS gap_ns, 0 AS dead_letters, longest_silence_ns, delay_p50_ns, delay_p99_ns,
           clock_offset_ns, crossed_ns,
           greatest({seconds} - seconds, 0) * {second_ns} AS downtime_ns,
           least(trusted_seconds, {seconds}) * {millionths} // {seconds} AS completeness_millionths
),
feed_rows AS (
    FROM market_rows LEFT JOIN feed_counts USING (worker, feed) LEFT JOIN letters USING (worker, feed)
    SELECT worker, feed, NULL AS market, sum(market_rows.events) + coalesce(any_value(feed_counts.events), 0) AS events,
           sum(rows_captured) + coalesce(any_value(feed_counts.events), 0) AS rows_captured,
           sum(snapshots) AS snapshots, coalesce(any_value(feed_counts.connections), 0) AS connections,
           coalesce(any_value(feed_counts.losses), 0) AS losses, sum(gaps) AS gaps, max(gap_ns) AS gap_ns,
           coalesce(any_value(letters.dead_letters), 0) AS dead_letters, max(longest_silence_ns) AS longest_silence_ns,
           max(delay_p50_ns) AS delay_p50_ns, max(delay_p99_ns) AS delay_p99_ns,
           min(clock_offset_ns) AS clock_offset_ns, max(crossed_ns) AS crossed_ns, max(downtime_ns) AS downtime_ns,
           min(completeness_millionths) AS completeness_millionths
    GROUP BY worker, feed
)
FROM (FROM market_rows UNION ALL BY NAME FROM feed_rows)
SELECT {start_ns} AS hour_ns, *
ORDER BY worker, feed, market NULLS FIRST
"""

# Views of the input tables may cover more than the hour; gaps must, because a gap is written down when it ends.
QUALITY: Final = ", ".join((f"WITH {_MARKETS}", _EVENTS, _LOSSES, _RESULT))

RULES: Final[dict[str, str]] = {
    "completeness is a share": "completeness_millionths < 0 OR completeness_millionths > 1000000",
    "a gap lies within its hour": "gap_ns < 0 OR gap_ns > 3600000000000",
    "downtime lies within its hour": "downtime_ns < 0 OR downtime_ns > 3600000000000",
    "delays are measured above the best": "delay_p50_ns < 0 OR delay_p99_ns < delay_p50_ns",
}
