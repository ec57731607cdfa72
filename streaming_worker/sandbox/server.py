"""The sandbox as one thing to start and stop: a loopback port per venue, and one for control."""

import asyncio
import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Final, Self

import uvicorn
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from streaming_worker.errors import ConfigError
from streaming_worker.sandbox.asgi import CONTROL, Peer, VenueApp
from streaming_worker.sandbox.captures import VenueCapture
from streaming_worker.sandbox.control import Control
from streaming_worker.sandbox.faces.roster import PORT_OFFSETS, market_faces, playback_faces
from streaming_worker.sandbox.faces.session import Face, Follower
from streaming_worker.sandbox.faces.solana import SolanaFace
from streaming_worker.sandbox.faults.desk import FaultDesk
from streaming_worker.sandbox.faults.journal import TruthJournal
from streaming_worker.sandbox.faults.layer import FaultLayer
from streaming_worker.sandbox.faults.script import FaultScript
from streaming_worker.sandbox.hub import Hub, Outbound
from streaming_worker.sandbox.market.stepper import Market

BASE_PORT: Final = 9100
_HOST: Final = "127.0.0.1"
_LARGEST_FRAME: Final = 32 << 20
_PING_SECONDS: Final = 20.0
_GOODBYE_SECONDS: Final = 1.0


class _Server(uvicorn.Server):
    """A server that leaves the process's signals alone and says when it listens."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listening = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start to accept connections."""
        await super().startup(sockets)
        self.listening.set()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture nothing: whoever runs the sandbox decides when it ends."""
        yield


class Sandbox:
    """Local venues over a synthetic market, or recordings, or both: a recorded venue replaces the synthetic one.

    ``base_port`` 0 takes any free ports. ``speed`` None plays recordings without waiting. ``clock`` gives wall
    time in nanoseconds; ``rate`` is how many of its seconds pass in one. ``faults`` come by script, and at any time
    through ``layer``; ``outbound`` stands in the place of the layer between sessions and sockets.
    """

    def __init__(
        self,
        *,
        clock: Callable[[], int],
        market: Market | None = None,
        captures: Mapping[str, VenueCapture] | None = None,
        speed: int | None = 1,
        base_port: int = BASE_PORT,
        rate: int = 1,
        faults: FaultScript | None = None,
        outbound: Outbound | None = None,
    ) -> None:
        faces: dict[str, Face] = market_faces(market) if market is not None else {}
        faces.update(playback_faces(captures or {}, speed=speed))
        solana = faces.get("solana")
        self.layer = FaultLayer(script=faults, solana=solana if isinstance(solana, SolanaFace) else None)
        self.journal = None if market is None else TruthJournal(market)
        followers: list[Follower] = [self.layer, *([] if self.journal is None else [self.journal])]
        self.hub = Hub(
            market,
            faces,
            clock=clock,
            rate=rate,
            outbound=outbound or self.layer,
            answers=self.layer,
            followers=followers,
        )
        self.control = Control(self.hub, FaultDesk(self.layer, frozenset(faces)), self.journal)
        self._base_port = base_port
        self._ports: dict[str, int] = {}
        self._server: _Server | None = None
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def urls(self) -> dict[str, str]:
        """Return ``<venue>_ws`` and ``<venue>_http`` of every venue, and ``control_http``."""
        urls: dict[str, str] = {}
        for venue, port in self._ports.items():
            if venue != CONTROL:
                urls[f"{venue}_ws"] = f"ws://{_HOST}:{port}"
            urls[f"{venue}_http"] = f"http://{_HOST}:{port}"
        return urls

    async def start(self) -> None:
        """Listen on every port and set the market going. Raises ConfigError when a port is taken."""
        sockets = self._bind()
        venues = {port: venue for venue, port in self._ports.items()}
        app = VenueApp(self.hub, self.control, venues, deafen=self._deafen)
        config = uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            lifespan="off",
            ws="websockets-sansio",
            ws_max_size=_LARGEST_FRAME,
            ws_ping_interval=_PING_SECONDS,
            ws_ping_timeout=_PING_SECONDS,
            ws_per_message_deflate=False,
        )
        self._server = _Server(config)
        serving = asyncio.create_task(self._server.serve(sockets=list(sockets.values())), name="sandbox server")
        await self._server.listening.wait()
        self._tasks = [serving, asyncio.create_task(self.hub.run(), name="sandbox market")]

    async def stop(self) -> None:
        """Hang up, close every port and end every task, within two seconds; raise what had broken meanwhile."""
        server = self._server
        if server is None:
            return
        serving, moving = self._tasks
        moving.cancel()
        self.hub.hang_up_all()
        server.should_exit = True
        await asyncio.wait({serving}, timeout=_GOODBYE_SECONDS)
        for connection in tuple(server.server_state.connections):
            connection.transport.abort()
        results = await asyncio.gather(*self._tasks, return_exceptions=True)
        self._server = None
        for result in results:
            if isinstance(result, Exception):
                raise result

    async def wait(self) -> None:
        """Return when a part has stopped by itself, raising what stopped it."""
        done, _ = await asyncio.wait(self._tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()

    async def __aenter__(self) -> Self:
        """Start."""
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop."""
        await self.stop()

    def _deafen(self, peer: Peer) -> None:
        """Read nothing more from a peer, nor ping it: to the peer the machine behind the connection is gone."""
        assert self._server is not None
        for connection in self._server.server_state.connections:
            if isinstance(connection, WebSocketsSansIOProtocol) and connection.client == peer:
                connection.stop_keepalive()
                connection.transport.pause_reading()

    def _bind(self) -> dict[str, socket.socket]:
        sockets: dict[str, socket.socket] = {}
        for venue in (*self.hub.faces, CONTROL):
            wanted = self._base_port + PORT_OFFSETS[venue] if self._base_port else 0
            listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sockets[venue] = listener
            try:
                listener.bind((_HOST, wanted))
            except OSError as e:
                for opened in sockets.values():
                    opened.close()
                raise ConfigError(f"port {wanted} for {venue} cannot be used: {e.strerror}", key="base_port") from e
            self._ports[venue] = listener.getsockname()[1]
        return sockets
