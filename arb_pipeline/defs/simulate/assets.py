"""Simulated trades as outcomes: the ones that count, with their legs summed."""

import dagster as dg

from arb_pipeline.analytics.outcomes import OUTCOMES
from arb_pipeline.analytics.query import in_hour
from arb_pipeline.catalogue_text import OWNERS, PARQUET, rows_metadata, table_metadata
from arb_pipeline.defs.lake.assets import lake_key, lake_keys
from arb_pipeline.defs.summaries import BY_LATENCY, summary
from arb_pipeline.lake.connection import open_hours
from arb_pipeline.lake.derived import write_hour
from arb_pipeline.lake.tables import RECONCILIATION, REPLAY_RUNS, TRADE_OUTCOMES
from arb_pipeline.partitions import HOURS, ONE_RUN, hours_of
from arb_pipeline.resources import Lake

_READ = ("simulated_trades", "simulated_legs", RECONCILIATION.name, REPLAY_RUNS.name)


@dg.asset(
    group_name="simulate",
    owners=OWNERS,
    kinds=PARQUET,
    code_version="1",
    partitions_def=HOURS,
    backfill_policy=ONE_RUN,
    deps=["reconciled_opportunities", lake_key("simulated_trades"), lake_key("simulated_legs")],
    metadata=table_metadata(TRADE_OUTCOMES, upstream=lake_keys("simulated_trades", "simulated_legs")),
)
def simulated_trades(context: dg.AssetExecutionContext, lake: Lake) -> dg.MaterializeResult[None]:
    """What each accepted episode would have earned at each latency of the ladder: predicted against realised.

    Only trades that live and replay agree on, legs included. Both legs filled on the market as it was when they
    arrived; a lone leg was closed at market.
    """
    rows = 0
    hours = hours_of(context)
    for hour in hours:
        with open_hours(lake.layout, _READ, [hour.shifted(-1), hour, hour.shifted(1)]) as connection:
            rows += write_hour(connection, lake.layout, TRADE_OUTCOMES, hour, query=in_hour(OUTCOMES, hour))
    return dg.MaterializeResult(
        metadata={
            **rows_metadata(rows),
            "hours": len(hours),
            "by_latency": summary(lake.layout, TRADE_OUTCOMES, hours, BY_LATENCY),
        }
    )
