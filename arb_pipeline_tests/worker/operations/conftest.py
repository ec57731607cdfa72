"""A configuration in a folder of its own, on ports that are free now."""

import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from arb_pipeline_tests.fixtures.free_ports import free_base
from streaming_worker.config import Config, load_config
from streaming_worker.operations.ports import ports_from_base


@pytest.fixture
def config_of(tmp_path: Path) -> Callable[..., Config]:
    def make(profile: str = "demo", **environ: str) -> Config:
        own = {"ARB_PROFILE": profile, "ARB_DATA_DIR": str(tmp_path / "data"), **ports_from_base(free_base())}
        return load_config(None, own | environ)

    return make


class Answers:
    """A loopback HTTP server that gives the body set for a path; any other path is 404."""

    def __init__(self) -> None:
        self.bodies: dict[str, bytes] = {}
        answers = self

        class Handler(BaseHTTPRequestHandler):
            def _answer(self) -> None:
                self.rfile.read(int(self.headers.get("content-length", 0)))
                body = answers.bodies.get(self.path)
                self.send_response(404 if body is None else 200)
                self.send_header("content-length", str(len(body or b"")))
                self.end_headers()
                self.wfile.write(body or b"")

            do_GET = do_POST = _answer  # noqa: N815 - the library's names

            def log_message(self, *_: object) -> None:
                """Stay silent."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05})
        self._thread.start()

    def close(self) -> None:
        """Stop answering."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@pytest.fixture
def answers() -> Iterator[Answers]:
    server = Answers()
    yield server
    server.close()
