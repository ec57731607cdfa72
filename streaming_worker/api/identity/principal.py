"""Who asks: a login or a key, with what it may do."""

from dataclasses import dataclass

from streaming_worker.api.identity.roles import Role, Scope


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """A checked identity. ``expires_ns`` is when the token or key ends; a login by cookie ``needs_csrf``."""

    kind: str
    user_id: str
    username: str
    role: Role
    scopes: frozenset[Scope]
    session_id: str | None = None
    key_id: str | None = None
    expires_ns: int | None = None
    needs_csrf: bool = False

    @property
    def subject(self) -> str:
        """What rate limits count by: the login's user, or the key."""
        return f"key:{self.key_id}" if self.key_id is not None else f"user:{self.user_id}"

    @property
    def actor(self) -> str:
        """What the audit log and the engine's record call it."""
        return self.username if self.key_id is None else f"{self.username}/{self.key_id}"

    def may(self, role: Role, scope: Scope) -> bool:
        """Return whether it has the role, and the scope where it is a key."""
        return self.role.includes(role) and scope in self.scopes


ALL_SCOPES = frozenset(Scope)
