"""One run of the worker, from an open port to a sealed record.

Start: listen, recover what a killed run left, open the record, connect the feeds. Stop: close the feeds, let the
engine have what they brought, seal. Both are the same after a crash and on a fresh machine.
"""

import asyncio
import contextlib
import os
import socket
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from random import Random
from typing import Any, Final

import structlog
from starlette.applications import Starlette

from streaming_worker.adapters.clock import Clock
from streaming_worker.adapters.tracing import Tracing
from streaming_worker.app import exposition
from streaming_worker.app.alert_watch import watching
from streaming_worker.app.feeds import Tuning, edge, feed_endpoints, integrity_limits
from streaming_worker.app.instruments import InstrumentWatch, with_terms
from streaming_worker.app.record import (
    disk_limits,
    last_controls,
    open_record,
    sink_settings,
    worker_run,
    write_down_downtime,
)
from streaming_worker.config import Config
from streaming_worker.core.controls import Controls
from streaming_worker.core.events import ControlsRestored
from streaming_worker.core.histogram import Histogram
from streaming_worker.core.units import Nanos
from streaming_worker.engine.engine import Engine
from streaming_worker.errors import StorageError, first_cause
from streaming_worker.service import gateway
from streaming_worker.service.bus import Bus
from streaming_worker.service.capture import FeedSupervisor
from streaming_worker.service.clock_watch import ClockWatch
from streaming_worker.service.disk_watch import DiskWatch, RawFrameGate
from streaming_worker.service.feed_watch import FeedWatch
from streaming_worker.service.gaps import GapLedger
from streaming_worker.service.health import Health, put_status, write_status
from streaming_worker.service.integrity import IntegrityWatch
from streaming_worker.service.live import Live
from streaming_worker.service.metrics import Metrics
from streaming_worker.service.notes import Notes
from streaming_worker.service.pump import Observer, Pump
from streaming_worker.service.standby import Standby
from streaming_worker.service.tally import Tally
from streaming_worker.service.tracing import Traces
from streaming_worker.storage.disk import DiskGauge
from streaming_worker.storage.sink import Sink

_LOG: Final = structlog.get_logger("worker")
# A start does not wait for a venue's listing; what it said last time will do.
LISTING_ATTEMPTS: Final = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class RunReport:
    """What a finished run held at its end; a replay of its record gives the same digest."""

    run_id: str
    events: int
    digest: str


async def run_worker(
    config: Config,
    *,
    clock: Clock,
    stop: asyncio.Event,
    ready: Callable[[str], None] | None = None,
    tuning: Tuning | None = None,
    random: Random | None = None,
) -> RunReport | None:
    """Capture until ``stop``, then flush and seal. ``ready`` gets the gateway's URL once it listens.

    Where the disk runs out of room the capture is sealed and ends; it begins again, as a new run, once there is room.
    Returns the last run's report, None where nothing could be captured.

    Raises: ConfigError for a port that cannot be used, StorageError when the record cannot be written.
    """
    tuning, random = tuning or Tuning(), random or Random()  # noqa: S311 - jitter
    tracing = Tracing(config.tracing.endpoint, "worker")
    gauge = DiskGauge(config.paths.data_dir, disk_limits(config), tuning.free_bytes)
    watch = DiskWatch(gauge, clock, interval_s=tuning.disk_look_s)
    with contextlib.closing(tracing), contextlib.closing(_listener(config)) as listener:
        host, port, *_ = listener.getsockname()
        place = _Place(config, clock, listener, stop, watch, _once(ready, f"http://{host}:{port}"), tracing)
        async with watching(config, clock):
            return await _runs(place, tuning, random)


@dataclass(frozen=True, slots=True)
class _Place:
    """What stays the same from one run to the next."""

    config: Config
    clock: Clock
    listener: socket.socket
    stop: asyncio.Event
    watch: DiskWatch
    announce: Callable[[], None]
    tracing: Tracing


def _listener(config: Config) -> socket.socket:
    return gateway.bind(config.gateway.host, config.gateway.port)


async def _runs(place: _Place, tuning: Tuning, random: Random) -> RunReport | None:
    """One run after the other, with a wait for room on the disk between them, until ``stop``."""
    report: RunReport | None = None
    while True:
        try:
            report = await _capture(place, tuning, random)
        except StorageError as e:
            await _raise_unless_full(e, place)
        if place.stop.is_set():
            return report
        await _stand_by(place)
        if place.stop.is_set():
            return report


async def _capture(place: _Place, tuning: Tuning, random: Random) -> RunReport:
    """One run, from recovery to the sealed record."""
    clock = place.clock
    once = replace(tuning, http=replace(tuning.http, attempts=LISTING_ATTEMPTS))
    terms = InstrumentWatch(place.config, edge(clock, once, random), tuning, clock, random)
    place = replace(place, config=with_terms(place.config, await terms.start()))
    config = place.config
    run = worker_run(config, clock.now_ns())
    sink = Sink(config.paths.data_dir, run, clock, sink_settings(config))
    last_ns = await asyncio.to_thread(open_record, sink)
    try:
        controls = await asyncio.to_thread(last_controls, sink, config, last_ns)
        worker = _Worker(place, run.run_id, sink, tuning, random, ClockWatch(clock, last_ns), terms)
        now_ns = clock.now_ns()
        if controls is not None:
            worker.take_over(controls, now_ns)
        write_down_downtime(sink, last_ns, now_ns)
        await worker.run()
    finally:
        await asyncio.to_thread(sink.stop)
        _LOG.info("worker_stopped", run_id=run.run_id, rows=sink.stats().committed_rows)
    return RunReport(run_id=run.run_id, events=worker.engine.event_count, digest=worker.engine.digest())


async def _raise_unless_full(error: StorageError, place: _Place) -> None:
    """A full disk is waited for; of any other failure the status file tells when we are gone."""
    with contextlib.suppress(StorageError):
        await place.watch.look()
    if not place.watch.must_stop.is_set():
        last_words = Standby(place.config.worker.name, lambda: [f"record: {error}"], place.clock).report()
        await asyncio.to_thread(put_status, last_words, status_file(place.config))
        raise error
    _LOG.error("capture_failed", error=str(error))


async def _stand_by(place: _Place) -> None:
    """Say why nothing is captured until there is room, or until ``stop``. Raises StorageError."""
    metrics = exposition.of_standby(place.config, place.watch)
    standby = Standby(place.config.worker.name, place.watch.complaints, place.clock, routes=[metrics.route()])
    closing = asyncio.Event()
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(_serve(standby.app, place, closing))
            writing = group.create_task(write_status(standby, status_file(place.config), place.clock))
            waiting = group.create_task(place.watch.until_there_is_room())
            place.announce()
            stopping = group.create_task(place.stop.wait())
            await asyncio.wait([waiting, stopping], return_when=asyncio.FIRST_COMPLETED)
            closing.set()
            await _cancel([writing, waiting, stopping])
    except ExceptionGroup as failures:
        raise first_cause(failures) from failures


async def _serve(app: Starlette, place: _Place, closing: asyncio.Event) -> None:
    """Answer on a copy of the listening socket: the server closes its own, and the address stays ours."""
    with contextlib.closing(place.listener.dup()) as own:
        await gateway.serve(app, own, closing)


def _once(tell: Callable[[str], None] | None, url: str) -> Callable[[], None]:
    """Return a call that tells the address the first time only."""
    untold = [] if tell is None else [tell]

    def announce() -> None:
        while untold:
            untold.pop()(url)

    return announce


def status_file(config: Config) -> Path:
    """Return where the worker writes its health every second."""
    return config.paths.state / f"{config.worker.name}-health.json"


class _Worker:
    """Every part of one run, joined."""

    def __init__(
        self,
        place: _Place,
        run_id: str,
        sink: Sink,
        tuning: Tuning,
        random: Random,
        time: ClockWatch,
        terms: InstrumentWatch,
    ) -> None:
        config, clock = place.config, place.clock
        self._place = place
        self._clock = clock
        self._watch = place.watch
        self._time = time
        self._terms = terms
        self._sink = sink
        self._drain_s = tuning.drain_s
        self._bus = Bus(tuning.bus_capacity)
        self.engine = Engine(config.engine)
        self._metrics = Metrics()
        self._gate = RawFrameGate(sink, place.watch)
        way_out = edge(clock, tuning, random)
        self._feeds = [
            FeedSupervisor(
                feed.name,
                feed_endpoints(feed, config),
                edge=way_out,
                bus=self._bus,
                record=self._gate,
                has_raw_frames=config.capture.raw_frames,
                connection_settings=tuning.connection,
                retry_settings=tuning.retry,
                on_copy=lambda copy: self._integrity.compare(copy),
            )
            for feed in config.feeds
        ]
        self._integrity = IntegrityWatch(
            self.engine, {feed.feed: feed for feed in self._feeds}, integrity_limits(config)
        )
        transports = {feed.feed: feed.status for feed in self._feeds}
        self._feed_watch = FeedWatch(self.engine, transports, tuning.feeds)
        self._health = Health(
            worker=config.worker.name,
            run_id=run_id,
            engine=self.engine,
            transports=transports,
            sink=lambda: asdict(sink.stats()),
            complaints=self._complaints,
            warnings=terms.warnings,
            clock=clock,
            watch=self._feed_watch,
        )
        self._traces = _traces(place, sink)
        tally = Tally()
        observers: list[Observer] = [self._integrity.observe, tally.observe]
        self._pump = Pump(self.engine, sink, clock=clock, gaps=GapLedger(config.engine.feeds), observers=observers)
        shown = exposition.of_run(
            config,
            clock=clock,
            engine=self.engine,
            health=self._health,
            metrics=self._metrics,
            pump=self._pump,
            sink=sink,
            tally=tally,
        )
        self._live = Live(engine=self.engine, health=self._health, metrics=self._metrics, clock=clock)
        self._gateway = gateway.Gateway(
            engine=self.engine,
            bus=self._bus,
            health=self._health,
            metrics=self._metrics,
            clock=clock,
            routes=[shown.route()],
            traces=self._traces,
            live=self._live,
        )
        observers += [self._gateway.observe, self._live.observe]
        if self._traces is not None:
            observers.append(self._traces.observe)
        self._notes = Notes(sink, clock, stages=_stages(self._pump, sink), offsets=self._offsets)
        self._add_sources()
        _LOG.info("worker_started", worker=config.worker.name, run_id=run_id, feeds=len(self._feeds), pid=os.getpid())

    def take_over(self, controls: Controls, now_ns: Nanos) -> None:
        """Begin with what people had set before: the first event, so that no other comes to an engine without it."""
        self._pump.process(ControlsRestored(controls, now_ns))

    async def run(self) -> None:
        """Run every part until it is told to stop or the disk is full; a part that fails ends all of them."""
        place, closing = self._place, asyncio.Event()
        await self._watch.look()
        try:
            async with asyncio.TaskGroup() as group:
                pump = group.create_task(self._pump.run(self._bus))
                group.create_task(_serve(self._gateway.app, place, closing))
                beats: list[asyncio.Task[Any]] = [
                    group.create_task(self._pump.keep_time(self._bus)),
                    group.create_task(write_status(self._health, status_file(place.config), self._clock)),
                    group.create_task(self._watch.run()),
                    group.create_task(self._notes.run()),
                    group.create_task(self._live.run()),
                    group.create_task(self._terms.run()),
                ]
                if self._traces is not None:
                    beats.append(group.create_task(self._traces.run()))
                feeds = [group.create_task(feed.run()) for feed in self._feeds]
                place.announce()
                ends = [group.create_task(place.stop.wait()), group.create_task(self._watch.must_stop.wait())]
                await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
                _LOG.info("worker_stopping", disk_is_full=self._watch.must_stop.is_set())
                self._live.close()
                closing.set()
                await _cancel([*feeds, *beats, *ends])
                await self._drain(pump)
        except ExceptionGroup as failures:
            raise first_cause(failures) from failures
        now_ns = self._clock.now_ns()
        self._gate.finish(now_ns)
        self._pump.finish(now_ns)
        self._notes.write()

    async def _drain(self, pump: asyncio.Task[None]) -> None:
        """Let the engine have what the feeds brought, within the time that a stop may take."""
        self._bus.close()
        await asyncio.wait([pump], timeout=self._drain_s)
        if not pump.done():
            _LOG.warning("drain_cut_short", left=len(self._bus))
            await _cancel([pump])

    def _offsets(self) -> dict[str, Nanos | None]:
        return {name: feed.clock.offset_ns for name, feed in self.engine.state.feeds.items()}

    def _complaints(self) -> list[str]:
        problems = [f"instruments: {line}" for line in self._terms.problems()]
        odd = [line for feed in self._feeds for line in feed.complaints()]
        behind = [*self._pump.complaints(), *self._bus.complaints()]
        return [*behind, *self._watch.complaints(), *self._time.complaints(), *problems, *odd]

    def _add_sources(self) -> None:
        pump = self._pump
        self._metrics.add_source("pump", pump.reading)
        self._metrics.add_source("event_latency", pump.latency.reading)
        self._metrics.add_source("queue_age", pump.queue_age.reading)
        self._metrics.add_source("loop_lateness", pump.lateness.reading)
        self._metrics.add_source("bus", self._bus.reading)
        self._metrics.add_source("disk", lambda: {**self._watch.reading(), **self._gate.reading()})
        self._metrics.add_source("clock", self._time.reading)
        self._metrics.add_source("feed_states", lambda: self._feed_watch.reading(self._clock.now_ns()))
        self._metrics.add_source("integrity", self._integrity.reading)
        self._metrics.add_source("instruments", self._terms.reading)
        self._metrics.add_source("sink", lambda: asdict(self._sink.stats()))
        for feed in self._feeds:
            self._metrics.add_source(f"feed.{feed.feed}", feed.reading)


def _stages(pump: Pump, sink: Sink) -> dict[str, Histogram]:
    """Return what the record keeps the durations of."""
    return {
        "event": pump.latency,
        "decision": pump.decision,
        "queue": pump.queue_age,
        "loop": pump.lateness,
        "commit": sink.commit_age,
    }


def _traces(place: _Place, sink: Sink) -> Traces | None:
    if not place.tracing.is_on:
        return None
    tracer = place.tracing.tracer("worker")
    return Traces(tracer, sink, place.clock, every_s=place.config.tracing.every_seconds)


async def _cancel(tasks: Iterable[asyncio.Task[Any]]) -> None:
    """Cancel and wait until every one has ended."""
    cancelled = list(tasks)
    for task in cancelled:
        task.cancel()
    await asyncio.wait(cancelled)
