"""The synthetic market at a steady pace of frames: how long it takes from a frame to what was decided about it.

First the frames are taped, with the production protocols asking for what they need; then the same frames come one by
one at their due moments, through fresh protocols, the pump, the engine and the real record. No socket is in between.
"""

import asyncio
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from streaming_worker.adapters.clock import AnchoredClock
from streaming_worker.app.feeds import feed_protocol
from streaming_worker.app.past import SandboxPast, face_of, target_of
from streaming_worker.app.record import open_record, sink_settings, worker_run
from streaming_worker.config import Config
from streaming_worker.core.events import Event
from streaming_worker.core.outputs import OpportunityOpened, Output
from streaming_worker.core.units import NANOS_PER_SECOND, Nanos
from streaming_worker.engine.engine import Engine
from streaming_worker.protocols.base import HttpRequest
from streaming_worker.sandbox.history import History, HistoryFrame
from streaming_worker.sandbox.market.spec import LIVE_PACE
from streaming_worker.sandbox.market.stepper import Market
from streaming_worker.service.gaps import GapLedger
from streaming_worker.service.history import Past, PastFeed
from streaming_worker.service.intake import Intake
from streaming_worker.service.pump import Pump
from streaming_worker.storage.sink import Sink

_DAY_NS = 24 * 3_600 * NANOS_PER_SECOND


@dataclass(frozen=True, slots=True, kw_only=True)
class PacedReport:
    """What was folded; both kinds of laps are sorted.

    ``laps_ns`` go from each frame's due moment to the end of what it decided, waiting for the processor included;
    ``cpu_laps_ns`` is the part of it in which this thread was at work: what survives a busy machine.
    """

    frames: int
    events: int
    rows: int
    opportunities: int
    seconds: float
    laps_ns: Sequence[int]
    cpu_laps_ns: Sequence[int]
    digest: str


def percentile_us(laps_ns: Sequence[int], percent: float) -> float:
    """Return a percentile of sorted laps in microseconds."""
    place = min(len(laps_ns) - 1, round(len(laps_ns) * percent / 100))
    return round(laps_ns[place] / 1_000, 1)


class _Nowhere:
    """A record for the taping, and a venue for the playing: both forget."""

    def put_dead_letter(self, received_ns: Nanos, feed: str, error: str, frame: bytes) -> None:
        """Forget it."""

    def put_raw_frame(self, received_ns: Nanos, feed: str, connection: int, kind: str, frame: bytes) -> None:
        """Forget it."""

    def __iter__(self) -> Iterator[HistoryFrame]:
        return iter(())

    def send(self, feed: str, frame: bytes) -> None:
        """Forget it: the tape has the answers."""

    def call(self, feed: str, request: HttpRequest) -> None:
        """Forget it: the tape has the answers."""


class _Openings:
    """Counts what was opened."""

    def __init__(self) -> None:
        self.count = 0

    def observe(self, _seq: int, _event: Event, outputs: Sequence[Output]) -> None:
        """Look at the outputs of one event."""
        self.count += sum(isinstance(output, OpportunityOpened) for output in outputs)


def tape(config: Config, *, seed: int, start_ns: Nanos, frames: int) -> list[HistoryFrame]:
    """Return the first frames of a live market, at the market's own times."""
    faces = {face_of(feed): target_of(feed) for feed in config.feeds}
    market = Market.start(seed=seed, start_ns=start_ns, pace=LIVE_PACE)
    venues = SandboxPast(History(market, end_ns=start_ns + _DAY_NS, feeds=faces))
    feeds = _feeds(config, venues, _Nowhere())
    taped: list[HistoryFrame] = []
    for frame in venues:
        feeds[frame.feed].take(frame)
        taped.append(frame)
        if len(taped) == frames:
            break
    return taped


async def fold_paced(config: Config, taped: Sequence[HistoryFrame], *, per_second: int) -> PacedReport:
    """Fold frames at so many a second, with the record on. The loop is kept turning between two frames."""
    clock = AnchoredClock()
    sink = Sink(config.paths.data_dir, worker_run(config, clock.now_ns()), clock, sink_settings(config))
    engine = Engine(config.engine)
    opened = _Openings()
    pump = Pump(engine, sink, clock=clock, gaps=GapLedger(config.engine.feeds), observers=[opened.observe])
    feeds = _feeds(config, _Nowhere(), sink)
    await asyncio.to_thread(open_record, sink)
    laps: list[int] = []
    cpu_laps: list[int] = []
    started_ns = clock.monotonic_ns()
    try:
        for number, frame in enumerate(taped):
            due_ns = started_ns + number * NANOS_PER_SECOND // per_second
            while clock.monotonic_ns() < due_ns:  # noqa: ASYNC110 - a timer would add its own lateness
                await asyncio.sleep(0)
            worked_ns = time.thread_time_ns()
            for event in feeds[frame.feed].take(frame):
                pump.process(event)
            cpu_laps.append(time.thread_time_ns() - worked_ns)
            laps.append(clock.monotonic_ns() - due_ns)
        seconds = (clock.monotonic_ns() - started_ns) / NANOS_PER_SECOND
    finally:
        await asyncio.to_thread(sink.stop)
    return PacedReport(
        frames=len(taped),
        events=engine.event_count,
        rows=sink.stats().committed_rows,
        opportunities=opened.count,
        seconds=seconds,
        laps_ns=sorted(laps),
        cpu_laps_ns=sorted(cpu_laps),
        digest=engine.digest(),
    )


def _feeds(config: Config, past: Past, record: _Nowhere | Sink) -> Mapping[str, PastFeed]:
    protocols = {face_of(feed): feed_protocol(feed, config) for feed in config.feeds}
    return {
        name: PastFeed(name, protocol, Intake(protocol, record, has_raw_frames=False), past)
        for name, protocol in protocols.items()
    }
