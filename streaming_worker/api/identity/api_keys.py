"""API keys for programs: shown once, kept as a hash, scoped, and over on their day."""

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Row, insert, select, update

from streaming_worker.adapters.clock import Clock
from streaming_worker.api.database import API_KEYS, USERS, Database
from streaming_worker.api.identity.roles import Role, Scope
from streaming_worker.core.units import NANOS_PER_DAY, NANOS_PER_SECOND

PREFIX: Final = "arb_k_"
_NOTE_EVERY_NS: Final = 60 * NANOS_PER_SECOND


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRecord:
    """One key with its owner. Units: ns UTC."""

    key_id: str
    name: str
    user_id: str
    username: str
    role: Role
    scopes: frozenset[Scope]
    created_ns: int
    expires_ns: int
    last_used_ns: int | None
    revoked_ns: int | None


class ApiKeys:
    """The keys of one database. Blocks: call it in a thread."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def create(self, user_id: str, name: str, scopes: frozenset[Scope], days: int) -> tuple[KeyRecord, str]:
        """Make a key and return it with the value, which is nowhere kept."""
        key_id, value = secrets.token_hex(6), secrets.token_urlsafe(32)
        now_ns = self._clock.now_ns()
        with self._database.writing() as connection:
            connection.execute(
                insert(API_KEYS).values(
                    key_id=key_id,
                    key_hash=_hash(value),
                    user_id=user_id,
                    name=name,
                    scopes=" ".join(sorted(scope.value for scope in scopes)),
                    created_ns=now_ns,
                    expires_ns=now_ns + days * NANOS_PER_DAY,
                )
            )
            row = connection.execute(_WITH_OWNER.where(API_KEYS.c.key_id == key_id)).one()
        return _record(row), f"{PREFIX}{key_id}_{value}"

    def check(self, text: str) -> KeyRecord | None:
        """Return the key that a text is, None where it is none that holds."""
        key_id, _, value = text.removeprefix(PREFIX).partition("_")
        with self._database.reading() as connection:
            row = connection.execute(_WITH_OWNER.where(API_KEYS.c.key_id == key_id)).first()
        kept = "" if row is None else row.key_hash
        if not hmac.compare_digest(kept, _hash(value)) or row is None:
            return None
        record = _record(row)
        if record.revoked_ns is not None or record.expires_ns <= self._clock.now_ns() or row.is_disabled:
            return None
        self._note(record)
        return record

    def get(self, key_id: str) -> KeyRecord | None:
        """Return one key, whether it holds or not."""
        with self._database.reading() as connection:
            row = connection.execute(_WITH_OWNER.where(API_KEYS.c.key_id == key_id)).first()
        return None if row is None else _record(row)

    def of_user(self, user_id: str | None) -> list[KeyRecord]:
        """Return the keys of one user or of all, newest first."""
        query = _WITH_OWNER.order_by(API_KEYS.c.created_ns.desc(), API_KEYS.c.key_id)
        if user_id is not None:
            query = query.where(API_KEYS.c.user_id == user_id)
        with self._database.reading() as connection:
            return [_record(row) for row in connection.execute(query)]

    def revoke(self, key_id: str) -> None:
        """End a key."""
        self._set(key_id, revoked_ns=self._clock.now_ns())

    def _note(self, record: KeyRecord) -> None:
        """Write down when it was used, once a minute at most."""
        now_ns = self._clock.now_ns()
        if record.last_used_ns is None or now_ns - record.last_used_ns > _NOTE_EVERY_NS:
            self._set(record.key_id, last_used_ns=now_ns)

    def _set(self, key_id: str, **values: int) -> None:
        with self._database.writing() as connection:
            connection.execute(update(API_KEYS).where(API_KEYS.c.key_id == key_id).values(**values))


_WITH_OWNER: Final = select(API_KEYS, USERS.c.username, USERS.c.role, USERS.c.is_disabled).join(
    USERS, USERS.c.user_id == API_KEYS.c.user_id
)


def _hash(value: str) -> str:
    """A key has 256 random bits: one round is enough."""
    return hashlib.sha256(value.encode(errors="replace")).hexdigest()


def _record(row: Row[tuple[object, ...]]) -> KeyRecord:
    return KeyRecord(
        key_id=row.key_id,
        name=row.name,
        user_id=row.user_id,
        username=row.username,
        role=Role(row.role),
        scopes=frozenset(Scope(scope) for scope in row.scopes.split()),
        created_ns=row.created_ns,
        expires_ns=row.expires_ns,
        last_used_ns=row.last_used_ns,
        revoked_ns=row.revoked_ns,
    )
