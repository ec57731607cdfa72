"""Feeds, books and pools as they are now; gaps and completeness from the record."""

from decimal import Decimal
from typing import Annotated

from fastapi import APIRouter, Path, Query

from streaming_worker.api.answers import LIVE_S, RECORD_S, shared
from streaming_worker.api.edge import API
from streaming_worker.api.reading import now
from streaming_worker.api.reading.asking import asked
from streaming_worker.api.reading.paging import DEFAULT_LIMIT, Cursor, Limit, page
from streaming_worker.api.reading.quality import CompletenessQuery, GapQuery, completeness_hour, gap
from streaming_worker.api.routes.pages import whole_page
from streaming_worker.api.schemas.base import exact, moment
from streaming_worker.api.schemas.market import (
    BookDepth,
    BookTopPage,
    CompletenessPage,
    FeedPage,
    GapPage,
    Level,
    PoolDepth,
    PoolTick,
    PoolTopPage,
)
from streaming_worker.api.security import Viewer
from streaming_worker.api.services import Parts
from streaming_worker.errors import RequestRefused

router = APIRouter(prefix=API, tags=["market"])
Key = Annotated[str, Path(max_length=120, pattern=r"^[A-Za-z0-9_.:/-]+$", examples=["coinbase:SOL-USD"])]
Depth = Annotated[int, Query(ge=1, le=500, description="levels of each side")]


@router.get("/feeds")
@shared(LIVE_S)
async def get_feeds(_: Viewer, parts: Parts) -> FeedPage:
    """Return every feed with its state and ages."""
    return whole_page(FeedPage, now.feeds(parts.view, parts.markets), parts.clock.now_ns())


@router.get("/books")
@shared(LIVE_S)
async def get_books(_: Viewer, parts: Parts) -> BookTopPage:
    """Return the top of every book."""
    now_ns = parts.clock.now_ns()
    return whole_page(BookTopPage, now.books(parts.view, parts.markets, now_ns), now_ns)


@router.get("/books/{key}")
@shared(LIVE_S)
async def get_book(key: Key, _: Viewer, parts: Parts, depth: Depth = 50) -> BookDepth:
    """Return one book with its levels."""
    top = parts.view.books.get(key)
    if top is None:
        raise RequestRefused(404, "not_found", "there is no such book")
    whole = await parts.link.ask(f"/book/{key}")
    now_ns = parts.clock.now_ns()
    return BookDepth(
        top=now.book(key, top, parts.view, parts.markets, now_ns),
        bids=_levels(whole["bids"][:depth]),
        asks=_levels(whole["asks"][:depth]),
        as_of=moment(now_ns),
    )


@router.get("/pools")
@shared(LIVE_S)
async def get_pools(_: Viewer, parts: Parts) -> PoolTopPage:
    """Return every pool."""
    now_ns = parts.clock.now_ns()
    return whole_page(PoolTopPage, now.pools(parts.view, parts.markets, now_ns), now_ns)


@router.get("/pools/{key}")
@shared(LIVE_S)
async def get_pool(key: Key, _: Viewer, parts: Parts) -> PoolDepth:
    """Return one pool with its initialised ticks."""
    top = parts.view.pools.get(key)
    if top is None:
        raise RequestRefused(404, "not_found", "there is no such pool")
    whole = await parts.link.ask(f"/pool/{key}")
    now_ns = parts.clock.now_ns()
    ticks = [
        PoolTick(tick_index=index, liquidity_net=net, liquidity_gross=gross)
        for array in whole["arrays"].values()
        for index, net, gross in array
    ]
    return PoolDepth(
        top=now.pool(key, top, parts.view, parts.markets, now_ns),
        ticks=sorted(ticks, key=lambda tick: tick.tick_index),
        as_of=moment(now_ns),
    )


@router.get("/gaps")
@shared(RECORD_S)
async def get_gaps(
    _: Viewer,
    parts: Parts,
    query: Annotated[GapQuery, asked(GapQuery)],
    cursor: Cursor = None,
    limit: Limit = DEFAULT_LIMIT,
) -> GapPage:
    """Return stretches of time without trustworthy data."""
    found = await page(parts.desk, query.listing(parts.view), cursor=cursor, limit=limit)
    return GapPage(
        items=[gap(row) for row in found.rows],
        next_cursor=found.next_cursor,
        total=found.total,
        as_of=moment(parts.clock.now_ns()),
    )


@router.get("/completeness")
@shared(RECORD_S)
async def get_completeness(
    _: Viewer,
    parts: Parts,
    query: Annotated[CompletenessQuery, asked(CompletenessQuery)],
    cursor: Cursor = None,
    limit: Limit = DEFAULT_LIMIT,
) -> CompletenessPage:
    """Return how whole the record of each market is in each closed hour; empty before the first was worked."""
    now_ns = parts.clock.now_ns()
    if not parts.desk.has_published():
        return CompletenessPage(items=[], next_cursor=None, total=0, as_of=moment(now_ns))
    found = await page(parts.desk, query.listing(), cursor=cursor, limit=limit)
    return CompletenessPage(
        items=[completeness_hour(row) for row in found.rows],
        next_cursor=found.next_cursor,
        total=found.total,
        as_of=moment(now_ns),
    )


def _levels(rows: list[list[str]]) -> list[Level]:
    """Return levels with what is there up to each of them. Exact: decimals are added and multiplied, never divided."""
    levels: list[Level] = []
    size_sum, notional_sum = Decimal(0), Decimal(0)
    for price, size in rows:
        notional = Decimal(price) * Decimal(size)
        size_sum, notional_sum = size_sum + Decimal(size), notional_sum + notional
        levels.append(
            Level(
                price=price,
                size=size,
                notional=exact(notional),
                cumulative_size=exact(size_sum),
                cumulative_notional=exact(notional_sum),
            )
        )
    return levels
