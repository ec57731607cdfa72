"""Who may do what: every route names its rule, and a route without one does not start.

A browser brings cookies and, for anything that changes something, the CSRF token; a program brings a bearer token or
an API key. What is checked is remembered for ten seconds, and forgotten at once when we revoke it ourselves.
"""

import asyncio
from collections.abc import Iterator
from typing import Annotated, Final

from fastapi import Depends, FastAPI, Request
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute, APIWebSocketRoute
from starlette.requests import HTTPConnection
from starlette.routing import BaseRoute, Route

from streaming_worker.adapters.clock import Clock
from streaming_worker.api.edge import limit_kind
from streaming_worker.api.identity.api_keys import PREFIX, ApiKeys
from streaming_worker.api.identity.principal import ALL_SCOPES, Principal
from streaming_worker.api.identity.roles import SCOPE_OF_ROLE, Role, Scope
from streaming_worker.api.identity.sessions import Sessions
from streaming_worker.api.identity.tokens import TokenSigner
from streaming_worker.api.limiting import Limiter
from streaming_worker.core.units import NANOS_PER_SECOND
from streaming_worker.errors import ConfigError, RequestRefused

ACCESS_COOKIE: Final = "arb_access"
REFRESH_COOKIE: Final = "arb_refresh"
CSRF_COOKIE: Final = "arb_csrf"
CSRF_HEADER: Final = "x-csrf-token"
_SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_REMEMBERED_NS: Final = 10 * NANOS_PER_SECOND
_MOST_REMEMBERED: Final = 5_000
# The stream asks for itself, before it subscribes anybody to anything.
_NO_RULE_NEEDED: Final = (APIWebSocketRoute,)


class Doorman:
    """Turns what a request brings into a principal."""

    def __init__(
        self, *, sessions: Sessions, keys: ApiKeys, signer: TokenSigner, limiter: Limiter, clock: Clock
    ) -> None:
        self._sessions = sessions
        self._keys = keys
        self._signer = signer
        self._limiter = limiter
        self._clock = clock
        self._remembered: dict[str, tuple[int, Principal]] = {}

    async def identify(self, connection: HTTPConnection, *, protocol_token: str | None = None) -> Principal | None:
        """Return who asks, None for nobody. A bearer token counts before a cookie."""
        scheme, _, bearer = connection.headers.get("authorization", "").partition(" ")
        token = bearer.strip() if scheme.lower() == "bearer" else protocol_token
        if token:
            return await self.known(token, is_cookie=False)
        cookie = connection.cookies.get(ACCESS_COOKIE)
        return None if not cookie else await self.known(cookie, is_cookie=True)

    async def known(self, token: str, *, is_cookie: bool) -> Principal | None:
        """Return whose token it is, from memory where it was checked a moment ago."""
        memory_key = f"{is_cookie}|{token}"
        now_ns = self._clock.monotonic_ns()
        remembered = self._remembered.get(memory_key)
        if remembered is not None and now_ns - remembered[0] < _REMEMBERED_NS and not self._is_over(remembered[1]):
            return remembered[1]
        principal = await asyncio.to_thread(self._check, token, is_cookie)
        if len(self._remembered) >= _MOST_REMEMBERED:
            self._remembered.clear()
        if principal is None:
            self._remembered.pop(memory_key, None)
        else:
            self._remembered[memory_key] = (now_ns, principal)
        return principal

    def forget(self) -> None:
        """Check everybody anew: something was revoked or changed."""
        self._remembered.clear()

    def is_csrf(self, principal: Principal, given: str) -> bool:
        """Return whether a CSRF token belongs to a login."""
        return principal.session_id is not None and self._signer.is_csrf(principal.session_id, given)

    async def take(self, connection: HTTPConnection, principal: Principal) -> None:
        """Count the request against its login or key. Raises RequestRefused with 429."""
        allowance = await self._limiter.take(limit_kind(connection.scope["path"]), principal.subject)
        state = connection.scope["state"]
        before = state.get("allowance")
        if before is None or allowance.remaining < before.remaining or not allowance.is_allowed:
            state["allowance"] = allowance
        if not allowance.is_allowed:
            message = f"at most {allowance.limit} a minute; try again later"
            raise RequestRefused(429, "too_many_requests", message)

    def _is_over(self, principal: Principal) -> bool:
        return principal.expires_ns is not None and principal.expires_ns <= self._clock.now_ns()

    def _check(self, token: str, is_cookie: bool) -> Principal | None:
        if token.startswith(PREFIX):
            return None if is_cookie else self._key(token)
        access = self._signer.check(token)
        session = None if access is None else self._sessions.get(access.session_id)
        if access is None or session is None or session.user_id != access.user_id:
            return None
        return Principal(
            kind="session",
            user_id=session.user_id,
            username=session.username,
            role=session.role,
            scopes=ALL_SCOPES,
            session_id=session.session_id,
            expires_ns=access.expires_ns,
            needs_csrf=is_cookie,
        )

    def _key(self, token: str) -> Principal | None:
        key = self._keys.check(token)
        if key is None:
            return None
        return Principal(
            kind="key",
            user_id=key.user_id,
            username=key.username,
            role=key.role,
            scopes=key.scopes,
            key_id=key.key_id,
            expires_ns=key.expires_ns,
        )


class Rule:
    """What a route asks of who comes; made once per route, found again by the tests and by the OpenAPI."""

    def __init__(self, role: Role | None, scope: Scope | None = None, *, is_local_enough: bool = False) -> None:
        self.role = role
        self.scope = scope if scope is not None or role is None else SCOPE_OF_ROLE[role]
        self.is_local_enough = is_local_enough

    async def __call__(self, request: Request) -> Principal | None:
        """Return who asks. Raises RequestRefused with 401, 403 or 429."""
        doorman: Doorman = request.app.state.services.doorman
        if self.role is None:
            return None
        principal = await doorman.identify(request)
        if principal is None:
            if self.is_local_enough and request.scope["state"]["caller"].is_local:
                return None
            raise RequestRefused(401, "not_authenticated", "log in, or send a valid bearer token or API key")
        await doorman.take(request, principal)
        self.require(principal)
        if principal.needs_csrf and request.method not in _SAFE:
            given = request.headers.get(CSRF_HEADER, "")
            if not await asyncio.to_thread(doorman.is_csrf, principal, given):
                raise RequestRefused(403, "csrf", "send the token of the cookie arb_csrf as X-CSRF-Token")
        return principal

    def require(self, principal: Principal) -> None:
        """Raise RequestRefused with 403 where a principal may not."""
        assert self.role is not None
        assert self.scope is not None
        if not principal.may(self.role, self.scope):
            what = f"role {self.role.value}" + (f" and scope {self.scope.value}" if principal.key_id else "")
            raise RequestRefused(403, "forbidden", f"this needs {what}")


class _Known(Rule):
    """A rule that always has somebody."""

    async def __call__(self, request: Request) -> Principal:
        principal = await super().__call__(request)
        assert principal is not None
        return principal


PUBLIC: Final = Depends(Rule(None))
METRICS: Final = Depends(Rule(Role.VIEWER, Scope.METRICS, is_local_enough=True))
Viewer = Annotated[Principal, Depends(_Known(Role.VIEWER))]
Exporter = Annotated[Principal, Depends(_Known(Role.VIEWER, Scope.EXPORT))]
AdminExporter = Annotated[Principal, Depends(_Known(Role.ADMIN, Scope.EXPORT))]
Operator = Annotated[Principal, Depends(_Known(Role.OPERATOR))]
Admin = Annotated[Principal, Depends(_Known(Role.ADMIN))]


def rule_of(route: APIRoute) -> Rule | None:
    """Return the rule of a route, None where it names none."""
    return next(_rules(route.dependant), None)


def _rules(dependant: Dependant) -> Iterator[Rule]:
    if isinstance(dependant.call, Rule):
        yield dependant.call
    for inner in dependant.dependencies:
        yield from _rules(inner)


def _of_framework(app: FastAPI) -> list[BaseRoute]:
    """The documentation's own routes, where they are on."""
    paths = {app.openapi_url, app.docs_url, app.swagger_ui_oauth2_redirect_url}
    return [route for route in app.routes if isinstance(route, Route) and route.path in paths]


def require_rules(app: FastAPI) -> None:
    """Raise ConfigError when a route has no rule: nothing is open by mistake."""
    for route in app.routes:
        if isinstance(route, APIRoute):
            if rule_of(route) is None:
                raise ConfigError(f"route {route.path} names no rule")
        elif not isinstance(route, _NO_RULE_NEEDED) and route not in _of_framework(app):
            raise ConfigError(f"route {route!r} is of a kind that can name no rule")


def is_same_origin(connection: HTTPConnection, allowed: tuple[str, ...]) -> bool:
    """Return whether a web page of ours, or of an allowed origin, asks; a program sends no Origin."""
    origin = connection.headers.get("origin")
    if origin is None:
        return True
    host = connection.headers.get("host", "")
    is_secure = connection.scope["state"]["caller"].is_secure
    return origin in allowed or origin == f"{'https' if is_secure else 'http'}://{host}"
