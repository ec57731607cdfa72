"""Every trade adds up, is there once, and keeps to its limits."""

import dagster as dg

from arb_pipeline.analytics.outcomes import RULES, UNIQUE
from arb_pipeline.analytics.trade_expectations import TRADE_COLUMNS, trade_expectations
from arb_pipeline.defs.rule_checks import rules_result
from arb_pipeline.expectations import validate
from arb_pipeline.lake.connection import open_hours
from arb_pipeline.partitions import hours_of
from arb_pipeline.resources import Lake

_ABOVE_LIMIT = """
FROM trade_outcomes JOIN replay_runs USING (hour_ns, worker, run_id)
SELECT trade_id, notional_usd_e8, (settings::JSON -> '$.limits.max_position_usd_e8')::BIGINT AS allowed
WHERE notional_usd_e8 > allowed
"""


@dg.asset_check(
    asset="simulated_trades",
    blocking=True,
    description="Net is gross plus every cost, and the legs' cash; each trade once; none above the limit.",
)
def trades_add_up(context: dg.AssetCheckExecutionContext, lake: Lake) -> dg.AssetCheckResult:
    """Accounting identities, exact to 1e-8 USD."""
    with open_hours(lake.layout, ("trade_outcomes", "replay_runs"), hours_of(context)) as connection:
        return rules_result(
            connection,
            {"trade_outcomes": RULES},
            queries={"a trade is there once": UNIQUE, "no trade is above the position limit": _ABOVE_LIMIT},
        )


@dg.asset_check(
    asset="simulated_trades",
    blocking=False,
    description="Great Expectations suite: types, ranges, allowed values, uniqueness, plausible edges.",
)
def trade_suite(context: dg.AssetCheckExecutionContext, lake: Lake) -> dg.AssetCheckResult:
    """Run the suite over the trades of the hours; the worst failed expectation decides the severity."""
    with open_hours(lake.layout, ("trade_outcomes",), hours_of(context)) as connection:
        columns = ", ".join(TRADE_COLUMNS)
        frame = connection.execute(f"FROM trade_outcomes SELECT {columns}").df()
    return validate(frame, "simulated_trades", trade_expectations())
