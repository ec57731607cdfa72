"""The audit log and whether its chain holds."""

from typing import Annotated

from fastapi import APIRouter, Query

from streaming_worker.api.edge import API
from streaming_worker.api.reading.asking import asked
from streaming_worker.api.reading.audit import AuditQuery, audit_page
from streaming_worker.api.reading.paging import DEFAULT_LIMIT, Cursor, Limit
from streaming_worker.api.schemas.people import AuditPage, AuditVerdict
from streaming_worker.api.security import Admin
from streaming_worker.api.services import Parts

router = APIRouter(prefix=f"{API}/audit", tags=["audit"])


@router.get("")
def get_audit(
    _: Admin,
    parts: Parts,
    query: Annotated[AuditQuery, asked(AuditQuery)],
    cursor: Cursor = None,
    limit: Limit = DEFAULT_LIMIT,
) -> AuditPage:
    """Return who did what, newest first."""
    return audit_page(parts.database, query, cursor=cursor, limit=limit, now_ns=parts.clock.now_ns())


@router.get("/verify")
def verify(
    _: Admin, parts: Parts, head: Annotated[str | None, Query(pattern=r"^[0-9a-f]{64}$", description="a hash")] = None
) -> AuditVerdict:
    """Check the whole chain; ``head`` is a hash from the log that must be in it."""
    verdict = parts.audit.verify(expected_head=head)
    return AuditVerdict(
        is_whole=verdict.is_whole,
        entries=verdict.entries,
        head_seq=verdict.head_seq,
        head_hash=verdict.head_hash,
        broken_at=verdict.broken_at,
        problem=verdict.problem,
    )
