"""Venues, worker and API as processes of their own on free ports, with three users; what the browser tests look at."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final, TypeVar

import httpx

from arb_pipeline_tests.fixtures.free_ports import free_base
from streaming_worker.operations.ports import ports_from_base

REPOSITORY: Final = Path(__file__).resolve().parents[2]
PASSWORD: Final = "three-quiet-otters-3"
ROLES: Final = {"vic": "viewer", "oli": "operator", "ann": "admin"}
BOUND_S: Final = 120.0
_CONTROL_OFFSET: Final = 10
_DOORS: Final = {"gemini": ("gemini", "gemini_v2")}
"""Where the worker gets a venue from; a feed that is refused at the first goes to the next."""
Answer = TypeVar("Answer")


def until(holds: Callable[[], Answer], what: str, *, bound_s: float = BOUND_S) -> Answer:
    """Return the first true answer, asked again and again."""
    deadline = time.monotonic() + bound_s
    while not (answer := holds()):
        assert time.monotonic() < deadline, f"not within {bound_s} s: {what}"
        time.sleep(0.05)
    return answer


class RunningPlatform:
    """One run in a folder of its own. ``url`` is where the console is."""

    def __init__(self, folder: Path) -> None:
        self.data_dir = folder / "data"
        self._logs = self.data_dir / "state" / "logs"
        self.environ = {
            **{name: value for name, value in os.environ.items() if not name.startswith("ARB_")},
            **ports_from_base(free_base()),
            "ARB_PROFILE": "demo",
            "ARB_DATA_DIR": str(self.data_dir),
            "ARB_CAPTURE_ROTATE_SECONDS": "8",
            # the tests are one address that does in a minute what people do in an hour
            "ARB_API_GENERAL_PER_MINUTE": "100000",
            "ARB_API_CONTROLS_PER_MINUTE": "1000",
            "ARB_API_STATUS_PER_MINUTE": "100000",
            "ARB_API_STREAMS_PER_IP": "100",
            "PYTHONPATH": str(REPOSITORY),
        }
        self.url = f"http://127.0.0.1:{self.environ['ARB_PORT_API']}"
        self._control = f"http://127.0.0.1:{int(self.environ['ARB_PORT_VENUES']) + _CONTROL_OFFSET}"
        self._processes: dict[str, subprocess.Popen[bytes]] = {}

    def start(self) -> None:
        """Start everything and wait until the books are whole."""
        venues = Path(__file__).with_name("lively_venues.py")
        self._spawn("venues", [sys.executable, str(venues), self.environ["ARB_PORT_VENUES"]])
        self._arb("worker")
        for username, role in ROLES.items():
            command = [*_ARB, "users", "create", username, "--role", role, "--password-stdin"]
            subprocess.run(
                command, env=self.environ, cwd=REPOSITORY, input=PASSWORD.encode(), capture_output=True, check=True
            )
        self.start_api()
        until(lambda: self._health() == "ok", "every feed is whole")

    def start_api(self) -> None:
        """Start the API and wait until it answers."""
        self._arb("api")
        until(lambda: self.is_serving, "the API answers")

    def stop(self) -> None:
        """End everything that was started, the venues last."""
        for name in reversed(self._processes):
            self.end(name)

    def end(self, name: str) -> None:
        """End one process as an operator does."""
        process = self._processes[name]
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(20)

    def pid(self, name: str) -> int:
        """Return the number of a running process."""
        return self._processes[name].pid

    @property
    def is_serving(self) -> bool:
        """Whether the API answers."""
        with contextlib.suppress(httpx.HTTPError):
            return httpx.get(f"{self.url}/api/v1/health/live", trust_env=False).status_code == 200
        return False

    @contextlib.contextmanager
    def signed_in(self, username: str) -> Iterator[httpx.Client]:
        """Yield a client that is logged in with a token of its own."""
        with httpx.Client(base_url=f"{self.url}/api/v1", trust_env=False, timeout=30) as client:
            login = {"username": username, "password": PASSWORD, "mode": "bearer"}
            answer = client.post("/auth/login", json=login).raise_for_status()
            client.headers["authorization"] = f"Bearer {answer.json()['tokens']['access_token']}"
            yield client

    @contextlib.contextmanager
    def cut(self, venue: str) -> Iterator[None]:
        """Drop a venue's connection and refuse new ones until the block ends."""
        refused = [{"venue": door, "kind": "refuse_connect", "duration_ms": 600_000} for door in _DOORS[venue]]
        for fault in (*refused, {"venue": venue, "kind": "close"}):
            httpx.post(f"{self._control}/faults", json=fault, trust_env=False).raise_for_status()
        try:
            yield
        finally:
            httpx.delete(f"{self._control}/faults", trust_env=False).raise_for_status()

    @contextlib.contextmanager
    def held(self, name: str) -> Iterator[None]:
        """Let one process stand still until the block ends."""
        process = self._processes[name]
        process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            process.send_signal(signal.SIGCONT)

    def state(self) -> dict[str, Any]:
        """Return the worker's health as its gateway tells it."""
        port = self.environ["ARB_PORT_GATEWAY"]
        return dict(httpx.get(f"http://127.0.0.1:{port}/health", trust_env=False).json())

    def _health(self) -> str | None:
        with contextlib.suppress(httpx.HTTPError):
            return str(self.state()["status"])
        return None

    def _arb(self, command: str) -> None:
        self._spawn(command, [*_ARB, command])

    def _spawn(self, name: str, command: list[str]) -> None:
        self._logs.mkdir(parents=True, exist_ok=True)
        with (self._logs / f"{name}.log").open("ab") as log:
            self._processes[name] = subprocess.Popen(
                command, env=self.environ, cwd=REPOSITORY, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )


_ARB: Final = (sys.executable, "-m", "streaming_worker")
