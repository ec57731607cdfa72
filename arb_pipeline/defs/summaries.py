"""What people would rather look at than query: a small table on each materialisation, over the hours just worked."""

from collections.abc import Sequence
from typing import Final

import dagster as dg

from arb_pipeline.hours import Hour
from arb_pipeline.lake.connection import open_hours
from arb_pipeline.lake.layout import LakeLayout
from arb_pipeline.lake.tables import LakeTable

SHOWN_ROWS: Final = 100

BY_RUN: Final = """
FROM replay_runs SELECT make_timestamp(hour_ns // 1000)::VARCHAR AS hour, worker, run_id AS run, events, outputs,
live_digest IS NULL OR live_digest = replayed_digest AS digest_holds ORDER BY ALL
"""
BY_TABLE: Final = """
FROM reconciliation SELECT table_name AS "table", count(*) FILTER (status = 'matched') AS matched,
count(*) FILTER (status = 'missing') AS missing, count(*) FILTER (status = 'extra') AS extra,
count(*) FILTER (status = 'different') AS different GROUP BY ALL ORDER BY ALL
"""
BY_MARKET: Final = """
FROM feed_quality SELECT market, count(*) AS hours, sum(events)::BIGINT AS events,
round(avg(completeness_millionths) / 10000, 2) AS completeness_pct, sum(gaps)::BIGINT AS gaps,
round(sum(gap_ns) / 1e9, 1) AS gap_seconds, round(max(delay_p99_ns) / 1e6, 1) AS delay_p99_ms
WHERE market IS NOT NULL GROUP BY ALL ORDER BY ALL
"""
BY_LATENCY: Final = """
FROM trade_outcomes SELECT latency_ns // 1000000 AS latency_ms, count(*) AS trades,
count(*) FILTER (realised_net_usd_e8 > 0) AS winning, count(*) FILTER (is_unwound) AS unwound,
round(sum(predicted_net_usd_e8) / 1e8, 2) AS predicted_usd, round(sum(realised_net_usd_e8) / 1e8, 2) AS realised_usd
GROUP BY ALL ORDER BY ALL
"""
BY_HOUR: Final = """
FROM pnl_hourly SELECT make_timestamp(hour_ns // 1000)::VARCHAR AS hour, sum(trades)::BIGINT AS trades,
round(sum(predicted_net_usd_e8) / 1e8, 2) AS predicted_usd, round(sum(realised_net_usd_e8) / 1e8, 2) AS realised_usd,
round(min(completeness_millionths) / 10000, 2) AS completeness_pct
WHERE is_primary GROUP BY ALL ORDER BY ALL
"""
OF_STATISTICS: Final[dict[str, str]] = {
    "market_minutes": """
FROM market_minutes SELECT market, count(*) AS minutes, count(*) FILTER (trusted_seconds = 60) AS whole_minutes,
round(avg(volatility_centibps) / 100, 2) AS volatility_bps, round(avg(spread_centibps) / 100, 2) AS spread_bps
GROUP BY ALL ORDER BY ALL
""",
    "attribution": """
FROM attribution SELECT coalesce(opened_by, 'unknown') AS opened_by, coalesce(closed_by, 'unknown') AS closed_by,
count(*) AS episodes GROUP BY ALL ORDER BY ALL
""",
    "lead_lag": """
FROM lead_lag SELECT instrument, pool, count(*) AS hours, round(median(lag_ns) / 1e6, 1) AS median_lag_ms,
round(avg(contrast_millionths) / 1e6, 3) AS contrast GROUP BY ALL ORDER BY ALL
""",
}


def summary(layout: LakeLayout, table: LakeTable, hours: Sequence[Hour], query: str) -> dg.TableMetadataValue:
    """Return a query over the hours of a table as a table of at most ``SHOWN_ROWS`` rows."""
    with open_hours(layout, (table.name,), hours) as connection:
        cursor = connection.execute(f"{query} LIMIT {SHOWN_ROWS}")
        columns = [(str(column[0]), str(column[1]).lower()) for column in cursor.description or ()]
        rows = cursor.fetchall()
    names = [name for name, _ in columns]
    return dg.MetadataValue.table(
        records=[dg.TableRecord(dict(zip(names, row, strict=True))) for row in rows],
        schema=dg.TableSchema([dg.TableColumn(name, kind) for name, kind in columns]),
    )
