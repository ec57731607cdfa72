"""The live stream: one WebSocket for everything a viewer follows."""

import asyncio
import contextlib
from typing import Final

import anyio.to_thread
import msgspec
from fastapi import APIRouter, WebSocket, WebSocketDisconnect

from streaming_worker.api.edge import API
from streaming_worker.api.identity.principal import Principal
from streaming_worker.api.identity.roles import Role, Scope
from streaming_worker.api.limiting import network_of
from streaming_worker.api.security import is_same_origin
from streaming_worker.api.services import Services
from streaming_worker.api.stream import CODES, CloseCode, Topic, Viewer

router = APIRouter(prefix=API)
PROTOCOL: Final = "arb.v1"
TOKEN_PREFIX: Final = "bearer."  # noqa: S105 - what a token is written after, not one
MOST_TEXT: Final = 4_096
HEARTBEAT_S: Final = 2.0
RECHECK_S: Final = 5.0
# A beat comes every two seconds: who takes nothing for so long reads no more, however little there is to send.
STUCK_S: Final = 10.0


class Wanted(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a viewer asks for."""

    subscribe: tuple[Topic, ...] = ()
    unsubscribe: tuple[Topic, ...] = ()


@router.websocket("/stream")
async def stream(socket: WebSocket) -> None:
    """Serve one viewer until either side ends it."""
    services: Services = socket.app.state.services
    await socket.accept(subprotocol=PROTOCOL if PROTOCOL in socket.scope.get("subprotocols", []) else None)
    token = _protocol_token(socket)
    principal = await services.doorman.identify(socket, protocol_token=token)
    refusal = _refusal(socket, services, principal)
    if refusal is not None or principal is None:
        await _close(socket, refusal or CloseCode.NOT_AUTHENTICATED)
        return
    viewer = Viewer(principal=principal, ip=network_of(socket.scope["state"]["caller"].ip))
    services.broadcaster.add(viewer)
    try:
        await _serve(socket, services, viewer)
    finally:
        services.broadcaster.remove(viewer)


def _protocol_token(socket: WebSocket) -> str | None:
    for name in socket.scope.get("subprotocols", []):
        if name.startswith(TOKEN_PREFIX):
            return str(name.removeprefix(TOKEN_PREFIX))
    return None


def _refusal(socket: WebSocket, services: Services, principal: Principal | None) -> CloseCode | None:
    api = services.config.api
    if principal is None:
        return CloseCode.NOT_AUTHENTICATED
    # A browser always says where its page comes from; a cookie without that is not a browser's.
    if (principal.needs_csrf and "origin" not in socket.headers) or not is_same_origin(socket, api.allowed_origins):
        return CloseCode.FORBIDDEN
    if not principal.may(Role.VIEWER, Scope.READ):
        return CloseCode.FORBIDDEN
    if services.broadcaster.viewers_of(network_of(socket.scope["state"]["caller"].ip)) >= api.streams_per_ip:
        return CloseCode.TOO_MANY
    return None


async def _serve(socket: WebSocket, services: Services, viewer: Viewer) -> None:
    """Read, write, beat and check again, until the first of them ends."""
    parts = (
        asyncio.ensure_future(_read(socket, services, viewer)),
        asyncio.ensure_future(_write(socket, viewer)),
        asyncio.ensure_future(_beat(services, viewer)),
        asyncio.ensure_future(_recheck(services, viewer)),
        asyncio.ensure_future(_until_cut(viewer)),
    )
    try:
        await asyncio.wait(parts, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for part in parts:
            part.cancel()
        await asyncio.gather(*parts, return_exceptions=True)
    if viewer.is_cut is not None:
        await _close(socket, viewer.is_cut)


async def _read(socket: WebSocket, services: Services, viewer: Viewer) -> None:
    try:
        while True:
            text = await socket.receive_text()
            wanted = None if len(text) > MOST_TEXT else _parsed(text)
            if wanted is None:
                viewer.cut(CloseCode.BAD_MESSAGE)
                return
            viewer.topics.difference_update(wanted.unsubscribe)
            refused = services.broadcaster.subscribe(viewer, wanted.subscribe)
            for topic in refused:
                error = {"topic": topic.value, "kind": "error", "code": "forbidden", "message": "your role may not"}
                viewer.offer(msgspec.json.encode(error).decode())
    except (WebSocketDisconnect, KeyError):
        return  # KeyError: a binary frame


def _parsed(text: str) -> Wanted | None:
    try:
        return msgspec.json.decode(text, type=Wanted)
    except msgspec.DecodeError:
        return None


async def _write(socket: WebSocket, viewer: Viewer) -> None:
    try:
        while True:
            await viewer.has_news.wait()
            viewer.has_news.clear()
            while viewer.waiting:
                async with asyncio.timeout(STUCK_S):
                    await socket.send_text(viewer.take())
    except TimeoutError:
        viewer.cut(CloseCode.SLOW)
    except (WebSocketDisconnect, RuntimeError):
        return


async def _until_cut(viewer: Viewer) -> None:
    """A viewer whose socket does not take anything is cut while a write still waits for it."""
    while viewer.is_cut is None:
        await viewer.was_cut.wait()


async def _beat(services: Services, viewer: Viewer) -> None:
    while True:
        viewer.offer(services.broadcaster.heartbeat(services.clock.now_ns()))
        await asyncio.sleep(HEARTBEAT_S)


async def _recheck(services: Services, viewer: Viewer) -> None:
    """A login that was ended or changed ends its streams; one that only ran out of time goes on by its session."""
    while True:
        await asyncio.sleep(RECHECK_S)
        if not await anyio.to_thread.run_sync(_still_holds, services, viewer.principal):
            viewer.cut(CloseCode.NOT_AUTHENTICATED)
            return


def _still_holds(services: Services, principal: Principal) -> bool:
    if principal.key_id is not None:
        key = services.keys.get(principal.key_id)
        return key is not None and key.revoked_ns is None and key.expires_ns > services.clock.now_ns()
    session = services.sessions.get(principal.session_id or "")
    return session is not None and session.role is principal.role


async def _close(socket: WebSocket, why: CloseCode) -> None:
    with contextlib.suppress(WebSocketDisconnect, RuntimeError, TimeoutError):
        async with asyncio.timeout(1):
            await socket.close(CODES[why], why.value)
