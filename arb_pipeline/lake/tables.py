"""Every table of the lake, named once: what the worker captured, and what the pipeline derives from it.

Columns keep the record's conventions: money is USD x 1e8 (``_usd_e8``), times are UTC nanoseconds (``_ns``), shares are
millionths. Decimals appear in the marts only.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from streaming_worker.storage.schema import COST_KINDS, TABLE, TABLES, Column, ColumnType, Role


class Origin(StrEnum):
    """Who wrote a table: the worker, or the pipeline once an hour is closed."""

    CAPTURED = "captured"
    DERIVED = "derived"


@dataclass(frozen=True, slots=True)
class LakeTable:
    """One table of the lake; ``grain`` says what a row is."""

    name: str
    origin: Origin
    grain: str
    columns: tuple[Column, ...]

    @property
    def column_names(self) -> tuple[str, ...]:
        """Return the column names in order."""
        return tuple(column.name for column in self.columns)


def _int(name: str, doc: str, *, nullable: bool = False) -> Column:
    return Column(name, ColumnType.BIGINT, doc, nullable)


def _text(name: str, doc: str, *, nullable: bool = False) -> Column:
    return Column(name, ColumnType.VARCHAR, doc, nullable)


def _flag(name: str, doc: str) -> Column:
    return Column(name, ColumnType.BOOLEAN, doc)


WORKER: Final = _text("worker", "name of the worker that captured it")
RUN: Final = _text("run_id", "start of the worker that captured it")
_HOUR: Final = _int("hour_ns", "start of the UTC hour, ns")
_ROUTE: Final = (
    _text("instrument", "venue:symbol"),
    _text("pool", "venue:address"),
    _text("direction", "buy_cex_sell_pool or buy_pool_sell_cex"),
)
_COMPLETENESS: Final = _int("completeness_millionths", "trustworthy share of the hour, millionths")

RECONCILED_TABLES: Final = tuple(
    table.name for table in TABLES if table.role is Role.OUTPUT and table.name != "keyframes"
)


def _captured(name: str) -> LakeTable:
    table = TABLE[name]
    own = tuple(column for column in table.columns if column.name not in ("worker", "run_id"))
    return LakeTable(name, Origin.CAPTURED, table.grain, (*own, WORKER, RUN))


def _replayed(name: str) -> LakeTable:
    table = _captured(name)
    return LakeTable(f"replayed_{name}", Origin.DERIVED, f"{table.grain}, as the replay gave it", table.columns)


def _money(prefix: str) -> tuple[Column, ...]:
    kinds = ("gross", *COST_KINDS, "net")
    return tuple(_int(f"{prefix}_{kind}_usd_e8", "signed, USD x 1e8, negative when it costs") for kind in kinds)


CAPTURED: Final = tuple(_captured(table.name) for table in TABLES)

REPLAY_RUNS: Final = LakeTable(
    "replay_runs",
    Origin.DERIVED,
    "one row per worker run and hour that was replayed",
    (
        _HOUR,
        WORKER,
        RUN,
        _int("first_seq", "event count of the keyframe that the replay started from"),
        _int("last_seq", "last event replayed"),
        _int("events", "events replayed"),
        _int("outputs", "outputs that the replay gave"),
        _text("live_digest", "digest of the next live keyframe; null when the run ended in this hour", nullable=True),
        _text("replayed_digest", "digest of the replay after the same event"),
        _int("primary_latency_ns", "rung of the latency ladder that counts for PnL"),
        _text("settings", "JSON of the engine settings in force"),
    ),
)

REPLAY_MARKETS: Final = LakeTable(
    "replay_markets",
    Origin.DERIVED,
    "one row per worker run, hour and market; counted once a second of event time",
    (
        _HOUR,
        WORKER,
        RUN,
        _text("feed", "feed name"),
        _text("market", "instrument or pool"),
        _int("seconds", "seconds in which the run was up"),
        _int("trusted_seconds", "of these, with a full state, a connected feed and a recent sign of life"),
        _int("crossed_seconds", "of these, with the best bid at or above the best ask"),
    ),
)

MARKET_TOPS: Final = LakeTable(
    "market_tops",
    Origin.DERIVED,
    "one row per change of a market's prices, seen every 100 ms and at every event while an episode is open",
    (
        _HOUR,
        WORKER,
        RUN,
        _text("market", "instrument or pool"),
        _int("received_ns", "since when it was so, ns UTC"),
        _int("best_bid_e8", "quote x 1e8; null for a pool, and while the market is not trusted", nullable=True),
        _int("best_ask_e8", "quote x 1e8; null for a pool, and while the market is not trusted", nullable=True),
        _int("price_e8", "mid of a book, marginal price of a pool, x 1e8; null while not trusted", nullable=True),
    ),
)

RECONCILIATION: Final = LakeTable(
    "reconciliation",
    Origin.DERIVED,
    "one row per output row of an hour, live, replayed or both",
    (
        _HOUR,
        WORKER,
        RUN,
        _text("table_name", "output table"),
        _text("identity", "what names the row in both"),
        _int("ordinal", "position among rows of equal identity"),
        _text("status", "matched, missing (live only), extra (replay only) or different"),
        _int("live_seq", "seq of the live row", nullable=True),
        _int("replayed_seq", "seq of the replayed row", nullable=True),
        _text("differences", "JSON of column: [live, replayed]; null when matched", nullable=True),
    ),
)

TRADE_OUTCOMES: Final = LakeTable(
    "trade_outcomes",
    Origin.DERIVED,
    "one row per simulated trade that live and replay agree on",
    (
        _HOUR,
        WORKER,
        RUN,
        _int("seq", "event count at completion"),
        _text("trade_id", "hash"),
        _text("opportunity_id", "episode"),
        *_ROUTE,
        _int("latency_ns", "latency of the CEX leg"),
        _flag("is_primary", "the rung of the ladder that counts for PnL"),
        _int("decided_ns", "ns UTC"),
        _int("completed_ns", "ns UTC"),
        _int("size_e8", "base x 1e8"),
        _int("notional_usd_e8", "predicted CEX leg notional, USD x 1e8"),
        _text("outcome", "both_filled, partly_filled, unwound or nothing_filled"),
        _text("cex_status", "status of the CEX leg"),
        _text("pool_status", "status of the pool leg"),
        _flag("is_unwound", "a lone leg was closed at market"),
        _int("legs", "number of legs"),
        _int("legs_cash_usd_e8", "sum of the legs' signed cash flows, USD x 1e8"),
        _int("legs_fee_usd_e8", "sum of the legs' signed fees, USD x 1e8"),
        *_money("predicted"),
        *_money("realised"),
    ),
)

PNL_HOURLY: Final = LakeTable(
    "pnl_hourly",
    Origin.DERIVED,
    "one row per hour, worker, route and latency",
    (
        _HOUR,
        WORKER,
        *_ROUTE,
        _int("latency_ns", "latency of the CEX leg"),
        _flag("is_primary", "the rung of the ladder that counts for PnL"),
        _int("trades", "simulated trades"),
        _int("winning_trades", "trades with a realised net above zero"),
        _int("unwound_trades", "trades with a lone leg closed at market"),
        _int("notional_usd_e8", "predicted CEX leg notional, USD x 1e8"),
        *_money("predicted"),
        *_money("realised"),
        _COMPLETENESS,
    ),
)

FEED_QUALITY: Final = LakeTable(
    "feed_quality",
    Origin.DERIVED,
    "one row per hour, worker, feed and market; market is null for the feed as a whole",
    (
        _HOUR,
        WORKER,
        _text("feed", "feed name"),
        _text("market", "instrument or pool; null for the feed as a whole", nullable=True),
        _int("events", "messages that reached the engine"),
        _int("rows_captured", "rows of those messages"),
        _int("snapshots", "books started over"),
        _int("connections", "connections made"),
        _int("losses", "connections lost"),
        _int("gaps", "stretches without trustworthy data"),
        _int("gap_ns", "length of their union within the hour, ns"),
        _int("dead_letters", "frames that could not be used"),
        _int("longest_silence_ns", "longest time between two events, hour's edges included, ns", nullable=True),
        _int("delay_p50_ns", "median of received minus exchange time above the hour's minimum, ns", nullable=True),
        _int("delay_p99_ns", "99th percentile of the same, ns", nullable=True),
        _int("clock_offset_ns", "smallest received minus exchange time, ns; below 0: venue ahead", nullable=True),
        _int("crossed_ns", "time with the best bid at or above the best ask, ns"),
        _int("downtime_ns", "time of the hour in which the worker did not run, ns"),
        _COMPLETENESS,
    ),
)  # fmt: skip

MARKET_MINUTES: Final = LakeTable(
    "market_minutes",
    Origin.DERIVED,
    "one row per minute, worker and market with a price",
    (
        _HOUR,
        WORKER,
        _text("market", "instrument or pool"),
        _int("minute_ns", "start of the minute, ns UTC"),
        _int("trusted_seconds", "seconds of the minute in which the market was trusted"),
        _int("volatility_centibps", "root of the summed squared returns, hundredths of a bp", nullable=True),
        _int("spread_centibps", "mean spread by time, hundredths of a bp; null for a pool", nullable=True),
        _int("volume_e8", "traded notional, quote x 1e8; null without a trade", nullable=True),
    ),
)

ATTRIBUTION: Final = LakeTable(
    "attribution",
    Origin.DERIVED,
    "one row per episode that live and replay agree on",
    (
        _HOUR,
        WORKER,
        RUN,
        _text("opportunity_id", "episode"),
        *_ROUTE,
        _int("opened_ns", "ns UTC"),
        _int("opening_cex_centibps", "what the book added to the gap before the opening", nullable=True),
        _int("opening_pool_centibps", "what the pool added to the gap before the opening", nullable=True),
        _int("closing_cex_centibps", "what the book took from the gap after the peak", nullable=True),
        _int("closing_pool_centibps", "what the pool took from the gap after the peak", nullable=True),
        _text("opened_by", "cex, pool, both or none; null where a price is not known", nullable=True),
        _text("closed_by", "cex, pool, both or none; null where a price is not known", nullable=True),
    ),
)

LEAD_LAG: Final = LakeTable(
    "lead_lag",
    Origin.DERIVED,
    "one row per hour, worker, instrument and pool",
    (
        _HOUR,
        WORKER,
        _text("instrument", "venue:symbol"),
        _text("pool", "venue:address"),
        _int("instrument_moves", "price changes of the book"),
        _int("pool_moves", "price changes of the pool"),
        _int("lag_ns", "lag of the largest contrast; above 0 the book leads", nullable=True),
        _int("contrast_millionths", "contrast at that lag", nullable=True),
        _int("contrast_at_zero_millionths", "contrast without a lag", nullable=True),
        _int("ratio_millionths", "book's lead over pool's lead over all lags; above 1e6 the book leads", nullable=True),
    ),
)

DERIVED: Final = (
    *(_replayed(name) for name in RECONCILED_TABLES),
    REPLAY_RUNS,
    REPLAY_MARKETS,
    MARKET_TOPS,
    RECONCILIATION,
    TRADE_OUTCOMES,
    PNL_HOURLY,
    FEED_QUALITY,
    MARKET_MINUTES,
    ATTRIBUTION,
    LEAD_LAG,
)
LAKE_TABLES: Final[dict[str, LakeTable]] = {table.name: table for table in (*CAPTURED, *DERIVED)}
