"""Replay each closed hour with the production engine, then compare every output with what was captured live."""

from collections.abc import Iterator
from dataclasses import dataclass

import dagster as dg
import duckdb

from arb_pipeline.analytics.reconciled import reconcile
from arb_pipeline.analytics.replayed import ReplayedPart, parts_of, replay_part
from arb_pipeline.catalogue_text import OWNERS, PARQUET, rows_metadata, table_metadata
from arb_pipeline.defs.lake.assets import lake_key, lake_keys
from arb_pipeline.defs.reconcile.checks import FILES_UNCHANGED, INPUTS_COMPLETE, files_unchanged, inputs_complete
from arb_pipeline.defs.summaries import BY_RUN, BY_TABLE, summary
from arb_pipeline.errors import ReplayError
from arb_pipeline.hours import Hour
from arb_pipeline.lake.catalogue import Catalogue
from arb_pipeline.lake.compaction import ensure_placeholders
from arb_pipeline.lake.connection import open_hours, parquet
from arb_pipeline.lake.derived import rows_as_table, write_hour
from arb_pipeline.lake.inspection import RUNS_TABLE
from arb_pipeline.lake.layout import LakeLayout
from arb_pipeline.lake.tables import (
    LAKE_TABLES,
    MARKET_TOPS,
    RECONCILED_TABLES,
    RECONCILIATION,
    REPLAY_MARKETS,
    REPLAY_RUNS,
)
from arb_pipeline.partitions import HOURS, ONE_RUN, hours_of
from arb_pipeline.resources import Lake
from streaming_worker.errors import StorageError
from streaming_worker.storage.schema import TABLES, Role

GROUP = "reconcile"
_INPUTS = tuple(table.name for table in TABLES if table.role is Role.INPUT)
_REPLAYED = tuple(LAKE_TABLES[f"replayed_{name}"] for name in RECONCILED_TABLES)


@dg.asset(
    group_name=GROUP,
    owners=OWNERS,
    kinds={"python", "parquet"},
    code_version="2",
    partitions_def=HOURS,
    backfill_policy=ONE_RUN,
    deps=[lake_key(name) for name in (*_INPUTS, "keyframes")],
    metadata=table_metadata(
        *_REPLAYED, REPLAY_RUNS, REPLAY_MARKETS, MARKET_TOPS, upstream=lake_keys(*_INPUTS, "keyframes")
    ),
    check_specs=[
        dg.AssetCheckSpec(
            FILES_UNCHANGED,
            asset="replayed_outputs",
            blocking=True,
            description="Every lake file of the hour still has the hash that it was written with.",
        ),
        dg.AssetCheckSpec(
            INPUTS_COMPLETE,
            asset="replayed_outputs",
            blocking=True,
            description="Every event of the hour is in the record, once, from keyframe to keyframe.",
        ),
    ],
)
def replayed_outputs(
    context: dg.AssetExecutionContext, lake: Lake
) -> Iterator[dg.AssetCheckResult | dg.MaterializeResult[None]]:
    """What the production engine says when it is given the recorded inputs of an hour again, from the hour's keyframe.

    One replay per worker run. The same code as live, no clock, no network: any difference is a defect or a damaged
    record.
    """
    hours = hours_of(context)
    # A table that came with a new version has no file yet.
    ensure_placeholders(lake.layout)
    for hour in hours:
        lake.catalogue.begin(hour)
    unchanged = files_unchanged(lake.layout, lake.catalogue, hours)
    yield unchanged
    if not unchanged.passed:
        raise dg.Failure("lake files differ from their manifest; see the failed check", allow_retries=False)
    try:
        replays = [_replay_hour(lake.layout, hour) for hour in hours]
    except (ReplayError, StorageError) as e:
        yield inputs_complete(str(e))
        raise dg.Failure(f"an hour cannot be replayed: {e}", allow_retries=False) from e
    yield inputs_complete(None)
    events = sum(replay.events for replay in replays)
    context.log.info("replayed %d hours in %d parts, %d events", len(hours), sum(r.parts for r in replays), events)
    yield dg.MaterializeResult(
        metadata={
            **rows_metadata(sum(replay.outputs for replay in replays)),
            "events": events,
            "hours": len(hours),
            "by_run": summary(lake.layout, REPLAY_RUNS, hours, BY_RUN),
        }
    )


@dg.asset(
    group_name=GROUP,
    owners=OWNERS,
    kinds=PARQUET,
    code_version="1",
    partitions_def=HOURS,
    backfill_policy=ONE_RUN,
    deps=[replayed_outputs, *(lake_key(name) for name in RECONCILED_TABLES)],
    metadata=table_metadata(
        RECONCILIATION,
        upstream={
            **lake_keys(*RECONCILED_TABLES),
            **{table.name: dg.AssetKey("replayed_outputs") for table in _REPLAYED},
        },
    ),
)
def reconciled_opportunities(context: dg.AssetExecutionContext, lake: Lake) -> dg.MaterializeResult[None]:
    """Live outputs against replayed outputs, row by row: matched, missing, extra or different.

    Opportunities, openings, refusals, simulated trades with their legs, and risk changes. Only what is matched is
    counted anywhere downstream.
    """
    rows = 0
    for hour in hours_of(context):
        rows += reconcile_hour(lake.layout, lake.catalogue, hour)
    return dg.MaterializeResult(
        metadata={
            **rows_metadata(rows),
            "hours": len(context.partition_keys),
            "by_table": summary(lake.layout, RECONCILIATION, hours_of(context), BY_TABLE),
        }
    )


def _around(hour: Hour) -> list[Hour]:
    """A row may have been received a moment before the hour that the engine counts it to."""
    return [hour.shifted(-1), hour, hour.shifted(1)]


@dataclass(frozen=True, slots=True)
class ReplayedHour:
    """What the replay of an hour counted; the rows themselves are in the lake, so that many hours fit in memory."""

    parts: int
    events: int
    outputs: int


def _replay_hour(layout: LakeLayout, hour: Hour) -> ReplayedHour:
    with open_hours(layout, (*_INPUTS, "keyframes"), _around(hour)) as connection:
        parts = [replay_part(connection, part) for part in parts_of(connection, hour)]
        for name, table in zip(RECONCILED_TABLES, _REPLAYED, strict=True):
            rows = [(*row, p.part.worker, p.part.run_id) for p in parts for row in p.rows.get(name, [])]
            _write(connection, layout, table.name, hour, rows)
        _write(connection, layout, REPLAY_RUNS.name, hour, [_run_row(hour, part) for part in parts])
        _write(
            connection, layout, REPLAY_MARKETS.name, hour, [row for part in parts for row in _market_rows(hour, part)]
        )
        _write(connection, layout, MARKET_TOPS.name, hour, [row for part in parts for row in _top_rows(hour, part)])
    return ReplayedHour(len(parts), sum(part.events for part in parts), sum(part.outputs for part in parts))


def _write(
    connection: duckdb.DuckDBPyConnection, layout: LakeLayout, table: str, hour: Hour, rows: list[tuple[object, ...]]
) -> None:
    rows_as_table(connection, "outgoing_rows", LAKE_TABLES[table], rows)
    write_hour(connection, layout, LAKE_TABLES[table], hour, query="FROM outgoing_rows")


def _run_row(hour: Hour, replayed: ReplayedPart) -> tuple[object, ...]:
    part = replayed.part
    return (
        hour.start_ns,
        part.worker,
        part.run_id,
        part.first_seq,
        replayed.last_seq,
        replayed.events,
        replayed.outputs,
        part.next_digest,
        replayed.digest,
        replayed.settings.simulation.primary_ns,
        replayed.settings_json,
    )


def _market_rows(hour: Hour, replayed: ReplayedPart) -> Iterator[tuple[object, ...]]:
    for market, count in replayed.markets.items():
        run = (hour.start_ns, replayed.part.worker, replayed.part.run_id)
        yield (*run, count.feed, market, count.seconds, count.trusted, count.crossed)


def _top_rows(hour: Hour, replayed: ReplayedPart) -> Iterator[tuple[object, ...]]:
    run = (hour.start_ns, replayed.part.worker, replayed.part.run_id)
    for top in replayed.tops:
        yield (*run, top.market, top.received_ns, *top.prices)


def reconcile_hour(layout: LakeLayout, catalogue: Catalogue, hour: Hour) -> int:
    """Compare one hour and write the comparison; return the number of compared rows."""
    with open_hours(layout, RECONCILED_TABLES, _around(hour)) as connection:
        for table in (*_REPLAYED, REPLAY_RUNS):
            files = layout.hour_files(table, [hour])
            connection.execute(f"CREATE VIEW {table.name} AS {parquet(files)}")
        runs = [run_id for (run_id,) in connection.execute("FROM replay_runs SELECT DISTINCT run_id").fetchall()]
        kept = [layout.root / path for path in catalogue.files_of_runs(RUNS_TABLE, runs)]
        connection.execute(
            f"CREATE VIEW {RUNS_TABLE} AS {parquet([layout.placeholder(LAKE_TABLES[RUNS_TABLE]), *kept])}"
        )
        reconcile(connection, hour)
        return write_hour(connection, layout, RECONCILIATION, hour, query="FROM reconciled")
