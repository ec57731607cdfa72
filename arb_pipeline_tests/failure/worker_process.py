"""The real worker as a process of its own: started as an operator does, watched over its gateway, killed or stopped."""

import contextlib
import http.client
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from arb_pipeline_tests.fixtures.free_ports import free_base
from streaming_worker.operations.ports import ports_from_base

REPOSITORY = Path(__file__).resolve().parents[2]
BOUND_S = 120.0


@dataclass(frozen=True, slots=True)
class Seen:
    """What the gateway said at one moment."""

    run_id: str
    events: int
    acknowledged: int
    commits: int


class WorkerProcess:
    """One run of ``arb worker``; its log goes to a file beside the data."""

    def __init__(self, environ: Mapping[str, str], log: Path) -> None:
        self.log = log
        self._port = int(environ["ARB_PORT_GATEWAY"])
        self._connection: http.client.HTTPConnection | None = None
        with log.open("ab") as output:
            command = [sys.executable, "-m", "streaming_worker", "worker", "--log-format", "json"]
            self.process = subprocess.Popen(command, env=dict(environ), stdout=output, stderr=output, cwd=REPOSITORY)

    def health(self) -> dict[str, Any] | None:
        """Return the gateway's answer, None while nobody answers."""
        try:
            if self._connection is None:
                self._connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=BOUND_S)
            self._connection.request("GET", "/health")
            return dict(json.loads(self._connection.getresponse().read()))
        except (OSError, http.client.HTTPException):
            self.forget()
            return None

    def seen(self) -> Seen | None:
        """Return what matters for the record, None while nobody answers."""
        health = self.health()
        if health is None:
            return None
        sink = health["sink"]
        return Seen(health["run_id"], health["events"], sink["acknowledged_seq"], sink["commits"])

    def forget(self) -> None:
        """Close the connection to the gateway."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def kill(self) -> None:
        """End it as a crash does."""
        self.process.kill()
        self.process.wait(BOUND_S)
        self.forget()

    def stop(self) -> int:
        """End it as an operator does; returns the exit code."""
        self.process.send_signal(signal.SIGTERM)
        self.forget()
        return self.process.wait(BOUND_S)


def environment(data_dir: Path, **settings: str) -> dict[str, str]:
    """Return the demo's settings on free ports, with a rotation every second."""
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith("ARB_")},
        **ports_from_base(free_base()),
        "ARB_PROFILE": "demo",
        "ARB_DATA_DIR": str(data_dir),
        "ARB_CAPTURE_ROTATE_SECONDS": "1",
        "PYTHONPATH": str(REPOSITORY),
        **settings,
    }


@contextlib.contextmanager
def busy_venues(environ: Mapping[str, str]) -> Iterator[None]:
    """Serve the venues that the environment's ports name, in a process of their own."""
    command = [sys.executable, str(Path(__file__).with_name("busy_venues.py")), environ["ARB_PORT_VENUES"]]
    with subprocess.Popen(command, env=dict(environ), stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == b"ready\n"
            yield
        finally:
            process.kill()


def until(holds: Any, what: str, *, bound_s: float = BOUND_S) -> Any:
    """Return the first true answer of ``holds``, asked again and again."""
    deadline = time.monotonic() + bound_s
    while not (answer := holds()):
        assert time.monotonic() < deadline, f"not within {bound_s} s: {what}"
        time.sleep(0.01)
    return answer
