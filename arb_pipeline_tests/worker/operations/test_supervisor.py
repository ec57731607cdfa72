"""The supervisor restarts what dies and leaves nothing behind, not even what a program started itself."""

import os
import signal
import stat
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from subprocess import Popen

import pytest

from streaming_worker.config import Config
from streaming_worker.errors import OperationError
from streaming_worker.operations import supervisor
from streaming_worker.operations.layout import Layout
from streaming_worker.operations.programs import Program, programs_of

FORKING = "import subprocess, sys; subprocess.Popen(['sleep', '600']); sys.stdin.close(); import time; time.sleep(600)"
BOUND_S = 60


def _until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + BOUND_S
    while not condition():
        assert time.monotonic() < deadline, "not within the bound"
        time.sleep(0.05)


@pytest.fixture
def layout(config_of: Callable[..., Config]) -> Layout:
    layout = Layout(config_of())
    layout.create()
    return layout


@pytest.fixture
def running(layout: Layout) -> Iterator[Popen[bytes]]:
    program = Program(name="forking", command=(sys.executable, "-c", FORKING), environment={"TITLE": "100 %"})
    supervisor.write_supervisor_file(layout, (program,))
    process = supervisor.start(layout, os.environ)
    try:
        _until(lambda: supervisor.running_pid(layout) == process.pid)
        yield process
    finally:
        supervisor.stop(process, patience_seconds=5)


def _pid(layout: Layout) -> int:
    return next(state.pid for state in supervisor.states(layout) if state.name == "forking")


def test_a_killed_program_comes_back_and_the_end_leaves_nothing(layout: Layout, running: Popen[bytes]) -> None:
    _until(lambda: len(supervisor.session_members(running.pid)) >= 3)
    first = _pid(layout)
    os.kill(first, signal.SIGKILL)
    _until(lambda: _pid(layout) not in (0, first))
    supervisor.stop(running, patience_seconds=9)
    assert running.returncode == 0
    _until(lambda: supervisor.session_members(running.pid) == ())
    assert supervisor.running_pid(layout) is None


def test_a_supervisor_that_was_killed_leaves_nothing_either(layout: Layout, running: Popen[bytes]) -> None:
    _until(lambda: len(supervisor.session_members(running.pid)) >= 3)
    running.kill()
    running.wait()
    killed = supervisor.stop(running, patience_seconds=1)
    assert len(killed) >= 2
    _until(lambda: supervisor.session_members(running.pid) == ())


def test_the_configuration_is_private_and_holds_no_secret(config_of: Callable[..., Config]) -> None:
    layout = Layout(config_of(ARB_SMTP_PASSWORD="hunter2", ARB_SOLANA_RPC_URL="https://x.example/?api-key=hunter2"))
    layout.create()
    supervisor.write_supervisor_file(layout, programs_of(layout))
    assert stat.S_IMODE(layout.supervisor_file.stat().st_mode) == 0o600
    assert stat.S_IMODE(layout.config.paths.state.stat().st_mode) == 0o700
    assert "hunter2" not in layout.supervisor_file.read_text(encoding="utf-8")


def test_the_demo_runs_seven_programs_and_live_runs_five(config_of: Callable[..., Config]) -> None:
    names = [program.name for program in programs_of(Layout(config_of()))]
    assert names == ["venues", "mail", "worker", "api", "code", "webserver", "daemon"]
    assert [program.name for program in programs_of(Layout(config_of("live")))] == names[2:]


def test_the_readme_says_how_many_programs_the_demo_starts(config_of: Callable[..., Config], repository: Path) -> None:
    words = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
    count = words[len(programs_of(Layout(config_of())))]
    assert f"starts {count} programs" in (repository / "README.md").read_text(encoding="utf-8")


def test_a_long_data_folder_moves_the_sockets(tmp_path: Path, config_of: Callable[..., Config]) -> None:
    deep = tmp_path / ("deep" * 30)
    layout = Layout(config_of(ARB_DATA_DIR=str(deep)))
    assert len(os.fsencode(layout.control_socket)) < 108
    assert layout.sockets != layout.supervisor
    assert layout.sockets != Layout(config_of(ARB_DATA_DIR=str(deep / "other"))).sockets


def test_asking_a_supervisor_that_is_not_there_is_an_error(layout: Layout) -> None:
    assert supervisor.running_pid(layout) is None
    with pytest.raises(OperationError, match="the supervisor does not answer"):
        supervisor.states(layout)
