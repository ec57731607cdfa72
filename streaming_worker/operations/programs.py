"""The programs of the platform and how each is started: what to run, not how it is kept running."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from streaming_worker.operations.layout import Layout

CODE_LOCATION: Final = "arb_pipeline"
_ARB: Final = (sys.executable, "-m", "streaming_worker")
# The worker comes first where both want the processor: its commits wait for every program that takes all of it.
_LATER: Final = ("nice", "-n", "5")


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """One supervised program.

    ``environment`` holds no secret: those are inherited. ``waits_for_past``: it starts once the past is captured.
    ``stop_signal`` is what the program takes as a request to end. ``stops_last``: the others need it while they end.
    """

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    waits_for_past: bool = False
    stop_signal: str = "TERM"
    stops_last: bool = False


def programs_of(layout: Layout) -> tuple[Program, ...]:
    """Return the programs of this configuration in the order of their start."""
    config = layout.config
    has_past = config.venues.enabled and config.venues.history_hours > 0
    # Dagster cannot tell of its own death: the worker that runs beside it does.
    watch = {"ARB_ALERTS_WATCH_DAGSTER": "true"}
    programs = [Program(name="worker", command=(*_ARB, "worker"), environment=watch, waits_for_past=has_past)]
    programs.append(Program(name="api", command=(*_ARB, "api")))
    if config.smtp.sink:
        programs.insert(0, Program(name="mail", command=_mail_sink(layout)))
    if config.venues.enabled:
        programs.insert(0, Program(name="venues", command=_venues(layout), waits_for_past=has_past))
    return (*programs, *_dagster(layout))


def _venues(layout: Layout) -> tuple[str, ...]:
    """The local venues; they go on from where the captured past has ended."""
    return (*_ARB, "venues", "--market-state", str(layout.market_state))


def _mail_sink(layout: Layout) -> tuple[str, ...]:
    smtp = layout.config.smtp
    command = (sys.executable, "-m", "streaming_worker.sandbox.mail_sink")
    return (*command, "--host", smtp.host, "--port", str(smtp.port), "--folder", str(layout.mail))


def _dagster(layout: Layout) -> tuple[Program, ...]:
    """One code server for both the web interface and the daemon: the code location is imported once."""
    environment = dagster_environment(layout)
    scripts = Path(sys.executable).parent
    workspace = ("-w", str(layout.workspace_file))
    web = layout.config.dagster
    serve = (str(scripts / "dagster"), "api", "grpc", "-m", "arb_pipeline.definitions")
    where = ("--socket", str(layout.code_socket), "--location-name", CODE_LOCATION)
    own_python = "--use-python-environment-entry-point"
    address = ("-h", web.host, "-p", str(web.port))
    return (
        Program(
            name="code",
            command=(*_LATER, *serve, *where, own_python),
            environment=environment,
            stop_signal="INT",  # SIGTERM leaves it waiting for half a minute
            stops_last=True,
        ),
        Program(
            name="webserver",
            command=(*_LATER, str(scripts / "dagster-webserver"), *workspace, *address),
            environment=environment,
        ),
        Program(
            name="daemon",
            command=(*_LATER, str(scripts / "dagster-daemon"), "run", *workspace),
            environment=environment,
        ),
    )


def dagster_environment(layout: Layout) -> dict[str, str]:
    """Return what Dagster's processes need besides the settings, which they inherit."""
    return {
        "DAGSTER_HOME": str(layout.dagster_home),
        "DAGSTER_DISABLE_TELEMETRY": "yes",
    }
