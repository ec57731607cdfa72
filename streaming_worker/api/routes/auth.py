"""Log in, stay in, log out."""

from typing import Annotated

import anyio.to_thread
from fastapi import APIRouter, Body, Request, Response

from streaming_worker.api.audit import Action
from streaming_worker.api.edge import API
from streaming_worker.api.identity.principal import ALL_SCOPES, Principal
from streaming_worker.api.identity.roles import Role
from streaming_worker.api.identity.sessions import Refusal, SessionRecord
from streaming_worker.api.identity.tokens import ACCESS_S
from streaming_worker.api.identity.users import UserRecord
from streaming_worker.api.limiting import network_of
from streaming_worker.api.schemas.base import maybe_moment
from streaming_worker.api.schemas.people import LoggedIn, Login, LoginMode, Me, Refresh, Tokens
from streaming_worker.api.security import (
    ACCESS_COOKIE,
    CSRF_COOKIE,
    CSRF_HEADER,
    PUBLIC,
    REFRESH_COOKIE,
    Viewer,
    is_same_origin,
)
from streaming_worker.api.services import Parts, Services, act
from streaming_worker.errors import RequestRefused

router = APIRouter(prefix=f"{API}/auth", tags=["auth"])
REFRESH_PATH = "/api/v1/auth"


@router.post("/login", dependencies=[PUBLIC])
async def login(request: Request, response: Response, parts: Parts, body: Login) -> LoggedIn:
    """Log in with name and password. After some failures the name, and after more the address, has to wait."""
    _require_own_page(request, parts)
    user = await anyio.to_thread.run_sync(_checked, request, parts, body)
    agent = request.headers.get("user-agent", "")
    ip = request.scope["state"]["caller"].ip
    session, refresh = await anyio.to_thread.run_sync(
        lambda: parts.sessions.open(user.user_id, ip=ip, user_agent=agent)
    )
    me, tokens = await anyio.to_thread.run_sync(_opened, parts, session, refresh)
    who = _principal(session)
    await anyio.to_thread.run_sync(
        parts.audit.append, act(request, who, "login", target=user.username, after={"session_id": session.session_id})
    )
    parts.metrics.logins.labels("ok").inc()
    if body.mode is LoginMode.BEARER:
        return LoggedIn(me=me, tokens=tokens)
    _set_cookies(request, response, parts, tokens, str(me.csrf_token))
    return LoggedIn(me=me, tokens=None)


@router.post("/refresh", dependencies=[PUBLIC])
async def refresh(
    request: Request, response: Response, parts: Parts, body: Annotated[Refresh | None, Body()] = None
) -> LoggedIn:
    """Take a refresh token, from the body or the cookie, for the next pair; one that is used twice ends the login."""
    _require_own_page(request, parts)
    given = None if body is None else body.refresh_token
    token = given or request.cookies.get(REFRESH_COOKIE)
    if not token:
        raise RequestRefused(401, "not_authenticated", "send a refresh token")
    result = await anyio.to_thread.run_sync(parts.sessions.refresh, token)
    if result.session is None or result.token is None:
        await _refused_refresh(request, parts, result.session, result.refusal)
    assert result.session is not None
    assert result.token is not None
    me, tokens = await anyio.to_thread.run_sync(_opened, parts, result.session, result.token)
    if given is not None:
        return LoggedIn(me=me, tokens=tokens)
    _set_cookies(request, response, parts, tokens, str(me.csrf_token))
    return LoggedIn(me=me, tokens=None)


@router.post("/logout", status_code=204)
async def logout(request: Request, who: Viewer, parts: Parts) -> Response:
    """End this login; the answer takes the cookies away."""
    if who.session_id is not None:
        await anyio.to_thread.run_sync(parts.sessions.revoke, who.session_id, "logged out")
        parts.forget()
        await anyio.to_thread.run_sync(parts.audit.append, act(request, who, "logout"))
    response = Response(status_code=204)
    for name, path in ((ACCESS_COOKIE, "/"), (REFRESH_COOKIE, REFRESH_PATH), (CSRF_COOKIE, "/")):
        response.delete_cookie(name, path=path)
    return response


@router.get("/me")
async def me(who: Viewer, parts: Parts) -> Me:
    """Return who asks and what they may do."""
    return await anyio.to_thread.run_sync(_me, parts, who)


@router.get("/check", status_code=204)
async def check(who: Viewer, role: Role = Role.VIEWER) -> Response:
    """Answer 204 to a login or key that holds and may do what the role may, 401 or 403 to anything else.

    For a proxy that fronts another program; the headers tell it who it is.
    """
    if not who.role.includes(role):
        raise RequestRefused(403, "forbidden", f"this needs the role {role.value}")
    return Response(status_code=204, headers={"X-Auth-User": who.username, "X-Auth-Role": who.role.value})


def _checked(request: Request, parts: Services, body: Login) -> UserRecord:
    """Check name and password. Raises RequestRefused, in the same words and time whatever was wrong."""
    caller = request.scope["state"]["caller"]
    subjects = (f"user:{body.username[:64].lower()}", f"ip:{network_of(caller.ip)}")
    wait_s = parts.throttle.wait_s(*subjects)
    if wait_s:
        parts.metrics.logins.labels("locked").inc()
        raise RequestRefused(
            429, "login_locked", f"too many failures; try again in {wait_s} s", headers={"Retry-After": str(wait_s)}
        )
    user = parts.users.check(body.username, body.password)
    if user is None:
        is_locked = parts.throttle.failed(*subjects)
        parts.metrics.logins.labels("failed").inc()
        parts.audit.append(
            Action(
                actor=body.username[:40],
                actor_kind="nobody",
                action="login",
                outcome="locked" if is_locked else "failed",
                ip=caller.ip,
                request_id=request.scope["state"]["request_id"],
            )
        )
        raise RequestRefused(401, "bad_login", "name or password is wrong")
    parts.throttle.succeeded(subjects[0])
    parts.users.note_login(user.user_id)
    return user


async def _refused_refresh(
    request: Request, parts: Services, session: SessionRecord | None, refusal: Refusal | None
) -> None:
    if refusal is Refusal.SUPERSEDED:
        raise RequestRefused(409, "refresh_superseded", "this token was taken a moment ago; use the newer one")
    if refusal is Refusal.REUSED and session is not None:
        parts.forget()
        action = act(request, _principal(session), "refresh_reused", target=session.session_id, outcome="revoked")
        await anyio.to_thread.run_sync(parts.audit.append, action)
        raise RequestRefused(401, "refresh_reused", "this token was used before; the login has been ended")
    raise RequestRefused(401, "not_authenticated", "the login is over; log in again")


def _principal(session: SessionRecord) -> Principal:
    return Principal(
        kind="session",
        user_id=session.user_id,
        username=session.username,
        role=session.role,
        scopes=ALL_SCOPES,
        session_id=session.session_id,
    )


def _opened(parts: Services, session: SessionRecord, refresh_token: str) -> tuple[Me, Tokens]:
    access, expires_ns = parts.signer.sign(session.user_id, session.session_id)
    who = Principal(
        kind="session",
        user_id=session.user_id,
        username=session.username,
        role=session.role,
        scopes=ALL_SCOPES,
        session_id=session.session_id,
        expires_ns=expires_ns,
    )
    return _me(parts, who), Tokens(access_token=access, refresh_token=refresh_token, expires_in=ACCESS_S)


def _me(parts: Services, who: Principal) -> Me:
    return Me(
        kind=who.kind,
        user_id=who.user_id,
        username=who.username,
        role=who.role,
        scopes=sorted(who.scopes),
        session_id=who.session_id,
        key_id=who.key_id,
        expires_at=maybe_moment(who.expires_ns),
        csrf_token=None if who.session_id is None else parts.signer.csrf(who.session_id),
    )


def _set_cookies(request: Request, response: Response, parts: Services, tokens: Tokens, csrf: str) -> None:
    is_secure = parts.config.api.secure_cookies or request.scope["state"]["caller"].is_secure
    lasting = 7 * 24 * 3600
    response.set_cookie(
        ACCESS_COOKIE,
        tokens.access_token,
        max_age=ACCESS_S,
        path="/",
        secure=is_secure,
        httponly=True,
        samesite="strict",
    )
    response.set_cookie(
        REFRESH_COOKIE,
        tokens.refresh_token,
        max_age=lasting,
        path=REFRESH_PATH,
        secure=is_secure,
        httponly=True,
        samesite="strict",
    )
    response.set_cookie(CSRF_COOKIE, csrf, max_age=lasting, path="/", secure=is_secure, samesite="strict")


def _require_own_page(request: Request, parts: Services) -> None:
    """A page of another origin must not log anybody in, or turn a cookie over. Raises RequestRefused."""
    if not is_same_origin(request, parts.config.api.allowed_origins):
        raise RequestRefused(403, "origin", "this page may not log in here")
    has_cookie = REFRESH_COOKIE in request.cookies and request.url.path.endswith("/refresh")
    if has_cookie and request.headers.get("origin") is None and CSRF_HEADER not in request.headers:
        raise RequestRefused(403, "csrf", "send the token of the cookie arb_csrf as X-CSRF-Token")
