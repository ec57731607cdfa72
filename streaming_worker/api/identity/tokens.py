"""Access tokens: short-lived JWTs, signed with a key of our own ring, checked with one algorithm and our own clock."""

import base64
import hashlib
import hmac
import secrets
import threading
from dataclasses import dataclass
from typing import Any, Final

import jwt
from sqlalchemy import delete, insert, select, update

from streaming_worker.adapters.clock import Clock
from streaming_worker.api.database import SIGNING_KEYS, Database
from streaming_worker.core.units import NANOS_PER_SECOND

ACCESS_S: Final = 15 * 60
ALGORITHM: Final = "HS256"
ISSUER: Final = "arb-platform"
AUDIENCE: Final = "arb-api"
_CLAIMS: Final = ["iss", "aud", "sub", "sid", "iat", "exp", "jti"]
_RELOAD_NS: Final = 5 * NANOS_PER_SECOND
ROTATE_AFTER_NS: Final = 30 * 24 * 3600 * NANOS_PER_SECOND


@dataclass(frozen=True, slots=True)
class Access:
    """What a checked token says."""

    user_id: str
    session_id: str
    expires_ns: int


class TokenSigner:
    """Signs and checks. A retired key still checks what it signed, for as long as that may hold."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._keys: dict[str, str] = {}
        self._newest: tuple[str, int] | None = None
        self._loaded_ns: int | None = None
        self._lock = threading.Lock()

    def sign(self, user_id: str, session_id: str) -> tuple[str, int]:
        """Return a token and when it ends, ns UTC."""
        self._load()
        if self._newest is None or self._clock.now_ns() - self._newest[1] > ROTATE_AFTER_NS:
            self.rotate()
        assert self._newest is not None
        kid = self._newest[0]
        issued = self._clock.now_ns() // NANOS_PER_SECOND
        claims = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": user_id,
            "sid": session_id,
            "iat": issued,
            "exp": issued + ACCESS_S,
            "jti": secrets.token_hex(8),
        }
        token = jwt.encode(claims, self._keys[kid], algorithm=ALGORITHM, headers={"kid": kid})
        return token, (issued + ACCESS_S) * NANOS_PER_SECOND

    def check(self, token: str) -> Access | None:
        """Return what a token says, None where it is not ours, was changed, or is over."""
        try:
            kid = jwt.get_unverified_header(token).get("kid")
            value = self._value_of(kid)
            if value is None:
                return None
            claims = jwt.decode(
                token,
                value,
                algorithms=[ALGORITHM],
                audience=AUDIENCE,
                issuer=ISSUER,
                # Time is our clock's; the library would read its own.
                options={"require": _CLAIMS, "verify_exp": False, "verify_iat": False, "verify_nbf": False},
            )
        except (jwt.PyJWTError, ValueError):
            return None
        return self._access(claims)

    def _access(self, claims: dict[str, Any]) -> Access | None:
        expires, issued = claims["exp"], claims["iat"]
        now = self._clock.now_ns() // NANOS_PER_SECOND
        if not isinstance(expires, int) or not isinstance(issued, int) or not issued - 5 <= now < expires:
            return None
        return Access(str(claims["sub"]), str(claims["sid"]), expires * NANOS_PER_SECOND)

    def rotate(self) -> str:
        """Make a new key, retire the others, forget those that nothing alive can be signed with; return its name."""
        now_ns = self._clock.now_ns()
        kid, value = secrets.token_hex(6), base64.b64encode(secrets.token_bytes(48)).decode()
        with self._database.writing() as connection:
            forgotten = SIGNING_KEYS.c.retired_ns < now_ns - 2 * ACCESS_S * NANOS_PER_SECOND
            connection.execute(delete(SIGNING_KEYS).where(forgotten))
            connection.execute(
                update(SIGNING_KEYS).where(SIGNING_KEYS.c.retired_ns.is_(None)).values(retired_ns=now_ns)
            )
            connection.execute(insert(SIGNING_KEYS).values(kid=kid, value=value, created_ns=now_ns, retired_ns=None))
        self._loaded_ns = None
        self._load()
        return kid

    def csrf(self, session_id: str) -> str:
        """Return the session's CSRF token: nobody can make it without our database."""
        return hmac.new(self._signing_value().encode(), f"csrf:{session_id}".encode(), hashlib.sha256).hexdigest()

    def is_csrf(self, session_id: str, given: str) -> bool:
        """Return whether a CSRF token is this session's, under any key that still holds."""
        self._load()
        return any(
            hmac.compare_digest(
                hmac.new(value.encode(), f"csrf:{session_id}".encode(), hashlib.sha256).hexdigest().encode(),
                given.encode(errors="replace"),
            )
            for value in self._keys.values()
        )

    def _signing_value(self) -> str:
        self._load()
        if self._newest is None:
            self.rotate()
        assert self._newest is not None
        return self._keys[self._newest[0]]

    def _value_of(self, kid: object) -> str | None:
        self._load()
        return self._keys.get(kid) if isinstance(kid, str) else None

    def _load(self) -> None:
        """Read the ring again every few seconds: another process may have rotated it."""
        now_ns = self._clock.monotonic_ns()
        with self._lock:
            if self._loaded_ns is not None and now_ns - self._loaded_ns < _RELOAD_NS:
                return
            with self._database.reading() as connection:
                rows = connection.execute(select(SIGNING_KEYS).order_by(SIGNING_KEYS.c.created_ns)).all()
            self._keys = {row.kid: row.value for row in rows}
            active = [(row.kid, row.created_ns) for row in rows if row.retired_ns is None]
            self._newest = active[-1] if active else None
            self._loaded_ns = now_ns
