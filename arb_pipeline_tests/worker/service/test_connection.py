"""Over one open socket: what is sent is paced, calls are made and decoded, and every limit is named."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import ClassVar

import pytest

from arb_pipeline_tests.fixtures.kept_record import KeptRecord
from arb_pipeline_tests.fixtures.scripted_venue import until
from streaming_worker.adapters.clock import HandClock
from streaming_worker.core.events import Event, FeedConnected, FeedGap, FeedHeartbeat, GapCause
from streaming_worker.core.units import NANOS_PER_SECOND
from streaming_worker.engine.settings import Limits
from streaming_worker.errors import FeedFormatError, TransportError
from streaming_worker.protocols.base import BookCopy, HttpRequest
from streaming_worker.service.bus import Bus
from streaming_worker.service.connection import (
    CALL_LIMIT,
    ORDER_LIMIT,
    OUTBOX_LIMIT,
    ConnectionSettings,
    FeedConnection,
    Order,
    TransportStatus,
)
from streaming_worker.service.intake import Intake

CALL = HttpRequest("accounts", "POST", "", b"[]")
OPTIONAL_CALL = HttpRequest("book", "GET", "/book", may_fail=True)


class Talkative:
    """A venue protocol as small as the interface allows: a frame of digits wants that many messages or calls."""

    feed = "venue"
    counters: ClassVar[dict[str, int]] = {}
    reconnect_reason: str | None = None
    complaint: str | None = None

    def __init__(self, *, opening: int = 1, keepalive: bytes | None = None) -> None:
        self.keepalive = keepalive
        self._opening = opening
        self._frames: list[bytes] = []
        self._calls: list[HttpRequest] = []
        self._copies: list[BookCopy] = []
        self.answers: list[tuple[HttpRequest, bytes]] = []

    def opened(self, connection: int, received_ns: int) -> list[Event]:
        return [FeedConnected(self.feed, connection, received_ns)]

    def opening_messages(self) -> list[bytes]:
        return [b"subscribe %d" % number for number in range(self._opening)]

    def receive(self, frame: bytes, received_ns: int) -> list[Event]:
        kind, _, count = frame.partition(b" ")
        if kind == b"send":
            self._frames += [b"again"] * int(count)
        elif kind == b"call":
            self._calls += [CALL] * int(count)
        elif kind == b"ask":
            self._calls.append(OPTIONAL_CALL)
        elif kind == b"leave":
            self.reconnect_reason = "the venue asked for a new connection"
        else:
            raise FeedFormatError(f"unknown {frame!r}")
        return [FeedHeartbeat(self.feed, None, None, received_ns)]

    def receive_http(self, request: HttpRequest, body: bytes, received_ns: int) -> list[Event]:
        self.answers.append((request, body))
        if request.key.startswith("check"):
            self._copies.append(BookCopy(request.key, [], [], 20, received_ns))
            return []
        if body.startswith(b"bad"):
            raise FeedFormatError(body.decode() + " body", instrument="venue:X", is_harmless=body == b"bad check")
        return [FeedHeartbeat(self.feed, None, 1, received_ns)]

    def resync(self, instrument: str | None, cause: GapCause, received_ns: int) -> list[Event]:
        return [FeedGap(self.feed, instrument, cause, None, None, received_ns)]

    def check(self, instrument: str, received_ns: int) -> None:
        self._calls.append(HttpRequest(f"check {instrument}", "GET", "/book", may_fail=True))

    def copies(self) -> list[BookCopy]:
        copies, self._copies = self._copies, []
        return copies

    def outgoing(self) -> list[bytes]:
        frames, self._frames = self._frames, []
        return frames

    def http_requests(self) -> list[HttpRequest]:
        calls, self._calls = self._calls, []
        return calls


class Wire:
    """Both ways out, scripted: frames to receive, frames sent, bodies to answer with."""

    retries = limited = 0

    def __init__(self, clock: HandClock) -> None:
        self._clock = clock
        self.incoming: asyncio.Queue[bytes | TransportError] = asyncio.Queue()
        self.sent: list[tuple[float, bytes]] = []
        self.bodies: asyncio.Queue[bytes | TransportError] = asyncio.Queue()

    async def receive(self) -> tuple[bytes, int]:
        frame = await self.incoming.get()
        if isinstance(frame, TransportError):
            raise frame
        return frame, self._clock.now_ns()

    async def send(self, frame: bytes) -> None:
        self.sent.append((self._clock.now_ns() / NANOS_PER_SECOND, frame))

    async def call(self, request: HttpRequest) -> tuple[bytes, int]:
        body = await self.bodies.get()
        if isinstance(body, TransportError):
            raise body
        return body, self._clock.now_ns()


class Rig:
    def __init__(self, protocol: Talkative, **changed: float) -> None:
        self.clock = HandClock()
        self.wire = Wire(self.clock)
        self.bus = Bus(10_000)
        self.record = KeptRecord()
        self.copied: list[BookCopy] = []
        self.status = TransportStatus(host="venue.example", connection=1)
        self.connection = FeedConnection(
            protocol=protocol,
            intake=Intake(protocol, self.record, has_raw_frames=True),
            socket=self.wire,
            http=self.wire,
            bus=self.bus,
            clock=self.clock,
            settings=ConnectionSettings(**changed),  # type: ignore[arg-type]  # a test's table
            status=self.status,
            on_copy=self.copied.append,
        )

    @asynccontextmanager
    async def running(self) -> AsyncIterator["asyncio.Future[None]"]:
        task = asyncio.ensure_future(self.connection.run())
        try:
            yield task
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def ends(self, task: "asyncio.Future[None]") -> TransportError:
        await until(task.done, "the end of the connection")
        error = task.exception()
        assert isinstance(error, TransportError)
        return error


async def test_messages_are_spread_so_that_no_second_has_more_than_allowed() -> None:
    """Coinbase takes 8 messages a second from one address; 20 subscriptions in one burst would be cut off."""
    rig = Rig(Talkative(opening=20), messages_per_second=8)
    async with rig.running():
        while len(rig.wire.sent) < 20:
            before = len(rig.wire.sent)
            await until(lambda: rig.clock.sleeper_count == 2 or len(rig.wire.sent) == 20)
            assert len(rig.wire.sent) > before or len(rig.wire.sent) == 20
            rig.clock.advance(1.0)
    times = [at for at, _ in rig.wire.sent]
    assert [frame for _, frame in rig.wire.sent] == [b"subscribe %d" % number for number in range(20)]
    assert all(later - earlier >= 1.0 for earlier, later in zip(times, times[8:], strict=False))
    assert times[-1] == 2.0


async def test_a_venue_that_wants_it_hears_us_every_so_often() -> None:
    rig = Rig(Talkative(opening=0, keepalive=b"ping"), keepalive_s=15.0, silence_s=1_000.0)
    async with rig.running():
        for number in range(1, 4):
            await until(lambda: rig.clock.sleeper_count == 2, "the keep-alive to wait")
            rig.clock.advance(15.0)
            await until(lambda number=number: len(rig.wire.sent) == number, "a ping")
    assert rig.wire.sent == [(15.0, b"ping"), (30.0, b"ping"), (45.0, b"ping")]


def test_two_pings_may_be_lost_before_a_quiet_venue_counts_as_stale() -> None:
    """At 15 s a quiet Gemini paused the engine, whose limit is 10 s."""
    assert 2 * ConnectionSettings().keepalive_s * NANOS_PER_SECOND < Limits().staleness_ns


async def test_the_answer_to_a_call_goes_to_the_protocol_and_is_kept_with_its_request() -> None:
    protocol = Talkative()
    rig = Rig(protocol)
    async with rig.running():
        rig.wire.incoming.put_nowait(b"call 1")
        rig.wire.bodies.put_nowait(b'{"result":1}')
        await until(lambda: len(rig.bus) == 3, "the events of frame and answer")
    assert protocol.answers == [(CALL, b'{"result":1}')]
    assert rig.status.calls == 1
    kept = [frame for _, kind, frame in rig.record.raw_frames if kind == "http"]
    assert kept == [b'{"key":"accounts","method":"POST","path":"","body":"W10="}\n{"result":1}']


async def test_an_answer_that_cannot_be_used_concerns_only_its_own_book() -> None:
    rig = Rig(Talkative())
    async with rig.running():
        rig.wire.incoming.put_nowait(b"call 1")
        rig.wire.bodies.put_nowait(b"bad")
        await until(lambda: rig.status.bad_frames == 1, "the bad answer")
    assert rig.record.dead_letters == [("venue", "bad body", b"bad")]
    assert rig.bus.take(10)[2] == FeedGap("venue", "venue:X", GapCause.BAD_FRAME, None, None, 0)


async def test_an_answer_that_harms_no_book_is_only_kept() -> None:
    rig = Rig(Talkative())
    async with rig.running():
        rig.wire.incoming.put_nowait(b"call 1")
        rig.wire.bodies.put_nowait(b"bad check")
        await until(lambda: rig.status.bad_frames == 1, "the bad answer")
    assert rig.record.dead_letters == [("venue", "bad check body", b"bad check")]
    assert not any(isinstance(event, FeedGap) for event in rig.bus.take(10))


async def test_a_call_that_nobody_answers_ends_the_connection() -> None:
    rig = Rig(Talkative())
    async with rig.running() as task:
        rig.wire.incoming.put_nowait(b"call 1")
        rig.wire.bodies.put_nowait(TransportError("no answer to accounts: venue.example (429)", host="venue.example"))
        error = await rig.ends(task)
    assert str(error) == "no answer to accounts: venue.example (429)"


async def test_a_call_that_may_fail_is_counted_and_costs_nothing_else() -> None:
    """One symbol that the venue's REST did not know took a whole feed with it."""
    rig = Rig(Talkative())
    async with rig.running() as task:
        rig.wire.incoming.put_nowait(b"ask 1")
        rig.wire.bodies.put_nowait(TransportError("no answer to book: venue.example (404)", host="venue.example"))
        await until(lambda: rig.status.failed_calls == 1, "the refusal")
        rig.wire.incoming.put_nowait(b"ask 1")
        rig.wire.bodies.put_nowait(b"{}")
        await until(lambda: rig.status.calls == 1, "the next answer")
        assert not task.done()


async def test_a_protocol_that_wants_a_new_connection_gets_one() -> None:
    rig = Rig(Talkative())
    async with rig.running() as task:
        rig.wire.incoming.put_nowait(b"leave 0")
        error = await rig.ends(task)
    assert str(error) == "venue.example is connected anew: the venue asked for a new connection"
    assert len(rig.bus) == 2  # what came with the request is not lost


async def test_an_order_to_resync_becomes_a_gap_and_an_order_to_check_a_copy() -> None:
    rig = Rig(Talkative())
    async with rig.running():
        assert rig.connection.order(Order("venue:X", GapCause.CROSSED))
        assert rig.connection.order(Order("venue:Y", None))
        rig.wire.bodies.put_nowait(b"copy")
        await until(lambda: rig.copied, "the copy")
    assert rig.bus.take(10)[1] == FeedGap("venue", "venue:X", GapCause.CROSSED, None, None, 0)
    assert [copy.instrument for copy in rig.copied] == ["check venue:Y"]


def test_orders_that_pile_up_are_refused() -> None:
    rig = Rig(Talkative())
    taken = [rig.connection.order(Order("venue:X", None)) for _ in range(ORDER_LIMIT + 1)]
    assert taken == [True] * ORDER_LIMIT + [False]


@pytest.mark.parametrize(("frame", "limit"), [(b"send 1200", OUTBOX_LIMIT), (b"call 300", CALL_LIMIT)])
async def test_wishes_that_pile_up_end_the_connection(frame: bytes, limit: int) -> None:
    rig = Rig(Talkative())
    async with rig.running() as task:
        rig.wire.incoming.put_nowait(frame)
        error = await rig.ends(task)
    assert str(error) == f"venue.example was dropped: over {limit} messages wait to be sent"


async def test_the_end_of_the_socket_is_passed_on_as_it_came() -> None:
    rig = Rig(Talkative())
    gone = TransportError("venue.example closed by venue: bye", host="venue.example", close_code=1001)
    async with rig.running() as task:
        rig.wire.incoming.put_nowait(b"send 0")
        rig.wire.incoming.put_nowait(gone)
        assert await rig.ends(task) is gone
    assert (rig.status.frames, rig.status.bytes_received) == (1, 6)
