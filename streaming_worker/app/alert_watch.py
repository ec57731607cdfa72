"""The watch over Dagster, for as long as the worker runs: also while it waits for room on the disk."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from streaming_worker.adapters.clock import Clock
from streaming_worker.alerts import open_desk
from streaming_worker.config import Config
from streaming_worker.errors import first_cause
from streaming_worker.service.dagster_watch import INTERVAL_S, DagsterWatch


@asynccontextmanager
async def watching(config: Config, clock: Clock, *, interval_s: float = INTERVAL_S) -> AsyncIterator[None]:
    """Watch while the body runs, where the settings ask for it. Raises ConfigError, and what the body raises."""
    if not config.alerts.watch_dagster:
        yield
        return
    desk = open_desk(config, now=clock.now_ns)
    url = f"http://{config.dagster.host}:{config.dagster.port}"
    watch = DagsterWatch(desk, config.paths.state, url, clock)
    try:
        async with asyncio.TaskGroup() as group:
            task = group.create_task(watch.run(interval_s))
            yield
            task.cancel()
    except ExceptionGroup as failures:
        raise first_cause(failures) from failures
