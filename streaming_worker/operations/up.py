"""Start everything, say when it is ready, keep watch, and end everything within ten seconds."""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeAlias

from streaming_worker.adapters.clock import AnchoredClock
from streaming_worker.app import capture_synthetic_history
from streaming_worker.config import Config
from streaming_worker.core.units import NANOS_PER_SECOND
from streaming_worker.errors import OperationError
from streaming_worker.operations import supervisor
from streaming_worker.operations.dagster_home import write_dagster_home
from streaming_worker.operations.layout import Layout
from streaming_worker.operations.people import demo_login, users_of
from streaming_worker.operations.ports import ports_of, require_free
from streaming_worker.operations.programs import Program, dagster_environment, programs_of
from streaming_worker.operations.readiness import gateway_health, missing_parts
from streaming_worker.service.log import configure

READY_TIMEOUT_S: Final = 180
STOP_PATIENCE_S: Final = 8.5
_POLL_S: Final = 0.5
_ANSWER_TRIES: Final = 20
_BROKEN: Final = frozenset({"FATAL", "BACKOFF"})

Say: TypeAlias = Callable[[str], None]
Progress: TypeAlias = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Platform:
    """What ``run`` needs: settings, the programs and their environment, and where lines and progress go."""

    config: Config
    environ: Mapping[str, str]
    say: Say
    progress: Progress
    programs: Callable[[Layout], tuple[Program, ...]] = programs_of


class _Stopped(Exception):  # noqa: N818 - no error: the operator asked for it
    """A signal came while the past was being captured."""


def run(platform: Platform, *, ready_seconds: int = READY_TIMEOUT_S) -> None:
    """Run until a signal or until the supervisor is gone.

    Raises: OperationError when a port is taken, another instance runs on the same data, or the platform does not become
    ready.
    """
    layout = Layout(platform.config)
    with _signals() as stopping:
        process = _start(platform, layout)
        try:
            _capture_past(platform, layout, stopping)
            if _wait_until_ready(platform, layout, process, stopping, ready_seconds=ready_seconds):
                _announce(platform)
                _watch(platform, layout, process, stopping)
        except _Stopped:
            platform.say("stopped while the past was being captured; what was captured stays")
        finally:
            platform.say("stopping")
            killed = supervisor.stop(process, patience_seconds=STOP_PATIENCE_S)
            platform.say(f"stopped; ended by force: {len(killed)}" if killed else "stopped")


def _start(platform: Platform, layout: Layout) -> subprocess.Popen[bytes]:
    layout.create()
    other = supervisor.running_pid(layout)
    if other is not None:
        raise OperationError(
            f"the platform already runs on {platform.config.paths.data_dir} (supervisor pid {other})",
            hint=f"stop it with: kill {other}",
        )
    require_free(ports_of(platform.config))
    platform.say(f"starting; logs in {platform.config.paths.logs}")
    _prepare(platform, layout)
    supervisor.write_supervisor_file(layout, platform.programs(layout))
    return supervisor.start(layout, _environment(platform))


def _prepare(platform: Platform, layout: Layout) -> None:
    """Make what must be there before the programs start; a moment's work when it is."""
    _finish(platform, (sys.executable, "-m", "arb_pipeline.manifest"), "the dbt project cannot be prepared")
    write_dagster_home(layout)
    if not layout.dagster_prepared.exists():
        # the web interface and the daemon would both make the databases, and break them
        dagster = str(Path(sys.executable).parent / "dagster")
        _finish(
            platform, (dagster, "instance", "info"), "Dagster's home cannot be prepared", dagster_environment(layout)
        )
        layout.dagster_prepared.touch()


def _finish(
    platform: Platform, command: tuple[str, ...], complaint: str, more: Mapping[str, str] | None = None
) -> None:
    environment = _environment(platform) | dict(more or {})
    result = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if result.returncode != 0:
        lines = (result.stderr or result.stdout).strip().splitlines()
        raise OperationError(f"{complaint}: {lines[-1] if lines else 'no reason given'}")


def _capture_past(platform: Platform, layout: Layout, stopping: threading.Event) -> None:
    """Give a fresh demo some closed hours, while Dagster starts; then let go who waits for them."""
    waiting = [program.name for program in platform.programs(layout) if program.waits_for_past]
    if not waiting:
        return

    def progress(start_ns: int, now_ns: int, end_ns: int) -> None:
        if stopping.is_set():
            raise _Stopped
        done, total = ((moment - start_ns) // NANOS_PER_SECOND for moment in (now_ns, end_ns))
        platform.progress("capturing synthetic hours", done, total)

    configure(level="WARNING", form="console")
    venues = platform.config.venues
    report = asyncio.run(
        capture_synthetic_history(
            platform.config,
            hours=venues.history_hours,
            seed=venues.seed,
            market_state=layout.market_state,
            clock=AnchoredClock(),
            progress=progress,
        )
    )
    if report is not None:
        platform.say(f"captured {report.rows} rows of synthetic history in {report.seconds:.0f} s")
    _wait_for_supervisor(layout)
    for name in waiting:
        supervisor.start_program(layout, name)


def _wait_for_supervisor(layout: Layout) -> None:
    pause = threading.Event()
    for _ in range(_ANSWER_TRIES):
        if supervisor.running_pid(layout) is not None:
            return
        pause.wait(_POLL_S)
    raise OperationError("the supervisor does not answer", hint=f"see {layout.config.paths.logs}/supervisord.log")


def _environment(platform: Platform) -> dict[str, str]:
    """The programs' environment: ours, this interpreter's commands first, the data folder whole (dbt reads it)."""
    scripts = str(Path(sys.executable).parent)
    path = f"{scripts}{os.pathsep}{platform.environ.get('PATH', os.defpath)}"
    return {
        **platform.environ,
        "PATH": path,
        "PYTHONUNBUFFERED": "1",
        "ARB_DATA_DIR": str(platform.config.paths.data_dir),
    }


def _wait_until_ready(
    platform: Platform,
    layout: Layout,
    process: subprocess.Popen[bytes],
    stopping: threading.Event,
    *,
    ready_seconds: int,
) -> bool:
    clock = AnchoredClock()
    deadline_ns = clock.monotonic_ns() + ready_seconds * NANOS_PER_SECOND
    missing: tuple[str, ...] = ()
    while clock.monotonic_ns() < deadline_ns:
        missing = missing_parts(platform.config)
        if not missing:
            return True
        if stopping.wait(_POLL_S):
            return False
        _require_alive(layout, process)
    raise OperationError(
        f"not ready after {ready_seconds} s: {'; '.join(missing)}",
        hint=f"read the logs in {platform.config.paths.logs}",
    )


def _watch(platform: Platform, layout: Layout, process: subprocess.Popen[bytes], stopping: threading.Event) -> None:
    """Report each program that fails and each that comes back; the supervisor does the restarting."""
    broken: set[str] = set()
    while not stopping.wait(_POLL_S * 4):
        _require_alive(layout, process)
        with contextlib.suppress(OperationError):
            now = {state.name: state for state in supervisor.states(layout) if state.state in _BROKEN}
            for name in sorted(set(now) - broken):
                platform.say(f"{name} failed and is being restarted: {now[name].description}; see {name}.log")
            for name in sorted(broken - set(now)):
                platform.say(f"{name} runs again")
            broken = set(now)


def _require_alive(layout: Layout, process: subprocess.Popen[bytes]) -> None:
    if process.poll() is not None:
        logs = layout.config.paths.logs
        raise OperationError(f"the supervisor ended with code {process.returncode}", hint=f"see {logs}/supervisord.log")


def _announce(platform: Platform) -> None:
    config = platform.config
    platform.say("ready")
    platform.say(f"  console   http://{config.api.host}:{config.api.port}")
    _tell_login(platform)
    platform.say(f"  Dagster   http://{config.dagster.host}:{config.dagster.port}")
    platform.say(f"  worker    http://{config.gateway.host}:{config.gateway.port}/health")
    if config.smtp.sink:
        platform.say(f"  mail      {Layout(config).mail}")
    platform.say(f"  data      {config.paths.data_dir}")
    with contextlib.suppress(OperationError):
        for line in gateway_health(config).get("why", []):
            platform.say(f"  note      {line}")
    platform.say("stop with Ctrl-C")


def _tell_login(platform: Platform) -> None:
    """The demo gets an admin with a random password, told this once; everything else makes its own."""
    if platform.config.profile == "demo":
        login = demo_login(platform.config)
        if login is not None:
            platform.say(f"  login     {login[0]}  password {login[1]}  (shown this once; arb users set-password)")
            return
    if not users_of(platform.config):
        platform.say("  login     nobody yet: arb users create NAME --role admin")


@contextlib.contextmanager
def _signals() -> Iterator[threading.Event]:
    """Turn Ctrl-C, a closed terminal and SIGTERM into one event while inside."""
    stopping = threading.Event()
    names = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {name: signal.signal(name, lambda *_: stopping.set()) for name in names}
    try:
        yield stopping
    finally:
        for name, handler in before.items():
            signal.signal(name, handler)
