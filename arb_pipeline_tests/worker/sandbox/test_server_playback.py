"""Recordings over real sockets: byte for byte, the 5 MB frame included, and silence afterwards."""

import asyncio
import time
from collections.abc import Sequence
from pathlib import Path

import httpx
import pytest
from websockets.asyncio.client import connect

from streaming_worker.sandbox.captures import Recording, VenueCapture, load_captures
from streaming_worker.sandbox.server import Sandbox

LARGEST = 16 << 20


async def play(url: str, count: int) -> Sequence[bytes]:
    async with connect(url, max_size=LARGEST) as socket:
        await socket.send('{"type":"subscribe"}')
        async with asyncio.timeout(60):
            return [await socket.recv(decode=False) for _ in range(count)]


async def test_real_recordings_come_back_byte_for_byte(shared_dir: Path) -> None:
    folder = shared_dir / "captures"
    names = (
        "coinbase/advanced_btc_eth_20260809.jsonl.gz",
        "coinbase/exchange_l2_10pairs_20210417.jsonl.gz",
        "gemini/v2_l2_sol_btc_eth_20260809.jsonl.gz",
        "gemini/newws_depth100ms_20260930_excerpt.tsv",
        "bitstamp/diff_rest_9pairs_20220105.jsonl.gz",
    )
    captures = load_captures(folder / name for name in names)
    assert len(captures) == 5
    async with Sandbox(clock=time.monotonic_ns, captures=captures, speed=None, base_port=0) as sandbox:
        for venue, capture in captures.items():
            (recording,) = capture.recordings
            wanted = [data for _, data in recording.frames]
            assert await play(sandbox.urls[f"{venue}_ws"], len(wanted)) == wanted
        async with httpx.AsyncClient(timeout=60) as http:
            for venue, capture in captures.items():
                for target, body in list(capture.bodies.items())[:5]:
                    assert (await http.get(f"{sandbox.urls[f'{venue}_http']}{target}")).content == body
            assert (await http.get(f"{sandbox.urls['control_http']}/status")).json()["done"] is True


@pytest.fixture
def capture() -> VenueCapture:
    frames = [(number * 100_000_000, b'{"number":%d}' % number) for number in range(11)]
    return VenueCapture(recordings=[Recording(name="one", frames=frames)])


async def test_speed_shortens_the_time_and_the_socket_stays_open(capture: VenueCapture) -> None:
    async with (
        Sandbox(clock=time.monotonic_ns, captures={"gemini": capture}, speed=10, base_port=0) as sandbox,
        connect(sandbox.urls["gemini_ws"]) as socket,
        httpx.AsyncClient(timeout=60) as http,
    ):
        began = time.monotonic()
        await socket.send("{}")
        async with asyncio.timeout(60):
            frames = [await socket.recv(decode=False) for _ in range(11)]
        assert time.monotonic() - began >= 0.1
        assert frames == [data for _, data in capture.recordings[0].frames]
        body = (await http.get(f"{sandbox.urls['control_http']}/status")).json()
        assert body["done"] is True
        assert body["market"] is None
        assert body["venues"]["gemini"]["frames_recorded"] == 11
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await socket.recv()
        await (await socket.ping())


async def test_a_slow_reader_loses_nothing_and_is_not_done_before_it_has_read() -> None:
    frames = [(0, b"%06d" % number + b"x" * 1_000) for number in range(30_000)]
    captures = {"coinbase": VenueCapture(recordings=[Recording(name="big", frames=frames)])}
    async with (
        Sandbox(clock=time.monotonic_ns, captures=captures, speed=None, base_port=0) as sandbox,
        connect(sandbox.urls["coinbase_ws"], max_queue=1) as socket,
    ):
        await socket.send("{}")
        first = await socket.recv(decode=False)
        assert sandbox.control.done is False
        async with asyncio.timeout(60):
            rest = [await socket.recv(decode=False) for _ in range(len(frames) - 1)]
        assert [first, *rest] == [data for _, data in frames]
        assert sandbox.control.done is True
