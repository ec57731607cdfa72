"""Exports of exactly what a list shows, with the same filters."""

from collections.abc import AsyncIterator, Callable, Sequence
from typing import Annotated, Any

import anyio.to_thread
from fastapi import APIRouter, Path, Request
from fastapi.responses import StreamingResponse
from pydantic import BaseModel

from streaming_worker.api import export
from streaming_worker.api.edge import API
from streaming_worker.api.export import Format
from streaming_worker.api.identity.principal import Principal
from streaming_worker.api.reading import shaping
from streaming_worker.api.reading.asking import asked
from streaming_worker.api.reading.audit import AuditQuery, audit_page
from streaming_worker.api.reading.episodes import EpisodeQuery
from streaming_worker.api.reading.paging import Listing
from streaming_worker.api.reading.pnl import PnlQuery, SlippageQuery, pnl, slippage_group
from streaming_worker.api.reading.quality import GapQuery, gap
from streaming_worker.api.reading.trades import RejectionQuery, TradeQuery
from streaming_worker.api.schemas.market import Gap
from streaming_worker.api.schemas.people import AuditEntry
from streaming_worker.api.schemas.trading import Opportunity, PnlGroup, Rejection, SlippageGroup, Trade
from streaming_worker.api.security import AdminExporter, Exporter
from streaming_worker.api.services import Parts, Services, act
from streaming_worker.api.tagged import tagged_listing

router = APIRouter(prefix=f"{API}/exports", tags=["exports"])
PAGE_ROWS = 2_000
_CONTENT: dict[int | str, dict[str, Any]] = {
    200: {"description": "the rows", "content": {media: {} for media in export.MEDIA.values()}}
}
Form = Annotated[Format, Path()]
Record = dict[str, Any]


async def _pages(parts: Services, listing: Listing, shape: Callable[[Record], BaseModel]) -> AsyncIterator[list[Any]]:
    """Yield the rows of a list page by page. Every page is asked anew, so nothing long is held."""
    cursor: str | None = None
    while True:
        sql = listing.page_sql(cursor, PAGE_ROWS)
        rows = await parts.desk.stream(sql, from_ns=listing.from_ns, to_ns=listing.to_ns)
        if rows:
            yield await anyio.to_thread.run_sync(lambda found: [shape(row) for row in found], rows)
        if len(rows) < PAGE_ROWS:
            return
        cursor = listing.cursor_after(rows[-1])


async def _listed(
    request: Request,
    who: Principal,
    parts: Services,
    form: Format,
    *,
    listing: Listing,
    kind: type[BaseModel],
    shape: Callable[[Record], BaseModel],
) -> StreamingResponse:
    sql = f"SELECT count(*) AS total FROM ({listing.filtered})"
    (row,) = await parts.desk.rows(sql, from_ns=listing.from_ns, to_ns=listing.to_ns)
    export.require_fits(row["total"], form)
    return await _answer(request, who, parts, form, kind, _pages(parts, listing, shape))


async def _answer(
    request: Request,
    who: Principal,
    parts: Services,
    form: Format,
    kind: type[BaseModel],
    pages: AsyncIterator[Sequence[BaseModel]],
) -> StreamingResponse:
    """Stream an export. The first page is fetched before the answer begins, so that an error can still be told."""
    name = request.url.path.rpartition("/")[2]
    await anyio.to_thread.run_sync(
        parts.audit.append, act(request, who, "export", target=name, after={"query": request.url.query[:500]})
    )
    first: Sequence[BaseModel] = await anext(pages, [])
    columns = export.columns_of(kind, export.flat(first[0]) if first else None)

    async def whole() -> AsyncIterator[Sequence[BaseModel]]:
        yield first
        async for page in pages:
            yield page

    body = export.WRITERS[form](whole(), columns)
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return StreamingResponse(body, media_type=export.MEDIA[form], headers=headers)


@router.get("/opportunities.{form}", response_class=StreamingResponse, responses=_CONTENT)
async def export_opportunities(
    form: Form, request: Request, who: Exporter, parts: Parts, query: Annotated[EpisodeQuery, asked(EpisodeQuery)]
) -> StreamingResponse:
    """Return closed opportunities."""
    listing = query.listing(parts.view, parts.markets, has_published=parts.desk.has_published())
    shape = _with_markets(shaping.closed_opportunity, parts)
    return await _listed(request, who, parts, form, listing=listing, kind=Opportunity, shape=shape)


@router.get("/trades.{form}", response_class=StreamingResponse, responses=_CONTENT)
async def export_trades(
    form: Form, request: Request, who: Exporter, parts: Parts, query: Annotated[TradeQuery, asked(TradeQuery)]
) -> StreamingResponse:
    """Return simulated trades."""
    listing = await tagged_listing(parts, query)
    return await _listed(
        request, who, parts, form, listing=listing, kind=Trade, shape=_with_markets(shaping.trade, parts)
    )


@router.get("/rejections.{form}", response_class=StreamingResponse, responses=_CONTENT)
async def export_rejections(
    form: Form, request: Request, who: Exporter, parts: Parts, query: Annotated[RejectionQuery, asked(RejectionQuery)]
) -> StreamingResponse:
    """Return rejections."""
    listing = query.listing(parts.view, parts.markets)
    return await _listed(
        request, who, parts, form, listing=listing, kind=Rejection, shape=_with_markets(shaping.rejection, parts)
    )


@router.get("/gaps.{form}", response_class=StreamingResponse, responses=_CONTENT)
async def export_gaps(
    form: Form, request: Request, who: Exporter, parts: Parts, query: Annotated[GapQuery, asked(GapQuery)]
) -> StreamingResponse:
    """Return gaps."""
    return await _listed(request, who, parts, form, listing=query.listing(), kind=Gap, shape=gap)


@router.get("/pnl.{form}", response_class=StreamingResponse, responses=_CONTENT)
async def export_pnl(
    form: Form, request: Request, who: Exporter, parts: Parts, query: Annotated[PnlQuery, asked(PnlQuery)]
) -> StreamingResponse:
    """Return the groups of profit and loss."""
    found = await pnl(parts.desk, parts.view, parts.markets, query, parts.clock.now_ns())
    return await _answer(request, who, parts, form, PnlGroup, _once(found.groups))


@router.get("/slippage.{form}", response_class=StreamingResponse, responses=_CONTENT)
async def export_slippage(
    form: Form, request: Request, who: Exporter, parts: Parts, query: Annotated[SlippageQuery, asked(SlippageQuery)]
) -> StreamingResponse:
    """Return the groups of slippage."""
    sql = query.sql(parts.view, parts.markets)
    rows = await parts.desk.stream(sql, from_ns=query.span.from_ns, to_ns=query.span.to_ns)
    return await _answer(request, who, parts, form, SlippageGroup, _once([slippage_group(row) for row in rows]))


@router.get("/audit.{form}", response_class=StreamingResponse, responses=_CONTENT)
async def export_audit(
    form: Form, request: Request, who: AdminExporter, parts: Parts, query: Annotated[AuditQuery, asked(AuditQuery)]
) -> StreamingResponse:
    """Return the audit log; for admins."""
    return await _answer(request, who, parts, form, AuditEntry, _audit(parts, query))


async def _audit(parts: Services, query: AuditQuery) -> AsyncIterator[Sequence[BaseModel]]:
    cursor: str | None = None
    while True:
        found = await anyio.to_thread.run_sync(
            lambda after: audit_page(parts.database, query, cursor=after, limit=PAGE_ROWS, now_ns=parts.clock.now_ns()),
            cursor,
        )
        yield found.items
        cursor = found.next_cursor
        if cursor is None:
            return


async def _once(rows: Sequence[BaseModel]) -> AsyncIterator[Sequence[BaseModel]]:
    yield rows


def _with_markets(shape: Callable[..., BaseModel], parts: Services) -> Callable[[Record], BaseModel]:
    return lambda row: shape(row, parts.markets)
