"""What surrounds every request: its id, where it comes from, limits of size, time and rate, headers, counters.

Plain ASGI: a streamed answer passes through as it is made.
"""

import asyncio
import itertools
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from streaming_worker.adapters.clock import Clock
from streaming_worker.api.callers import Network, caller_of
from streaming_worker.api.limiting import Allowance, Limiter, LimitKind, network_of
from streaming_worker.api.metrics import ApiMetrics
from streaming_worker.api.problems import error_body
from streaming_worker.core.units import NANOS_PER_SECOND

_LOG: Final = structlog.get_logger("api")
API: Final = "/api/v1"
MAX_BODY_BYTES: Final = 64 * 1024
REQUEST_S: Final = 30.0
EXPORT_S: Final = 300.0
_REQUEST_ID: Final = re.compile(r"[A-Za-z0-9._-]{8,64}")
# What the build names by its content: loaded once and kept, so it counts against nothing.
_KEPT_FILE: Final = re.compile(r"/assets/[\w.-]+-[\w-]{8}\.[a-z0-9]+")
_STATUS_PATHS: Final = ("/metrics", f"{API}/status", f"{API}/health", f"{API}/auth/check", f"{API}/version")
_CSP: Final = (
    "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
# The interactive documentation brings its own inline script; it is off but in the demo.
_DOCS_CSP: Final = (
    "default-src 'none'; connect-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; "
    "script-src 'self' 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'"
)
_HEADERS: Final = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}


@dataclass(frozen=True, slots=True)
class _Refusal:
    status: int
    code: str
    message: str


class Edge:
    """The outermost layer but one; Starlette's own answers what nobody caught."""

    def __init__(
        self, app: ASGIApp, *, limiter: Limiter, metrics: ApiMetrics, clock: Clock, trusted: Sequence[Network]
    ) -> None:
        self._app = app
        self._limiter = limiter
        self._metrics = metrics
        self._clock = clock
        self._trusted = trusted
        self._start = secrets.token_hex(4)
        self._numbers = itertools.count(1)

    def _request_id(self, given: str | None) -> str:
        """Keep the caller's id where it is one, so that its log and ours can be joined; else count on from a start
        that no other process has."""
        return (
            given if given is not None and _REQUEST_ID.fullmatch(given) else f"{self._start}{next(self._numbers):08x}"
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or pass a stream or the process's own start and stop on."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        state = scope.setdefault("state", {})
        state["request_id"] = self._request_id(Headers(scope=scope).get("x-request-id"))
        state["caller"] = caller_of(scope, self._trusted)
        with structlog.contextvars.bound_contextvars(request_id=state["request_id"]):
            if scope["type"] == "websocket":
                await self._app(scope, receive, send)
            else:
                await self._request(scope, receive, send)

    async def _request(self, scope: Scope, receive: Receive, send: Send) -> None:
        answer = _Answer(scope, send)
        started_ns = self._clock.monotonic_ns()
        self._metrics.in_flight.inc()
        try:
            await self._served(scope, receive, answer)
        finally:
            self._metrics.in_flight.dec()
            self._count(scope, answer.status, self._clock.monotonic_ns() - started_ns)

    async def _served(self, scope: Scope, receive: Receive, answer: "_Answer") -> None:
        refusal = await self._refusal(scope)
        if refusal is not None:
            body = error_body(refusal.code, refusal.message, scope["state"]["request_id"])
            await JSONResponse(body, status_code=refusal.status)(scope, receive, answer.send)
            return
        try:
            async with asyncio.timeout(EXPORT_S if "/exports/" in scope["path"] else REQUEST_S):
                await self._app(scope, _Limited(receive).receive, answer.send)
        except TimeoutError:
            if answer.has_begun:
                raise
            body = error_body("too_slow", "the answer took too long", scope["state"]["request_id"])
            await JSONResponse(body, status_code=503)(scope, receive, answer.send)

    async def _refusal(self, scope: Scope) -> _Refusal | None:
        length = Headers(scope=scope).get("content-length", "0")
        if not length.isdigit() or int(length) > MAX_BODY_BYTES:
            return _Refusal(413, "too_large", f"at most {MAX_BODY_BYTES} bytes")
        path = scope["path"]
        if _KEPT_FILE.fullmatch(path):
            return None
        allowance = await self._limiter.take(limit_kind(path), f"ip:{network_of(scope['state']['caller'].ip)}")
        return self._noted(scope, allowance)

    def _noted(self, scope: Scope, allowance: Allowance) -> _Refusal | None:
        scope["state"]["allowance"] = allowance
        if allowance.is_allowed:
            return None
        self._metrics.limited.labels(allowance.kind.value).inc()
        return _Refusal(429, "too_many_requests", f"at most {allowance.limit} a minute; try again later")

    def _count(self, scope: Scope, status: int, elapsed_ns: int) -> None:
        route = getattr(scope.get("route"), "path", None) or (
            "unmatched" if scope["path"].startswith("/api") else "console"
        )
        self._metrics.requests.labels(scope["method"], route, str(status)).inc()
        self._metrics.seconds.labels(route).observe(elapsed_ns / NANOS_PER_SECOND)
        _LOG.debug("request", method=scope["method"], route=route, status=status, ms=elapsed_ns // 1_000_000)


def limit_kind(path: str) -> LimitKind:
    """Return which limit a path counts against."""
    if path.startswith(_STATUS_PATHS):
        return LimitKind.STATUS
    if not path.startswith("/api"):
        return LimitKind.PAGES
    return LimitKind.CONTROLS if path.startswith(f"{API}/controls/") else LimitKind.GENERAL


class _Limited:
    """Counts a body's bytes as they come."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._bytes = 0

    async def receive(self) -> Message:
        message = await self._receive()
        self._bytes += len(message.get("body", b""))
        if self._bytes > MAX_BODY_BYTES:
            raise HTTPException(413, f"at most {MAX_BODY_BYTES} bytes")
        return message


class _Answer:
    """Adds the headers to an answer as it begins."""

    def __init__(self, scope: Scope, send: Send) -> None:
        self._scope = scope
        self._send = send
        self.status = 500
        self.has_begun = False

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.has_begun = True
            self._add(MutableHeaders(scope=message))
        await self._send(message)

    def _add(self, headers: MutableHeaders) -> None:
        state: dict[str, Any] = self._scope["state"]
        path = self._scope["path"]
        for name, value in _HEADERS.items():
            headers[name] = value
        headers["Content-Security-Policy"] = _DOCS_CSP if path.startswith("/docs") else _CSP
        headers["X-Request-ID"] = state["request_id"]
        if state["caller"].is_secure:
            headers["Strict-Transport-Security"] = "max-age=31536000; includeSubDomains"
        if path.startswith(("/api", "/metrics")):
            headers.setdefault("Cache-Control", "no-store")
        if (allowance := state.get("allowance")) is not None:
            headers.update(allowance.headers())
