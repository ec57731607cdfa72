"""Live against replay: every output row of an hour is matched, missing, extra or different, column by column.

Rows are paired by what names them (a hash, a route and interval, a moment), never by position in a file. Only what is
matched is counted anywhere later. A run of an older release is compared in the tables that it could write.
"""

from typing import Final

import duckdb

from arb_pipeline.hours import Hour
from arb_pipeline.lake.tables import LAKE_TABLES, RECONCILED_TABLES
from streaming_worker.storage.schema import SCHEMA_VERSION, TABLE

MATCHED: Final = "matched"
MISSING: Final = "missing"
EXTRA: Final = "extra"
DIFFERENT: Final = "different"

IDENTITY: Final[dict[str, tuple[str, ...]]] = {
    "opportunities": ("opportunity_id",),
    "opportunity_openings": ("opportunity_id",),
    "opportunity_samples": ("opportunity_id", "sampled_ns"),
    "opportunity_costs": ("opportunity_id", "stage", "kind"),
    "episode_grades": ("opportunity_id",),
    "rejections": ("instrument", "pool", "direction", "reason", "interval_start_ns"),
    "simulated_trades": ("trade_id",),
    "simulated_legs": ("trade_id", "leg"),
    "cycle_openings": ("opportunity_id",),
    "cycle_opportunities": ("opportunity_id",),
    "cycle_rejections": ("cycle", "reason", "interval_start_ns"),
    "cycle_trades": ("trade_id",),
    "cycle_legs": ("trade_id", "leg"),
    "risk_events": ("received_ns", "previous", "current", "cause"),
    "limit_changes": ("command_id", "name"),
    "halt_changes": ("command_id", "scope"),
    "inventory_snapshots": ("received_ns", "venue", "asset"),
    "balance_alerts": ("received_ns", "venue", "asset", "kind"),
    "rebalancing_recommendations": ("received_ns", "assets"),
    "transfers": ("transfer_id", "status"),
}

_HOUR_PARTS = """
CREATE OR REPLACE TEMP TABLE hour_parts AS
FROM replay_runs
LEFT JOIN (FROM worker_runs SELECT worker, run_id, min(schema_version) AS schema_version GROUP BY ALL)
USING (worker, run_id)
SELECT worker, run_id, first_seq, last_seq, coalesce(schema_version, $current) AS schema_version
WHERE hour_ns = $hour_ns
"""

# What the live engine said about the hour: the outputs of the same events that were replayed. A run without a
# replayed part (its keyframe is lost) is taken by receive time, so that its rows show up as missing.
_LIVE_OF_HOUR = """
CREATE OR REPLACE TEMP VIEW live_{table} AS
FROM {table} AS live
LEFT JOIN hour_parts AS part USING (worker, run_id)
SELECT live.*
WHERE (part.first_seq IS NULL AND live.received_ns >= {start_ns} AND live.received_ns < {end_ns})
   OR (live.seq > part.first_seq AND live.seq <= part.last_seq)
"""

_PAIRED = """
WITH live AS (FROM live_{table} SELECT *, {identity} AS identity,
              row_number() OVER (PARTITION BY worker, run_id, {identity} ORDER BY seq) AS ordinal),
replayed AS (FROM replayed_{table} SEMI JOIN (FROM hour_parts WHERE schema_version >= {since}) USING (worker, run_id)
             SELECT *, {identity} AS identity,
             row_number() OVER (PARTITION BY worker, run_id, {identity} ORDER BY seq) AS ordinal),
paired AS (
    FROM live FULL JOIN replayed USING (worker, run_id, identity, ordinal)
    SELECT worker, run_id, identity, ordinal, live.seq AS live_seq, replayed.seq AS replayed_seq,
           list_filter([{comparisons}], lambda item: item IS NOT NULL) AS differing
)
FROM paired
SELECT {start_ns} AS hour_ns, worker, run_id, '{table}' AS table_name, identity, ordinal,
       CASE WHEN replayed_seq IS NULL THEN 'missing' WHEN live_seq IS NULL THEN 'extra'
            WHEN len(differing) > 0 THEN 'different' ELSE 'matched' END AS status,
       live_seq, replayed_seq,
       CASE WHEN live_seq IS NOT NULL AND replayed_seq IS NOT NULL AND len(differing) > 0
            THEN to_json(differing)::VARCHAR END AS differences
"""


def reconcile(connection: duckdb.DuckDBPyConnection, hour: Hour) -> None:
    """Make the temporary table ``reconciled`` for one hour.

    ``connection`` has views of the live output tables that also cover the hours around, of ``replay_runs`` and of the
    ``replayed_`` tables of just this hour, and of ``worker_runs`` as far as it is kept for these runs.
    """
    connection.execute(_HOUR_PARTS, {"hour_ns": hour.start_ns, "current": SCHEMA_VERSION})
    for table in RECONCILED_TABLES:
        connection.execute(_LIVE_OF_HOUR.format(table=table, start_ns=hour.start_ns, end_ns=hour.end_ns))
    pairings = " UNION ALL BY NAME ".join(f"({_pairing(table, hour)})" for table in RECONCILED_TABLES)
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE reconciled AS FROM ({pairings})"
        " ORDER BY worker, run_id, table_name, coalesce(live_seq, replayed_seq), identity, ordinal"
    )


def _pairing(table: str, hour: Hour) -> str:
    identity = " || '|' || ".join(f"{column}::VARCHAR" for column in IDENTITY[table])
    compared = (name for name in LAKE_TABLES[table].column_names if name not in ("worker", "run_id"))
    comparisons = ", ".join(
        f"CASE WHEN live.{name} IS DISTINCT FROM replayed.{name} THEN"
        f" {{'column': '{name}', 'live': live.{name}::VARCHAR, 'replayed': replayed.{name}::VARCHAR}} END"
        for name in compared
    )
    since = TABLE[table].since
    return _PAIRED.format(table=table, identity=identity, comparisons=comparisons, start_ns=hour.start_ns, since=since)
