"""Every table and column of the record, named once; DDL, Arrow schemas and docs come from here.

Conventions: ``seq`` is the engine's event count, the total order of a worker's run; rows of one event share it.
Times are UTC nanoseconds (``_ns``). Prices and sizes are BIGINT scaled by 1e8 (``_e8``), money is USD x 1e8
(``_usd_e8``); what analysts see is DECIMAL, made when the lake is published. Unsigned 128-bit values that need not
be added up are decimal text.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import pyarrow as pa

SCHEMA_VERSION: Final = 4


class ColumnType(StrEnum):
    """DuckDB types in use; each has one Arrow type."""

    BIGINT = "BIGINT"
    INTEGER = "INTEGER"
    BOOLEAN = "BOOLEAN"
    VARCHAR = "VARCHAR"
    BLOB = "BLOB"
    DECIMAL = "DECIMAL(38,0)"


_ARROW: Final[dict[ColumnType, pa.DataType]] = {
    ColumnType.BIGINT: pa.int64(),
    ColumnType.INTEGER: pa.int32(),
    ColumnType.BOOLEAN: pa.bool_(),
    ColumnType.VARCHAR: pa.string(),
    ColumnType.BLOB: pa.binary(),
    ColumnType.DECIMAL: pa.decimal128(38, 0),
}


class Role(StrEnum):
    """What a table holds: what came in, what the engine said, or what the service noted beside them."""

    INPUT = "input"
    OUTPUT = "output"
    SERVICE = "service"


@dataclass(frozen=True, slots=True)
class Column:
    """One column; ``doc`` states units."""

    name: str
    type: ColumnType
    doc: str
    nullable: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """One table; ``grain`` says what a row is, ``since`` the schema version that brought it."""

    name: str
    role: Role
    grain: str
    columns: tuple[Column, ...]
    since: int = 1

    @property
    def ddl(self) -> str:
        """Return the CREATE TABLE statement; no key and no index, the live file is append-only."""
        lines = (f"{c.name} {c.type.value}{'' if c.nullable else ' NOT NULL'}" for c in self.columns)
        return f"CREATE TABLE IF NOT EXISTS {self.name} ({', '.join(lines)})"

    @property
    def arrow_schema(self) -> pa.Schema:
        """Return the Arrow schema of a batch of rows."""
        return pa.schema([pa.field(c.name, _ARROW[c.type], nullable=c.nullable) for c in self.columns])

    @property
    def column_names(self) -> tuple[str, ...]:
        """Return the column names in order."""
        return tuple(column.name for column in self.columns)


def _int(name: str, doc: str, *, nullable: bool = False) -> Column:
    return Column(name, ColumnType.BIGINT, doc, nullable)


def _text(name: str, doc: str, *, nullable: bool = False) -> Column:
    return Column(name, ColumnType.VARCHAR, doc, nullable)


_SEQ: Final = _int("seq", "event count of the run; rows of one event share it")
_RECEIVED: Final = _int("received_ns", "our receive time, ns UTC")
_EXCHANGE: Final = _int("exchange_ns", "the venue's own time, ns UTC; null where it gives none", nullable=True)
_INSTRUMENT: Final = _text("instrument", "venue:symbol")
_POOL: Final = _text("pool", "venue:address")
_SLOT: Final = _int("slot", "chain slot that the state was read at")
_ROUTE: Final = (_INSTRUMENT, _POOL, _text("direction", "buy_cex_sell_pool or buy_pool_sell_cex"))
_CYCLE: Final = _text("cycle", "venue|asset>asset>asset>asset")
_BALANCE_VENUE: Final = _text("venue", "venue that holds it")
_ASSET: Final = _text("asset", "asset")
COST_KINDS: Final = ("taker_fee", "pool_fee", "slippage", "price_impact", "network_cost", "stable_basis", "rebalancing")


def _plan(prefix: str) -> tuple[Column, ...]:
    costs = (_int(f"{prefix}_{kind}_usd_e8", "signed cost, USD x 1e8, negative when it costs") for kind in COST_KINDS)
    return (
        _int(f"{prefix}_size_e8", "base x 1e8"),
        _int(f"{prefix}_notional_usd_e8", "CEX leg notional, USD x 1e8"),
        _int(f"{prefix}_pool_amount_in", "smallest units of the token that enters the pool"),
        _int(f"{prefix}_pool_amount_out", "smallest units of the token that leaves the pool"),
        _int(f"{prefix}_gross_usd_e8", "before all costs, USD x 1e8"),
        *costs,
        _int(f"{prefix}_net_usd_e8", "gross plus the costs, USD x 1e8"),
        _int(f"{prefix}_net_edge_centibps", "net over notional, hundredths of a basis point"),
    )


def _turn(prefix: str) -> tuple[Column, ...]:
    return (
        _int(f"{prefix}_spent_e8", "home asset x 1e8"),
        _int(f"{prefix}_returned_e8", "home asset x 1e8"),
        _int(f"{prefix}_dust_value_e8", "what stays of the other assets, home asset x 1e8"),
        _int(f"{prefix}_gross_e8", "at the best prices without fees, lots and depth, home asset x 1e8"),
        _int(f"{prefix}_fee_e8", "signed, home asset x 1e8"),
        _int(f"{prefix}_slippage_e8", "depth, lots and rounding, signed, home asset x 1e8"),
        _int(f"{prefix}_net_e8", "gross plus fee plus slippage, home asset x 1e8"),
        _int(f"{prefix}_net_edge_centibps", "net over spent, hundredths of a basis point"),
        _text(f"{prefix}_legs", "JSON of the three steps with fees and dust"),
    )


TABLES: Final[tuple[Table, ...]] = (
    Table("book_updates", Role.INPUT, "one row per level of a book snapshot or delta", (
        _SEQ, _RECEIVED, _EXCHANGE, _INSTRUMENT,
        Column("is_snapshot", ColumnType.BOOLEAN, "true: the event replaces the book"),
        _text("side", "bid, ask, or none for an event without levels"),
        _int("price_e8", "quote x 1e8; 0 where side is none"),
        _int("size_e8", "base x 1e8, absolute; 0 removes the level"),
        _int("venue_sequence", "the venue's number", nullable=True),
        Column("position", ColumnType.INTEGER, "place of the row in its event: bids first, then asks, as received"),
    )),
    Table("trade_prints", Role.INPUT, "one row per trade that a venue reported", (
        _SEQ, _RECEIVED, _EXCHANGE, _INSTRUMENT, _text("trade_id", "the venue's id"),
        _int("price_e8", "quote x 1e8"), _int("size_e8", "base x 1e8"), _text("taker_side", "buy, sell or unknown"),
        Column("is_historical", ColumnType.BOOLEAN, "replayed by the venue at subscribe"),
    )),
    Table("pool_states", Role.INPUT, "one row per pool account read", (
        _SEQ, _RECEIVED, _POOL, _SLOT, _text("address", "base58"),
        Column("tick_spacing", ColumnType.INTEGER, "ticks"), Column("fee_tier_index", ColumnType.INTEGER, "index"),
        Column("fee_rate", ColumnType.INTEGER, "millionths of the input"),
        Column("protocol_fee_rate", ColumnType.INTEGER, "ten-thousandths of the fee"),
        _text("liquidity", "u128"), _text("sqrt_price_x64", "Q64.64"),
        Column("tick_current_index", ColumnType.INTEGER, "tick"),
        _text("protocol_fee_owed_a", "u64"), _text("protocol_fee_owed_b", "u64"),
        _text("token_mint_a", "base58"), _text("token_vault_a", "base58"), _text("fee_growth_global_a_x64", "Q64.64"),
        _text("token_mint_b", "base58"), _text("token_vault_b", "base58"), _text("fee_growth_global_b_x64", "Q64.64"),
    )),
    Table("tick_arrays", Role.INPUT, "one row per initialised tick of an array read; one with null tick if none", (
        _SEQ, _RECEIVED, _POOL, _SLOT, Column("start_tick_index", ColumnType.INTEGER, "tick"),
        Column("tick_index", ColumnType.INTEGER, "tick; null for an empty array", nullable=True),
        _text("liquidity_net", "i128", nullable=True), _text("liquidity_gross", "u128", nullable=True),
    )),
    Table("oracle_states", Role.INPUT, "one row per oracle account read", (
        _SEQ, _RECEIVED, _POOL, _SLOT, _text("state", "JSON of the decoded account"),
    )),
    Table("priority_fees", Role.INPUT, "one row per read of what others pay for a pool's accounts", (
        _SEQ, _RECEIVED, _POOL, _SLOT, _text("fees", "JSON list, micro-lamports per compute unit, lowest first"),
    ), since=2),
    Table("chain_clocks", Role.INPUT, "one row per Clock sysvar or slot notification", (
        _SEQ, _RECEIVED, _text("venue", "chain venue"), _SLOT,
        _int("unix_timestamp", "chain seconds; null for a slot notification", nullable=True),
    )),
    Table("feed_events", Role.INPUT, "one row per connection, loss, gap or heartbeat of a feed", (
        _SEQ, _RECEIVED, _text("feed", "feed name"), _text("kind", "connected, lost, gap or heartbeat"),
        _int("connection", "number of the connection within the run", nullable=True),
        _text("instrument", "venue:symbol; null when the whole feed is meant", nullable=True),
        _text("cause", "gap cause or reason of the loss", nullable=True),
        _int("close_code", "WebSocket close code", nullable=True),
        _int("expected", "expected sequence", nullable=True), _int("received", "received sequence", nullable=True),
        _EXCHANGE, _int("counter", "heartbeat counter", nullable=True),
    )),
    Table("commands", Role.INPUT, "one row per operator command, and one where a run took over from another", (
        _SEQ, _RECEIVED, _text("command_id", "idempotency key"),
        _text("kind", "pause, resume, kill, set_limits, halt, release or restore"),
        _text("actor", "who"), _text("reason", "why"),
        _text("limits", "JSON of the limits to set; null for other commands", nullable=True),
        _text("scope", "venue:NAME or pair:BASE/QUOTE; for halt and release only", nullable=True),
        _int("expires_ns", "when limits become again what they were, ns UTC; null: for good", nullable=True),
        _text("controls", "JSON of what a restart put back; null for other commands", nullable=True),
    )),
    Table("clock_ticks", Role.INPUT, "one row per 100 ms grid point of event time", (
        _SEQ, _RECEIVED, _int("late_ns", "how far behind the worker was then: its queue, or its loop"),
    )),
    Table("opportunities", Role.OUTPUT, "one row per closed episode", (
        _SEQ, _RECEIVED, _text("opportunity_id", "hash of the opening inputs"), *_ROUTE,
        _int("opened_ns", "ns UTC"), _int("peaked_ns", "ns UTC"), _int("closed_ns", "ns UTC"),
        _text("close_reason", "edge_gone, leg_lost, stale_leg or risk"), _int("opened_slot", "slot of the pool state"),
        _int("updates", "evaluations while open"), *_plan("opening"), *_plan("peak"),
        _int("cex_age_ns", "age of the book by venue clock at opening", nullable=True),
        _int("pool_age_ns", "age of the pool state at opening"),
    )),
    Table("opportunity_openings", Role.OUTPUT, "one row per episode at its opening", (
        _SEQ, _RECEIVED, _text("opportunity_id", "hash of the opening inputs"), *_ROUTE, *_plan("opening"),
    )),
    Table("opportunity_samples", Role.OUTPUT, "one row per kept sample of an episode, at most 32", (
        _SEQ, _RECEIVED, _text("opportunity_id", "episode"), _int("sampled_ns", "ns UTC"),
        _int("size_e8", "base x 1e8"), _int("gross_usd_e8", "before all costs, USD x 1e8"),
        _int("net_usd_e8", "after all costs, USD x 1e8"), _int("net_edge_centibps", "hundredths of a basis point"),
    )),
    Table("opportunity_costs", Role.OUTPUT, "one row per cost item of an episode's opening and of its peak", (
        _SEQ, _RECEIVED, _text("opportunity_id", "episode"), _text("stage", "opening or peak"),
        _text("kind", "cost item, in waterfall order"), _int("value_usd_e8", "signed, USD x 1e8"),
        _text("source", "where the number comes from"), _int("age_ns", "age of its input at the decision"),
    ), since=2),
    Table("episode_grades", Role.OUTPUT, "one row per episode once its latency ladder has settled", (
        _SEQ, _RECEIVED, _text("opportunity_id", "episode"), _text("grade", "A to F"),
        _int("reach_ns", "largest latency captured without a break from the smallest; null: none", nullable=True),
        _int("kept_millionths", "realised over predicted at the primary latency; null: no prediction", nullable=True),
        Column("captured_rungs", ColumnType.INTEGER, "latencies that earned with both legs filled"),
        Column("failed_rungs", ColumnType.INTEGER, "latencies at which a leg failed"),
        Column("rungs", ColumnType.INTEGER, "latencies of the ladder"),
    )),
    Table("rejections", Role.OUTPUT, "one row per route, reason and interval", (
        _SEQ, _RECEIVED, *_ROUTE, _text("reason", "the first limit that failed"), _int("count", "evaluations refused"),
        _int("best_edge_centibps", "best gross edge among them, hundredths of a bp", nullable=True),
        _int("interval_start_ns", "ns UTC"),
        _int("best_size_e8", "size of the priced candidate with the best net, base x 1e8", nullable=True),
        _int("best_net_usd_e8", "its net, USD x 1e8", nullable=True),
    )),
    Table("simulated_trades", Role.OUTPUT, "one row per episode and latency of the ladder", (
        _SEQ, _RECEIVED, _text("trade_id", "hash"), _text("opportunity_id", "episode"), *_ROUTE,
        _int("latency_ns", "latency of the CEX leg"), _int("decided_ns", "ns UTC"), _int("completed_ns", "ns UTC"),
        _int("size_e8", "base x 1e8"), *_plan("predicted"),
        _int("realised_gross_usd_e8", "USD x 1e8"),
        *(_int(f"realised_{kind}_usd_e8", "signed cost, USD x 1e8") for kind in COST_KINDS),
        _int("realised_net_usd_e8", "gross plus the costs, USD x 1e8"),
        _text("latency_model", "fixed: a rung of the ladder; empirical: drawn from measured latencies"),
    )),
    Table("simulated_legs", Role.OUTPUT, "one row per leg of a simulated trade", (
        _SEQ, _RECEIVED, _text("trade_id", "hash"), Column("leg", ColumnType.INTEGER, "position in the trade"),
        _text("kind", "cex, pool or unwind"), _text("status", "filled, partial, reverted or missed"),
        _int("due_ns", "when it should act"), _int("filled_ns", "when it did"), _int("size_e8", "base x 1e8"),
        _int("cash_usd_e8", "signed cash flow, USD x 1e8"), _int("fee_usd_e8", "signed fee, USD x 1e8"),
        _int("slot", "slot of a pool leg", nullable=True),
    )),
    Table("cycle_openings", Role.OUTPUT, "one row per episode of a triangular cycle at its opening", (
        _SEQ, _RECEIVED, _text("opportunity_id", "hash of the opening inputs"), _CYCLE, *_turn("opening"),
    ), since=2),
    Table("cycle_opportunities", Role.OUTPUT, "one row per closed episode of a triangular cycle", (
        _SEQ, _RECEIVED, _text("opportunity_id", "hash of the opening inputs"), _CYCLE,
        _int("opened_ns", "ns UTC"), _int("peaked_ns", "ns UTC"), _int("closed_ns", "ns UTC"),
        _text("close_reason", "edge_gone, leg_lost, stale_leg or risk"), _int("updates", "evaluations while open"),
        *_turn("opening"), *_turn("peak"),
    ), since=2),
    Table("cycle_rejections", Role.OUTPUT, "one row per cycle, reason and interval", (
        _SEQ, _RECEIVED, _CYCLE, _text("reason", "the first limit that failed"), _int("count", "evaluations refused"),
        _int("best_net_e8", "best net among the turns priced, home asset x 1e8", nullable=True),
        _int("interval_start_ns", "ns UTC"),
    ), since=2),
    Table("cycle_trades", Role.OUTPUT, "one row per episode of a cycle and latency of the ladder", (
        _SEQ, _RECEIVED, _text("trade_id", "hash"), _text("opportunity_id", "episode"), _CYCLE,
        _int("latency_ns", "latency of each leg"), _int("decided_ns", "ns UTC"), _int("completed_ns", "ns UTC"),
        *_turn("predicted"), _int("realised_spent_e8", "home asset x 1e8"),
        _int("realised_returned_e8", "home asset x 1e8"),
        _int("realised_dust_value_e8", "what stays of the other assets, home asset x 1e8"),
        _int("realised_net_e8", "returned plus dust minus spent, home asset x 1e8"),
    ), since=2),
    Table("cycle_legs", Role.OUTPUT, "one row per leg of a simulated turn", (
        _SEQ, _RECEIVED, _text("trade_id", "hash"), Column("leg", ColumnType.INTEGER, "position in the turn"),
        _INSTRUMENT, Column("is_buy", ColumnType.BOOLEAN, "the base is bought"),
        _text("status", "filled, partial or missed"), _int("due_ns", "when its order arrives"),
        _int("filled_ns", "when it was filled"), _int("size_e8", "base x 1e8"), _int("notional_e8", "quote x 1e8"),
        _int("fee_e8", "fee asset x 1e8"), _text("fee_asset", "asset"), _int("paid_e8", "asset given x 1e8"),
        _int("received_e8", "asset received x 1e8"), _int("dust_e8", "asset given x 1e8 that was not traded"),
        _int("dust_value_e8", "its value, home asset x 1e8"),
    ), since=2),
    Table("risk_events", Role.OUTPUT, "one row per change of risk state", (
        _SEQ, _RECEIVED, _text("previous", "state"), _text("current", "state"), _text("cause", "cause"),
        _text("actor", "who"), _text("reason", "why"), _int("daily_net_usd_e8", "realised today, USD x 1e8"),
        _int("open_loss_usd_e8", "open loss marked at market that counted with it, USD x 1e8, 0 or below"),
    )),
    Table("limit_changes", Role.OUTPUT, "one row per limit that a command named", (
        _SEQ, _RECEIVED, _text("command_id", "idempotency key of the command"), _text("actor", "who"),
        _text("reason", "why"), _text("name", "limit, its unit at the end"),
        _int("previous", "value before; null for an unknown name", nullable=True), _int("requested", "new value"),
        _text("refusal", "why nothing was changed; null when it was", nullable=True),
    )),
    Table("halt_changes", Role.OUTPUT, "one row per venue or pair that was halted or released", (
        _SEQ, _RECEIVED, _text("command_id", "idempotency key of the command"),
        _text("scope", "venue:NAME or pair:BASE/QUOTE"), Column("is_halted", ColumnType.BOOLEAN, "from here on"),
        _text("actor", "who"), _text("reason", "why"),
        _text("refusal", "why nothing was changed; null when it was", nullable=True),
    ), since=3),
    Table("inventory_snapshots", Role.OUTPUT, "one row per shadow balance and minute of event time", (
        _SEQ, _RECEIVED, _BALANCE_VENUE, _ASSET, _int("total_e8", "asset x 1e8"),
        _int("reserved_e8", "of this set aside for pending trades, asset x 1e8"), _int("target_e8", "asset x 1e8"),
        _int("drift_e8", "total minus target, asset x 1e8"), _int("arriving_e8", "on its way here, asset x 1e8"),
        _int("price_usd_e8", "USD x 1e8 per unit; null without a price", nullable=True),
    )),
    Table("balance_alerts", Role.OUTPUT, "one row per balance that became low or recovered", (
        _SEQ, _RECEIVED, _text("kind", "low_balance or recovered"), _BALANCE_VENUE, _ASSET,
        _int("total_e8", "asset x 1e8"), _int("low_e8", "limit, asset x 1e8"),
    )),
    Table("rebalancing_recommendations", Role.OUTPUT, "one row per recommendation that differs from the one before", (
        _SEQ, _RECEIVED, _text("assets", "assets that the transfers connect, by comma"),
        Column("transfers", ColumnType.INTEGER, "how many"), _text("proposal", "JSON of the transfers"),
        _int("fee_e8", "asset x 1e8"), _int("uncovered_e8", "what stays missing, asset x 1e8"),
        _int("duration_ns", "longest of the transfers"),
        _int("cost_usd_e8", "fee in USD x 1e8; null without a price", nullable=True),
        _int("cost_of_waiting_usd_e8", "profit missed without, USD x 1e8; null where unknown", nullable=True),
    )),
    Table("transfers", Role.OUTPUT, "one row per departure and arrival of a simulated transfer", (
        _SEQ, _RECEIVED, _text("status", "departed or arrived"), _text("transfer_id", "hash"),
        _text("source", "venue that pays"), _text("destination", "venue that receives"), _ASSET,
        _text("received_asset", "what the destination books"), _int("amount_e8", "that arrives, asset x 1e8"),
        _int("fee_e8", "paid at the source beside it, asset x 1e8"), _int("departed_ns", "ns UTC"),
        _int("arrives_ns", "ns UTC"), _text("terms", "where the fee comes from"),
    )),
    Table("keyframes", Role.OUTPUT, "one row per complete engine state, before the event with the next seq", (
        _SEQ, _RECEIVED, _text("digest", "chain digest of all outputs before this"),
        Column("state", ColumnType.BLOB, "JSON of settings and state"),
    )),
    Table("dead_letters", Role.SERVICE, "one row per frame that could not be used, whole", (
        _RECEIVED, _text("feed", "feed name"), _text("error", "what was expected and what came"),
        Column("frame", ColumnType.BLOB, "the frame"),
    )),
    Table("raw_frames", Role.SERVICE, "one row per frame as the venue sent it, where raw capture is on", (
        _RECEIVED, _text("feed", "feed name"), _int("connection", "number of the connection within the run"),
        _text("kind", "recv, send or http"), Column("frame", ColumnType.BLOB, "the frame"),
    )),
    Table("gaps", Role.SERVICE, "one row per stretch of time without trustworthy data", (
        _RECEIVED, _text("feed", "feed, worker, raw_frames"), _text("instrument", "null: whole feed", nullable=True),
        _text("cause", "why"), _int("close_code", "WebSocket close code", nullable=True),
        _int("start_ns", "last trustworthy moment"), _int("end_ns", "first trustworthy moment after it"),
        _int("expected", "expected sequence", nullable=True), _int("received", "received sequence", nullable=True),
    )),
    Table("clock_offsets", Role.SERVICE, "one row per feed and minute", (
        _RECEIVED, _text("feed", "feed name"),
        _int("offset_ns", "received minus exchange time of a prompt message, ns; below 0: the venue is ahead"),
    ), since=2),
    Table("latency_histograms", Role.SERVICE, "one row per stage and minute in which something was measured", (
        _RECEIVED, _text("stage", "event, decision, queue, loop or commit: what was timed"),
        _int("since_ns", "start of what is counted here, ns UTC"), _int("count", "durations since then"),
        _int("p50_ns", "median, ns"), _int("p95_ns", "95th percentile, ns"), _int("p99_ns", "99th percentile, ns"),
        _int("max_ns", "longest, ns"), _int("sum_ns", "sum, ns"),
        _text("buckets", "JSON of [upper bound in ns, count] of every bucket with a count"),
    ), since=2),
    Table("worker_runs", Role.SERVICE, "one row per start of a worker and per segment it opened", (
        _RECEIVED, _text("worker", "worker name"), _text("run_id", "start time and name"), _text("version", "release"),
        _int("schema_version", "of this file"), _text("settings", "JSON of the settings in force, without secrets"),
    )),
)  # fmt: skip

TABLE: Final[dict[str, Table]] = {table.name: table for table in TABLES}
