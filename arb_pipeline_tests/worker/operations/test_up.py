"""`arb up` says ready when every part answers, reports what breaks, and ends everything on one signal.

The programs are stand-ins that answer as the real ones do; the supervisor, the signals and the processes are real.
"""

import os
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from streaming_worker.config import Config
from streaming_worker.errors import OperationError
from streaming_worker.operations import supervisor
from streaming_worker.operations.layout import Layout
from streaming_worker.operations.programs import Program
from streaming_worker.operations.up import Platform, run

PARTS = """
import http.server, json, sys, threading
BODIES = {
    "/health": {"status": "ok", "is_ready": True, "why": []},
    "/api/v1/health/ready": {},
    "/graphql": {"data": {
        "workspaceOrError": {"__typename": "Workspace", "locationEntries": [
            {"name": "arb_pipeline", "loadStatus": "LOADED", "locationOrLoadError": {"__typename": "Location"}}]},
        "instance": {"daemonHealth": {"allDaemonStatuses": []}}}},
}
class Handler(http.server.BaseHTTPRequestHandler):
    def answer(self):
        self.rfile.read(int(self.headers.get("content-length", 0)))
        body = json.dumps(BODIES[self.path]).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    do_GET = do_POST = answer
servers = [http.server.ThreadingHTTPServer(("127.0.0.1", int(port)), Handler) for port in sys.argv[1:]]
for server in servers[1:]:
    threading.Thread(target=server.serve_forever, daemon=True).start()
servers[0].serve_forever()
"""
BROKEN = Program(name="broken", command=(sys.executable, "-c", "raise SystemExit(7)"))


@dataclass
class Operator:
    """Reads the lines, and acts once when one of them contains ``on``."""

    on: str
    act: Callable[[], None]
    lines: list[str] = field(default_factory=list)
    acted: bool = False

    def hear(self, line: str) -> None:
        self.lines.append(line)
        if self.on in line and not self.acted:
            self.acted = True
            self.act()


def _parts(config: Config, *, waits_for_past: bool = False) -> Program:
    ports = (config.gateway.port, config.api.port, config.dagster.port, config.venues.port, config.smtp.port)
    config.paths.data_dir.mkdir(exist_ok=True)
    script = config.paths.data_dir.parent / "parts.py"
    script.write_text(PARTS, encoding="utf-8")
    command = (sys.executable, str(script), *map(str, ports))
    return Program(name="parts", command=command, waits_for_past=waits_for_past)


def _platform(
    config: Config, operator: Operator, *programs: Program, progress: Callable[..., None] | None = None
) -> Platform:
    return Platform(
        config=config,
        environ=dict(os.environ),
        say=operator.hear,
        progress=progress or (lambda *_: None),
        programs=lambda _: programs,
    )


def _interrupt() -> None:
    os.kill(os.getpid(), signal.SIGINT)


def test_ready_is_said_with_the_addresses_and_one_signal_ends_everything(config_of: Callable[..., Config]) -> None:
    config = config_of()
    operator = Operator("stop with Ctrl-C", _interrupt)
    handler = signal.getsignal(signal.SIGINT)
    run(_platform(config, operator, _parts(config)))
    lines = operator.lines
    assert [lines[0].split(";")[0], lines[1], *lines[-2:]] == ["starting", "ready", "stopping", "stopped"]
    assert f"  Dagster   http://127.0.0.1:{config.dagster.port}" in lines
    assert f"  mail      {Layout(config).mail}" in lines
    assert f"  console   http://127.0.0.1:{config.api.port}" in lines
    assert [line for line in lines if line.startswith("  login     demo-admin  password ")]
    assert supervisor.running_pid(Layout(config)) is None
    assert signal.getsignal(signal.SIGINT) is handler


def test_a_program_that_fails_is_reported_while_the_others_run(config_of: Callable[..., Config]) -> None:
    config = config_of()
    operator = Operator("broken failed and is being restarted", _interrupt)
    run(_platform(config, operator, _parts(config), BROKEN))
    assert operator.acted
    assert "ready" in operator.lines


def test_a_second_instance_on_the_same_data_is_refused(config_of: Callable[..., Config]) -> None:
    config = config_of()
    found: list[str] = []

    def start_another() -> None:
        with pytest.raises(OperationError) as caught:
            run(_platform(config, Operator("never", _interrupt), _parts(config)))
        found.append(f"{caught.value} ({caught.value.hint})")
        _interrupt()

    run(_platform(config, Operator("stop with Ctrl-C", start_another), _parts(config)))
    assert len(found) == 1
    assert found[0].startswith(f"the platform already runs on {config.paths.data_dir} (supervisor pid ")
    assert "stop it with: kill " in found[0]


def test_a_killed_supervisor_ends_the_platform_with_an_error(config_of: Callable[..., Config]) -> None:
    config = config_of()
    layout = Layout(config)

    def kill() -> None:
        pid = supervisor.running_pid(layout)
        assert pid is not None
        os.kill(pid, signal.SIGKILL)

    operator = Operator("stop with Ctrl-C", kill)
    with pytest.raises(OperationError, match="the supervisor ended with code -9"):
        run(_platform(config, operator, _parts(config)))
    assert operator.lines[-1].startswith("stopped; ended by force: ")


def test_what_does_not_become_ready_is_named(config_of: Callable[..., Config]) -> None:
    config = config_of()
    operator = Operator("never", _interrupt)
    with pytest.raises(OperationError) as caught:
        run(_platform(config, operator, BROKEN), ready_seconds=2)
    assert str(caught.value).startswith("not ready after 2 s: worker: the worker does not answer at ")
    assert caught.value.hint == f"read the logs in {config.paths.logs}"


def test_the_past_is_captured_before_those_who_wait_for_it_start(config_of: Callable[..., Config]) -> None:
    config = config_of(ARB_VENUES_HISTORY_HOURS="1", ARB_CAPTURE_RAW_FRAMES="false")
    steps: list[tuple[int, int]] = []

    def progress(_: str, done: int, total: int) -> None:
        steps.append((done, total))
        if len(steps) == 3:
            _interrupt()

    operator = Operator("never", _interrupt)
    run(_platform(config, operator, _parts(config, waits_for_past=True), progress=progress))
    assert operator.lines[-3:] == [
        "stopped while the past was being captured; what was captured stays",
        "stopping",
        "stopped",
    ]
    assert 3 <= len(steps) < 10
    assert steps[0][1] >= 3_600
    assert list((config.paths.data_dir / "segments").glob("*/*.duckdb"))
    # a record is there now, so the next start asks for no past and lets the waiting programs go
    again = Operator("stop with Ctrl-C", _interrupt)
    run(_platform(config, again, _parts(config, waits_for_past=True)))
    assert "ready" in again.lines


def test_a_taken_port_stops_the_start_before_anything_runs(config_of: Callable[..., Config], answers: object) -> None:
    config = config_of(ARB_PORT_DAGSTER=str(answers.port))  # type: ignore[attr-defined]  # the fixture's own class
    with pytest.raises(OperationError, match="Dagster web interface"):
        run(_platform(config, Operator("never", _interrupt), _parts(config)))
    assert not Path(Layout(config).supervisor_file).exists()
