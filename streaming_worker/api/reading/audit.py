"""Pages of the audit log."""

import json
from dataclasses import dataclass
from typing import Annotated, Any

from sqlalchemy import Select, func, select

from streaming_worker.api.database import AUDIT, Database
from streaming_worker.api.reading.asking import asked
from streaming_worker.api.reading.episodes import Name
from streaming_worker.api.reading.paging import decoded, encoded
from streaming_worker.api.reading.ranges import Range, wanted_range
from streaming_worker.api.schemas.base import moment
from streaming_worker.api.schemas.people import AuditEntry, AuditPage
from streaming_worker.core.units import Nanos
from streaming_worker.errors import RequestRefused


@dataclass(frozen=True, slots=True)
class AuditQuery:
    """What entries are chosen by."""

    span: Annotated[Range, asked(wanted_range)]
    actor: Name = None
    action: Name = None
    outcome: Name = None

    def chosen(self, *columns: Any) -> Select[Any]:
        """Return the entries of the filter."""
        query = select(*columns).where(AUDIT.c.at_ns >= self.span.from_ns, AUDIT.c.at_ns < self.span.to_ns)
        for column, value in (
            (AUDIT.c.actor, self.actor),
            (AUDIT.c.action, self.action),
            (AUDIT.c.outcome, self.outcome),
        ):
            query = query if value is None else query.where(column == value)
        return query


def audit_page(database: Database, query: AuditQuery, *, cursor: str | None, limit: int, now_ns: Nanos) -> AuditPage:
    """Return one page, newest first. Blocks."""
    chosen = query.chosen(AUDIT).order_by(AUDIT.c.seq.desc()).limit(limit + 1)
    if cursor is not None:
        seq, _ = decoded(cursor, "seq")
        if not isinstance(seq, int) or abs(seq) > 2**62:
            raise RequestRefused(422, "bad_cursor", "the cursor is not one of ours")
        chosen = chosen.where(AUDIT.c.seq < seq)
    with database.reading() as connection:
        rows = [dict(row) for row in connection.execute(chosen).mappings()]
        total = connection.execute(query.chosen(func.count())).scalar_one()
    has_more = len(rows) > limit
    rows = rows[:limit]
    return AuditPage(
        items=[entry(row) for row in rows],
        next_cursor=encoded("seq", rows[-1]["seq"], "") if has_more else None,
        total=total,
        as_of=moment(now_ns),
    )


def entry(row: dict[str, Any]) -> AuditEntry:
    """Return one entry."""
    return AuditEntry(
        seq=row["seq"],
        at=moment(row["at_ns"]),
        actor=row["actor"],
        actor_kind=row["actor_kind"],
        ip=row["ip"],
        action=row["action"],
        target=row["target"],
        outcome=row["outcome"],
        before=None if row["before"] is None else json.loads(row["before"]),
        after=None if row["after"] is None else json.loads(row["after"]),
        reason=row["reason"],
        request_id=row["request_id"],
        previous_hash=row["previous_hash"],
        hash=row["hash"],
    )
