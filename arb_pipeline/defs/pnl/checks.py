"""Hours add up to their trades, and nets to their items."""

import dagster as dg

from arb_pipeline.analytics.pnl import RULES, SUM_OF_TRADES
from arb_pipeline.defs.rule_checks import rules_result
from arb_pipeline.lake.connection import open_hours
from arb_pipeline.partitions import hours_of
from arb_pipeline.resources import Lake


@dg.asset_check(
    asset="pnl_hourly",
    blocking=True,
    description="Net is gross plus every cost, and every hour is the sum of its trades.",
)
def pnl_adds_up(context: dg.AssetCheckExecutionContext, lake: Lake) -> dg.AssetCheckResult:
    """Accounting identities, exact to 1e-8 USD."""
    with open_hours(lake.layout, ("pnl_hourly", "trade_outcomes"), hours_of(context)) as connection:
        return rules_result(
            connection, {"pnl_hourly": RULES}, queries={"an hour is the sum of its trades": SUM_OF_TRADES}
        )
