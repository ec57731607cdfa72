"""Statistics of an hour that need the prices of the replay; gaps and downtime are left out of every one of them."""

from collections.abc import Callable

import dagster as dg
import duckdb
import polars as pl

from arb_pipeline.analytics.attribution import attribute, attribution_rows
from arb_pipeline.analytics.lead_lag import lead_lag_row
from arb_pipeline.analytics.minutes import market_minutes as minutes_of
from arb_pipeline.catalogue_text import OWNERS, rows_metadata, table_metadata
from arb_pipeline.defs.lake.assets import lake_key, lake_keys
from arb_pipeline.defs.summaries import OF_STATISTICS, summary
from arb_pipeline.hours import Hour
from arb_pipeline.lake.connection import open_hours
from arb_pipeline.lake.derived import write_hour
from arb_pipeline.lake.tables import ATTRIBUTION, LEAD_LAG, MARKET_MINUTES, MARKET_TOPS, RECONCILIATION, LakeTable
from arb_pipeline.partitions import HOURS, ONE_RUN, hours_of
from arb_pipeline.resources import Lake

GROUP = "analyse"
KINDS = {"polars", "parquet"}
REPLAYED = dg.AssetKey("replayed_outputs")

_TOPS = "FROM market_tops SELECT market, received_ns, best_bid_e8, best_ask_e8, price_e8 WHERE worker = ? ORDER BY ALL"
_PRICES = "FROM market_tops SELECT market, received_ns, price_e8 / 1e8 AS price WHERE worker = ?"
_TRADES = "FROM trade_prints SELECT instrument, received_ns, price_e8, size_e8, is_historical WHERE worker = ?"
_EPISODES = """
FROM opportunities AS episode
JOIN reconciliation AS found
  ON found.worker = episode.worker AND found.run_id = episode.run_id AND found.identity = episode.opportunity_id
SELECT episode.run_id, opportunity_id, instrument, pool, direction, opened_ns, peaked_ns, closed_ns
WHERE found.table_name = 'opportunities' AND found.status = 'matched' AND found.hour_ns = ? AND episode.worker = ?
ORDER BY opened_ns, opportunity_id
"""
_WORKERS = "FROM market_tops SELECT DISTINCT worker ORDER BY worker"


@dg.asset(
    group_name=GROUP,
    owners=OWNERS,
    kinds=KINDS,
    code_version="1",
    partitions_def=HOURS,
    backfill_policy=ONE_RUN,
    deps=["replayed_outputs", lake_key("trade_prints")],
    metadata=table_metadata(MARKET_MINUTES, upstream={MARKET_TOPS.name: REPLAYED, **lake_keys("trade_prints")}),
)
def market_minutes(context: dg.AssetExecutionContext, lake: Lake) -> dg.MaterializeResult[None]:
    """Volatility, spread and volume of every market by minute, and for how many seconds it could be trusted."""

    def measured(connection: duckdb.DuckDBPyConnection, hour: Hour, worker: str) -> pl.DataFrame:
        tops, trades = (connection.execute(query, [worker]).pl() for query in (_TOPS, _TRADES))
        return minutes_of(tops, trades, until_ns=hour.end_ns)

    return _work(context, lake, MARKET_MINUTES, (MARKET_TOPS.name, "trade_prints"), measured)


@dg.asset(
    group_name=GROUP,
    owners=OWNERS,
    kinds=KINDS,
    code_version="1",
    partitions_def=HOURS,
    backfill_policy=ONE_RUN,
    deps=["reconciled_opportunities", "replayed_outputs", lake_key("opportunities")],
    metadata=table_metadata(ATTRIBUTION, upstream={MARKET_TOPS.name: REPLAYED, **lake_keys("opportunities")}),
)
def attribution(context: dg.AssetExecutionContext, lake: Lake) -> dg.MaterializeResult[None]:
    """Who opened each gap and who closed it: the book's and the pool's own moves, in basis points of the gap.

    Without a trusted price of both markets at every moment an episode is attributed to nobody.
    """

    def attributed(connection: duckdb.DuckDBPyConnection, hour: Hour, worker: str) -> pl.DataFrame:
        episodes = connection.execute(_EPISODES, [hour.start_ns, worker]).pl()
        prices = connection.execute(_PRICES, [worker]).pl()
        rows = attribution_rows(attribute(episodes, prices))
        return episodes.drop("peaked_ns", "closed_ns").join(rows, on="opportunity_id", maintain_order="left")

    # An episode may have opened in the hour before, or be received a moment before its hour.
    tables = (MARKET_TOPS.name, RECONCILIATION.name, "opportunities")
    return _work(context, lake, ATTRIBUTION, tables, attributed, hours_around=(-1, 0, 1))


@dg.asset(
    group_name=GROUP,
    owners=OWNERS,
    kinds=KINDS,
    code_version="1",
    partitions_def=HOURS,
    backfill_policy=ONE_RUN,
    deps=["replayed_outputs"],
    metadata=table_metadata(LEAD_LAG, upstream={MARKET_TOPS.name: REPLAYED}),
)
def lead_lag(context: dg.AssetExecutionContext, lake: Lake) -> dg.MaterializeResult[None]:
    """Which market of a route moves first, and by how much: the Hayashi-Yoshida contrast over lags of 5 s each way."""

    def led(connection: duckdb.DuckDBPyConnection, _: Hour, worker: str) -> pl.DataFrame:
        tops = connection.execute(_TOPS, [worker]).pl()
        books = tops.filter(pl.col("best_bid_e8").is_not_null())["market"].unique().sort()
        markets = {market: _ticks(tops, market) for market in tops["market"].unique().sort()}
        rows = [
            {"instrument": book, "pool": pool, **lead_lag_row(markets[book], ticks)}
            for book in books
            for pool, ticks in markets.items()
            if pool not in books and ticks["price"].count() > 0
        ]
        return pl.DataFrame(rows, infer_schema_length=None)

    return _work(context, lake, LEAD_LAG, (MARKET_TOPS.name,), led)


def _ticks(tops: pl.DataFrame, market: str) -> pl.DataFrame:
    return tops.filter(pl.col("market") == market).select("received_ns", price=pl.col("price_e8") / 1e8)


def _work(
    context: dg.AssetExecutionContext,
    lake: Lake,
    table: LakeTable,
    read: tuple[str, ...],
    measure: Callable[[duckdb.DuckDBPyConnection, Hour, str], pl.DataFrame],
    *,
    hours_around: tuple[int, ...] = (0,),
) -> dg.MaterializeResult[None]:
    """Measure every hour of the run for each worker that was seen in it, and write the hours."""
    rows = 0
    hours = hours_of(context)
    for hour in hours:
        with open_hours(lake.layout, read, [hour.shifted(offset) for offset in hours_around]) as connection:
            workers = [str(name) for (name,) in connection.execute(_WORKERS).fetchall()]
            found = [(worker, measure(connection, hour, worker)) for worker in workers]
            parts = [
                frame.with_columns(worker=pl.lit(worker), hour_ns=pl.lit(hour.start_ns))
                for worker, frame in found
                if not frame.is_empty()
            ]
            query = _registered(connection, table, pl.concat(parts) if parts else None)
            rows += write_hour(connection, lake.layout, table, hour, query=query)
    return dg.MaterializeResult(
        metadata={
            **rows_metadata(rows),
            "hours": len(hours),
            "summary": summary(lake.layout, table, hours, OF_STATISTICS[table.name]),
        }
    )


def _registered(connection: duckdb.DuckDBPyConnection, table: LakeTable, frame: pl.DataFrame | None) -> str:
    """Return the query of the rows to write; without any, one with the right columns and no row."""
    if frame is None:
        return f"SELECT {', '.join(f'NULL AS {name}' for name in table.column_names)} LIMIT 0"
    connection.register("measured", frame.to_arrow())
    return "FROM measured"
