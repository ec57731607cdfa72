"""Profit and loss, slippage, and the shape of the opportunities."""

from typing import Annotated

from fastapi import APIRouter

from streaming_worker.api.answers import RECORD_S, shared
from streaming_worker.api.edge import API
from streaming_worker.api.reading.analytics import Question, latency
from streaming_worker.api.reading.asking import asked
from streaming_worker.api.reading.episodes import RouteFilter
from streaming_worker.api.reading.pnl import PnlQuery, SlippageQuery, pnl, slippage_group
from streaming_worker.api.reading.ranges import Range, wanted_range
from streaming_worker.api.routes.pages import whole_page
from streaming_worker.api.schemas.system import EdgeDecay, Heatmap, Latency, Lifetimes
from streaming_worker.api.schemas.trading import Pnl, SlippagePage
from streaming_worker.api.security import Viewer
from streaming_worker.api.services import Parts

router = APIRouter(prefix=API, tags=["analytics"])


def _question(
    parts: Parts, span: Annotated[Range, asked(wanted_range)], route: Annotated[RouteFilter, asked(RouteFilter)]
) -> Question:
    return Question(parts.desk, parts.view, parts.markets, span=span, route=route, now_ns=parts.clock.now_ns())


Asked = Annotated[Question, asked(_question)]


@router.get("/pnl")
@shared(RECORD_S)
async def get_pnl(_: Viewer, parts: Parts, query: Annotated[PnlQuery, asked(PnlQuery)]) -> Pnl:
    """Return profit and loss of a range by hour, day, venue, pair or closing reason, with drawdown."""
    return await pnl(parts.desk, parts.view, parts.markets, query, parts.clock.now_ns())


@router.get("/slippage")
@shared(RECORD_S)
async def get_slippage(_: Viewer, parts: Parts, query: Annotated[SlippageQuery, asked(SlippageQuery)]) -> SlippagePage:
    """Return predicted against realised price movement by market, direction, latency and size."""
    sql = query.sql(parts.view, parts.markets)
    rows = await parts.desk.rows(sql, from_ns=query.span.from_ns, to_ns=query.span.to_ns)
    return whole_page(SlippagePage, [slippage_group(row) for row in rows], parts.clock.now_ns())


@router.get("/analytics/heatmap")
@shared(RECORD_S)
async def get_heatmap(_: Viewer, asked: Asked) -> Heatmap:
    """Return opportunities by UTC hour of the day and route."""
    return await asked.heatmap()


@router.get("/analytics/edge-decay")
@shared(RECORD_S)
async def get_edge_decay(_: Viewer, asked: Asked) -> EdgeDecay:
    """Return what an edge is worth at each latency of the ladder."""
    return await asked.edge_decay()


@router.get("/analytics/lifetimes")
@shared(RECORD_S)
async def get_lifetimes(_: Viewer, asked: Asked) -> Lifetimes:
    """Return how long episodes last."""
    return await asked.lifetimes()


@router.get("/analytics/latency")
async def get_latency(_: Viewer, parts: Parts) -> Latency:
    """Return how fast the worker decides and how late its feeds are."""
    return latency(parts.view, parts.clock.now_ns())
