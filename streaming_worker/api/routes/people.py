"""Sessions, users and API keys."""

import secrets
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response

from streaming_worker.api.edge import API
from streaming_worker.api.identity.api_keys import KeyRecord
from streaming_worker.api.identity.principal import Principal
from streaming_worker.api.identity.roles import Role
from streaming_worker.api.identity.sessions import SessionRecord
from streaming_worker.api.identity.users import UserRecord
from streaming_worker.api.routes.pages import whole_page
from streaming_worker.api.schemas.base import maybe_moment, moment
from streaming_worker.api.schemas.people import (
    Key,
    KeyPage,
    MadeKey,
    NewKey,
    NewPassword,
    NewUser,
    Session,
    SessionPage,
    User,
    UserChange,
    UserPage,
)
from streaming_worker.api.security import Admin, Viewer
from streaming_worker.api.services import Parts, Services, act
from streaming_worker.errors import RequestRefused

router = APIRouter(prefix=API, tags=["people"])
Id = Annotated[str, Path(min_length=1, max_length=40, pattern=r"^[A-Za-z0-9]+$")]
Everybody = Annotated[bool, Query(description="those of all users; for admins")]


@router.get("/sessions")
def get_sessions(who: Viewer, parts: Parts, *, everybody: Everybody = False) -> SessionPage:
    """Return the logins that hold: one's own, or everybody's."""
    _require_own(who, everybody=everybody)
    found = parts.sessions.of_user(None if everybody else who.user_id)
    return whole_page(SessionPage, [_session(one, who) for one in found], parts.clock.now_ns())


@router.delete("/sessions/{session_id}", status_code=204)
def delete_session(session_id: Id, request: Request, who: Viewer, parts: Parts) -> Response:
    """End a login: one's own, or as an admin anybody's."""
    found = parts.sessions.get(session_id)
    if found is None or (found.user_id != who.user_id and not _is_admin(who)):
        raise RequestRefused(404, "not_found", "there is no such session")
    parts.sessions.revoke(session_id, f"revoked by {who.username}")
    parts.forget()
    parts.audit.append(act(request, who, "session.revoke", target=f"{found.username}/{session_id}"))
    return Response(status_code=204)


@router.delete("/sessions", status_code=204)
def delete_other_sessions(request: Request, who: Viewer, parts: Parts) -> Response:
    """End every other login of one's own."""
    ended = parts.sessions.revoke_user(who.user_id, "revoked by its user", but=who.session_id)
    parts.forget()
    parts.audit.append(act(request, who, "session.revoke_others", after={"ended": ended}))
    return Response(status_code=204)


@router.get("/users")
def get_users(_: Admin, parts: Parts) -> UserPage:
    """Return every user."""
    return whole_page(UserPage, [_user(parts, one) for one in parts.users.all()], parts.clock.now_ns())


@router.post("/users", status_code=201)
def create_user(request: Request, who: Admin, parts: Parts, body: NewUser) -> User:
    """Make a user."""
    made = parts.users.create(body.username, body.password, body.role)
    after = {"username": made.username, "role": made.role.value}
    parts.audit.append(act(request, who, "user.create", target=made.user_id, after=after))
    return _user(parts, made)


@router.patch("/users/{user_id}")
def change_user(user_id: Id, request: Request, who: Admin, parts: Parts, body: UserChange) -> User:
    """Change a user's role, or shut them out; their logins end when they lose something."""
    before = parts.users.get(user_id)
    after = parts.users.change(user_id, role=body.role, is_disabled=body.is_disabled)
    if after.is_disabled or not after.role.includes(before.role):
        parts.sessions.revoke_user(user_id, "the user was changed")
    parts.forget()
    parts.audit.append(act(request, who, "user.change", target=user_id, before=_rights(before), after=_rights(after)))
    return _user(parts, after)


@router.post("/users/{user_id}/password", status_code=204)
def set_password(user_id: Id, request: Request, who: Viewer, parts: Parts, body: NewPassword) -> Response:
    """Set a password: one's own with the current one, or as an admin another user's. Other logins end."""
    is_own = user_id == who.user_id
    if who.key_id is not None or (not is_own and not _is_admin(who)):
        raise RequestRefused(403, "forbidden", "this is for the user, logged in, or for an admin")
    target = parts.users.get(user_id)
    if is_own:
        _require_current(parts, target, body.current_password or "")
    parts.users.set_password(user_id, body.password)
    parts.sessions.revoke_user(user_id, "the password was changed", but=who.session_id if is_own else None)
    parts.forget()
    parts.audit.append(act(request, who, "user.password", target=user_id))
    return Response(status_code=204)


@router.get("/keys")
def get_keys(who: Viewer, parts: Parts, *, everybody: Everybody = False) -> KeyPage:
    """Return API keys: one's own, or everybody's."""
    _require_own(who, everybody=everybody)
    found = parts.keys.of_user(None if everybody else who.user_id)
    return whole_page(KeyPage, [_key(one) for one in found], parts.clock.now_ns())


@router.post("/keys", status_code=201)
def create_key(request: Request, who: Viewer, parts: Parts, body: NewKey) -> MadeKey:
    """Make a key for oneself; its value is in this answer and nowhere else."""
    if who.key_id is not None:
        raise RequestRefused(403, "forbidden", "a key cannot make keys: log in")
    made, value = parts.keys.create(who.user_id, body.name, frozenset(body.scopes), body.expires_in_days)
    after = {"name": made.name, "scopes": sorted(made.scopes), "expires_at": moment(made.expires_ns)}
    parts.audit.append(act(request, who, "key.create", target=made.key_id, after=after))
    return MadeKey(key=_key(made), value=value)


@router.delete("/keys/{key_id}", status_code=204)
def delete_key(key_id: Id, request: Request, who: Viewer, parts: Parts) -> Response:
    """End a key: one's own, or as an admin anybody's."""
    found = parts.keys.get(key_id)
    if found is None or (found.user_id != who.user_id and not _is_admin(who)):
        raise RequestRefused(404, "not_found", "there is no such key")
    parts.keys.revoke(key_id)
    parts.forget()
    parts.audit.append(act(request, who, "key.revoke", target=key_id, before={"name": found.name}))
    return Response(status_code=204)


def _is_admin(who: Principal) -> bool:
    return who.role is Role.ADMIN


def _require_own(who: Principal, *, everybody: bool) -> None:
    if everybody and not _is_admin(who):
        raise RequestRefused(403, "forbidden", "this needs role admin")


def _require_current(parts: Services, target: UserRecord, given: str) -> None:
    """A stolen session must not become a stolen account; guesses are counted like logins. Raises RequestRefused."""
    subject = f"user:{target.username}"
    wait_s = parts.throttle.wait_s(subject)
    if wait_s:
        raise RequestRefused(429, "login_locked", "too many failures", headers={"Retry-After": str(wait_s)})
    if parts.users.check(target.username, given) is None:
        parts.throttle.failed(subject)
        raise RequestRefused(403, "bad_login", "the current password is wrong")


def _rights(user: UserRecord) -> dict[str, object]:
    return {"role": user.role.value, "is_disabled": user.is_disabled}


def _session(one: SessionRecord, who: Principal) -> Session:
    return Session(
        session_id=one.session_id,
        user_id=one.user_id,
        username=one.username,
        created_at=moment(one.created_ns),
        last_seen_at=moment(one.last_seen_ns),
        expires_at=moment(one.expires_ns),
        ip=one.ip,
        user_agent=one.user_agent,
        is_current=secrets.compare_digest(one.session_id, who.session_id or ""),
    )


def _user(parts: Services, one: UserRecord) -> User:
    return User(
        user_id=one.user_id,
        username=one.username,
        role=one.role,
        is_disabled=one.is_disabled,
        created_at=moment(one.created_ns),
        password_changed_at=moment(one.password_changed_ns),
        last_login_at=maybe_moment(one.last_login_ns),
        locked_until_at=maybe_moment(parts.throttle.locked_until(f"user:{one.username}")),
    )


def _key(one: KeyRecord) -> Key:
    return Key(
        key_id=one.key_id,
        name=one.name,
        user_id=one.user_id,
        username=one.username,
        scopes=sorted(one.scopes),
        created_at=moment(one.created_ns),
        expires_at=moment(one.expires_ns),
        last_used_at=maybe_moment(one.last_used_ns),
        is_revoked=one.revoked_ns is not None,
    )
