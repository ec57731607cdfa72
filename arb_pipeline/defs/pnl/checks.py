"""Hours add up to their trades, and nets to their items."""

import dagster as dg

from arb_pipeline.analytics.pnl import INCOMPLETE, OTHER_COMPLETENESS, RULES, SUM_OF_TRADES
from arb_pipeline.defs.rule_checks import rules_result
from arb_pipeline.hours import Hour
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


@dg.asset_check(
    asset="pnl_hourly",
    blocking=True,
    description="An hour's result carries the completeness of the worse of its markets; incomplete hours are named.",
)
def incomplete_is_said(context: dg.AssetCheckExecutionContext, lake: Lake) -> dg.AssetCheckResult:
    """Gate: no result without its completeness; an incomplete hour is published as incomplete, with its share."""
    with open_hours(lake.layout, ("pnl_hourly", "feed_quality"), hours_of(context)) as connection:
        wrong = connection.execute(OTHER_COMPLETENESS).fetchall()
        incomplete = connection.execute(INCOMPLETE).fetchall()
    shares = [
        f"{Hour(hour_ns).key} {worker}: {millionths / 10_000:.2f} %" for hour_ns, worker, millionths in incomplete
    ]
    return dg.AssetCheckResult(
        passed=not wrong,
        severity=dg.AssetCheckSeverity.ERROR,
        description=f"{len(shares)} incomplete hours are published as incomplete"
        if shares
        else "all hours are complete",
        metadata={
            "incomplete_hours": len(shares),
            "incomplete": dg.MetadataValue.json(shares),
            "without_their_completeness": dg.MetadataValue.json([[str(value) for value in row] for row in wrong[:20]]),
        },
    )
