"""One process each: run a coroutine under uvloop until it ends or a signal asks it to."""

import asyncio
import signal
from collections.abc import Callable, Coroutine
from typing import Any

import uvloop

from streaming_worker.adapters.clock import AnchoredClock
from streaming_worker.app import run_worker
from streaming_worker.config import Config
from streaming_worker.operations.ports import VENUES, ports_of, require_free
from streaming_worker.sandbox.run import VenueOptions, run_venues
from streaming_worker.service.log import LogFormat, configure


def serve_venues(config: Config, options: VenueOptions, *, say: Callable[[str], None]) -> None:
    """Serve the local venues until a signal.

    Raises: OperationError for a taken port, ConfigError for a broken capture or market state.
    """
    require_free(tuple(use for use in ports_of(config) if use.purpose == VENUES))
    run_until_signal(lambda _: run_venues(options, clock=AnchoredClock().now_ns, announce=say))


def serve_worker(config: Config, *, level: str, form: LogFormat, say: Callable[[str], None]) -> None:
    """Capture until a signal, then flush and seal. Raises ConfigError or StorageError when it cannot."""
    configure(level=level, form=form)
    clock = AnchoredClock()
    run_until_signal(lambda stop: run_worker(config, clock=clock, stop=stop, ready=say), cancel=False)


def run_until_signal(main: Callable[[asyncio.Event], Coroutine[Any, Any, object]], *, cancel: bool = True) -> None:
    """Run ``main`` under uvloop. A signal sets the event it was given, and cancels it where ``cancel`` is true."""
    uvloop.run(_supervised(main, cancel=cancel))


async def _supervised(main: Callable[[asyncio.Event], Coroutine[Any, Any, object]], *, cancel: bool) -> None:
    stop = asyncio.Event()
    running = asyncio.current_task()

    def on_signal() -> None:
        stop.set()
        if cancel and running is not None:
            running.cancel()

    loop = asyncio.get_running_loop()
    for name in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(name, on_signal)
    try:
        await main(stop)
    except asyncio.CancelledError:
        if not stop.is_set():
            raise
