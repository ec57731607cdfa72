"""The kinds of run: few and large, because each starts a process."""

import dagster as dg

COMPACTION = dg.define_asset_job(
    "compact_segments",
    selection=dg.AssetSelection.groups("lake"),
    description="Sealed segments to Parquet hours.",
)
HOURLY = dg.define_asset_job(
    "work_closed_hours",
    selection=dg.AssetSelection.groups(
        "reconcile",
        "quality",
        "simulate",
        "pnl",
        "analyse",
        "reference",
        "staging",
        "intermediate",
        "marts",
        "published",
    ),
    description="Closed hours: replay, comparison with live, trades, PnL, quality, statistics, marts, published file.",
)
REPORT = dg.define_asset_job(
    "send_daily_report",
    selection=dg.AssetSelection.assets("daily_report"),
    description="The report of a UTC day: made, kept and mailed once.",
)
WEEKLY_REPORT = dg.define_asset_job(
    "send_weekly_report",
    selection=dg.AssetSelection.assets("weekly_report"),
    description="The report of a week of UTC days: made, kept and mailed once.",
)
