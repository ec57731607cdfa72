"""One's own settings, the fee schedule, and the ways to the operators."""

from typing import Annotated

import anyio.to_thread
from fastapi import APIRouter, Path, Request
from sqlalchemy import delete, insert, select

from streaming_worker.api.channels import channel_test, channels
from streaming_worker.api.database import PREFERENCES
from streaming_worker.api.edge import API
from streaming_worker.api.schemas.base import maybe_moment, moment, percent
from streaming_worker.api.schemas.people import AlertChannels, ChannelTest, FeeLine, FeeSchedule, Preferences
from streaming_worker.api.security import Admin, Viewer
from streaming_worker.api.services import Parts, act
from streaming_worker.core.fees import TakerFee

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
async def get_fees(_: Viewer, parts: Parts) -> FeeSchedule:
    """Return the fees that the engine reckons with, and from when until when each line holds."""
    settings = parts.markets.settings
    now_ns = parts.clock.now_ns()
    lines = sorted(settings.taker_fees, key=lambda one: (one.venue.value, one.symbol or "", one.valid_from_ns))
    return FeeSchedule(
        taker_fees=[_fee(one, lines, now_ns) for one in lines],
        network_lamports=settings.network_cost.lamports,
        network_source=settings.network_cost.source,
    )


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


def _fee(one: TakerFee, lines: list[TakerFee], now_ns: int) -> FeeLine:
    later = [
        line.valid_from_ns
        for line in lines
        if (line.venue, line.symbol) == (one.venue, one.symbol) and line.valid_from_ns > one.valid_from_ns
    ]
    until_ns = min(later, default=None)
    return FeeLine(
        venue=one.venue.value,
        symbol=one.symbol,
        taker_percent=percent(one.millionths),
        valid_from_at=moment(one.valid_from_ns),
        valid_to_at=maybe_moment(until_ns),
        is_in_force=one.valid_from_ns <= now_ns and (until_ns is None or now_ns < until_ns),
        source=one.source,
    )
