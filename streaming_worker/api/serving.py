"""How the application is put on a socket: limits of a connection, and the end of one whose other side stopped reading.

A viewer that does not read must be noticed here. The system's send buffer is therefore small, messages are not packed
(that would cost the processor and memory once for each viewer), and pings give up later than our own rule does.
"""

import contextlib
import socket
from collections.abc import Iterator
from typing import Any, Final

import uvicorn
from fastapi import FastAPI
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

LINGER_S: Final = 10.0
_SEND_BUFFER: Final = 128 * 1024
_PING_S: Final = 20
_PONG_S: Final = 40


class ViewerProtocol(WebSocketsSansIOProtocol):
    """A stream whose end never waits: the close stands behind what is unread, and the socket goes away soon after."""

    async def send(self, message: Any) -> None:
        """Send a message; a close goes out at once."""
        if message["type"] == "websocket.close":
            self.writable.set()
            self.loop.call_later(LINGER_S, self.transport.abort)
        await super().send(message)


class SignalledServer(uvicorn.Server):
    """A server that is told to end: signals are its caller's, so that a drained end is an end without an error."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the signals alone."""
        yield


def server_settings(app: FastAPI, *, drain_s: int, **address: Any) -> uvicorn.Config:
    """Return the server's settings; ``address`` is its host and port, or nothing where a socket is given."""
    return uvicorn.Config(
        app,
        **address,
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_graceful_shutdown=drain_s,
        timeout_keep_alive=30,
        ws=ViewerProtocol,
        ws_max_size=64 * 1024,
        ws_per_message_deflate=False,
        ws_ping_interval=_PING_S,
        ws_ping_timeout=_PONG_S,
        h11_max_incomplete_event_size=32 * 1024,
    )


def bounded(listener: socket.socket) -> socket.socket:
    """Return a listening socket whose connections keep little unsent in the system."""
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER)
    return listener
