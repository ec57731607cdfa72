"""Where and when opportunities are, how long they last, and what an edge is worth after a while."""

from typing import Any, Final

from streaming_worker.api.reading.episodes import RouteFilter
from streaming_worker.api.reading.markets import Markets
from streaming_worker.api.reading.ranges import Range
from streaming_worker.api.reading.shaping import share_bps, share_percent
from streaming_worker.api.reading.sources import every, whole
from streaming_worker.api.reading.trades import trades_sql
from streaming_worker.api.record_desk import RecordDesk
from streaming_worker.api.schemas.base import bps, milliseconds, moment, usd
from streaming_worker.api.schemas.system import (
    DecayRung,
    EdgeDecay,
    HeatCell,
    Heatmap,
    Latency,
    LatencyLine,
    LifetimeBucket,
    Lifetimes,
)
from streaming_worker.api.worker_link import WorkerView
from streaming_worker.core.outputs import Grade
from streaming_worker.core.units import NANOS_PER_HOUR, NANOS_PER_MICROSECOND, NANOS_PER_MILLISECOND, Nanos

_BUCKETS_MS: Final = (0, 100, 250, 500, 1_000, 2_000, 5_000, 10_000, 30_000, 60_000)
_LATENCIES: Final = {
    "event_latency": "Decision: one event through the engine",
    "queue_age": "Waiting before the engine",
    "loop_lateness": "How late the worker's loop wakes",
}


class Question:
    """A range and a route of the record, asked by several figures."""

    def __init__(
        self, desk: RecordDesk, view: WorkerView, markets: Markets, *, span: Range, route: RouteFilter, now_ns: Nanos
    ) -> None:
        self._desk = desk
        self._view = view
        self._markets = markets
        self._span = span
        self._route = route
        self._now_ns = now_ns

    async def heatmap(self) -> Heatmap:
        """Return opportunities by UTC hour of the day and route."""
        rows = await self._rows(
            f"""
            SELECT (opened_ns // {NANOS_PER_HOUR}) % 24 AS hour,
                concat_ws(' ', instrument, split_part(pool, ':', 1), direction) AS route,
                instrument, pool, direction, count(*) AS opportunities,
                max(opening_net_edge_centibps) AS best, sum(opening_net_usd_e8)::DECIMAL(38,0) AS net
            FROM ({self._episodes()}) GROUP BY ALL ORDER BY route, pool, hour
            """
        )
        cells = [
            HeatCell(
                hour=row["hour"],
                route=row["route"],
                instrument=row["instrument"],
                pool=row["pool"],
                direction=row["direction"],
                opportunities=row["opportunities"],
                best_net_edge_bps=bps(row["best"]),
                net_usd=usd(int(row["net"])),
            )
            for row in rows
        ]
        return Heatmap(cells=cells, as_of=moment(self._now_ns))

    async def edge_decay(self) -> EdgeDecay:
        """Return what the same episodes earned at each latency, and their grades."""
        where = every([self._span.holds("received_ns"), *self._route.where(self._markets, "trade_id")])
        rungs = await self._rows(
            f"""
            SELECT latency_ns, count(*) AS trades, count(*) FILTER (WHERE realised_net_usd_e8 > 0) AS winning,
                count(*) FILTER (WHERE list_has_all(['filled'], leg_statuses)) AS both_filled,
                sum(predicted_notional_usd_e8)::DECIMAL(38,0) AS notional,
                sum(predicted_net_usd_e8)::DECIMAL(38,0) AS predicted,
                sum(realised_net_usd_e8)::DECIMAL(38,0) AS realised
            FROM ({trades_sql(self._view)}) WHERE latency_model = 'fixed' AND {where}
            GROUP BY latency_ns ORDER BY latency_ns
            """
        )
        grades = await self._rows(
            f"""
            SELECT grade, count(*) AS episodes FROM ({whole("episode_grades", self._view)})
            WHERE {self._span.holds("received_ns")} GROUP BY grade
            """
        )
        counted = dict.fromkeys(Grade, 0) | {Grade(row["grade"]): row["episodes"] for row in grades}
        return EdgeDecay(rungs=[_rung(row) for row in rungs], grades=counted, as_of=moment(self._now_ns))

    async def lifetimes(self) -> Lifetimes:
        """Return how long episodes lasted."""
        quantiles = ", ".join(
            f"quantile_disc(life, {share}) AS p{name}"
            for name, share in (("10", "0.1"), ("50", "0.5"), ("90", "0.9"), ("99", "0.99"))
        )
        counts = ", ".join(
            f"count(*) FILTER (WHERE {_in_bucket(index)}) AS bucket_{index}" for index in range(len(_BUCKETS_MS))
        )
        (row,) = await self._rows(
            f"""
            SELECT count(*) AS episodes, count(*) FILTER (WHERE close_reason <> 'edge_gone') AS cut_off, {quantiles},
                max(life) AS longest, {counts}
            FROM (SELECT *, closed_ns - opened_ns AS life FROM ({self._episodes()}))
            """
        )
        ends: list[int | None] = [*_BUCKETS_MS[1:], None]
        return Lifetimes(
            episodes=row["episodes"],
            cut_off=row["cut_off"],
            p10_ms=milliseconds(row["p10"]),
            p50_ms=milliseconds(row["p50"]),
            p90_ms=milliseconds(row["p90"]),
            p99_ms=milliseconds(row["p99"]),
            longest_ms=milliseconds(row["longest"]),
            buckets=[
                LifetimeBucket(from_ms=start, to_ms=end, episodes=row[f"bucket_{index}"])
                for index, (start, end) in enumerate(zip(_BUCKETS_MS, ends, strict=True))
            ],
            as_of=moment(self._now_ns),
        )

    def _episodes(self) -> str:
        where = every([self._span.holds("received_ns"), *self._route.where(self._markets, "opportunity_id")])
        return f"SELECT * FROM ({whole('opportunities', self._view)}) WHERE {where}"

    async def _rows(self, sql: str) -> list[dict[str, Any]]:
        return await self._desk.rows(sql, from_ns=self._span.from_ns, to_ns=self._span.to_ns)


def latency(view: WorkerView, now_ns: Nanos) -> Latency:
    """Return how fast the worker decides now, and how late its feeds are."""
    health = view.health
    feeds = [] if health is None else [(name, feed.lag_ms) for name, feed in health.feeds.items()]
    return Latency(
        worker=[_latency(name, title, view) for name, title in _LATENCIES.items() if name in view.metrics],
        feeds=[
            LatencyLine(
                name=name,
                title="Delay of delivery by the venue's clock",
                count=0 if lag is None else 1,
                p50_us=None if lag is None else lag * 1_000,
                p99_us=None,
                max_us=None,
            )
            for name, lag in feeds
        ],
        as_of=moment(now_ns),
    )


def _latency(name: str, title: str, view: WorkerView) -> LatencyLine:
    reading = view.metrics[name]
    values = {key: reading.get(f"{key}_ns") for key in ("p50", "p99", "max")}
    micros = {key: int(value) // NANOS_PER_MICROSECOND if value is not None else None for key, value in values.items()}
    return LatencyLine(
        name=name,
        title=title,
        count=int(reading.get("count") or 0),
        p50_us=micros["p50"],
        p99_us=micros["p99"],
        max_us=micros["max"],
    )


def _rung(row: dict[str, Any]) -> DecayRung:
    predicted, realised, notional = int(row["predicted"]), int(row["realised"]), int(row["notional"])
    return DecayRung(
        latency_ms=row["latency_ns"] // NANOS_PER_MILLISECOND,
        trades=row["trades"],
        winning_percent=share_percent(row["winning"], row["trades"]),
        both_filled_percent=share_percent(row["both_filled"], row["trades"]),
        predicted_net_usd=usd(predicted),
        realised_net_usd=usd(realised),
        kept_percent=share_percent(realised, predicted),
        realised_edge_bps=share_bps(realised, notional),
    )


def _in_bucket(index: int) -> str:
    start = f"life >= {_BUCKETS_MS[index] * NANOS_PER_MILLISECOND}"
    if index + 1 == len(_BUCKETS_MS):
        return start
    return f"{start} AND life < {_BUCKETS_MS[index + 1] * NANOS_PER_MILLISECOND}"
