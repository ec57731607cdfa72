"""One run of the worker, from an open port to a sealed record.

Start: listen, recover what a killed run left, open the record, connect the feeds. Stop: close the feeds, let the
engine have what they brought, seal. Both are the same after a crash and on a fresh machine.
"""

import asyncio
import contextlib
import os
import socket
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from random import Random
from typing import Any, Final

import structlog

from streaming_worker.adapters.clock import Clock
from streaming_worker.app.feeds import Tuning, edge, feed_endpoints
from streaming_worker.app.record import open_record, sink_settings, worker_run, write_down_downtime
from streaming_worker.config import Config
from streaming_worker.engine.engine import Engine
from streaming_worker.errors import first_cause
from streaming_worker.service import gateway
from streaming_worker.service.bus import Bus
from streaming_worker.service.capture import FeedSupervisor
from streaming_worker.service.gaps import GapLedger
from streaming_worker.service.health import Health, write_status
from streaming_worker.service.metrics import Metrics
from streaming_worker.service.pump import Pump
from streaming_worker.storage.sink import Sink

_LOG: Final = structlog.get_logger("worker")


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
) -> RunReport:
    """Capture until ``stop``, then flush and seal. ``ready`` gets the gateway's URL once it listens.

    Raises: ConfigError for a port that cannot be used, StorageError when the record cannot be written.
    """
    with contextlib.closing(gateway.bind(config.gateway.host, config.gateway.port)) as listener:
        run = worker_run(config, clock.now_ns())
        sink = Sink(config.paths.data_dir, run, clock, sink_settings(config))
        last_ns = await asyncio.to_thread(open_record, sink)
        try:
            write_down_downtime(sink, last_ns, clock.now_ns())
            worker = _Worker(config, run.run_id, sink, clock, tuning or Tuning(), random or Random())  # noqa: S311 - jitter
            await worker.run(listener, stop, ready)
        finally:
            await asyncio.to_thread(sink.stop)
            _LOG.info("worker_stopped", run_id=run.run_id, rows=sink.stats().committed_rows)
        return RunReport(run_id=run.run_id, events=worker.engine.event_count, digest=worker.engine.digest())


def status_file(config: Config) -> Path:
    """Return where the worker writes its health every second."""
    return config.paths.state / f"{config.worker.name}-health.json"


class _Worker:
    """Every part of one run, joined."""

    def __init__(self, config: Config, run_id: str, sink: Sink, clock: Clock, tuning: Tuning, random: Random) -> None:
        self._clock = clock
        self._sink = sink
        self._status_file = status_file(config)
        self._drain_s = tuning.drain_s
        self._bus = Bus(tuning.bus_capacity)
        self.engine = Engine(config.engine)
        self._metrics = Metrics()
        way_out = edge(clock, tuning, random)
        self._feeds = [
            FeedSupervisor(
                feed.name,
                feed_endpoints(feed, config),
                edge=way_out,
                bus=self._bus,
                record=sink,
                has_raw_frames=config.capture.raw_frames,
                connection_settings=tuning.connection,
                retry_settings=tuning.retry,
            )
            for feed in config.feeds
        ]
        self._health = Health(
            worker=config.worker.name,
            run_id=run_id,
            engine=self.engine,
            transports={feed.feed: feed.status for feed in self._feeds},
            sink=lambda: asdict(sink.stats()),
            complaints=lambda: self._pump.complaints(),
            clock=clock,
            limits=tuning.health,
        )
        self._gateway = gateway.Gateway(
            engine=self.engine, bus=self._bus, health=self._health, metrics=self._metrics, clock=clock
        )
        self._pump = Pump(
            self.engine, sink, clock=clock, gaps=GapLedger(config.engine.feeds), observers=[self._gateway.observe]
        )
        self._add_sources()
        _LOG.info("worker_started", worker=config.worker.name, run_id=run_id, feeds=len(self._feeds), pid=os.getpid())

    async def run(self, listener: socket.socket, stop: asyncio.Event, ready: Callable[[str], None] | None) -> None:
        """Run every part until ``stop``; a part that fails ends all of them."""
        try:
            async with asyncio.TaskGroup() as group:
                pump = group.create_task(self._pump.run(self._bus))
                group.create_task(gateway.serve(self._gateway.app, listener, stop))
                beats = [
                    group.create_task(self._pump.keep_time(self._bus)),
                    group.create_task(write_status(self._health, self._status_file, self._clock)),
                ]
                feeds = [group.create_task(feed.run()) for feed in self._feeds]
                if ready is not None:
                    host, port, *_ = listener.getsockname()
                    ready(f"http://{host}:{port}")
                await stop.wait()
                _LOG.info("worker_stopping")
                await _cancel([*feeds, *beats])
                await self._drain(pump)
        except ExceptionGroup as failures:
            raise first_cause(failures) from failures
        self._pump.finish(self._clock.now_ns())

    async def _drain(self, pump: asyncio.Task[None]) -> None:
        """Let the engine have what the feeds brought, within the time that a stop may take."""
        self._bus.close()
        await asyncio.wait([pump], timeout=self._drain_s)
        if not pump.done():
            _LOG.warning("drain_cut_short", left=len(self._bus))
            await _cancel([pump])

    def _add_sources(self) -> None:
        pump = self._pump
        self._metrics.add_source("pump", pump.reading)
        self._metrics.add_source("event_latency", pump.latency.reading)
        self._metrics.add_source("queue_age", pump.queue_age.reading)
        self._metrics.add_source("loop_lateness", pump.lateness.reading)
        self._metrics.add_source("bus", self._bus.reading)
        self._metrics.add_source("sink", lambda: asdict(self._sink.stats()))
        for feed in self._feeds:
            self._metrics.add_source(f"feed.{feed.feed}", feed.reading)


async def _cancel(tasks: Iterable[asyncio.Task[Any]]) -> None:
    """Cancel and wait until every one has ended."""
    cancelled = list(tasks)
    for task in cancelled:
        task.cancel()
    await asyncio.wait(cancelled)
