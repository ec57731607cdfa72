"""Quality figures are possible figures; whether they are good is for the report to say."""

import dagster as dg

from arb_pipeline.analytics.quality import RULES
from arb_pipeline.defs.rule_checks import rules_result
from arb_pipeline.lake.connection import open_hours
from arb_pipeline.partitions import hours_of
from arb_pipeline.resources import Lake

_UNIQUE = """
FROM feed_quality SELECT hour_ns, worker, feed, market, count(*) AS copies GROUP BY ALL HAVING copies > 1
"""


@dg.asset_check(
    asset="feed_quality",
    blocking=True,
    description="Shares are shares, gaps and downtime lie within their hour, each market is there once.",
)
def quality_in_range(context: dg.AssetCheckExecutionContext, lake: Lake) -> dg.AssetCheckResult:
    """Ranges and uniqueness."""
    with open_hours(lake.layout, ("feed_quality",), hours_of(context)) as connection:
        return rules_result(connection, {"feed_quality": RULES}, queries={"a market is there once": _UNIQUE})
