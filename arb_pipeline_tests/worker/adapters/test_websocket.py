"""A connection carries frames with their receive time, and every end of it is one named error."""

import asyncio
import socket

import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from websockets.asyncio.server import ServerConnection

from arb_pipeline_tests.fixtures.scripted_venue import closed_port, http_venue, until, websocket_venue
from streaming_worker.adapters.clock import AnchoredClock, HandClock
from streaming_worker.adapters.names import Names
from streaming_worker.adapters.websocket import MIB, VenueSocket, WebSocketSettings, host_of
from streaming_worker.errors import ConfigError, TransportError

SETTINGS = WebSocketSettings(open_timeout_s=2.0, close_timeout_s=0.2)


async def send_without_end(venue: VenueSocket) -> None:
    while True:
        await venue.send(b"x" * MIB)


async def test_frames_are_bytes_and_a_large_snapshot_passes() -> None:
    snapshot = "x" * (6 * MIB)

    async def script(venue: ServerConnection) -> None:
        hello = await venue.recv()
        await venue.send(snapshot)
        await venue.send(f"{type(hello).__name__}:{hello}")
        await venue.wait_closed()

    async with websocket_venue(script) as url, VenueSocket(url, SETTINGS, AnchoredClock(), Names()) as venue:
        await venue.send(b"subscribe")
        large, _ = await venue.receive()
        echoed, _ = await venue.receive()
    assert (len(large), echoed) == (6 * MIB, b"str:subscribe")


async def test_a_frame_is_stamped_when_it_comes_not_when_it_is_read() -> None:
    clock = HandClock(start_ns=1_000)
    released = asyncio.Event()

    async def script(venue: ServerConnection) -> None:
        await venue.send("first")
        await venue.send(["sec", "ond"])
        await (await venue.ping())
        released.set()
        await venue.wait_closed()

    async with websocket_venue(script) as url, VenueSocket(url, SETTINGS, clock, Names()) as venue:
        await released.wait()
        clock.advance(60.0)
        assert await venue.receive() == (b"first", 1_000)
        assert await venue.receive() == (b"second", 1_000)


@pytest.mark.parametrize(("code", "reason"), [(1001, "going away"), (1013, "try again later"), (4000, "")])
async def test_the_close_code_of_the_venue_is_kept(code: int, reason: str) -> None:
    async def script(venue: ServerConnection) -> None:
        await venue.close(code, reason)

    async with websocket_venue(script) as url, VenueSocket(url, SETTINGS, AnchoredClock(), Names()) as venue:
        with pytest.raises(TransportError, match=reason or "no reason given") as lost:
            await venue.receive()
        assert (lost.value.close_code, lost.value.host) == (code, "127.0.0.1")
        with pytest.raises(TransportError) as again:
            await venue.send(b"late")
        assert again.value.close_code == code


async def test_an_abrupt_end_is_1006() -> None:
    async def script(venue: ServerConnection) -> None:
        venue.transport.abort()

    async with websocket_venue(script) as url, VenueSocket(url, SETTINGS, AnchoredClock(), Names()) as venue:
        with pytest.raises(TransportError, match="without a close frame") as lost:
            await venue.receive()
    assert lost.value.close_code == 1006


async def test_a_frame_over_the_limit_ends_the_connection_with_1009() -> None:
    async def script(venue: ServerConnection) -> None:
        await venue.send(b"x" * 2_000)
        await venue.wait_closed()

    settings = WebSocketSettings(max_frame_bytes=1_000, close_timeout_s=0.2)
    async with websocket_venue(script) as url, VenueSocket(url, settings, AnchoredClock(), Names()) as venue:
        with pytest.raises(TransportError, match="closed by us") as lost:
            await venue.receive()
    assert lost.value.close_code == 1009


async def test_a_half_open_connection_fails_its_ping() -> None:
    """A peer that reads nothing more never answers a ping; the socket alone would wait for hours."""

    async def script(venue: ServerConnection) -> None:
        venue.transport.pause_reading()
        await venue.wait_closed()

    settings = WebSocketSettings(ping_interval_s=0.05, ping_timeout_s=0.05, close_timeout_s=0.05)
    async with websocket_venue(script) as url, VenueSocket(url, settings, AnchoredClock(), Names()) as venue:
        with pytest.raises(TransportError, match="keepalive ping timeout") as lost:
            await venue.receive()
    assert lost.value.close_code == 1011


async def test_a_peer_that_takes_nothing_stops_a_send_in_time() -> None:
    async def script(venue: ServerConnection) -> None:
        venue.transport.pause_reading()
        await venue.wait_closed()

    settings = WebSocketSettings(send_timeout_s=0.1, close_timeout_s=0.05, is_compressed=False)
    async with websocket_venue(script) as url, VenueSocket(url, settings, AnchoredClock(), Names()) as venue:
        with pytest.raises(TransportError, match=r"took no frame for 0\.1 s"):
            await send_without_end(venue)


async def test_a_closed_port_is_one_line_with_the_host_only() -> None:
    url = f"ws://127.0.0.1:{closed_port()}/v2?api-key=SECRET"
    with pytest.raises(TransportError, match=r"^cannot reach 127\.0\.0\.1: ") as lost:
        async with VenueSocket(url, SETTINGS, AnchoredClock(), Names()):
            pass
    assert "SECRET" not in str(lost.value)
    assert lost.value.close_code is None


async def test_a_name_that_does_not_resolve_is_one_line() -> None:
    with pytest.raises(TransportError, match=r"^cannot reach venue\.invalid: ") as lost:
        async with VenueSocket("ws://venue.invalid/?token=SECRET", SETTINGS, AnchoredClock(), Names()):
            pass
    assert "\n" not in str(lost.value)


async def test_a_refused_handshake_shows_its_http_status() -> None:
    """Solana nodes answer 403 to blocked addresses and 429 to hasty ones."""

    async def refuse(_: Request) -> Response:
        return PlainTextResponse("blocked", status_code=403)

    async with http_venue(refuse) as base:
        with pytest.raises(TransportError, match=r"^cannot reach 127\.0\.0\.1: HTTP status 403$"):
            async with VenueSocket(base.replace("http", "ws"), SETTINGS, AnchoredClock(), Names()):
                pass


async def test_an_address_that_is_no_websocket_is_named_by_its_fault() -> None:
    with pytest.raises(TransportError, match=r"^cannot reach 127\.0\.0\.1: InvalidURI$"):
        async with VenueSocket("https://127.0.0.1/?token=SECRET", SETTINGS, AnchoredClock(), Names()):
            pass


async def test_a_server_that_never_shakes_hands_is_given_up() -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        settings = WebSocketSettings(open_timeout_s=0.05)
        with pytest.raises(TransportError, match="no answer in time"):
            async with VenueSocket(f"ws://127.0.0.1:{mute.getsockname()[1]}", settings, AnchoredClock(), Names()):
                pass


async def test_leaving_early_closes_the_connection() -> None:
    closed: list[int | None] = []

    async def script(venue: ServerConnection) -> None:
        await venue.wait_closed()
        closed.append(venue.close_code)

    async with websocket_venue(script) as url:
        async with VenueSocket(url, SETTINGS, AnchoredClock(), Names()):
            pass
        await until(lambda: closed == [1000], "a normal close")


def test_a_frame_limit_beyond_64_mib_is_refused() -> None:
    with pytest.raises(ConfigError, match="max_frame_bytes must be from 1 to 67108864"):
        WebSocketSettings(max_frame_bytes=65 * MIB)


def test_only_the_host_of_a_url_is_shown() -> None:
    assert host_of("wss://user:secret@rpc.example:443/?api-key=SECRET") == "rpc.example"
    assert host_of("nonsense") == "(no host)"
