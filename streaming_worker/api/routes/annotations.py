"""Tags and notes of simulated trades: read by everybody, written by operators."""

import functools
from typing import Annotated

import anyio.to_thread
from fastapi import APIRouter, Path, Request

from streaming_worker.api.edge import API
from streaming_worker.api.reading.details import require_trade
from streaming_worker.api.schemas.annotations import Annotations, NewNote, NewTag, TagCounts
from streaming_worker.api.security import Operator, Viewer
from streaming_worker.api.services import Parts, act

router = APIRouter(prefix=f"{API}/trades", tags=["trading"])
TradeId = Annotated[str, Path(min_length=1, max_length=120, pattern=r"^[A-Za-z0-9_.:-]+$")]
GivenTag = Annotated[str, Path(min_length=1, max_length=40, pattern=r"^[a-z0-9][a-z0-9_-]*$")]
NoteId = Annotated[str, Path(pattern=r"^[0-9a-f]{4,32}$")]


@router.get("/tags")
def get_tags(_: Viewer, parts: Parts) -> TagCounts:
    """Return every tag with how many trades have it."""
    return TagCounts(items=parts.annotations.tags())


@router.get("/{trade_id}/annotations")
def get_annotations(trade_id: TradeId, who: Viewer, parts: Parts) -> Annotations:
    """Return the tags and notes of one trade; none for one that nobody spoke of."""
    return parts.annotations.of(trade_id, who)


@router.post("/{trade_id}/tags")
async def add_tag(trade_id: TradeId, request: Request, who: Operator, parts: Parts, body: NewTag) -> Annotations:
    """Put a tag on a trade."""
    await require_trade(parts.desk, parts.view, trade_id, parts.clock.now_ns())
    entry = act(request, who, "trade.tag", target=trade_id, after={"tag": body.tag})
    add = functools.partial(parts.annotations.add_tag, trade_id, body.tag, who, entry, parts.clock.now_ns())
    return await anyio.to_thread.run_sync(add)


@router.delete("/{trade_id}/tags/{tag}")
def remove_tag(trade_id: TradeId, tag: GivenTag, request: Request, who: Operator, parts: Parts) -> Annotations:
    """Take a tag off a trade."""
    entry = act(request, who, "trade.untag", target=trade_id, before={"tag": tag})
    return parts.annotations.remove_tag(trade_id, tag, who, entry, parts.clock.now_ns())


@router.post("/{trade_id}/notes")
async def add_note(trade_id: TradeId, request: Request, who: Operator, parts: Parts, body: NewNote) -> Annotations:
    """Write a note to a trade."""
    await require_trade(parts.desk, parts.view, trade_id, parts.clock.now_ns())
    entry = act(request, who, "trade.note", target=trade_id, after={"text": body.text})
    add = functools.partial(parts.annotations.add_note, trade_id, body.text, who, entry, parts.clock.now_ns())
    return await anyio.to_thread.run_sync(add)


@router.delete("/{trade_id}/notes/{note_id}")
def remove_note(trade_id: TradeId, note_id: NoteId, request: Request, who: Operator, parts: Parts) -> Annotations:
    """Take one's own note away, or as an admin anybody's; the audit log keeps that it was there."""
    entry = act(request, who, "trade.unnote", target=trade_id, before={"note_id": note_id})
    return parts.annotations.remove_note(trade_id, note_id, who, entry, parts.clock.now_ns())
