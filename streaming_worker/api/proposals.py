"""Looser limits wait for a second person: who asked, for what, and what another said. Nothing here reaches the worker.

A proposal is decided once; whoever asked cannot decide it. One that nobody decided within an hour is over.
"""

import json
import secrets
from typing import Any, Final

from sqlalchemy import insert, select, update

from streaming_worker.api.audit import Action, append_in
from streaming_worker.api.database import LIMIT_PROPOSALS, Database
from streaming_worker.api.identity.principal import Principal
from streaming_worker.api.schemas.base import maybe_moment, moment
from streaming_worker.api.schemas.risk import ChangeLimits, LimitProposal
from streaming_worker.core.units import NANOS_PER_HOUR, Nanos
from streaming_worker.errors import RequestRefused

VALID_NS: Final = NANOS_PER_HOUR
_SHOWN: Final = 50
_TABLE: Final = LIMIT_PROPOSALS


def ask(database: Database, who: Principal, wanted: ChangeLimits, entry: Action, at_ns: Nanos) -> LimitProposal:
    """Keep a proposal with its line in the audit log."""
    row = {
        "proposal_id": secrets.token_hex(8),
        "asked_ns": at_ns,
        "user_id": who.user_id,
        "actor": who.actor[:64],
        "reason": wanted.reason,
        "limits": json.dumps(wanted.limits, sort_keys=True),
        "minutes": wanted.minutes,
        "status": "waiting",
        "decided_ns": None,
        "decided_by": None,
    }
    with database.writing() as connection:
        connection.execute(insert(_TABLE).values(**row))
        append_in(connection, entry, at_ns)
    return _shown(row, at_ns)


def newest(database: Database, at_ns: Nanos) -> list[LimitProposal]:
    """Return the newest proposals."""
    with database.reading() as connection:
        rows = connection.execute(select(_TABLE).order_by(_TABLE.c.asked_ns.desc()).limit(_SHOWN)).mappings()
        return [_shown(dict(row), at_ns) for row in rows]


def decide(
    database: Database, proposal_id: str, who: Principal, entry: Action, at_ns: Nanos, *, status: str
) -> LimitProposal:
    """Approve or reject a waiting proposal, once. Raises RequestRefused."""
    with database.writing() as connection:
        found = connection.execute(select(_TABLE).where(_TABLE.c.proposal_id == proposal_id)).mappings().first()
        if found is None:
            raise RequestRefused(404, "not_found", "there is no such proposal")
        before = _shown(dict(found), at_ns)
        if before.status != "waiting":
            raise RequestRefused(409, "decided", f"this proposal is {before.status}")
        if status == "approved" and found["user_id"] == who.user_id:
            raise RequestRefused(403, "second_person", "somebody else has to agree to what you asked for")
        decided = {"status": status, "decided_ns": at_ns, "decided_by": who.actor[:64]}
        connection.execute(update(_TABLE).where(_TABLE.c.proposal_id == proposal_id).values(**decided))
        append_in(connection, entry, at_ns)
    return _shown({**found, **decided}, at_ns)


def reopen(database: Database, proposal_id: str) -> None:
    """Let an approved proposal wait again: its command did not arrive."""
    waiting = {"status": "waiting", "decided_ns": None, "decided_by": None}
    with database.writing() as connection:
        connection.execute(update(_TABLE).where(_TABLE.c.proposal_id == proposal_id).values(**waiting))


def _shown(row: dict[str, Any], at_ns: Nanos) -> LimitProposal:
    is_over = row["status"] == "waiting" and at_ns >= row["asked_ns"] + VALID_NS
    return LimitProposal(
        proposal_id=row["proposal_id"],
        asked_at=moment(row["asked_ns"]),
        actor=row["actor"],
        reason=row["reason"],
        limits=json.loads(row["limits"]),
        minutes=row["minutes"],
        status="expired" if is_over else row["status"],
        expires_at=moment(row["asked_ns"] + VALID_NS),
        decided_at=maybe_moment(row["decided_ns"]),
        decided_by=row["decided_by"],
    )
