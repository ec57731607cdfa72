"""Logins, users, sessions, keys, the audit log and everybody's own settings."""

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field

from streaming_worker.api.identity.roles import Role, Scope
from streaming_worker.api.schemas.base import Moment, Page, Shape

Username = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]{1,39}$", examples=["ann"])]
Password = Annotated[str, Field(min_length=12, max_length=200, json_schema_extra={"format": "password"})]


class LoginMode(StrEnum):
    """Cookies for browsers, tokens in the answer for programs."""

    COOKIE = "cookie"
    BEARER = "bearer"


class Login(Shape):
    """Name and password."""

    username: Annotated[str, Field(min_length=1, max_length=64)]
    password: Annotated[str, Field(min_length=1, max_length=200, json_schema_extra={"format": "password"})]
    mode: LoginMode = LoginMode.COOKIE


class Me(Shape):
    """Who asks, and what they may do. ``csrf_token`` goes into X-CSRF-Token of unsafe requests with cookies."""

    kind: Annotated[str, Field(examples=["session"])]
    user_id: str
    username: str
    role: Role
    scopes: list[Scope]
    session_id: str | None
    key_id: str | None
    expires_at: Moment | None
    csrf_token: str | None


class Tokens(Shape):
    """For programs: ``access_token`` as bearer, ``refresh_token`` once for the next pair."""

    access_token: str
    refresh_token: str
    token_type: Literal["bearer"] = "bearer"  # noqa: S105 - the scheme's name
    expires_in: int


class LoggedIn(Shape):
    """Who has logged in; ``tokens`` only in bearer mode."""

    me: Me
    tokens: Tokens | None


class Refresh(Shape):
    """For programs; browsers send the cookie and an empty object."""

    refresh_token: Annotated[str, Field(max_length=200)] | None = None


class Session(Shape):
    """One login."""

    session_id: str
    user_id: str
    username: str
    created_at: Moment
    last_seen_at: Moment
    expires_at: Moment
    ip: str
    user_agent: str
    is_current: bool


class SessionPage(Page[Session]):
    """Logins that still hold."""


class User(Shape):
    """One user; never the password."""

    user_id: str
    username: str
    role: Role
    is_disabled: bool
    created_at: Moment
    password_changed_at: Moment
    last_login_at: Moment | None
    locked_until_at: Moment | None


class UserPage(Page[User]):
    """Every user."""


class NewUser(Shape):
    """A user to make."""

    username: Username
    password: Password
    role: Role


class UserChange(Shape):
    """What is to change; what is left out stays."""

    role: Role | None = None
    is_disabled: bool | None = None


class NewPassword(Shape):
    """A new password; one's own current one goes with it unless an admin sets another user's."""

    password: Password
    current_password: Annotated[str, Field(max_length=200)] | None = None


class Key(Shape):
    """One API key; never the key itself."""

    key_id: str
    name: str
    user_id: str
    username: str
    scopes: list[Scope]
    created_at: Moment
    expires_at: Moment
    last_used_at: Moment | None
    is_revoked: bool


class KeyPage(Page[Key]):
    """API keys."""


class NewKey(Shape):
    """A key to make; it never holds more than its owner's role."""

    name: Annotated[str, Field(min_length=1, max_length=60, pattern=r"^[^\x00-\x1f\x7f]+$")]
    scopes: Annotated[list[Scope], Field(min_length=1, max_length=5)]
    expires_in_days: Annotated[int, Field(ge=1, le=365)] = 90


class MadeKey(Shape):
    """The new key. ``value`` is shown this one time."""

    key: Key
    value: str


class AuditEntry(Shape):
    """One action: who, what, before, after, why. ``hash`` covers the entry and ``previous_hash``."""

    seq: int
    at: Moment
    actor: str
    actor_kind: str
    ip: str | None
    action: str
    target: str | None
    outcome: str
    before: dict[str, object] | None
    after: dict[str, object] | None
    reason: str | None
    request_id: str | None
    previous_hash: str
    hash: str


class AuditPage(Page[AuditEntry]):
    """The audit log, newest first."""


class AuditVerdict(Shape):
    """Whether the chain holds; ``broken_at`` is the first entry that does not fit."""

    is_whole: bool
    entries: int
    head_seq: int
    head_hash: str
    broken_at: int | None
    problem: str | None


class SavedRange(Shape):
    """A stretch of time that somebody gave a name; it ends before ``to``, or goes on where that is null."""

    name: Annotated[str, Field(min_length=1, max_length=40, pattern=r"^[^\x00-\x1f\x7f]+$", examples=["outage of May"])]
    from_at: Moment
    to_at: Moment | None


class Preferences(Shape):
    """One's own settings of the console. ``numbers``: what stands at the decimal point and between thousands."""

    timezone: Annotated[str, Field(max_length=64, pattern=r"^[A-Za-z0-9_+/-]+$")] = "UTC"
    theme: Literal["light", "dark", "contrast", "auto"] = "auto"
    density: Literal["comfortable", "compact"] = "comfortable"
    numbers: Literal["point", "comma", "space"] = "point"
    columns: Annotated[dict[str, list[str]], Field(max_length=50, default_factory=dict)]
    ranges: Annotated[list[SavedRange], Field(max_length=30, default_factory=list)]


class AlertChannel(Shape):
    """One way to the operators; addresses are never shown."""

    name: str
    kind: str
    is_configured: bool
    detail: str


class AlertChannels(Shape):
    """Every way to the operators."""

    items: list[AlertChannel]


class ChannelTest(Shape):
    """What a test message came to."""

    name: str
    is_delivered: bool
    detail: str
