"""A span for each request while traces are on, and what a call to the worker takes along so that it goes on there."""

from typing import Final

import structlog
from opentelemetry.trace import SpanKind, Tracer
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_PROPAGATOR: Final = TraceContextTextMapPropagator()


class TracedRequests:
    """The outermost layer while traces are on. Paths are named by their route: no value of a caller becomes a name."""

    def __init__(self, app: ASGIApp, *, tracer: Tracer) -> None:
        self._app = app
        self._tracer = tracer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request inside a span that goes on where the caller's began."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        parent = _PROPAGATOR.extract(Headers(scope=scope))
        with self._tracer.start_as_current_span(scope["method"], context=parent, kind=SpanKind.SERVER) as span:

            async def sent(message: Message) -> None:
                if message["type"] == "http.response.start":
                    span.set_attribute("http.response.status_code", message["status"])
                await send(message)

            await self._app(scope, receive, sent)
            route = getattr(scope.get("route"), "path", "unmatched")
            span.update_name(f"{scope['method']} {route}")
            span.set_attribute("http.route", route)
            span.set_attribute("arb.request_id", str(scope["state"].get("request_id", "")))


def outgoing_headers() -> dict[str, str]:
    """Return the headers that join a call to the request that makes it: its id, and its trace where there is one."""
    headers: dict[str, str] = {}
    _PROPAGATOR.inject(headers)
    request_id = structlog.contextvars.get_contextvars().get("request_id")
    return headers if request_id is None else headers | {"x-request-id": str(request_id)}
