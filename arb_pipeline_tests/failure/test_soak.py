"""A day of silence and noise in minutes: protocols, ledgers and engine keep no more memory at its end than at noon.

Time is moved by hand, so that a busy machine only takes longer. Sockets and the record are left out: what they keep is
bounded and proven elsewhere.
"""

import os
import sys
import time
from collections import Counter
from pathlib import Path
from random import Random
from typing import Any

import pytest

from arb_pipeline_tests.failure.fault_arena import BOOKS, SECONDS, VENUES, settings_text
from streaming_worker.adapters.clock import HandClock
from streaming_worker.app.feeds import feed_protocol, integrity_limits
from streaming_worker.config import FeedConfig, load_config
from streaming_worker.core.events import Event, FeedLost, GapCause
from streaming_worker.engine.engine import Engine
from streaming_worker.protocols.base import HttpRequest
from streaming_worker.sandbox.faces.roster import market_faces
from streaming_worker.sandbox.faces.session import Hangup, HttpCall
from streaming_worker.sandbox.faces.solana import SolanaFace
from streaming_worker.sandbox.faults.layer import FaultLayer
from streaming_worker.sandbox.faults.spec import Ending, FaultKind, FaultSpec, Lie
from streaming_worker.sandbox.hub import Connection, Hub
from streaming_worker.sandbox.market.spec import default_market
from streaming_worker.sandbox.market.stepper import Market
from streaming_worker.service.gaps import GapLedger
from streaming_worker.service.intake import Intake
from streaming_worker.service.integrity import IntegrityWatch
from streaming_worker.service.pump import Pump

HOURS = float(os.environ.get("SOAK_HOURS", "24"))
START_NS = 1_790_000_000 * SECONDS
STEP_NS = SECONDS // 10
NOISE_S, PERIOD_S = 20, 120
BACK_AFTER_NS = SECONDS
MOST_GROWTH_MIB = 16
NOISES = (
    FaultSpec(kind=FaultKind.BACKLOG, venue="coinbase", duration_ms=10_000),
    FaultSpec(kind=FaultKind.DUPLICATE, venue="gemini", duration_ms=10_000),
    FaultSpec(kind=FaultKind.CORRUPT_BYTES, venue="coinbase", duration_ms=10_000, percent=30),
    FaultSpec(kind=FaultKind.TRUNCATE, venue="gemini_v2", duration_ms=10_000, percent=30),
    FaultSpec(kind=FaultKind.DROP, venue="gemini", duration_ms=10_000, percent=20),
    FaultSpec(kind=FaultKind.CORRUPT_VALUES, venue="coinbase_exchange", duration_ms=5_000, lie=Lie.INCONSISTENT),
    FaultSpec(kind=FaultKind.SILENCE_WITH_HEARTBEATS, venue="bitstamp", duration_ms=15_000, ending=Ending.LOST),
    FaultSpec(kind=FaultKind.CLOSE, venue="solana"),
    FaultSpec(kind=FaultKind.WRONG_SUBSCRIPTION, venue="solana", duration_ms=10_000),
    FaultSpec(kind=FaultKind.STALE_REPLAY, venue="coinbase", duration_ms=3_000, ending=Ending.LOST),
    FaultSpec(kind=FaultKind.CLOSE, venue="gemini_v2", close_code=1012),
    FaultSpec(kind=FaultKind.CLOCK_SKEW, venue="bitstamp", duration_ms=8_000, skew_ms=5_000),
)


class Counted:
    """A record and a place for raw frames that only count."""

    is_saturated = False

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()

    async def until_writable(self) -> None:
        """Never waited for."""

    def put_event(self, _seq: int, _event: Event, _outputs: object = ()) -> None:
        self.counts["events"] += 1

    def put_gap(self, *_: Any, **__: Any) -> None:
        self.counts["gaps"] += 1

    def put_dead_letter(self, *_: Any) -> None:
        self.counts["dead letters"] += 1

    def put_raw_frame(self, *_: Any) -> None:
        self.counts["frames"] += 1


class Wire:
    """One feed and its connection to a local venue, without a socket."""

    def __init__(self, feed: FeedConfig, day: "Day") -> None:
        self.feed = feed
        self.protocol = feed_protocol(feed, day.config)
        self._intake = Intake(self.protocol, day.record, has_raw_frames=False)
        self._day = day
        self._connection: Connection | None = None
        self._number = 0
        self._open_from_ns = START_NS

    def ask_resync(self, instrument: str, cause: GapCause) -> bool:
        self._follow(self.protocol.resync(instrument, cause, self._day.clock.now_ns()))
        return True

    def ask_check(self, instrument: str) -> bool:
        self.protocol.check(instrument, self._day.clock.now_ns())
        self._follow([])
        return True

    async def step(self, now_ns: int) -> None:
        """Read what has come, or connect again."""
        if self._connection is None:
            if now_ns >= self._open_from_ns:
                self._connect(now_ns)
            return
        while self._connection is not None and self._connection.backlog:
            wire = await self._connection.take()
            if isinstance(wire, bytes):
                self._day.record.counts["frames"] += 1
                self._follow(self._intake.received(wire, now_ns))
            elif isinstance(wire, Hangup):
                self._lose("closed by venue", now_ns)
        if self.protocol.reconnect_reason is not None and self._connection is not None:
            self._lose(self.protocol.reconnect_reason, now_ns)

    def _connect(self, now_ns: int) -> None:
        self._number += 1
        query = {"snapshot": "-1"} if self.feed.name == "gemini" else {}
        self._connection = self._day.hub.open(self.feed.name, "/", query)
        events = self._intake.opened(self._number, now_ns)
        for message in self.protocol.opening_messages():
            self._day.hub.receive(self._connection, message)
        self._follow(events)

    def _lose(self, reason: str, now_ns: int) -> None:
        assert self._connection is not None
        self._day.hub.close(self._connection)
        self._connection = None
        self._open_from_ns = now_ns + BACK_AFTER_NS
        self._day.fold([FeedLost(self.feed.name, self._number, reason, None, now_ns)])

    def _follow(self, events: list[Event]) -> None:
        self._day.fold(events)
        for message in self.protocol.outgoing():
            if self._connection is not None:
                self._day.hub.receive(self._connection, message)
        for request in self.protocol.http_requests():
            self._call(request)

    def _call(self, request: HttpRequest) -> None:
        call = HttpCall(key=request.key, method=request.method, path=request.path or "/", body=request.body or b"")
        reply = self._day.hub.answer(self.feed.name, call)
        if reply.status == 200:
            self._follow(self._intake.answered(request, reply.body, self._day.clock.now_ns()))
            for copy in self.protocol.copies():
                self._day.integrity.compare(copy)


class Day:
    """The worker's inner rooms and the local venues, on a clock that is moved by hand."""

    def __init__(self, folder: Path) -> None:
        path = folder / "soak.toml"
        path.write_text(
            settings_text({f"{venue}_{kind}": f"{kind}://127.0.0.1:1" for venue in VENUES for kind in ("ws", "http")})
        )
        self.config = load_config(path, {"ARB_PROFILE": "demo", "ARB_DATA_DIR": str(folder)})
        self.clock = HandClock(start_ns=START_NS)
        self.record = Counted()
        market = Market.start(seed=11, start_ns=START_NS, spec=default_market(extra_books=True))
        faces = market_faces(market)
        solana = faces["solana"]
        assert isinstance(solana, SolanaFace)
        self.layer = FaultLayer(solana=solana)
        self.hub = Hub(
            market, faces, clock=self.clock.now_ns, outbound=self.layer, answers=self.layer, followers=[self.layer]
        )
        self.engine = Engine(self.config.engine)
        self.wires = {feed.name: Wire(feed, self) for feed in self.config.feeds}
        self.integrity = IntegrityWatch(self.engine, self.wires, integrity_limits(self.config))
        self.pump = Pump(
            self.engine, self.record, clock=self.clock, gaps=GapLedger(self.config.engine.feeds),
            observers=[self.integrity.observe],
        )  # fmt: skip

    def fold(self, events: list[Event]) -> None:
        """Let the engine have events."""
        for event in events:
            self.pump.process(event)

    async def play(self, hours: float) -> list[float]:
        """Alternate noise, which a fault makes worse, and silence; return the memory in MiB after each of them."""
        random, readings = Random(11), []
        for step in range(round(hours * 36_000)):
            now_ns = START_NS + (step + 1) * STEP_NS
            self.clock.advance_to(now_ns)
            in_period = step % (PERIOD_S * 10)
            if in_period == 0:
                self.layer.begin(random.choice(NOISES), now_ns)
                readings.append(_resident_mib())
            self.hub.is_resting = in_period >= NOISE_S * 10
            self.hub.advance(now_ns)
            for wire in self.wires.values():
                await wire.step(now_ns)
            self.pump.pass_time(now_ns)
        return [*readings, _resident_mib()]


def _resident_mib() -> float:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


async def _soak(folder: Path, hours: float) -> tuple[Day, list[float]]:
    day = Day(folder)
    began = time.monotonic()
    readings = await day.play(hours)
    took_s = time.monotonic() - began
    sys.stdout.write(
        f"\n{hours:g} h of {len(VENUES)} venues in {took_s:.0f} s ({hours * 3_600 / took_s:.0f}x)\n"
        f"{dict(day.record.counts)}\n"
        f"MiB, 24 times: {[round(reading, 1) for reading in readings[:: max(len(readings) // 24, 1)]]}\n"
    )
    return day, readings


async def test_some_minutes_of_silence_and_noise_bring_every_book_back(tmp_path: Path) -> None:
    day, _ = await _soak(tmp_path, 0.1)
    assert all(day.engine.books[book.key].is_synced for book in BOOKS)
    assert day.record.counts["gaps"] > 0


@pytest.mark.slow
@pytest.mark.timeout(3_600)
async def test_a_day_of_silence_and_noise_takes_no_memory(tmp_path: Path) -> None:
    _, readings = await _soak(tmp_path, HOURS)
    quarter = len(readings) // 4
    assert max(readings[-quarter:]) - max(readings[quarter : 2 * quarter]) < MOST_GROWTH_MIB
