"""One's own settings, the fee schedule, and the ways to the operators."""

from typing import Annotated

import anyio.to_thread
from fastapi import APIRouter, Path, Request
from sqlalchemy import delete, insert, select

from streaming_worker.api import fee_desk
from streaming_worker.api.channels import channel_test, channels
from streaming_worker.api.database import PREFERENCES
from streaming_worker.api.edge import API
from streaming_worker.api.schemas.fees import FeeSchedule, NewFee, WhichFee
from streaming_worker.api.schemas.people import AlertChannels, ChannelTest, Preferences
from streaming_worker.api.security import Admin, Viewer
from streaming_worker.api.services import Parts, act

router = APIRouter(prefix=f"{API}/settings", tags=["settings"])


@router.get("")
def get_settings(who: Viewer, parts: Parts) -> Preferences:
    """Return one's own settings of the console."""
    with parts.database.reading() as connection:
        row = connection.execute(select(PREFERENCES).where(PREFERENCES.c.user_id == who.user_id)).first()
    return Preferences(columns={}, ranges=[]) if row is None else Preferences.model_validate_json(row.content)


@router.put("")
def put_settings(who: Viewer, parts: Parts, body: Preferences) -> Preferences:
    """Keep one's own settings."""
    with parts.database.writing() as connection:
        connection.execute(delete(PREFERENCES).where(PREFERENCES.c.user_id == who.user_id))
        connection.execute(insert(PREFERENCES).values(user_id=who.user_id, content=body.model_dump_json()))
    return body


@router.get("/fees")
def get_fees(_: Viewer, parts: Parts) -> FeeSchedule:
    """Return the fees that are reckoned with, and from when until when each line holds."""
    return fee_desk.schedule(parts)


@router.post("/fees")
async def add_fee(request: Request, who: Admin, parts: Parts, body: NewFee) -> FeeSchedule:
    """Add a line to the fee schedule, or replace an added one; the worker takes it over at its next start."""
    entry = act(request, who, "fees.add", target=body.venue, reason=body.reason, after=_named(body))
    await anyio.to_thread.run_sync(fee_desk.add, parts, body, who.username, entry)
    return await anyio.to_thread.run_sync(fee_desk.schedule, parts)


@router.post("/fees/remove")
async def remove_fee(request: Request, who: Admin, parts: Parts, body: WhichFee) -> FeeSchedule:
    """Take an added line out of the fee schedule; configured ones stay."""
    entry = act(request, who, "fees.remove", target=body.venue, reason=body.reason, before=_named(body))
    await anyio.to_thread.run_sync(fee_desk.remove, parts, body, entry)
    return await anyio.to_thread.run_sync(fee_desk.schedule, parts)


def _named(body: WhichFee) -> dict[str, object]:
    return body.model_dump(exclude={"reason"})


@router.get("/alert-channels")
async def get_channels(_: Viewer, parts: Parts) -> AlertChannels:
    """Return the ways to the operators; addresses are not shown."""
    return AlertChannels(items=channels(parts.config))


@router.post("/alert-channels/{name}/test")
async def test_channel(
    name: Annotated[str, Path(pattern=r"^[a-z0-9_-]{1,40}$")], request: Request, who: Admin, parts: Parts
) -> ChannelTest:
    """Send a test message over one way."""
    result = await anyio.to_thread.run_sync(channel_test, parts.config, name, who.username)
    entry = act(request, who, "channel.test", target=name, outcome="done" if result.is_delivered else "failed")
    await anyio.to_thread.run_sync(parts.audit.append, entry)
    return result
