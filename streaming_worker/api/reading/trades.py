"""Simulated trades and rejections of the record: lists with filters, totals over the whole filter."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final

from fastapi import Query

from streaming_worker.api.reading.asking import asked
from streaming_worker.api.reading.episodes import Money, RouteFilter, in_e8
from streaming_worker.api.reading.markets import Markets
from streaming_worker.api.reading.paging import Listing
from streaming_worker.api.reading.ranges import Range, wanted_range
from streaming_worker.api.reading.shaping import stack
from streaming_worker.api.reading.sorting import orders, sort_by
from streaming_worker.api.reading.sources import equals, every, literals, whole
from streaming_worker.api.schemas.base import moment, usd
from streaming_worker.api.schemas.trading import TradeTotals
from streaming_worker.api.worker_link import WorkerView
from streaming_worker.core.outputs import Grade, LatencyModel, LegStatus, RejectionReason
from streaming_worker.core.units import NANOS_PER_MILLISECOND
from streaming_worker.storage.schema import COST_KINDS

LINES: Final = ("gross", *COST_KINDS, "net")


_COLUMN: Final = {
    "decided_at": "decided_ns",
    "realised_net_usd": "realised_net_usd_e8",
    "predicted_net_usd": "predicted_net_usd_e8",
    "notional_usd": "predicted_notional_usd_e8",
    "latency_ms": "latency_ns",
}


_REJECTION_COLUMN: Final = {
    "recorded_at": "received_ns",
    "count": "count",
    "best_edge_bps": "best_edge_centibps",
    "best_net_usd": "best_net_usd_e8",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class TradeFilter:
    """What trades are chosen by, beside the route. ``primary``: only the latency that counts for PnL and risk."""

    latency_ms: Annotated[int | None, Query(ge=0, le=60_000)] = None
    latency_model: Annotated[LatencyModel | None, Query()] = None
    primary: Annotated[bool, Query()] = False
    status: Annotated[LegStatus | None, Query(description="one of its legs ended so")] = None
    won: Annotated[bool | None, Query()] = None
    grade: Annotated[Grade | None, Query()] = None
    opportunity_id: Annotated[str | None, Query(max_length=120)] = None
    min_net: Money = None
    max_net: Money = None
    tag: Annotated[str | None, Query(max_length=40, pattern=r"^[a-z0-9][a-z0-9_-]*$")] = None

    def where(self, markets: Markets) -> list[str | None]:
        """Return its conditions but the tag, which the record does not know."""
        latency = None if self.latency_ms is None else f"latency_ns // {NANOS_PER_MILLISECOND} = {self.latency_ms}"
        return [
            latency,
            equals("latency_model", self.latency_model),
            f"latency_ns = {markets.primary_ns} AND latency_model = 'fixed'" if self.primary else None,
            None if self.status is None else f"list_contains(leg_statuses, '{self.status.value}')",
            None if self.won is None else f"(realised_net_usd_e8 > 0) = {str(self.won).lower()}",
            equals("grade", self.grade),
            equals("opportunity_id", self.opportunity_id),
            None if self.min_net is None else f"realised_net_usd_e8 >= {in_e8(self.min_net)}",
            None if self.max_net is None else f"realised_net_usd_e8 <= {in_e8(self.max_net)}",
        ]


@dataclass(frozen=True, slots=True)
class TradeQuery:
    """A whole query for trades."""

    span: Annotated[Range, asked(wanted_range)]
    route: Annotated[RouteFilter, asked(RouteFilter)]
    chosen: Annotated[TradeFilter, asked(TradeFilter)]
    sort: Annotated[str, sort_by(_COLUMN)] = "-decided_at"

    def listing(self, view: WorkerView, markets: Markets, tagged: Sequence[str] | None = None) -> Listing:
        """Return it as SQL; ``tagged`` are the trades that have its tag, None where no tag is asked for."""
        conditions = [
            self.span.holds("received_ns"),
            *self.route.where(markets, "trade_id"),
            None if tagged is None else f"trade_id IN ({literals(tagged) or 'NULL'})",
            *self.chosen.where(markets),
        ]
        return Listing(
            base=trades_sql(view),
            where=every(conditions),
            order=orders(self.sort, _COLUMN),
            from_ns=self.span.from_ns,
            to_ns=self.span.to_ns,
        )


@dataclass(frozen=True, slots=True)
class RejectionQuery:
    """A whole query for rejections."""

    span: Annotated[Range, asked(wanted_range)]
    route: Annotated[RouteFilter, asked(RouteFilter)]
    reason: Annotated[RejectionReason | None, Query()] = None
    sort: Annotated[str, sort_by(_REJECTION_COLUMN)] = "-recorded_at"

    def listing(self, view: WorkerView, markets: Markets) -> Listing:
        """Return it as SQL."""
        conditions = [
            self.span.holds("received_ns"),
            *self.route.where(markets, "id"),
            equals("reason", self.reason),
        ]
        return Listing(
            base=rejections_sql(view),
            where=every(conditions),
            order=orders(self.sort, _REJECTION_COLUMN),
            from_ns=self.span.from_ns,
            to_ns=self.span.to_ns,
        )


def trades_sql(view: WorkerView) -> str:
    """Return a query over every simulated trade with the ends of its legs and its episode's grade."""
    return f"""
        SELECT t.*, t.trade_id AS id, l.leg_statuses, l.leg_kinds, g.grade
        FROM ({whole("simulated_trades", view)}) AS t
        LEFT JOIN (
            SELECT worker, run_id, trade_id, list(status ORDER BY leg) AS leg_statuses,
                list(kind ORDER BY leg) AS leg_kinds
            FROM ({whole("simulated_legs", view)}) GROUP BY ALL
        ) AS l USING (worker, run_id, trade_id)
        LEFT JOIN ({whole("episode_grades", view)}) AS g USING (worker, run_id, opportunity_id)
    """


def rejections_sql(view: WorkerView) -> str:
    """Return a query over every interval of refusals; the id says which route and reason of which event it is."""
    return f"""
        SELECT *, concat_ws('-', run_id, seq, reason, substr(md5(instrument || pool || direction), 1, 8)) AS id
        FROM ({whole("rejections", view)})
    """


def sums_sql() -> str:
    """Return the sums over trades, each an exact integer."""
    sums = [
        f"coalesce(sum({prefix}_{line}_usd_e8), 0)::DECIMAL(38,0) AS {prefix}_{line}_usd_e8"
        for prefix in ("predicted", "realised")
        for line in LINES
    ]
    return ", ".join(
        (
            "count(*) AS trades",
            "count(DISTINCT opportunity_id) AS opportunities",
            "count(*) FILTER (WHERE realised_net_usd_e8 > 0) AS winning_trades",
            "coalesce(sum(predicted_notional_usd_e8), 0)::DECIMAL(38,0) AS notional_usd_e8",
            *sums,
        )
    )


def totals(row: dict[str, Any], at_ns: int) -> TradeTotals:
    """Return the sums in their shape."""
    return TradeTotals(
        trades=row["trades"],
        opportunities=row["opportunities"],
        winning_trades=row["winning_trades"],
        unwound_trades=row["unwound_trades"],
        **sum_fields(row),
        as_of=moment(at_ns),
    )


def sum_fields(row: dict[str, Any]) -> dict[str, Any]:
    """Return the money of a row of sums."""
    predicted, realised = stack(row, "predicted"), stack(row, "realised")
    return {
        "notional_usd": usd(int(row["notional_usd_e8"])),
        "predicted": predicted,
        "realised": realised,
        "predicted_net_usd": predicted.net_usd,
        "realised_net_usd": realised.net_usd,
    }
