"""Logins and their refresh tokens: each token is good once, and one that comes a second time ends its login."""

import hashlib
import secrets
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

from sqlalchemy import Connection, Row, delete, insert, select, update

from streaming_worker.adapters.clock import Clock
from streaming_worker.api.database import REFRESH_TOKENS, SESSIONS, USERS, Database
from streaming_worker.api.identity.roles import Role
from streaming_worker.core.units import NANOS_PER_SECOND

IDLE_NS: Final = 12 * 3600 * NANOS_PER_SECOND
LONGEST_NS: Final = 7 * 24 * 3600 * NANOS_PER_SECOND
# Two tabs of one browser may send the same cookie within a moment; the later one gets nothing, but is not thrown out.
SUPERSEDED_NS: Final = 10 * NANOS_PER_SECOND
_KEPT_NS: Final = 30 * 24 * 3600 * NANOS_PER_SECOND


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionRecord:
    """One login with its user. Units: ns UTC."""

    session_id: str
    user_id: str
    username: str
    role: Role
    created_ns: int
    last_seen_ns: int
    expires_ns: int
    ip: str
    user_agent: str


class Refusal(Enum):
    """Why a refresh token gives nothing."""

    UNKNOWN = auto()
    SUPERSEDED = auto()
    REUSED = auto()


@dataclass(frozen=True, slots=True)
class Refreshed:
    """What a refresh came to: the session with its next token, or why not."""

    session: SessionRecord | None
    token: str | None
    refusal: Refusal | None = None


class Sessions:
    """The logins of one database. Blocks: call it in a thread."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def open(self, user_id: str, *, ip: str, user_agent: str) -> tuple[SessionRecord, str]:
        """Begin a login and return it with its first refresh token."""
        now_ns = self._clock.now_ns()
        session_id = secrets.token_hex(12)
        with self._database.writing() as connection:
            connection.execute(delete(SESSIONS).where(SESSIONS.c.expires_ns < now_ns - _KEPT_NS))
            connection.execute(
                insert(SESSIONS).values(
                    session_id=session_id,
                    user_id=user_id,
                    created_ns=now_ns,
                    last_seen_ns=now_ns,
                    expires_ns=now_ns + IDLE_NS,
                    ip=ip[:64],
                    user_agent=user_agent[:200],
                )
            )
            token = self._issue(connection, session_id, now_ns)
            session = self._find(connection, session_id)
        assert session is not None
        return session, token

    def get(self, session_id: str) -> SessionRecord | None:
        """Return a login that holds: not over, not revoked, its user not disabled."""
        with self._database.reading() as connection:
            return self._find(connection, session_id)

    def of_user(self, user_id: str | None) -> list[SessionRecord]:
        """Return the logins that hold, of one user or of all, newest first."""
        query = _HOLDING.where(SESSIONS.c.expires_ns > self._clock.now_ns()).order_by(SESSIONS.c.created_ns.desc())
        if user_id is not None:
            query = query.where(SESSIONS.c.user_id == user_id)
        with self._database.reading() as connection:
            return [_record(row) for row in connection.execute(query)]

    def refresh(self, token: str) -> Refreshed:
        """Take a refresh token for the next one; one that was used before ends the login."""
        now_ns = self._clock.now_ns()
        with self._database.writing() as connection:
            row = connection.execute(select(REFRESH_TOKENS).where(REFRESH_TOKENS.c.token_hash == _hash(token))).first()
            session = None if row is None else self._find(connection, row.session_id)
            if row is None or session is None or row.expires_ns <= now_ns:
                return Refreshed(None, None, Refusal.UNKNOWN)
            if row.used_ns is not None:
                return self._used(connection, session, row.used_ns, now_ns)
            used = update(REFRESH_TOKENS).where(
                REFRESH_TOKENS.c.token_hash == row.token_hash, REFRESH_TOKENS.c.used_ns.is_(None)
            )
            connection.execute(used.values(used_ns=now_ns))
            expires_ns = min(now_ns + IDLE_NS, session.created_ns + LONGEST_NS)
            connection.execute(
                update(SESSIONS)
                .where(SESSIONS.c.session_id == session.session_id)
                .values(last_seen_ns=now_ns, expires_ns=expires_ns)
            )
            return Refreshed(session, self._issue(connection, session.session_id, now_ns))

    def revoke(self, session_id: str, why: str) -> bool:
        """End a login; whether there was one that held."""
        with self._database.writing() as connection:
            return self._revoke(connection, SESSIONS.c.session_id == session_id, why) > 0

    def revoke_user(self, user_id: str, why: str, *, but: str | None = None) -> int:
        """End every login of a user but one, and return how many that were."""
        with self._database.writing() as connection:
            return self._revoke(
                connection, (SESSIONS.c.user_id == user_id) & (SESSIONS.c.session_id != (but or "")), why
            )

    def _used(self, connection: Connection, session: SessionRecord, used_ns: int, now_ns: int) -> Refreshed:
        if now_ns - used_ns < SUPERSEDED_NS:
            return Refreshed(session, None, Refusal.SUPERSEDED)
        self._revoke(connection, SESSIONS.c.session_id == session.session_id, "a refresh token was used twice")
        return Refreshed(session, None, Refusal.REUSED)

    def _revoke(self, connection: Connection, which: object, why: str) -> int:
        query = update(SESSIONS).where(which, SESSIONS.c.revoked_ns.is_(None))  # type: ignore[arg-type]  # a clause
        return int(connection.execute(query.values(revoked_ns=self._clock.now_ns(), revoked_why=why)).rowcount)

    def _issue(self, connection: Connection, session_id: str, now_ns: int) -> str:
        token = f"arb_r_{secrets.token_urlsafe(32)}"
        connection.execute(
            insert(REFRESH_TOKENS).values(
                token_hash=_hash(token), session_id=session_id, issued_ns=now_ns, expires_ns=now_ns + IDLE_NS
            )
        )
        return token

    def _find(self, connection: Connection, session_id: str) -> SessionRecord | None:
        query = _HOLDING.where(SESSIONS.c.session_id == session_id, SESSIONS.c.expires_ns > self._clock.now_ns())
        row = connection.execute(query).first()
        return None if row is None else _record(row)


_HOLDING: Final = (
    select(SESSIONS, USERS.c.username, USERS.c.role)
    .join(USERS, USERS.c.user_id == SESSIONS.c.user_id)
    .where(SESSIONS.c.revoked_ns.is_(None), USERS.c.is_disabled.is_(False))
)


def _hash(token: str) -> str:
    """A token has 256 random bits: one round is enough."""
    return hashlib.sha256(token.encode(errors="replace")).hexdigest()


def _record(row: Row[tuple[object, ...]]) -> SessionRecord:
    return SessionRecord(
        session_id=row.session_id,
        user_id=row.user_id,
        username=row.username,
        role=Role(row.role),
        created_ns=row.created_ns,
        last_seen_ns=row.last_seen_ns,
        expires_ns=row.expires_ns,
        ip=row.ip,
        user_agent=row.user_agent,
    )
