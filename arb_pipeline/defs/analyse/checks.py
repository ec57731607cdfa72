"""The statistics of an hour are possible, each there once, and about what the record knows."""

from collections.abc import Mapping

import dagster as dg

from arb_pipeline.analytics.analysed import (
    ATTRIBUTION_RULES,
    LEAD_LAG_RULES,
    MINUTE_RULES,
    UNKNOWN_EPISODES,
    repeated,
)
from arb_pipeline.defs.rule_checks import rules_result
from arb_pipeline.lake.connection import open_hours
from arb_pipeline.partitions import hours_of
from arb_pipeline.resources import Lake


def _checked(
    context: dg.AssetCheckExecutionContext,
    lake: Lake,
    table: str,
    rules: Mapping[str, str],
    queries: Mapping[str, str],
    *others: str,
) -> dg.AssetCheckResult:
    with open_hours(lake.layout, (table, *others), hours_of(context)) as connection:
        return rules_result(connection, {table: rules}, queries=queries)


@dg.asset_check(
    asset="market_minutes",
    blocking=True,
    description="A minute has at most 60 trusted seconds, measures are not negative, each market is there once.",
)
def minutes_in_range(context: dg.AssetCheckExecutionContext, lake: Lake) -> dg.AssetCheckResult:
    """Ranges and uniqueness."""
    queries = {"a minute is there once": repeated("market_minutes", "worker", "market", "minute_ns")}
    return _checked(context, lake, "market_minutes", MINUTE_RULES, queries)


@dg.asset_check(
    asset="attribution",
    blocking=True,
    description="Every episode is there once and is known to the reconciliation; a mover is named or unknown.",
)
def attribution_refers(context: dg.AssetCheckExecutionContext, lake: Lake) -> dg.AssetCheckResult:
    """Uniqueness and reference."""
    queries = {
        "an episode is there once": repeated("attribution", "worker", "run_id", "opportunity_id"),
        "an episode is a matched one": UNKNOWN_EPISODES,
    }
    return _checked(context, lake, "attribution", ATTRIBUTION_RULES, queries, "reconciliation")


@dg.asset_check(
    asset="lead_lag",
    blocking=True,
    description="A lag lies on the grid, a contrast without lag is not above the best, each route is there once.",
)
def lead_lag_in_range(context: dg.AssetCheckExecutionContext, lake: Lake) -> dg.AssetCheckResult:
    """Ranges and uniqueness."""
    queries = {"a route is there once": repeated("lead_lag", "hour_ns", "worker", "instrument", "pool")}
    return _checked(context, lake, "lead_lag", LEAD_LAG_RULES, queries)
