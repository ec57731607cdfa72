"""Profit and loss from the record: sums over the trades of one latency, exact to the last unit."""

from dataclasses import dataclass
from enum import StrEnum
from itertools import accumulate
from typing import Annotated, Any, Final

from fastapi import Query

from streaming_worker.api.reading.asking import asked
from streaming_worker.api.reading.episodes import RouteFilter
from streaming_worker.api.reading.markets import Markets
from streaming_worker.api.reading.ranges import Range, wanted_range
from streaming_worker.api.reading.shaping import share_bps
from streaming_worker.api.reading.sources import every, literals, whole
from streaming_worker.api.reading.trades import sum_fields, sums_sql
from streaming_worker.api.record_desk import RecordDesk, Row
from streaming_worker.api.schemas.base import moment, usd
from streaming_worker.api.schemas.trading import Pnl, PnlGroup, SlippageGroup
from streaming_worker.api.worker_link import WorkerView
from streaming_worker.core.units import NANOS_PER_DAY, NANOS_PER_HOUR, NANOS_PER_MILLISECOND, Nanos


class GroupBy(StrEnum):
    """What profit and loss is summed by; ``reason`` is why the episode closed."""

    HOUR = "hour"
    DAY = "day"
    VENUE = "venue"
    PAIR = "pair"
    REASON = "reason"


_TIMES: Final = {GroupBy.HOUR: NANOS_PER_HOUR, GroupBy.DAY: NANOS_PER_DAY}


@dataclass(frozen=True, slots=True)
class PnlQuery:
    """A whole query for profit and loss; without a latency it is the one that counts."""

    span: Annotated[Range, asked(wanted_range)]
    route: Annotated[RouteFilter, asked(RouteFilter)]
    group_by: Annotated[GroupBy, Query()] = GroupBy.HOUR
    latency_ms: Annotated[int | None, Query(ge=0, le=60_000)] = None

    def latency_ns(self, markets: Markets) -> Nanos:
        """Return the latency whose trades are summed."""
        return markets.primary_ns if self.latency_ms is None else self.latency_ms * NANOS_PER_MILLISECOND

    def trades(self, view: WorkerView, markets: Markets) -> str:
        """Return the trades with the group that each is in."""
        conditions = [
            self.span.holds("received_ns"),
            f"latency_ns = {self.latency_ns(markets)} AND latency_model = 'fixed'",
            *self.route.where(markets, "trade_id"),
        ]
        base = f"""
            SELECT t.*, o.close_reason FROM ({whole("simulated_trades", view)}) AS t
            LEFT JOIN ({whole("opportunities", view)}) AS o USING (worker, run_id, opportunity_id)
        """
        return f"SELECT *, {self._group(markets)} AS grouping FROM ({base}) WHERE {every(conditions)}"

    def _group(self, markets: Markets) -> str:
        if self.group_by in _TIMES:
            step = _TIMES[self.group_by]
            return f"CAST(received_ns // {step} * {step} AS VARCHAR)"
        match self.group_by:
            case GroupBy.VENUE:
                return "split_part(instrument, ':', 1)"
            case GroupBy.PAIR:
                pairs = {key: market.pair for key, market in markets.books.items()}
                whens = " ".join(f"WHEN {literals([key])} THEN {literals([pair])}" for key, pair in pairs.items())
                return f"CASE instrument {whens} ELSE split_part(instrument, ':', 2) END" if whens else "instrument"
            case _:
                return "coalesce(close_reason, 'unknown')"


async def pnl(desk: RecordDesk, view: WorkerView, markets: Markets, query: PnlQuery, now_ns: Nanos) -> Pnl:
    """Return the sums of a range, by group."""
    span = {"from_ns": query.span.from_ns, "to_ns": query.span.to_ns}
    trades = query.trades(view, markets)
    groups = await desk.rows(
        f"SELECT grouping, {sums_sql()} FROM ({trades}) GROUP BY grouping ORDER BY grouping",
        **span,
    )
    (total,) = await desk.rows(f"SELECT {sums_sql()} FROM ({trades})", **span)
    (worst,) = await desk.rows(_drawdown(trades), **span)
    return Pnl(
        group_by=query.group_by.value,
        from_at=moment(query.span.from_ns),
        to_at=moment(query.span.to_ns),
        latency_ms=query.latency_ns(markets) // NANOS_PER_MILLISECOND,
        trades=total["trades"],
        winning_trades=total["winning_trades"],
        **{name: value for name, value in sum_fields(total).items() if name != "predicted_net_usd"},
        max_drawdown_usd=usd(int(worst["drawdown"])),
        groups=_groups(groups, is_time=query.group_by in _TIMES),
        as_of=moment(now_ns),
    )


def _drawdown(trades: str) -> str:
    """The deepest fall of the running sum below its own peak, which is 0 before the first trade."""
    order = "ORDER BY received_ns, seq, trade_id"
    return f"""
        SELECT coalesce(min(running - peak), 0)::DECIMAL(38,0) AS drawdown FROM (
            SELECT running, greatest(0, max(running) OVER ({order} ROWS UNBOUNDED PRECEDING)) AS peak FROM (
                SELECT received_ns, seq, trade_id,
                    sum(realised_net_usd_e8) OVER ({order} ROWS UNBOUNDED PRECEDING) AS running
                FROM ({trades})
            )
        )
    """


def _groups(rows: list[Row], *, is_time: bool) -> list[PnlGroup]:
    running = list(accumulate(int(row["realised_net_usd_e8"]) for row in rows))
    peaks = list(accumulate(running, max, initial=0))[1:]
    return [
        PnlGroup(
            group=moment(int(row["grouping"])) if is_time else row["grouping"],
            trades=row["trades"],
            winning_trades=row["winning_trades"],
            **sum_fields(row),
            cumulative_net_usd=usd(total) if is_time else None,
            peak_usd=usd(peak) if is_time else None,
            drawdown_usd=usd(total - peak) if is_time else None,
        )
        for row, total, peak in zip(rows, running, peaks, strict=True)
    ]


@dataclass(frozen=True, slots=True)
class SlippageQuery:
    """A whole query for slippage."""

    span: Annotated[Range, asked(wanted_range)]
    route: Annotated[RouteFilter, asked(RouteFilter)]
    latency_ms: Annotated[int | None, Query(ge=0, le=60_000)] = None

    def sql(self, view: WorkerView, markets: Markets) -> str:
        """Return one row per market, direction, latency and size."""
        latency = None if self.latency_ms is None else f"latency_ns // {NANOS_PER_MILLISECOND} = {self.latency_ms}"
        conditions = [self.span.holds("received_ns"), latency, *self.route.where(markets, "trade_id")]
        sums = ", ".join(
            f"sum({prefix}_{kind}_usd_e8)::DECIMAL(38,0) AS {prefix}_{kind}"
            for prefix in ("predicted", "realised")
            for kind in ("slippage", "price_impact")
        )
        return f"""
            SELECT instrument, pool, direction, latency_ns, {_BUCKET} AS bucket, count(*) AS trades,
                sum(predicted_notional_usd_e8)::DECIMAL(38,0) AS notional, {sums}
            FROM ({whole("simulated_trades", view)}) WHERE {every(conditions)} GROUP BY ALL
            ORDER BY instrument, pool, direction, latency_ns, min(predicted_notional_usd_e8)
        """


_BUCKET: Final = """
    CASE WHEN predicted_notional_usd_e8 < 10000000000 THEN 'below_100'
        WHEN predicted_notional_usd_e8 < 30000000000 THEN '100_to_300'
        WHEN predicted_notional_usd_e8 < 100000000000 THEN '300_to_1000' ELSE '1000_and_more' END
"""


def slippage_group(row: dict[str, Any]) -> SlippageGroup:
    """Return one group."""
    predicted = int(row["predicted_slippage"]) + int(row["predicted_price_impact"])
    realised = int(row["realised_slippage"]) + int(row["realised_price_impact"])
    return SlippageGroup(
        instrument=row["instrument"],
        pool=row["pool"],
        direction=row["direction"],
        latency_ms=row["latency_ns"] // NANOS_PER_MILLISECOND,
        bucket=row["bucket"],
        trades=row["trades"],
        notional_usd=usd(int(row["notional"])),
        predicted_slippage_usd=usd(int(row["predicted_slippage"])),
        realised_slippage_usd=usd(int(row["realised_slippage"])),
        predicted_price_impact_usd=usd(int(row["predicted_price_impact"])),
        realised_price_impact_usd=usd(int(row["realised_price_impact"])),
        unexpected_usd=usd(realised - predicted),
        predicted_bps=share_bps(predicted, int(row["notional"])),
        realised_bps=share_bps(realised, int(row["notional"])),
    )
