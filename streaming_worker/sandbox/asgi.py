"""The web application behind every port: which venue it is follows from the port that was called."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Final, TypeAlias
from urllib.parse import parse_qsl

from starlette.types import Message, Receive, Scope, Send
from uvicorn.protocols.utils import ClientDisconnected

from streaming_worker.sandbox.control import Control
from streaming_worker.sandbox.faces.session import Hangup, HttpCall, HttpReply
from streaming_worker.sandbox.hub import Connection, Hub, Stall

CONTROL: Final = "control"
_MOST_BODY_BYTES: Final = 1 << 20
Peer: TypeAlias = tuple[str, int]


class VenueApp:
    """An ASGI application over the hub. ``deafen`` stops all reading from a peer, down to its pings."""

    def __init__(
        self, hub: Hub, control: Control, venues: Mapping[int, str], *, deafen: Callable[[Peer], None]
    ) -> None:
        self._hub = hub
        self._control = control
        self._venues = venues
        self._deafen = deafen

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one HTTP call or one WebSocket connection."""
        if scope["type"] == "http":
            await self._http(scope, receive, send)
        elif scope["type"] == "websocket":
            await self._websocket(scope, receive, send)

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = await _read_body(receive)
        query = scope["query_string"].decode()
        path = f"{scope['path']}?{query}" if query else scope["path"]
        call = HttpCall(key="", method=scope["method"], path=path, body=body)
        venue = self._venue(scope)
        reply = self._control.answer(call) if venue == CONTROL else self._answer(venue, call)
        await asyncio.sleep(self._hub.wait_s(reply.after_ns))
        await _respond(send, "http.response", reply)

    def _answer(self, venue: str, call: HttpCall) -> HttpReply:
        if len(call.body) > _MOST_BODY_BYTES:
            return HttpReply(status=413, body=b'{"error":"body too large"}')
        return self._hub.answer(venue, call)

    async def _websocket(self, scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        venue = self._venue(scope)
        if venue == CONTROL:
            await send({"type": "websocket.close", "code": 1008, "reason": "no socket here"})
            return
        refusal = self._hub.refusal(venue)
        if refusal is not None:
            await _respond(send, "websocket.http.response", refusal)
            # The server takes a plain return without a handshake for a broken application.
            raise ClientDisconnected
        await send({"type": "websocket.accept"})
        connection = self._hub.open(venue, scope["path"], dict(parse_qsl(scope["query_string"].decode())))
        try:
            await self._converse(connection, receive, send)
            if connection.is_stalled:
                self._deafen(tuple(scope["client"]))
                await _until_hangup(connection)
        finally:
            self._hub.close(connection)

    async def _converse(self, connection: Connection, receive: Receive, send: Send) -> None:
        async with asyncio.TaskGroup() as group:
            tasks = {
                group.create_task(self._listen(connection, receive)),
                group.create_task(_speak(connection, send)),
                group.create_task(_until_overrun(connection)),
            }
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in tasks:
                task.cancel()

    async def _listen(self, connection: Connection, receive: Receive) -> None:
        while True:
            message = await receive()
            if message["type"] != "websocket.receive":
                return
            text = message.get("text")
            self._hub.receive(connection, text.encode() if text is not None else message.get("bytes") or b"")

    def _venue(self, scope: Scope) -> str:
        return self._venues[scope["server"][1]]


async def _speak(connection: Connection, send: Send) -> None:
    # Returning without a close message drops the TCP connection, which a client sees as 1006.
    try:
        while True:
            output = await connection.take()
            if isinstance(output, Stall):
                connection.is_stalled = True
                return
            if isinstance(output, Hangup):
                if output.code is not None:
                    await send({"type": "websocket.close", "code": output.code, "reason": output.reason})
                return
            await send(_message(output))
    except OSError:
        return


def _message(frame: bytes) -> Message:
    # Text must be UTF-8; what is not goes out as a binary frame.
    try:
        return {"type": "websocket.send", "text": frame.decode()}
    except UnicodeDecodeError:
        return {"type": "websocket.send", "bytes": frame}


async def _until_hangup(connection: Connection) -> None:
    while not isinstance(await connection.take(), Hangup):
        pass


async def _respond(send: Send, kind: str, reply: HttpReply) -> None:
    headers = {"content-type": "application/json", "content-length": str(len(reply.body)), **reply.headers}
    encoded = [(name.encode(), value.encode()) for name, value in headers.items()]
    await send({"type": f"{kind}.start", "status": reply.status, "headers": encoded})
    await send({"type": f"{kind}.body", "body": reply.body})


async def _until_overrun(connection: Connection) -> None:
    await connection.overrun.wait()


async def _read_body(receive: Receive) -> bytes:
    parts: list[bytes] = []
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return b"".join(parts)
        parts.append(message["body"])
        if not message.get("more_body", False):
            return b"".join(parts)
