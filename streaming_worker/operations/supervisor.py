"""supervisord: its configuration, its start, its state and its end. It restarts what fails, with growing delays."""

import contextlib
import os
import shlex
import signal
import subprocess
import sys
import threading
import xmlrpc.client
from collections.abc import Mapping
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from typing import Final

from supervisor.xmlrpc import SupervisorTransport

from streaming_worker.errors import OperationError
from streaming_worker.operations.layout import Layout
from streaming_worker.operations.programs import Program

STOP_SECONDS: Final = 5
LAST_STOP_SECONDS: Final = 2
GROUP: Final = "arb"
_ENDED: Final = "Z"
_GONE_TRIES: Final = 40
_GONE_POLL_S: Final = 0.05
_HEAD: Final = """\
[supervisord]
nodaemon=true
logfile={logs}/supervisord.log
logfile_maxbytes=5MB
logfile_backups=2
pidfile={folder}/supervisord.pid
umask=077
childlogdir={logs}
{user}
[unix_http_server]
file={socket}
chmod=0600

[rpcinterface:supervisor]
supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface

[supervisorctl]
serverurl=unix://{socket}

[group:{group}]
programs={names}
priority=999
"""
# The supervisor stops the members of a group together, and groups one after another, the highest priority first: all
# but the code server are one group, since the daemon hangs for seconds once the code server is gone.
_PROGRAM: Final = """
[program:{name}]
command={command}
environment={environment}
autostart={autostart}
autorestart=true
startsecs=3
startretries=100
stopsignal={stop_signal}
stopwaitsecs={stop_seconds}
priority={priority}
stopasgroup=true
killasgroup=true
redirect_stderr=true
stdout_logfile={logs}/{name}.log
stdout_logfile_maxbytes=20MB
stdout_logfile_backups=3
"""


@dataclass(frozen=True, slots=True)
class ProgramState:
    """What the supervisor says of one program."""

    name: str
    state: str
    pid: int
    description: str


def write_supervisor_file(layout: Layout, programs: tuple[Program, ...]) -> None:
    """Write the configuration, readable by its owner only."""
    logs = str(layout.config.paths.logs)
    head = _HEAD.format(
        group=GROUP,
        logs=_literal(logs),
        folder=_literal(str(layout.supervisor)),
        socket=_literal(str(layout.control_socket)),
        user="user=root\n" if os.geteuid() == 0 else "",
        names=",".join(program.name for program in programs if not program.stops_last),
    )
    sections = [
        _PROGRAM.format(
            name=program.name,
            command=_literal(shlex.join(program.command)),
            environment=_environment(program.environment),
            autostart="false" if program.waits_for_past else "true",
            stop_signal=program.stop_signal,
            stop_seconds=LAST_STOP_SECONDS if program.stops_last else STOP_SECONDS,
            priority=1 if program.stops_last else 999,
            logs=_literal(logs),
        )
        for program in programs
    ]
    descriptor = os.open(layout.supervisor_file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(head + "".join(sections))


def start(layout: Layout, environ: Mapping[str, str]) -> subprocess.Popen[bytes]:
    """Start the supervisor in a session of its own, so that a Ctrl-C reaches us first."""
    command = [sys.executable, "-m", "supervisor.supervisord", "-n", "-c", str(layout.supervisor_file)]
    return subprocess.Popen(
        command,
        env=dict(environ),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def running_pid(layout: Layout) -> int | None:
    """Return the pid of a supervisor that already answers here, else None."""
    try:
        return _number(_call(layout, "getPID"))
    except OperationError:
        return None


def states(layout: Layout) -> tuple[ProgramState, ...]:
    """Return the state of every program. Raises OperationError when the supervisor does not answer."""
    answer = _call(layout, "getAllProcessInfo")
    assert isinstance(answer, list)
    return tuple(
        ProgramState(str(row["name"]), str(row["statename"]), _number(row["pid"]), str(row["description"]))
        for row in answer
    )


def start_program(layout: Layout, name: str) -> None:
    """Start a program that waited. Raises OperationError when the supervisor does not answer."""
    waits = False
    _call(layout, "startProcess", f"{GROUP}:{name}", waits)


def stop(supervisor: subprocess.Popen[bytes], *, patience_seconds: float) -> tuple[int, ...]:
    """End the supervisor and everything it started; returns the pids that had to be killed."""
    if supervisor.poll() is None:
        supervisor.send_signal(signal.SIGTERM)
        try:
            supervisor.wait(patience_seconds)
        except subprocess.TimeoutExpired:
            supervisor.kill()
            supervisor.wait()
    return _kill_session(supervisor.pid)


def session_members(session: int, proc: Path = Path("/proc")) -> tuple[int, ...]:
    """Return the processes that still run in a session, where the system lists them.

    The supervisor's pid names its session; what has ended but was not collected by its parent yet does not count.
    """
    return tuple(sorted(int(folder.name) for folder in proc.glob("[0-9]*") if _runs_in(folder, session)))


def _kill_session(session: int) -> tuple[int, ...]:
    """Kill what is left and wait until it is gone."""
    left = session_members(session)
    for pid in left:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    pause = threading.Event()
    for _ in range(_GONE_TRIES):
        if not session_members(session):
            break
        pause.wait(_GONE_POLL_S)
    return left


def _runs_in(process: Path, session: int) -> bool:
    try:
        stat = (process / "stat").read_text(encoding="ascii", errors="replace")
    except OSError:  # it ended meanwhile
        return False
    state, _, _, its_session = stat.rpartition(")")[2].split()[:4]
    return state != _ENDED and int(its_session) == session


def _call(layout: Layout, name: str, *arguments: str | bool) -> object:
    transport = SupervisorTransport(None, None, serverurl=f"unix://{layout.control_socket}")
    try:
        with xmlrpc.client.ServerProxy("http://127.0.0.1", transport=transport) as proxy:
            return getattr(proxy.supervisor, name)(*arguments)
    except (OSError, xmlrpc.client.Error, HTTPException) as e:
        raise OperationError(f"the supervisor does not answer: {e}", hint=f"see {layout.config.paths.logs}") from e


def _number(value: object) -> int:
    assert isinstance(value, int)
    return value


def _literal(text: str) -> str:
    """Escape what the supervisor would expand."""
    return text.replace("%", "%%")


def _environment(variables: Mapping[str, str]) -> str:
    return ",".join(f'{name}="{_literal(value)}"' for name, value in sorted(variables.items()))
