"""The only door to a running worker: health and state out, operator commands in; loopback only.

A command becomes an event in the one order, like everything else; the answer comes after the engine has seen it.
Web pages cannot use the door: the host name is checked, and a command must be JSON (which browsers do not send
across origins without asking first).
"""

import asyncio
import contextlib
import ipaddress
import re
import socket
from collections.abc import Iterator, Sequence
from typing import Annotated, Any, Final

import msgspec
import structlog
import uvicorn
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from streaming_worker.adapters.clock import Clock
from streaming_worker.core.events import CommandKind, Event, LimitSetting, OperatorCommand
from streaming_worker.core.outputs import Output
from streaming_worker.core.units import format_e8, format_fixed
from streaming_worker.engine.engine import Engine
from streaming_worker.engine.state import BookView, PoolView
from streaming_worker.errors import ConfigError
from streaming_worker.service.bus import Bus
from streaming_worker.service.health import Health, Status
from streaming_worker.service.live import MOST_LISTENERS, Live
from streaming_worker.service.metrics import Metrics
from streaming_worker.service.tracing import Traces

_LOG: Final = structlog.get_logger("gateway")
MAX_COMMAND_BYTES: Final = 4_096
COMMAND_TIMEOUT_S: Final = 5.0
CLOSE_TIMEOUT_S: Final = 2
_HOSTS: Final = ("127.0.0.1", "localhost", "[::1]")
_JSON: Final = "application/json"
_REQUEST_ID: Final = re.compile(r"[A-Za-z0-9._-]{8,64}")


class CommandBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What an operator sends; ``command_id`` makes a repeated request harmless."""

    command_id: Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9._:-]{1,64}$")]
    kind: CommandKind
    actor: Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
    reason: Annotated[str, msgspec.Meta(min_length=1, max_length=500)]
    limits: Annotated[tuple[LimitSetting, ...], msgspec.Meta(max_length=20)] = ()
    scope: Annotated[str, msgspec.Meta(pattern=r"^(venue|pair):[A-Za-z0-9/._-]{1,60}$")] | None = None
    expires_ns: int | None = None


def _command(body: CommandBody, now_ns: int) -> OperatorCommand:
    return OperatorCommand(
        body.command_id, body.kind, body.actor, body.reason, now_ns, body.limits, body.scope, body.expires_ns
    )


class Gateway:
    """Answers from references to the running parts; keeps only the commands that wait for the engine."""

    def __init__(
        self,
        *,
        engine: Engine,
        bus: Bus,
        health: Health,
        metrics: Metrics,
        clock: Clock,
        live: Live | None = None,
        command_timeout_s: float = COMMAND_TIMEOUT_S,
        routes: Sequence[Route] = (),
        traces: Traces | None = None,
    ) -> None:
        self._engine = engine
        self._bus = bus
        self._health = health
        self._metrics = metrics
        self._clock = clock
        self._live = live or Live(engine=engine, health=health, metrics=metrics, clock=clock)
        self._command_timeout_s = command_timeout_s
        self._traces = traces
        self._waiting: dict[str, asyncio.Future[int]] = {}
        self.app = guarded(
            [
                Route("/health", self._get_health),
                Route("/ready", self._get_ready),
                Route("/state", self._get_state),
                Route("/stream", self._get_stream),
                Route("/book/{key}", self._get_book),
                Route("/pool/{key}", self._get_pool),
                Route("/command", self._post_command, methods=["POST"]),
                *routes,
            ]
        )

    def observe(self, seq: int, event: Event, _: Sequence[Output]) -> None:
        """Follow the pump: tell whoever waits that the engine has seen the command."""
        if isinstance(event, OperatorCommand):
            waiting = self._waiting.pop(event.command_id, None)
            if waiting is not None and not waiting.done():
                waiting.set_result(seq)

    async def _get_health(self, _: Request) -> Response:
        report = self._health.report()
        return json_response(report, status=503 if report.status is Status.DOWN else 200)

    async def _get_ready(self, _: Request) -> Response:
        report = self._health.report()
        return json_response({"is_ready": report.is_ready, "why": report.why}, status=200 if report.is_ready else 503)

    async def _get_state(self, request: Request) -> Response:
        """Answer in little time, for who asks every second; ``?digests=true`` hashes every level of every book."""
        state = self._engine.state
        return json_response(
            {
                "at_ns": self._clock.now_ns(),
                "events": self._engine.event_count,
                "outputs_digest": state.chain_digest.hex(),
                **(self._digests() if request.query_params.get("digests") == "true" else {}),
                "books": {key: _book(view) for key, view in state.books.items()},
                "pools": {key: _pool(view) for key, view in state.pools.items()},
                "open_episodes": sum(route.episode is not None for route in state.routes),
                "metrics": self._metrics.snapshot(),
            }
        )

    def _digests(self) -> dict[str, Any]:
        feeds = self._engine.state.feeds
        return {
            "digest": self._engine.digest(),
            "feed_digests": {feed: self._engine.feed_digest(feed) for feed in feeds},
        }

    async def _get_stream(self, _: Request) -> Response:
        """Answer with a snapshot, then ten lines of changes a second, for as long as the caller reads them."""
        if self._live.listener_count >= MOST_LISTENERS:
            return _refusal(503, f"at most {MOST_LISTENERS} may listen")
        return StreamingResponse(self._live.lines(), media_type="application/x-ndjson")

    async def _get_book(self, request: Request) -> Response:
        """Answer with every level of one book, by its registry key."""
        view = self._engine.state.books.get(request.path_params["key"])
        if view is None:
            return _refusal(404, f"a book is one of {', '.join(self._engine.state.books)}")
        digits = next(i.size_digits for i in self._engine.state.settings.instruments if i.key == view.key)
        return json_response(_whole_book(view, digits) | {"events": self._engine.event_count})

    async def _get_pool(self, request: Request) -> Response:
        """Answer with the state and every tick of one pool, by its registry key."""
        view = self._engine.state.pools.get(request.path_params["key"])
        if view is None:
            return _refusal(404, f"a pool is one of {', '.join(self._engine.state.pools)}")
        return json_response(_whole_pool(view) | {"events": self._engine.event_count})

    async def _post_command(self, request: Request) -> Response:
        if request.headers.get("content-type", "").partition(";")[0].strip().lower() != _JSON:
            return _refusal(415, f"a command is sent as {_JSON}")
        content = await _read(request)
        if content is None:
            return _refusal(413, f"a command has at most {MAX_COMMAND_BYTES} bytes")
        try:
            body = msgspec.json.decode(content, type=CommandBody)
        except msgspec.DecodeError as e:
            return _refusal(422, str(e))
        request_id = request.headers.get("x-request-id", "")
        known = request_id if _REQUEST_ID.fullmatch(request_id) else body.command_id
        with structlog.contextvars.bound_contextvars(request_id=known), self._traced(body, request):
            return await self._submit(body)

    def _traced(self, body: CommandBody, request: Request) -> contextlib.AbstractContextManager[None]:
        if self._traces is None:
            return contextlib.nullcontext()
        return self._traces.command(body.command_id, body.kind.value, request.headers)

    async def _submit(self, body: CommandBody) -> Response:
        if body.command_id in self._waiting:
            return _refusal(409, f"command {body.command_id} is on its way")
        waiting: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._waiting[body.command_id] = waiting
        now_ns = self._clock.now_ns()
        _LOG.info("command", kind=body.kind.value, actor=body.actor, reason=body.reason, command_id=body.command_id)
        self._bus.announce([_command(body, now_ns)])
        try:
            async with asyncio.timeout(self._command_timeout_s):
                seq = await waiting
        except TimeoutError:
            return json_response({"command_id": body.command_id, "seq": None, "risk": None}, status=202)
        finally:
            self._waiting.pop(body.command_id, None)
        risk = self._engine.state.risk.state.value
        _LOG.info("command_done", command_id=body.command_id, seq=seq, risk=risk)
        return json_response({"command_id": body.command_id, "seq": seq, "risk": risk})


def guarded(routes: Sequence[Route]) -> Starlette:
    """Return an application that answers under the loopback's own names only."""
    hosts = Middleware(TrustedHostMiddleware, allowed_hosts=list(_HOSTS), www_redirect=False)
    return Starlette(routes=routes, middleware=[hosts])


class _Server(uvicorn.Server):
    """A server inside the worker's own loop; signals belong to whoever runs the loop."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the process's signal handlers alone."""
        yield


def bind(host: str, port: int) -> socket.socket:
    """Open the listening socket. Raises ConfigError when it is not loopback or the port is taken."""
    if not _is_loopback(host):
        raise ConfigError(
            f"gateway.host must be a loopback address such as 127.0.0.1, received {host!r}", key="gateway.host"
        )
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=64)
    except OSError as e:
        raise ConfigError(f"gateway.port {port} on {host} cannot be used: {e.strerror}", key="gateway.port") from e


async def serve(app: Starlette, listener: socket.socket, stop: asyncio.Event) -> None:
    """Answer requests until ``stop``; then close within two seconds."""
    server = _Server(
        uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            lifespan="off",
            ws="none",
            timeout_graceful_shutdown=CLOSE_TIMEOUT_S,
            server_header=False,
            date_header=False,
        )
    )
    with contextlib.closing(listener), contextlib.ExitStack() as stack:
        stack.callback(_hang_up, server)
        async with asyncio.TaskGroup() as group:
            group.create_task(server.serve(sockets=[listener]))
            await stop.wait()
            server.should_exit = True


def _hang_up(server: uvicorn.Server) -> None:
    """End what a cancelled server leaves open: it would go on answering for a worker that is gone."""
    for listening in getattr(server, "servers", ()):
        listening.close()
    for connection in tuple(server.server_state.connections):
        connection.transport.abort()


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


async def _read(request: Request) -> bytes | None:
    content = bytearray()
    async for chunk in request.stream():
        content += chunk
        if len(content) > MAX_COMMAND_BYTES:
            return None
    return bytes(content)


def json_response(content: object, *, status: int = 200) -> Response:
    """Return an answer as JSON."""
    return Response(msgspec.json.encode(content), status_code=status, media_type=_JSON)


def _refusal(status: int, message: str) -> Response:
    return json_response({"error": message}, status=status)


def _book(view: BookView) -> dict[str, Any]:
    book = view.book
    return {
        "is_synced": view.is_synced,
        "best_bid": _level(book.best_bid),
        "best_ask": _level(book.best_ask),
        "bids": book.bid_count,
        "asks": book.ask_count,
        "snapshots": view.snapshots,
        "updates": view.updates,
        "absent_removals": book.absent_removals,
        "received_ns": view.received_ns,
    }


def _whole_book(view: BookView, size_digits: int) -> dict[str, Any]:
    sides = zip(("bids", "asks"), view.book.dump(), strict=True)
    return {
        "is_synced": view.is_synced,
        "received_ns": view.received_ns,
        **{name: [(format_e8(price), format_fixed(size, size_digits)) for price, size in side] for name, side in sides},
    }


def _whole_pool(view: PoolView) -> dict[str, Any]:
    # Liquidity needs more than 64 bits.
    return _pool(view) | {
        "arrays": {
            str(start): [(tick.tick_index, str(tick.liquidity_net), str(tick.liquidity_gross)) for tick in array.ticks]
            for start, array in sorted(view.arrays.items())
        }
    }


def _pool(view: PoolView) -> dict[str, Any]:
    return {
        "is_synced": view.is_synced,
        "slot": None if view.state is None else view.slot,
        "liquidity": None if view.state is None else str(view.state.liquidity),
        "sqrt_price_x64": None if view.state is None else str(view.state.sqrt_price_x64),
        "tick_current_index": None if view.state is None else view.state.tick_current_index,
        "tick_arrays": len(view.arrays),
        "updates": view.updates,
        "received_ns": view.received_ns or None,
    }


def _level(level: tuple[int, int] | None) -> tuple[str, str] | None:
    return None if level is None else (format_e8(level[0]), format_e8(level[1]))
