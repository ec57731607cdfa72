"""Shadow balances, their history, and the rebalancing advice."""

from typing import Annotated

import anyio.to_thread
from fastapi import APIRouter, Body, Path, Query, Request
from sqlalchemy import insert, select
from sqlalchemy.exc import IntegrityError

from streaming_worker.api.answers import LIVE_S, RECORD_S, shared
from streaming_worker.api.audit import Action, append_in
from streaming_worker.api.database import ACKNOWLEDGEMENTS
from streaming_worker.api.edge import API
from streaming_worker.api.reading import now
from streaming_worker.api.reading.asking import asked
from streaming_worker.api.reading.balances import BalanceQuery, balance_point
from streaming_worker.api.reading.holdings import pegs, runways
from streaming_worker.api.reading.paging import DEFAULT_LIMIT, Cursor, Limit, page
from streaming_worker.api.schemas.base import moment
from streaming_worker.api.schemas.holdings import Pegs, Runways
from streaming_worker.api.schemas.risk import Acknowledgement, AdviceNote, BalancePointPage, Inventory
from streaming_worker.api.security import Operator, Viewer
from streaming_worker.api.services import Parts, Services, act
from streaming_worker.errors import RequestRefused, StorageError

router = APIRouter(prefix=f"{API}/inventory", tags=["inventory"])


@router.get("")
@shared(LIVE_S)
async def get_inventory(_: Viewer, parts: Parts) -> Inventory:
    """Return the shadow balances, the transfers on their way, and the advice."""
    acknowledged = await anyio.to_thread.run_sync(_acknowledged, parts)
    return now.inventory(parts.view, acknowledged, parts.clock.now_ns())


@router.get("/history")
@shared(RECORD_S)
async def get_history(
    _: Viewer,
    parts: Parts,
    query: Annotated[BalanceQuery, asked(BalanceQuery)],
    cursor: Cursor = None,
    limit: Limit = DEFAULT_LIMIT,
) -> BalancePointPage:
    """Return the balances minute by minute."""
    found = await page(parts.desk, query.listing(parts.view), cursor=cursor, limit=limit)
    return BalancePointPage(
        items=[balance_point(row) for row in found.rows],
        next_cursor=found.next_cursor,
        total=found.total,
        as_of=moment(parts.clock.now_ns()),
    )


@router.get("/runway")
async def get_runway(
    _: Viewer, parts: Parts, minutes: Annotated[int, Query(ge=5, le=10_080, description="window of the pace")] = 360
) -> Runways:
    """Return how long each balance lasts at its pace of the last minutes."""
    return await runways(parts.desk, parts.view, minutes=minutes, now_ns=parts.clock.now_ns())


@router.get("/pegs")
def get_pegs(_: Viewer, parts: Parts) -> Pegs:
    """Return how far each stable coin is from par, by its own book where one is recorded."""
    return pegs(parts.view, parts.markets.settings, parts.clock.now_ns())


@router.post("/advice/{advice_id}/ack")
async def acknowledge(
    advice_id: Annotated[str, Path(pattern=r"^[0-9a-f]{24}$")],
    request: Request,
    who: Operator,
    parts: Parts,
    body: Annotated[AdviceNote | None, Body()] = None,
) -> Acknowledgement:
    """Say that an advice was seen; it is shown to everybody with one's name. Nothing is moved."""
    holdings = parts.view.holdings
    if holdings is None or advice_id not in {now.advice_id(one) for one in holdings.recommended}:
        raise RequestRefused(404, "not_found", "there is no such advice now")
    note = None if body is None else body.note
    entry = act(request, who, "inventory.ack", target=advice_id, reason=note)
    kept = await anyio.to_thread.run_sync(_keep, parts, entry, advice_id, note)
    parts.answers.forget()
    return kept


def _keep(parts: Services, entry: Action, advice_id: str, note: str | None) -> Acknowledgement:
    at_ns = parts.clock.now_ns()
    try:
        with parts.database.writing() as connection:
            connection.execute(
                insert(ACKNOWLEDGEMENTS).values(advice_id=advice_id, actor=entry.actor, at_ns=at_ns, note=note)
            )
            append_in(connection, entry, at_ns)
    except StorageError as e:
        if isinstance(e.__cause__, IntegrityError):
            raise RequestRefused(409, "acknowledged", "somebody has acknowledged this already") from e
        raise
    return Acknowledgement(actor=entry.actor, at=moment(at_ns), note=note)


def _acknowledged(parts: Services) -> dict[str, Acknowledgement]:
    with parts.database.reading() as connection:
        rows = connection.execute(select(ACKNOWLEDGEMENTS).order_by(ACKNOWLEDGEMENTS.c.at_ns.desc()).limit(200)).all()
    return {row.advice_id: Acknowledgement(actor=row.actor, at=moment(row.at_ns), note=row.note) for row in rows}
