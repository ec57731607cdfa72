"""Feed quality: what came, how late, what was missing, and how much of the hour can be trusted."""

import dagster as dg

from arb_pipeline.analytics.quality import QUALITY
from arb_pipeline.analytics.query import in_hour
from arb_pipeline.catalogue_text import OWNERS, PARQUET, rows_metadata, table_metadata
from arb_pipeline.defs.lake.assets import lake_key, lake_keys
from arb_pipeline.defs.summaries import BY_MARKET, summary
from arb_pipeline.lake.connection import open_hours, parquet
from arb_pipeline.lake.derived import write_hour
from arb_pipeline.lake.tables import FEED_QUALITY, LAKE_TABLES
from arb_pipeline.partitions import HOURS, ONE_RUN, hours_of
from arb_pipeline.resources import Lake

_OF_THE_HOUR = (
    "book_updates",
    "trade_prints",
    "pool_states",
    "tick_arrays",
    "oracle_states",
    "feed_events",
    "dead_letters",
    "replay_markets",
)


@dg.asset(
    group_name="quality",
    owners=OWNERS,
    kinds=PARQUET,
    code_version="1",
    partitions_def=HOURS,
    backfill_policy=ONE_RUN,
    deps=["replayed_outputs", *(lake_key(name) for name in (*_OF_THE_HOUR[:-1], "gaps"))],
    metadata=table_metadata(
        FEED_QUALITY,
        upstream={
            **lake_keys("feed_events", "gaps", "dead_letters"),
            "replay_markets": dg.AssetKey("replayed_outputs"),
        },
    ),
)
def feed_quality(context: dg.AssetExecutionContext, lake: Lake) -> dg.MaterializeResult[None]:
    """Events, silence, delay by the venue's clock, gaps, dead letters and completeness, by feed and market.

    Completeness is the share of seconds in which the replay had a full state, a connected feed and a recent sign of
    life. Downtime of the worker counts against everything.
    """
    rows = 0
    hours = hours_of(context)
    for hour in hours:
        with open_hours(lake.layout, _OF_THE_HOUR, [hour]) as connection:
            # A gap is written down when it ends, which may be in the next hour.
            files = lake.layout.hour_files(LAKE_TABLES["gaps"], [hour, hour.shifted(1)])
            connection.execute(f"CREATE VIEW gaps AS {parquet(files)}")
            rows += write_hour(connection, lake.layout, FEED_QUALITY, hour, query=in_hour(QUALITY, hour))
    return dg.MaterializeResult(
        metadata={
            **rows_metadata(rows),
            "hours": len(hours),
            "by_market": summary(lake.layout, FEED_QUALITY, hours, BY_MARKET),
        }
    )
