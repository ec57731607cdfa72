"""Every figure of a day's report, read from the published file and from nothing else.

The marts define the figures; nothing is computed here that an analyst could not get by the same SQL.
"""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

import duckdb

Row = dict[str, Any]
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
SHOWN_GAPS: Final = 15

_SUMMARY = "FROM rpt_daily WHERE report_date = CAST(? AS DATE)"
_LATENCIES = """
FROM fct_pnl_daily
SELECT latency_ns, bool_or(is_primary) AS is_primary, CAST(sum(trades) AS BIGINT) AS trades,
       CAST(sum(winning_trades) AS BIGINT) AS winning_trades, CAST(sum(unwound_trades) AS BIGINT) AS unwound_trades,
       sum(predicted_net_usd) AS predicted_net_usd, sum(realised_net_usd) AS realised_net_usd
WHERE report_date = CAST(? AS DATE)
GROUP BY latency_ns ORDER BY latency_ns
"""
_ROUTES = """
FROM fct_pnl_daily
SELECT instrument, pool, direction, CAST(sum(trades) AS BIGINT) AS trades, sum(notional_usd) AS notional_usd,
       sum(predicted_net_usd) AS predicted_net_usd, sum(realised_net_usd) AS realised_net_usd
WHERE report_date = CAST(? AS DATE) AND is_primary
GROUP BY instrument, pool, direction ORDER BY realised_net_usd DESC, instrument, direction
"""
_REJECTIONS = """
FROM fct_rejections
SELECT reason, CAST(sum(evaluations) AS BIGINT) AS evaluations, max(best_edge_bps) AS best_edge_bps
WHERE report_date = CAST(? AS DATE)
GROUP BY reason ORDER BY evaluations DESC, reason
"""
_OUTCOMES = """
FROM fct_simulated_trades
SELECT outcome, count(*) AS trades, sum(realised_net_usd) AS realised_net_usd
WHERE report_date = CAST(? AS DATE) AND is_primary
GROUP BY outcome ORDER BY trades DESC, outcome
"""
_QUALITY = """
FROM fct_feed_quality
SELECT feed, market, count(DISTINCT hour_at) AS hours, CAST(sum(events) AS BIGINT) AS events,
       min(completeness_pct) AS worst_hour_pct, CAST(sum(gaps) AS BIGINT) AS gaps,
       CAST(sum(gap_ns) AS BIGINT) AS gap_ns, max(longest_silence_ns) AS longest_silence_ns,
       max(delay_p99_ns) AS delay_p99_ns
WHERE report_date = CAST(? AS DATE) AND market IS NOT NULL
GROUP BY feed, market ORDER BY feed, market
"""
_GAPS = f"""
FROM fct_gaps
SELECT started_at, ended_at, duration_ns, feed, market, cause
WHERE report_date = CAST(? AS DATE)
ORDER BY duration_ns DESC, start_ns, feed, market LIMIT {SHOWN_GAPS}
"""
_TRADES = """
FROM fct_simulated_trades
SELECT * WHERE report_date = CAST(? AS DATE) ORDER BY completed_ns, latency_ns, trade_id
"""
_CURVE = """
FROM fct_simulated_trades
SELECT completed_at, sum(realised_net_usd) OVER running AS realised_usd, sum(predicted_net_usd) OVER running
       AS predicted_usd
WHERE report_date = CAST(? AS DATE) AND is_primary
WINDOW running AS (ORDER BY completed_ns, trade_id)
ORDER BY completed_ns, trade_id
"""


@dataclass(frozen=True, slots=True)
class StackLine:
    """One line of the waterfall, in USD."""

    name: str
    predicted: Decimal
    realised: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class DayFigures:
    """What the report says. ``summary`` is None for a day without a single closed hour."""

    day: str
    is_final: bool
    summary: Row | None
    stack: tuple[StackLine, ...]
    latencies: tuple[Row, ...]
    routes: tuple[Row, ...]
    rejections: tuple[Row, ...]
    outcomes: tuple[Row, ...]
    quality: tuple[Row, ...]
    gaps: tuple[Row, ...]
    curve: tuple[tuple[datetime, Decimal, Decimal], ...]

    @property
    def has_trades(self) -> bool:
        """Return whether any simulated trade counts for PnL."""
        return self.summary is not None and self.summary["trades"] > 0


def day_figures(connection: duckdb.DuckDBPyConnection, day: str, *, is_final: bool) -> DayFigures:
    """Read a day's figures; ``connection`` has the published file open."""
    summaries = _rows(connection, _SUMMARY, day)
    summary = summaries[0] if summaries else None
    return DayFigures(
        day=day,
        is_final=is_final,
        summary=summary,
        stack=() if summary is None else _stack(summary),
        latencies=_rows(connection, _LATENCIES, day),
        routes=_rows(connection, _ROUTES, day),
        rejections=_rows(connection, _REJECTIONS, day),
        outcomes=_rows(connection, _OUTCOMES, day),
        quality=_rows(connection, _QUALITY, day),
        gaps=_rows(connection, _GAPS, day),
        curve=tuple(connection.execute(_CURVE, [day]).fetchall()),
    )


def trades_csv(connection: duckdb.DuckDBPyConnection, day: str) -> str:
    """Return every simulated trade of the day, all latencies, as CSV with a header."""
    cursor = connection.execute(_TRADES, [day])
    lines = [",".join(column[0] for column in cursor.description or ())]
    lines += [",".join("" if value is None else str(value) for value in row) for row in cursor.fetchall()]
    return "\n".join(lines) + "\n"


def _rows(connection: duckdb.DuckDBPyConnection, query: str, day: str) -> tuple[Row, ...]:
    cursor = connection.execute(query, [day])
    names = [column[0] for column in cursor.description or ()]
    return tuple(dict(zip(names, row, strict=True)) for row in cursor.fetchall())


def _stack(summary: Row) -> tuple[StackLine, ...]:
    return tuple(
        StackLine(name, summary[f"predicted_{kind}_usd"], summary[f"realised_{kind}_usd"]) for kind, name in STACK
    )
