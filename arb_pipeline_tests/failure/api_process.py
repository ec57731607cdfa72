"""The real API as a process of its own beside the real worker: started as an operator does, asked, and ended."""

import contextlib
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import httpx

from arb_pipeline_tests.deploy.watchtower import until
from arb_pipeline_tests.failure.worker_process import BOUND_S, REPOSITORY
from streaming_worker.adapters.clock import AnchoredClock
from streaming_worker.api.database import Database, database_url
from streaming_worker.api.identity.api_keys import ApiKeys
from streaming_worker.api.identity.passwords import Passwords
from streaming_worker.api.identity.roles import Role, Scope
from streaming_worker.api.identity.users import Users
from streaming_worker.config import load_config


@dataclass(frozen=True)
class ApiProcess:
    """One run of ``arb api`` with an admin's key."""

    process: subprocess.Popen[bytes]
    port: int
    key: str

    def client(self) -> httpx.Client:
        """Return a client that is logged in."""
        headers = {"authorization": f"Bearer {self.key}"}
        return httpx.Client(
            base_url=f"http://127.0.0.1:{self.port}/api/v1", headers=headers, timeout=BOUND_S, trust_env=False
        )

    def get(self, path: str) -> httpx.Response:
        """Ask on a connection of its own."""
        with self.client() as client:
            return client.get(path)

    @property
    def stream(self) -> str:
        """The address of the live stream."""
        return f"ws://127.0.0.1:{self.port}/api/v1/stream"


@contextlib.contextmanager
def open_api(environ: Mapping[str, str], folder: Path) -> Iterator[ApiProcess]:
    """Serve until the end of the block; who is still there then is killed."""
    key = _admins_key(environ)
    command = [sys.executable, "-m", "streaming_worker", "api", "--log-format", "json"]
    with (
        (folder / "api.log").open("wb") as log,
        subprocess.Popen(command, env=dict(environ), stdout=log, stderr=log, cwd=REPOSITORY) as process,
    ):
        api = ApiProcess(process, int(environ["ARB_PORT_API"]), key)
        try:
            until(lambda: _is_alive(api), "the API answers")
            yield api
        finally:
            process.kill()


def _is_alive(api: ApiProcess) -> bool:
    assert api.process.poll() is None, "the API ended"
    try:
        return api.get("/health/live").status_code == 200
    except httpx.TransportError:
        return False


def _admins_key(environ: Mapping[str, str]) -> str:
    config = load_config(None, dict(environ))
    with contextlib.closing(Database(database_url(config.api.database_url, config.paths.state))) as database:
        owner = Users(database, Passwords(), AnchoredClock()).create("olga", "a long word for a test", Role.ADMIN)
        return ApiKeys(database, AnchoredClock()).create(owner.user_id, "test", frozenset(Scope), 1)[1]
