"""Opportunities of the record: the list with its filters, and one with all that belongs to it."""

from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import Annotated, Final

from fastapi import Query

from streaming_worker.api.reading.asking import asked
from streaming_worker.api.reading.markets import Markets
from streaming_worker.api.reading.paging import Listing
from streaming_worker.api.reading.ranges import Range, wanted_range
from streaming_worker.api.reading.sorting import orders, sort_by
from streaming_worker.api.reading.sources import contains, equals, every, literal, literals, whole
from streaming_worker.api.worker_link import WorkerView
from streaming_worker.core.outputs import CloseReason, Direction, Grade
from streaming_worker.core.units import E8
from streaming_worker.errors import RequestRefused

Name = Annotated[str | None, Query(max_length=120)]
Money = Annotated[str | None, Query(max_length=30, pattern=r"^-?\d{1,18}(\.\d{1,8})?$", examples=["1.5"])]


class EpisodeState(StrEnum):
    """Which episodes a list shows; open ones come first, beside the page."""

    CLOSED = "closed"
    OPEN = "open"
    ALL = "all"


_COLUMN: Final = {
    "opened_at": "opened_ns",
    "net_usd": "opening_net_usd_e8",
    "net_edge_bps": "opening_net_edge_centibps",
    "lifetime_ms": "lifetime_ns",
    "realised_net_usd": "primary_net_usd_e8",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteFilter:
    """What rows of a route are chosen by. ``venue`` matches either side, ``pair`` as in SOL/USD."""

    pair: Name = None
    venue: Name = None
    instrument: Name = None
    pool: Name = None
    direction: Annotated[Direction | None, Query()] = None
    q: Annotated[str | None, Query(max_length=120, description="text in the id, the market or the pool")] = None

    def where(self, markets: Markets, id_column: str) -> list[str | None]:
        """Return its conditions."""
        return [
            None if self.pair is None else _of_pair(markets, self.pair),
            None if self.venue is None else _of_venue(self.venue),
            equals("instrument", self.instrument),
            equals("pool", self.pool),
            equals("direction", self.direction),
            contains((id_column, "instrument", "pool"), self.q),
        ]


@dataclass(frozen=True, slots=True, kw_only=True)
class EpisodeFilter:
    """What opportunities are chosen by, beside the route."""

    close_reason: Annotated[CloseReason | None, Query()] = None
    grade: Annotated[Grade | None, Query()] = None
    min_net: Money = None
    max_net: Money = None

    def where(self) -> list[str | None]:
        """Return its conditions."""
        return [
            equals("close_reason", self.close_reason),
            equals("grade", self.grade),
            None if self.min_net is None else f"opening_net_usd_e8 >= {in_e8(self.min_net)}",
            None if self.max_net is None else f"opening_net_usd_e8 <= {in_e8(self.max_net)}",
        ]


@dataclass(frozen=True, slots=True)
class EpisodeQuery:
    """A whole query for opportunities."""

    span: Annotated[Range, asked(wanted_range)]
    route: Annotated[RouteFilter, asked(RouteFilter)]
    chosen: Annotated[EpisodeFilter, asked(EpisodeFilter)]
    sort: Annotated[str, sort_by(_COLUMN)] = "-opened_at"

    def listing(self, view: WorkerView, markets: Markets, *, has_published: bool) -> Listing:
        """Return it as SQL."""
        conditions = [
            self.span.holds("received_ns"),
            *self.route.where(markets, "opportunity_id"),
            *self.chosen.where(),
        ]
        return Listing(
            base=episodes_sql(view, markets, has_published=has_published),
            where=every(conditions),
            order=orders(self.sort, _COLUMN),
            from_ns=self.span.from_ns,
            to_ns=self.span.to_ns,
        )


def episodes_sql(view: WorkerView, markets: Markets, *, has_published: bool) -> str:
    """Return a query over every closed episode with its grade, primary result and reconciliation."""
    reconciled = (
        "SELECT worker, run_id, opportunity_id, reconciliation_status FROM published.fct_opportunities"
        if has_published
        else "SELECT '' AS worker, '' AS run_id, '' AS opportunity_id, NULL::VARCHAR AS reconciliation_status"
    )
    return f"""
        SELECT o.*, o.opportunity_id AS id, o.closed_ns - o.opened_ns AS lifetime_ns, g.grade, g.reach_ns,
            g.kept_millionths, g.captured_rungs, g.failed_rungs, g.rungs, t.realised_net_usd_e8 AS primary_net_usd_e8,
            r.reconciliation_status AS reconciliation
        FROM ({whole("opportunities", view)}) AS o
        LEFT JOIN ({whole("episode_grades", view)}) AS g USING (worker, run_id, opportunity_id)
        LEFT JOIN ({primary_sql(view, markets)}) AS t USING (worker, run_id, opportunity_id)
        LEFT JOIN ({reconciled}) AS r USING (worker, run_id, opportunity_id)
    """


def primary_sql(view: WorkerView, markets: Markets) -> str:
    """Return a query over the trades that count."""
    return (
        f"SELECT * FROM ({whole('simulated_trades', view)}) "
        f"WHERE latency_ns = {markets.primary_ns} AND latency_model = 'fixed'"
    )


def in_e8(text: str) -> int:
    """Return decimal text scaled by 1e8. Raises RequestRefused."""
    try:
        return int(Decimal(text) * E8)
    except InvalidOperation as e:
        raise RequestRefused(422, "invalid", "expected a decimal such as 1.5") from e


def _of_pair(markets: Markets, pair: str) -> str:
    keys = markets.instruments_of(pair)
    return f"instrument IN ({literals(keys)})" if keys else "false"


def _of_venue(venue: str) -> str:
    start = literal(f"{venue}:")
    return f"starts_with(instrument, {start}) OR starts_with(pool, {start})"
