"""Every trade adds up, is there once, keeps to its limits, belongs to an episode and paid the fees in force."""

from pathlib import Path

import dagster as dg

from arb_pipeline.analytics.fees_in_force import WRONGLY_CHARGED, unpublished
from arb_pipeline.analytics.outcomes import ABOVE_LIMIT, REFERENCES, RULES, UNIQUE
from arb_pipeline.dbt_files import fee_tiers
from arb_pipeline.defs.quality.suites import trade_suite_of
from arb_pipeline.defs.rule_checks import rules_result
from arb_pipeline.expectations import validate
from arb_pipeline.lake.connection import open_hours, parquet
from arb_pipeline.lake.tables import TRADE_OUTCOMES
from arb_pipeline.partitions import hours_of
from arb_pipeline.resources import Lake


@dg.asset_check(
    asset="simulated_trades",
    blocking=True,
    description="Net is gross plus every cost, and the legs' cash; each trade once; none above the limit.",
)
def trades_add_up(context: dg.AssetCheckExecutionContext, lake: Lake) -> dg.AssetCheckResult:
    """Accounting identities, exact to 1e-8 USD."""
    with open_hours(lake.layout, ("trade_outcomes", "replay_runs"), hours_of(context)) as connection:
        # a limit that was set in an earlier hour of the run still holds
        connection.execute(f"CREATE VIEW limit_changes AS {parquet([Path(lake.layout.glob('limit_changes'))])}")
        return rules_result(
            connection,
            {"trade_outcomes": RULES},
            queries={"a trade is there once": UNIQUE, "no trade is above the position limit": ABOVE_LIMIT},
        )


@dg.asset_check(
    asset="simulated_trades",
    blocking=True,
    description="Every trade belongs to an episode that opened, and to a book and a pool that its run watched.",
)
def trades_refer(context: dg.AssetCheckExecutionContext, lake: Lake) -> dg.AssetCheckResult:
    """Referential integrity; an episode may have opened in the hour before."""
    hours = hours_of(context)
    around = {hour.shifted(offset) for hour in hours for offset in (-1, 0, 1)}
    with open_hours(lake.layout, ("opportunity_openings", "replay_markets"), around) as connection:
        files = lake.layout.hour_files(TRADE_OUTCOMES, hours)
        connection.execute(f"CREATE VIEW trade_outcomes AS {parquet(files)}")
        return rules_result(connection, {}, queries=REFERENCES)


@dg.asset_check(
    asset="simulated_trades",
    blocking=True,
    description="Every leg on a book paid the rate that the fee schedule of its run had in force, to 1e-8 USD.",
)
def fees_as_scheduled(context: dg.AssetCheckExecutionContext, lake: Lake) -> dg.AssetCheckResult:
    """Recompute the fee of every leg."""
    hours = hours_of(context)
    around = {hour.shifted(offset) for hour in hours for offset in (-1, 0, 1)}
    with open_hours(lake.layout, ("simulated_legs", "replay_runs"), around) as connection:
        files = lake.layout.hour_files(TRADE_OUTCOMES, hours)
        connection.execute(f"CREATE VIEW trade_outcomes AS {parquet(files)}")
        return rules_result(connection, {}, queries={"a leg pays the rate in force": WRONGLY_CHARGED})


@dg.asset_check(
    asset="simulated_trades",
    blocking=False,
    description="Every taker rate in force is one that its venue publishes for some tier; else the schedule is old.",
)
def fees_published(context: dg.AssetCheckExecutionContext, lake: Lake) -> dg.AssetCheckResult:
    """Compare the fee schedules of the runs with the list of tiers; warn, because an account may have its own rate."""
    with open_hours(lake.layout, ("replay_runs",), hours_of(context)) as connection:
        queries = {"a rate in force is a published tier": unpublished(str(fee_tiers()))}
        return rules_result(connection, {}, queries=queries, severity=dg.AssetCheckSeverity.WARN)


@dg.asset_check(
    asset="simulated_trades",
    blocking=False,
    description="Great Expectations suite: types, ranges, allowed values, uniqueness, plausible edges.",
)
def trade_suite(context: dg.AssetCheckExecutionContext, lake: Lake) -> dg.AssetCheckResult:
    """Run the suite over the trades of the hours; the worst failed expectation decides the severity."""
    return validate(trade_suite_of(lake.layout, hours_of(context)))
