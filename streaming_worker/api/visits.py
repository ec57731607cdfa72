"""When somebody was here before: kept for each user, so that the console can say what changed since."""

from typing import Final

from sqlalchemy import insert, select, update

from streaming_worker.api.database import VISITS, Database
from streaming_worker.core.units import NANOS_PER_SECOND, Nanos

SILENCE_NS: Final = 30 * 60 * NANOS_PER_SECOND
"""Half an hour without a word ends a visit."""


def note_visit(database: Database, user_id: str, now_ns: Nanos) -> Nanos | None:
    """Note that a user is here, and return when the visit before ended; None where this is the first."""
    this = VISITS.c.user_id == user_id
    with database.writing() as connection:
        known = connection.execute(select(VISITS).where(this)).first()
        if known is None:
            connection.execute(insert(VISITS).values(user_id=user_id, seen_ns=now_ns, left_ns=None))
            return None
        left_ns: Nanos | None = known.seen_ns if now_ns - known.seen_ns > SILENCE_NS else known.left_ns
        connection.execute(update(VISITS).where(this).values(seen_ns=max(now_ns, known.seen_ns), left_ns=left_ns))
        return left_ns
