"""A feed survives whatever its venue does, says so once each time, and leaves nothing behind."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from random import Random

import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from structlog.testing import capture_logs
from websockets.asyncio.server import ServerConnection

from arb_pipeline_tests.fixtures.kept_record import KeptRecord
from arb_pipeline_tests.fixtures.market import GEMINI, settings
from arb_pipeline_tests.fixtures.scripted_venue import closed_port, http_venue, until, websocket_venue
from streaming_worker.adapters.clock import Clock, HandClock
from streaming_worker.adapters.http import HttpSettings, VenueHttp
from streaming_worker.adapters.names import Names
from streaming_worker.adapters.websocket import VenueSocket, WebSocketSettings
from streaming_worker.core.events import BookDelta, BookSnapshot, Event, FeedConnected, FeedGap, FeedLost, GapCause
from streaming_worker.core.units import NANOS_PER_SECOND
from streaming_worker.protocols.base import FeedProtocol
from streaming_worker.protocols.gemini import Gemini
from streaming_worker.protocols.gemini_v2 import GeminiV2
from streaming_worker.service.bus import Bus
from streaming_worker.service.capture import Edge, Endpoint, FeedSupervisor, RetrySettings
from streaming_worker.service.connection import ConnectionSettings
from streaming_worker.service.gaps import STOPPED

SNAPSHOT = json.dumps(
    {
        "type": "l2_updates",
        "symbol": "SOLUSD",
        "changes": [["buy", "149.99", "1"], ["sell", "150.01", "2"]],
        "trades": [],
        "auction_events": [],
    }
)
DELTA = json.dumps({"type": "l2_updates", "symbol": "SOLUSD", "changes": [["buy", "149.98", "3"]]})
INSTRUMENT = settings().instruments[1]
Script = Callable[[ServerConnection], Awaitable[None]]


def gemini_v2() -> FeedProtocol:
    return GeminiV2("gemini", [INSTRUMENT])


class Rig:
    """One supervised feed with a hand-moved clock and a record in lists."""

    def __init__(self, *endpoints: Endpoint, clock: Clock | None = None, capacity: int = 1_000, **changed: object):
        self.clock = HandClock(start_ns=NANOS_PER_SECOND)
        self.bus = Bus(capacity)
        self.record = KeptRecord()
        time: Clock = clock or self.clock
        random = Random(5)
        self.feed = FeedSupervisor(
            "gemini",
            endpoints,
            edge=Edge(
                open_socket=lambda url: VenueSocket(url, WebSocketSettings(close_timeout_s=0.1), time, Names()),
                open_http=lambda bases: VenueHttp(
                    bases, settings=HttpSettings(), clock=time, names=Names(), random=random
                ),
                clock=time,
                random=random,
            ),
            bus=self.bus,
            record=self.record,
            has_raw_frames=True,
            connection_settings=replace(ConnectionSettings(), **changed),  # type: ignore[arg-type]  # a test's table
            retry_settings=RetrySettings(),
        )
        self.events: list[Event] = []

    @asynccontextmanager
    async def running(self) -> AsyncIterator["Rig"]:
        task = asyncio.ensure_future(self.feed.run())
        try:
            yield self
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            self.take()

    def take(self) -> list[Event]:
        self.events += self.bus.take(10_000)
        return self.events

    def of(self, kind: type) -> list[Event]:
        return [event for event in self.take() if isinstance(event, kind)]

    async def saw(self, kind: type, count: int = 1) -> Event:
        await until(lambda: len(self.of(kind)) >= count, f"{count} {kind.__name__}")
        return self.of(kind)[count - 1]

    async def wait_out(self, losses: int) -> float:
        """Move time past the wait that follows the given loss; returns how long it was."""
        await self.saw(FeedLost, losses)
        await until(lambda: self.clock.sleeper_count == 1, "the wait before the next attempt")
        due_ns = self.clock.next_due_ns
        assert due_ns is not None
        waited_ns = due_ns - self.clock.now_ns()
        self.clock.advance_to(due_ns)
        return waited_ns / NANOS_PER_SECOND


def endpoint(url: str, protocol: FeedProtocol | None = None) -> Endpoint:
    return Endpoint(websocket_url=url, rest_urls=("http://127.0.0.1:1",), protocol=protocol or gemini_v2())


async def serve_book(venue: ServerConnection) -> None:
    await venue.recv()
    await venue.send(SNAPSHOT)
    await venue.send(DELTA)
    await venue.wait_closed()


def scripts(*in_turn: Script) -> Script:
    """Play one script a connection, the last one for ever."""
    left = list(in_turn)

    async def script(venue: ServerConnection) -> None:
        await (left.pop(0) if len(left) > 1 else left[0])(venue)

    return script


async def test_a_connection_is_opened_subscribed_and_decoded_and_ends_with_a_word() -> None:
    async with websocket_venue(serve_book) as url, Rig(endpoint(url)).running() as rig:
        await rig.saw(BookDelta)
        status = rig.feed.status
        assert (status.connection, status.is_open, status.frames, status.failures) == (1, True, 2, 0)
    at = rig.clock.now_ns()
    assert rig.events == [
        FeedConnected("gemini", 1, at),
        BookSnapshot(GEMINI, [(14_999_000_000, 100_000_000)], [(15_001_000_000, 200_000_000)], None, at),
        BookDelta(GEMINI, [(14_998_000_000, 300_000_000)], [], None, at),
        FeedLost("gemini", 1, STOPPED, None, at),
    ]
    assert [kind for _, kind, _ in rig.record.raw_frames] == ["send", "recv", "recv"]
    assert rig.record.raw_frames[1] == (1, "recv", SNAPSHOT.encode())


async def abort(venue: ServerConnection) -> None:
    await venue.recv()
    await venue.send(SNAPSHOT)
    await (await venue.ping())
    venue.transport.abort()


async def close_busy(venue: ServerConnection) -> None:
    await venue.close(1013, "maintenance")


@pytest.mark.parametrize(
    ("end", "code", "reason"),
    [
        (abort, 1006, "127.0.0.1 connection broke without a close frame"),
        (close_busy, 1013, "127.0.0.1 closed by venue: maintenance"),
    ],
)
async def test_a_loss_is_one_event_and_one_line_with_its_close_code(end: Script, code: int, reason: str) -> None:
    async with websocket_venue(scripts(end, serve_book)) as url:
        with capture_logs() as logs:
            async with Rig(endpoint(url)).running() as rig:
                waited_s = await rig.wait_out(1)
                assert await rig.saw(FeedConnected, 2) == FeedConnected("gemini", 2, rig.clock.now_ns())
                await rig.saw(BookDelta)
    lost = rig.of(FeedLost)[0]
    assert isinstance(lost, FeedLost)
    assert (lost.connection, lost.reason, lost.close_code) == (1, reason, code)
    assert 0 < waited_s <= 1.0
    assert [line for line in logs if line["event"] == "feed_lost"] == [
        {
            "event": "feed_lost",
            "log_level": "warning",
            "feed": "gemini",
            "reason": reason,
            "close_code": code,
            "attempt": 1,
            "retry_in": round(waited_s, 2),
        }
    ]


async def test_what_cannot_be_reached_is_retried_with_growing_jittered_waits_up_to_a_cap() -> None:
    unreachable = f"ws://127.0.0.1:{closed_port()}/?api-key=SECRET"
    with capture_logs() as logs:
        async with Rig(endpoint(unreachable)).running() as rig:
            waits = [await rig.wait_out(attempt) for attempt in range(1, 13)]
    ceilings = [min(60.0, 2.0**attempt) for attempt in range(12)]
    assert all(0 <= wait <= ceiling for wait, ceiling in zip(waits, ceilings, strict=True))
    assert max(waits) > 16.0
    assert len({round(wait, 6) for wait in waits}) == len(waits)
    assert all(str(line["reason"]).startswith("cannot reach 127.0.0.1: ") for line in logs)
    assert "SECRET" not in str(logs) + str(rig.events)
    assert not rig.of(FeedConnected)


async def test_a_venue_that_says_how_long_it_wants_to_be_left_alone_is() -> None:
    async def refuse(_: Request) -> Response:
        return PlainTextResponse("", status_code=429, headers={"retry-after": "7"})

    async with http_venue(refuse) as base, Rig(endpoint(base.replace("http", "ws"))).running() as rig:
        waits = [await rig.wait_out(attempt) for attempt in (1, 2)]
    assert 7.0 <= waits[0] <= 8.0
    assert 7.0 <= waits[1] <= 9.0


async def test_an_open_socket_without_frames_is_given_up() -> None:
    """A venue's sockets were seen silent for hours without closing; a ping is answered by its load balancer."""
    async with websocket_venue(serve_book) as url, Rig(endpoint(url), silence_s=30.0).running() as rig:
        await rig.saw(BookDelta)
        rig.clock.advance(29.0)
        await asyncio.sleep(0)
        assert rig.feed.status.is_open
        rig.clock.advance(31.0)
        lost = await rig.saw(FeedLost)
    assert isinstance(lost, FeedLost)
    assert lost.reason == "127.0.0.1 sent nothing for 30 s although the socket is open"


async def test_a_frame_that_cannot_be_used_is_kept_whole_and_the_book_is_asked_for_again() -> None:
    asked: list[str] = []

    async def script(venue: ServerConnection) -> None:
        asked.append(str(await venue.recv()))
        await venue.send(SNAPSHOT)
        await venue.send('{"type":"l2_updates","symbol":"SOLUSD","changes":[["buy","0.-10000","1"]]}')
        asked.append(str(await venue.recv()))
        await venue.send(SNAPSHOT)
        await venue.wait_closed()

    async with websocket_venue(script) as url, Rig(endpoint(url)).running() as rig:
        await rig.saw(BookSnapshot, 2)
    assert [type(event) for event in rig.events] == [FeedConnected, BookSnapshot, FeedGap, BookSnapshot, FeedLost]
    ((feed, error, frame),) = rig.record.dead_letters
    assert (feed, frame) == ("gemini", b'{"type":"l2_updates","symbol":"SOLUSD","changes":[["buy","0.-10000","1"]]}')
    assert "0.-10000" in error
    assert len(asked) == 2
    assert rig.feed.status.bad_frames == 1


async def test_a_venue_that_sends_little_else_is_given_up() -> None:
    async def script(venue: ServerConnection) -> None:
        await venue.recv()
        for number in range(30):
            await venue.send(f"<html>{number}")
        await venue.wait_closed()

    async with websocket_venue(script) as url, Rig(endpoint(url), bad_frame_limit=5).running() as rig:
        lost = await rig.saw(FeedLost)
    assert isinstance(lost, FeedLost)
    assert lost.reason == "127.0.0.1 sent 5 unusable frames within 60 s"
    assert len(rig.record.dead_letters) == 5


async def test_a_full_queue_loses_the_feed_and_not_single_frames() -> None:
    async def flood(venue: ServerConnection) -> None:
        await venue.recv()
        await venue.send(SNAPSHOT)
        for _ in range(50):
            await venue.send(DELTA)
        await venue.wait_closed()

    async with websocket_venue(scripts(flood, serve_book)) as url, Rig(endpoint(url), capacity=10).running() as rig:
        await until(lambda: rig.bus.dropped["gemini"], "an overflow")
        await until(lambda: rig.clock.sleeper_count == 1, "the wait before the next attempt")
        assert len(rig.bus) == 12
        assert (await rig.wait_out(1)) <= 1.0
        await rig.saw(FeedConnected, 2)
        await rig.saw(BookSnapshot, 2)
    kinds = [type(event) for event in rig.events]
    assert kinds[:12] == [FeedConnected, BookSnapshot, *[BookDelta] * 8, FeedGap, FeedLost]
    gap = rig.of(FeedGap)[0]
    assert isinstance(gap, FeedGap)
    assert (gap.cause, gap.instrument) == (GapCause.QUEUE_OVERFLOW, None)


async def test_the_fallback_is_tried_after_some_failures_then_both_in_turn() -> None:
    asked: list[str] = []

    async def script(venue: ServerConnection) -> None:
        asked.append(str(await venue.recv()))
        await venue.close(1012, "restart")

    async with websocket_venue(script) as url:
        rig = Rig(endpoint(f"ws://localhost:{closed_port()}", Gemini("gemini", [INSTRUMENT])), endpoint(url))
        async with rig.running():
            for attempt in range(1, 8):
                await rig.wait_out(attempt)
    reasons = [event.reason.split()[0:3] for event in rig.of(FeedLost) if isinstance(event, FeedLost)]
    dead, fallback = ["cannot", "reach", "localhost:"], ["127.0.0.1", "closed", "by"]
    assert reasons[:7] == [dead, dead, dead, fallback, dead, fallback, dead]
    assert all("l2" in frame for frame in asked)


async def test_a_connection_that_held_clears_the_failures() -> None:
    released = asyncio.Event()

    async def held(venue: ServerConnection) -> None:
        await venue.recv()
        await venue.send(SNAPSHOT)
        await released.wait()
        await venue.close(1001, "rotation")

    async with (
        websocket_venue(scripts(close_busy, close_busy, held)) as url,
        Rig(endpoint(url), silence_s=1_000.0).running() as rig,
    ):
        await rig.wait_out(1)
        await rig.wait_out(2)
        await rig.saw(BookSnapshot)
        assert rig.feed.status.failures == 2
        rig.clock.advance(60.0)
        released.set()
        await rig.saw(FeedLost, 3)
        assert rig.feed.status.failures == 1


async def test_a_defect_in_one_feed_is_logged_counted_and_restarted() -> None:
    class Defective(GeminiV2):
        def receive(self, frame: bytes, received_ns: int) -> list[Event]:
            raise ZeroDivisionError("a defect")

    async with websocket_venue(serve_book) as url:
        with capture_logs() as logs:
            async with Rig(endpoint(url, Defective("gemini", [INSTRUMENT]))).running() as rig:
                await rig.wait_out(1)
                await rig.saw(FeedConnected, 2)
    lost = rig.of(FeedLost)[0]
    assert isinstance(lost, FeedLost)
    assert lost.reason == "defect in the worker: ZeroDivisionError"
    assert rig.feed.status.defects >= 1
    assert [line["exc_info"] for line in logs if line["event"] == "feed_defect"][:1] == [True]
    assert rig.feed.reading()["defects"] == rig.feed.status.defects


async def test_a_book_can_be_asked_for_again_while_there_is_a_connection() -> None:
    async def answers_again(venue: ServerConnection) -> None:
        async for _ in venue:
            await venue.send(SNAPSHOT)

    async with websocket_venue(answers_again) as url:
        rig = Rig(endpoint(url))
        assert not rig.feed.ask_resync(GEMINI, GapCause.CROSSED)
        assert not rig.feed.ask_check(GEMINI)
        async with rig.running():
            await rig.saw(BookSnapshot)
            assert rig.feed.ask_resync(GEMINI, GapCause.CROSSED)
            gap = await rig.saw(FeedGap)
            await rig.saw(BookSnapshot, 2)
            assert isinstance(gap, FeedGap)
            assert (gap.instrument, gap.cause) == (GEMINI, GapCause.CROSSED)
        assert not rig.feed.ask_check(GEMINI)


def test_what_a_protocol_finds_odd_is_said_with_its_feed() -> None:
    protocol = Gemini("gemini", [INSTRUMENT])
    rig = Rig(endpoint("ws://127.0.0.1:1", protocol))
    assert rig.feed.complaints() == []
    protocol._steps = 9
    assert rig.feed.complaints()[0].startswith("gemini: updates follow without overlap, 9 of 9")
