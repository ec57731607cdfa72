"""Hourly profit and loss."""

import dagster as dg

from arb_pipeline.analytics.pnl import PNL
from arb_pipeline.analytics.query import in_hour
from arb_pipeline.catalogue_text import OWNERS, PARQUET, rows_metadata, table_metadata
from arb_pipeline.defs.summaries import BY_HOUR, summary
from arb_pipeline.lake.connection import open_hours
from arb_pipeline.lake.derived import write_hour
from arb_pipeline.lake.tables import FEED_QUALITY, PNL_HOURLY, TRADE_OUTCOMES
from arb_pipeline.partitions import HOURS, ONE_RUN, hours_of
from arb_pipeline.resources import Lake


@dg.asset(
    group_name="pnl",
    owners=OWNERS,
    kinds=PARQUET,
    code_version="1",
    partitions_def=HOURS,
    backfill_policy=ONE_RUN,
    deps=["simulated_trades", "feed_quality"],
    metadata=table_metadata(
        PNL_HOURLY,
        upstream={
            TRADE_OUTCOMES.name: dg.AssetKey("simulated_trades"),
            FEED_QUALITY.name: dg.AssetKey("feed_quality"),
        },
    ),
)
def pnl_hourly(context: dg.AssetExecutionContext, lake: Lake) -> dg.MaterializeResult[None]:
    """Simulated profit and loss of an hour by route and latency, with every cost item, predicted and realised.

    Booked in the hour in which a trade is complete. ``completeness_millionths`` says how much of the hour it rests on.
    """
    rows = 0
    hours = hours_of(context)
    for hour in hours:
        with open_hours(lake.layout, (TRADE_OUTCOMES.name, FEED_QUALITY.name), [hour]) as connection:
            rows += write_hour(connection, lake.layout, PNL_HOURLY, hour, query=in_hour(PNL, hour))
        lake.catalogue.finish(hour)
    return dg.MaterializeResult(
        metadata={
            **rows_metadata(rows),
            "hours": len(hours),
            "by_hour": summary(lake.layout, PNL_HOURLY, hours, BY_HOUR),
        }
    )
