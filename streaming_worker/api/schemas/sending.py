"""Reports sent by hand, and when they are sent by themselves; visits and what changed since the last one."""

from typing import Annotated, Literal

from pydantic import Field

from streaming_worker.api.schemas.base import Day, Exact, Moment, Shape


class SendReport(Shape):
    """Which UTC days, both included. The same ``send_id`` again is the same order, and sends nothing anew."""

    send_id: Annotated[str, Field(pattern=r"^[A-Za-z0-9._:-]{8,64}$", examples=["console-5f0c2d1a"])]
    first: Day
    last: Day


class ReportSend(Shape):
    """One order to send a report, and what came of it."""

    send_id: str
    first: Day
    last: Day
    actor: str
    at: Moment
    status: Literal["running", "done", "failed", "lost"]
    detail: str | None


class ReportSchedule(Shape):
    """When reports are sent by themselves, and what was sent by hand, newest first.

    ``next_at`` is the next report of the UTC day before, ``next_week_at`` that of the last whole week.
    """

    time: str | None
    timezone: str | None
    next_at: Moment | None
    next_week_at: Moment | None
    recipients: int
    may_send: bool
    sends: list[ReportSend]


class Visit(Shape):
    """When one was here before; null at the first visit. A visit ends with half an hour of silence."""

    left_at: Moment | None
    as_of: Moment


class Changes(Shape):
    """What happened since a moment."""

    from_at: Moment
    opportunities: int
    real: int
    trades: int
    realised_net_usd: Exact
    gaps: int
    risk_changes: int
    limit_changes: int
    halts: int
    alerts: int
    as_of: Moment
