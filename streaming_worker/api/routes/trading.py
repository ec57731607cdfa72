"""Opportunities, simulated trades and rejections."""

from typing import Annotated

from fastapi import APIRouter, Path, Query

from streaming_worker.api.answers import RECORD_S, shared
from streaming_worker.api.edge import API
from streaming_worker.api.reading import recent, shaping
from streaming_worker.api.reading.asking import asked
from streaming_worker.api.reading.details import opportunity_detail, trade_detail
from streaming_worker.api.reading.episodes import EpisodeQuery, EpisodeState
from streaming_worker.api.reading.moment import shown, sought
from streaming_worker.api.reading.paging import DEFAULT_LIMIT, Cursor, Limit, page
from streaming_worker.api.reading.refusals import summary
from streaming_worker.api.reading.trades import RejectionQuery, TradeQuery, sums_sql, totals
from streaming_worker.api.schemas.base import moment
from streaming_worker.api.schemas.moment import OpportunityMoment
from streaming_worker.api.schemas.trading import (
    OpportunityDetail,
    OpportunityPage,
    RejectionPage,
    RejectionSummary,
    TradeDetail,
    TradePage,
    TradeTotals,
)
from streaming_worker.api.security import Viewer
from streaming_worker.api.services import Parts
from streaming_worker.api.tagged import tagged_listing

router = APIRouter(prefix=API, tags=["trading"])
Identity = Annotated[str, Path(min_length=1, max_length=120, pattern=r"^[A-Za-z0-9_.:-]+$")]
Episodes = Annotated[EpisodeQuery, asked(EpisodeQuery)]
Trades = Annotated[TradeQuery, asked(TradeQuery)]
Refusals = Annotated[RejectionQuery, asked(RejectionQuery)]


@router.get("/opportunities")
@shared(RECORD_S)
async def get_opportunities(
    _: Viewer,
    parts: Parts,
    query: Episodes,
    state: Annotated[EpisodeState, Query()] = EpisodeState.CLOSED,
    cursor: Cursor = None,
    limit: Limit = DEFAULT_LIMIT,
) -> OpportunityPage:
    """Return episodes. Open ones stand before the first page where asked for; filters and total are of closed ones."""
    view, markets, now_ns = parts.view, parts.markets, parts.clock.now_ns()
    shown = recent.open_opportunities(view, markets, now_ns) if state is not EpisodeState.CLOSED and not cursor else []
    if state is EpisodeState.OPEN:
        return OpportunityPage(items=shown, next_cursor=None, total=len(shown), as_of=moment(now_ns))
    listing = query.listing(view, markets, has_published=parts.desk.has_published())
    found = await page(parts.desk, listing, cursor=cursor, limit=limit)
    closed = [shaping.closed_opportunity(row, markets) for row in found.rows]
    return OpportunityPage(
        items=[*shown, *closed], next_cursor=found.next_cursor, total=found.total, as_of=moment(now_ns)
    )


@router.get("/opportunities/{opportunity_id}")
async def get_opportunity(opportunity_id: Identity, _: Viewer, parts: Parts) -> OpportunityDetail:
    """Return one episode with its samples and the trades of its latency ladder."""
    return await opportunity_detail(parts.desk, parts.view, parts.markets, opportunity_id, parts.clock.now_ns())


@router.get("/opportunities/{opportunity_id}/moment")
async def get_opportunity_moment(opportunity_id: Identity, _: Viewer, parts: Parts) -> OpportunityMoment:
    """Return what was known when an episode opened, replayed from the record: legs, costs, other sizes, its end."""
    wanted = await sought(parts.desk, parts.view, opportunity_id, parts.clock.now_ns())
    found = await parts.moments.of(wanted)
    return shown(found, str(parts.config.paths.data_dir), parts.clock.now_ns())


@router.get("/trades")
@shared(RECORD_S)
async def get_trades(
    _: Viewer, parts: Parts, query: Trades, cursor: Cursor = None, limit: Limit = DEFAULT_LIMIT
) -> TradePage:
    """Return simulated trades."""
    found = await page(parts.desk, await tagged_listing(parts, query), cursor=cursor, limit=limit)
    return TradePage(
        items=[shaping.trade(row, parts.markets) for row in found.rows],
        next_cursor=found.next_cursor,
        total=found.total,
        as_of=moment(parts.clock.now_ns()),
    )


@router.get("/trades/totals")
@shared(RECORD_S)
async def get_trade_totals(_: Viewer, parts: Parts, query: Trades) -> TradeTotals:
    """Return sums over the whole filter."""
    listing = await tagged_listing(parts, query)
    sql = f"""
        SELECT {sums_sql()}, count(*) FILTER (WHERE list_contains(leg_kinds, 'unwind')) AS unwound_trades
        FROM ({listing.filtered})
    """
    rows = await parts.desk.rows(sql, from_ns=listing.from_ns, to_ns=listing.to_ns)
    return totals(rows[0], parts.clock.now_ns())


@router.get("/trades/{trade_id}")
async def get_trade(trade_id: Identity, _: Viewer, parts: Parts) -> TradeDetail:
    """Return one simulated trade with its legs and its siblings on the ladder."""
    return await trade_detail(parts.desk, parts.view, parts.markets, trade_id, parts.clock.now_ns())


@router.get("/rejections")
@shared(RECORD_S)
async def get_rejections(
    _: Viewer, parts: Parts, query: Refusals, cursor: Cursor = None, limit: Limit = DEFAULT_LIMIT
) -> RejectionPage:
    """Return refusals by route, reason and interval."""
    found = await page(parts.desk, query.listing(parts.view, parts.markets), cursor=cursor, limit=limit)
    return RejectionPage(
        items=[shaping.rejection(row, parts.markets) for row in found.rows],
        next_cursor=found.next_cursor,
        total=found.total,
        as_of=moment(parts.clock.now_ns()),
    )


@router.get("/rejections/summary")
@shared(RECORD_S)
async def get_rejection_summary(_: Viewer, parts: Parts, query: Refusals) -> RejectionSummary:
    """Return reasons by how often they refused, and the best candidates among the refused."""
    listing = query.listing(parts.view, parts.markets)
    return await summary(parts.desk, listing, parts.markets, parts.clock.now_ns())
