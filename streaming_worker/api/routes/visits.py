"""What changed since one was here."""

from typing import Annotated

from fastapi import APIRouter, Query

from streaming_worker.api.edge import API
from streaming_worker.api.reading.changes import changes
from streaming_worker.api.reading.ranges import parsed
from streaming_worker.api.schemas.base import maybe_moment, moment
from streaming_worker.api.schemas.sending import Changes, Visit
from streaming_worker.api.security import Viewer
from streaming_worker.api.services import Parts
from streaming_worker.api.visits import note_visit
from streaming_worker.core.units import NANOS_PER_DAY
from streaming_worker.errors import RequestRefused

router = APIRouter(prefix=API, tags=["status"])
LONGEST_NS = 31 * NANOS_PER_DAY


@router.post("/visit")
def visit(who: Viewer, parts: Parts) -> Visit:
    """Note that one is here, and return when one was here before."""
    now_ns = parts.clock.now_ns()
    left_ns = note_visit(parts.database, who.user_id, now_ns)
    return Visit(left_at=maybe_moment(left_ns), as_of=moment(now_ns))


@router.get("/changes")
async def get_changes(
    _: Viewer,
    parts: Parts,
    from_: Annotated[str, Query(alias="from", max_length=40, examples=["2026-01-31T12:00:00Z"])],
) -> Changes:
    """Return what happened since a moment, of the last 31 days at most."""
    now_ns = parts.clock.now_ns()
    from_ns = parsed(from_, "from")
    if from_ns > now_ns:
        raise RequestRefused(422, "bad_range", "from lies ahead")
    from_ns = max(from_ns, now_ns - LONGEST_NS)
    return await changes(parts.desk, parts.view, parts.markets, parts.alert_history, from_ns=from_ns, now_ns=now_ns)
