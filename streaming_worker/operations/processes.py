"""One process each: run a coroutine under uvloop until it ends or a signal asks it to."""

import asyncio
import os
import signal
import sys
from collections.abc import Callable, Coroutine, Mapping
from pathlib import Path
from typing import Any, Final

import uvloop

from streaming_worker.adapters.clock import AnchoredClock
from streaming_worker.adapters.collector import keep_pauses_short
from streaming_worker.api.factory import build_services, create_app
from streaming_worker.api.serving import SignalledServer, bounded, server_settings
from streaming_worker.app import run_worker
from streaming_worker.config import Config
from streaming_worker.operations.console import console_dist
from streaming_worker.operations.ports import API, VENUES, ports_of, require_free
from streaming_worker.operations.report import mailing
from streaming_worker.sandbox.run import VenueOptions, run_venues
from streaming_worker.service.log import LogFormat, configure

DRAIN_S: Final = 5
# The worker comes first where both want the processor.
API_NICENESS: Final = 3
# How long a thread with a query may keep the loop from going on.
SWITCH_S: Final = 0.000_5


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
    keep_pauses_short()
    run_until_signal(lambda stop: run_worker(config, clock=clock, stop=stop, ready=say), cancel=False)


def serve_api(
    config: Config, *, environ: Mapping[str, str], level: str, form: LogFormat, console_dir: Path | None
) -> None:
    """Serve the API until a signal, then let requests and viewers end.

    Raises: OperationError for a taken port, StorageError when the API's database cannot be opened.
    """
    configure(level=level, form=form)
    require_free(tuple(use for use in ports_of(config) if use.purpose == API))
    os.nice(API_NICENESS)
    sys.setswitchinterval(SWITCH_S)
    keep_pauses_short()
    run_until_signal(lambda stop: serve_app(config, console_dir, stop, environ), cancel=False)


async def serve_app(config: Config, console_dir: Path | None, stop: asyncio.Event, environ: Mapping[str, str]) -> None:
    """Serve on the configured address until ``stop``; then take nobody in and let requests and exports end."""
    folder = console_dir or config.api.console_dir or console_dist()
    app = create_app(build_services(config, AnchoredClock(), mailing=mailing(environ)), console_dir=folder)
    settings = server_settings(app, drain_s=DRAIN_S, host=config.api.host, port=config.api.port)
    server = SignalledServer(settings)
    async with asyncio.TaskGroup() as group:
        serving = group.create_task(server.serve(sockets=[bounded(settings.bind_socket())]))
        stopping = group.create_task(stop.wait())
        await asyncio.wait([serving, stopping], return_when=asyncio.FIRST_COMPLETED)
        server.should_exit = True
        await serving
        stopping.cancel()


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
