"""The audit log: who did what, before, after and why; each entry's hash covers the one before it.

Changing, removing or inserting an entry breaks the chain from there on. Entries cut off at the end cannot be seen in
the chain alone: the newest hash is also in the log of the process, and ``verify`` compares with one that is given.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

import structlog
from sqlalchemy import Connection, desc, func, insert, select
from sqlalchemy.exc import IntegrityError

from streaming_worker.adapters.clock import Clock
from streaming_worker.api.database import AUDIT, Database
from streaming_worker.errors import StorageError

_LOG: Final = structlog.get_logger("audit")
GENESIS: Final = "0" * 64
_TRIES: Final = 5
_BATCH: Final = 1_000
Content = Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """What is to be written down. ``before`` and ``after`` never hold a secret."""

    actor: str
    actor_kind: str
    action: str
    ip: str | None = None
    target: str | None = None
    outcome: str = "done"
    before: Content | None = None
    after: Content | None = None
    reason: str | None = None
    request_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Whether the chain holds; ``broken_at`` is the first entry that does not fit."""

    is_whole: bool
    entries: int
    head_seq: int
    head_hash: str
    broken_at: int | None = None
    problem: str | None = None


class AuditLog:
    """Appends to the chain and checks it."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def append(self, action: Action) -> int:
        """Write one entry and return its number. Another process may append meanwhile. Raises StorageError."""
        for _ in range(_TRIES):
            try:
                with self._database.writing() as connection:
                    return append_in(connection, action, self._clock.now_ns())
            except StorageError as e:
                if not isinstance(e.__cause__, IntegrityError):
                    raise
        raise StorageError("the audit log is written by too many at once")

    def verify(self, *, expected_head: str | None = None) -> Verdict:
        """Read the whole chain. ``expected_head`` is a hash that must be in it."""
        previous, seq, seen = GENESIS, 0, expected_head is None
        while rows := self._after(seq):
            for row in rows:
                problem = _problem(row, seq + 1, previous)
                if problem is not None:
                    return _broken(seq, previous, row["seq"], problem)
                previous, seq = row["hash"], row["seq"]
                seen = seen or previous == expected_head
        if not seen:
            return _broken(seq, previous, seq, "the expected head is not in the chain: its end was cut off")
        return Verdict(is_whole=True, entries=seq, head_seq=seq, head_hash=previous)

    def _after(self, seq: int) -> list[dict[str, Any]]:
        query = select(AUDIT).where(AUDIT.c.seq > seq).order_by(AUDIT.c.seq).limit(_BATCH)
        with self._database.reading() as connection:
            return [dict(row) for row in connection.execute(query).mappings()]


def append_in(connection: Connection, action: Action, at_ns: int) -> int:
    """Write one entry in a transaction that is open, so that it stands or falls with what it tells of."""
    head = connection.execute(select(AUDIT.c.seq, AUDIT.c.hash).order_by(desc(AUDIT.c.seq)).limit(1)).first()
    seq, previous = (1, GENESIS) if head is None else (head.seq + 1, head.hash)
    row = {
        **asdict(action),
        "before": _text(action.before),
        "after": _text(action.after),
        "seq": seq,
        "at_ns": at_ns,
        "previous_hash": previous,
    }
    row["hash"] = entry_hash(row)
    connection.execute(insert(AUDIT).values(**row))
    _LOG.info("audit", seq=seq, action=action.action, actor=action.actor, outcome=action.outcome, hash=row["hash"])
    return seq


def entry_hash(row: Mapping[str, object]) -> str:
    """Return the hash of an entry's content and of the hash before it."""
    content = {name: row[name] for name in sorted(AUDIT.c.keys()) if name != "hash"}
    return hashlib.sha256(json.dumps(content, separators=(",", ":"), sort_keys=True).encode()).hexdigest()


def count(connection: Connection) -> int:
    """Return how many entries there are."""
    return int(connection.execute(select(func.count()).select_from(AUDIT)).scalar_one())


def _text(content: Content | None) -> str | None:
    return None if content is None else json.dumps(content, separators=(",", ":"), sort_keys=True, default=str)


def _problem(row: Mapping[str, Any], expected_seq: int, previous: str) -> str | None:
    if row["seq"] != expected_seq:
        return f"entry {expected_seq} is missing"
    if row["previous_hash"] != previous:
        return "it does not follow the entry before it"
    if row["hash"] != entry_hash(row):
        return "its content was changed"
    return None


def _broken(seq: int, head: str, at: int, problem: str) -> Verdict:
    return Verdict(is_whole=False, entries=seq, head_seq=seq, head_hash=head, broken_at=at, problem=problem)
