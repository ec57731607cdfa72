"""The lake: sealed segments of every worker become one Parquet file a table and hour."""

from collections.abc import Iterator

import dagster as dg

from arb_pipeline.catalogue_text import OWNERS, PARQUET, rows_metadata, table_metadata
from arb_pipeline.clock import now_ns
from arb_pipeline.defs.lake.checks import ROWS_VERIFIED, SEGMENTS_ACCEPTED, rows_verified, segments_accepted
from arb_pipeline.lake.compaction import CompactionResult, compact
from arb_pipeline.lake.inspection import RUNS_TABLE
from arb_pipeline.lake.tables import CAPTURED, LakeTable
from arb_pipeline.resources import Lake, Segments
from streaming_worker.core.units import NANOS_PER_HOUR
from streaming_worker.storage.schema import TABLE, Role

GROUP = "lake"
CAPTURE_GROUP = "capture"

# What the worker captures, as the graph shows it; the worker makes these, no run does.
_STREAMS = {
    "books": ("Order book snapshots and deltas as the venues sent them.", ("book_updates",)),
    "trades": ("Trade prints of the venues.", ("trade_prints",)),
    "pools": (
        "Pool, tick array and oracle accounts as read from the chain, and what others pay for priority on them.",
        ("pool_states", "tick_arrays", "oracle_states", "priority_fees"),
    ),
    "clocks": ("Chain clocks, and the 100 ms grid of event time.", ("chain_clocks", "clock_ticks")),
    "feeds": ("Connections, losses, gaps and heartbeats of the feeds.", ("feed_events", "gaps")),
    "commands": ("Commands of operators.", ("commands",)),
    "live_outputs": (
        "What the engine said live: opportunities, refusals, simulated trades, risk changes, keyframes.",
        tuple(table.name for table in TABLE.values() if table.role is Role.OUTPUT),
    ),
    "service": (
        "What the worker noted beside the events.",
        ("dead_letters", "raw_frames", "clock_offsets", "latency_histograms", "worker_runs"),
    ),
}

captured_streams = [
    dg.AssetSpec(
        ["capture", name],
        group_name=CAPTURE_GROUP,
        owners=OWNERS,
        kinds={"python", "websocket"} if name in ("books", "trades", "pools") else {"python"},
        description=f"{description} Captured by the streaming worker into sealed segments.",
        metadata={"tables": ", ".join(tables)},
    )
    for name, (description, tables) in _STREAMS.items()
]


def _stream_of(table: str) -> list[str]:
    return next(["capture", name] for name, (_, tables) in _STREAMS.items() if table in tables)


def lake_key(table: str) -> dg.AssetKey:
    """Return the asset of a captured table."""
    return dg.AssetKey(["lake", table])


def lake_keys(*tables: str) -> dict[str, dg.AssetKey]:
    """Return the assets of captured tables by the tables' names."""
    return {table: lake_key(table) for table in tables}


def _spec(table: LakeTable) -> dg.AssetSpec:
    return dg.AssetSpec(
        lake_key(table.name),
        deps=[dg.AssetKey(_stream_of(table.name))],
        group_name=GROUP,
        owners=OWNERS,
        kinds=PARQUET,
        code_version="1",
        tags={"role": TABLE[table.name].role.value},
        description=(
            f"The captured table {table.name}: {table.grain}. Parquet by UTC date and hour, in the order of capture;"
            " every file is verified by row count and listed with its hash in the lake's manifest."
        ),
        metadata=table_metadata(table, upstream={table.name: dg.AssetKey(_stream_of(table.name))}),
    )


def _rows_check(table: LakeTable) -> dg.AssetCheckSpec:
    return dg.AssetCheckSpec(
        ROWS_VERIFIED,
        asset=lake_key(table.name),
        blocking=True,
        description="The hours just touched hold the rows that went in, in their hour and in order.",
    )


def _segments_check() -> dg.AssetCheckSpec:
    return dg.AssetCheckSpec(
        SEGMENTS_ACCEPTED,
        asset=lake_key("worker_runs"),
        blocking=True,
        description="No segment was refused: unreadable, of two runs, or repeating events of another.",
    )


@dg.multi_asset(
    name="lake_segments",
    specs=[_spec(table) for table in CAPTURED],
    check_specs=[*(_rows_check(table) for table in CAPTURED), _segments_check()],
    # Tables without new rows are left alone: every event costs a write to Dagster's own storage.
    can_subset=True,
    pool="lake_writer",
    retry_policy=dg.RetryPolicy(max_retries=2, delay=5, backoff=dg.Backoff.EXPONENTIAL, jitter=dg.Jitter.FULL),
)
def lake_segments(
    context: dg.AssetExecutionContext, lake: Lake, segments: Segments
) -> Iterator[dg.MaterializeResult[None]]:
    """Compact every sealed segment that the manifest does not know, then let go of old segments."""
    result = compact(lake.layout, lake.catalogue, segments.listed(), now=now_ns)
    removed = remove_old_segments(lake, segments, at_ns=now_ns())
    context.log.info(
        "compacted %d segments into %d files, removed %d", len(result.segments), len(result.files), removed
    )
    totals = lake.catalogue.row_counts()
    verified = rows_verified(lake.layout, lake.catalogue, result.files)
    for table in CAPTURED:
        key = lake_key(table.name)
        if key not in context.selected_asset_keys or not _is_news(context.instance, key, table, result):
            continue
        checks = [verified[table.name]]
        if table.name == RUNS_TABLE:
            checks.append(segments_accepted(lake.catalogue))
        yield dg.MaterializeResult(
            asset_key=key,
            metadata={**rows_metadata(totals.get(table.name, 0)), **_batch_metadata(table, result)},
            check_results=checks,
        )


def _is_news(instance: dg.DagsterInstance, key: dg.AssetKey, table: LakeTable, result: CompactionResult) -> bool:
    """Whether a table has something to say: new rows, a refused segment, or that it exists."""
    has_segments = table.name == RUNS_TABLE and bool(result.segments)
    return table.name in result.rows or has_segments or instance.get_latest_materialization_event(key) is None


def _batch_metadata(table: LakeTable, result: CompactionResult) -> dict[str, int]:
    files = [file for file in result.files if file.table == table.name]
    return {
        "rows_added": result.rows.get(table.name, 0),
        "files_added": len(files),
        "bytes_added": sum(file.size for file in files),
        "segments": len(result.segments),
    }


def remove_old_segments(lake: Lake, segments: Segments, *, at_ns: int) -> int:
    """Delete segments that were compacted and verified longer ago than they are kept; return how many."""
    old = lake.catalogue.removable_segments(before_ns=at_ns - segments.keep_hours * NANOS_PER_HOUR)
    for worker, name in old:
        segments.path(worker, name).unlink(missing_ok=True)
    lake.catalogue.mark_removed(old, now_ns=at_ns)
    return len(old)
