"""Dagster cannot tell of its own death: the worker does, from a sign of life that grows old, and says what it knows."""

import asyncio
import contextlib
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from arb_pipeline_tests.worker.alerts.conftest import NOON_NS, Scene
from streaming_worker.adapters.clock import AnchoredClock
from streaming_worker.alerts.heartbeat import FILE_NAME, read_heartbeat, write_heartbeat
from streaming_worker.core.units import NANOS_PER_SECOND
from streaming_worker.service.dagster_watch import SILENT_AFTER_NS, DagsterWatch

NOBODY = "http://127.0.0.1:1"


class HandMoved:
    """A clock that the scene moves."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene

    def now_ns(self) -> int:
        """Return the scene's time."""
        return self._scene.now_ns


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    """A desk by day."""
    return Scene(tmp_path)


def watch_of(scene: Scene, url: str = NOBODY) -> DagsterWatch:
    """Return a watch that begins now."""
    return DagsterWatch(scene.desk, scene.folder, url, HandMoved(scene))  # type: ignore[arg-type]


def look_for(scene: Scene, watch: DagsterWatch, seconds: int) -> None:
    """Move the clock in steps of ten seconds and look at each."""
    for _ in range(seconds // 10):
        scene.now_ns += 10 * NANOS_PER_SECOND
        watch.look()


def test_nothing_is_said_while_the_sensors_tick(scene: Scene) -> None:
    watch = watch_of(scene)
    for _ in range(20):
        write_heartbeat(scene.folder, scene.now_ns)
        look_for(scene, watch, 30)
    assert scene.mail.messages == []


def test_a_start_has_time_to_come_up_and_one_that_never_does_is_told(scene: Scene) -> None:
    write_heartbeat(scene.folder, NOON_NS - 3_600 * NANOS_PER_SECOND)
    watch = watch_of(scene)
    look_for(scene, watch, 170)
    assert scene.mail.messages == []
    look_for(scene, watch, 10)
    assert scene.mail.subjects == scene.pager.subjects == ["CRITICAL: Dagster does nothing any more"]
    assert "the last is 1 h 3 min old" in scene.mail.messages[0].text
    assert "does not answer either (ConnectError)" in scene.mail.messages[0].text


def test_a_death_is_told_once_and_its_end_too(scene: Scene) -> None:
    watch = watch_of(scene)
    write_heartbeat(scene.folder, scene.now_ns)
    look_for(scene, watch, 600)
    assert len(scene.mail.messages) == 1
    write_heartbeat(scene.folder, scene.now_ns)
    look_for(scene, watch, 10)
    assert scene.mail.subjects[1:] == ["RESOLVED: Dagster does nothing any more"]
    assert "its sensors tick again" in scene.mail.messages[1].text


@contextlib.contextmanager
def web_interface(answer: object) -> Iterator[str]:
    """Answer every query with the same; yield the address."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            body = json.dumps(answer).encode()
            self.send_response(200)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)


def answer(*, dead: list[str], broken: list[str]) -> dict[str, Any]:
    """Return what Dagster's web interface says."""
    statuses = [{"daemonType": name, "required": True, "healthy": False} for name in dead]
    statuses.append({"daemonType": "BACKFILL", "required": True, "healthy": True})
    entries = [
        {"name": name, "locationOrLoadError": {"__typename": "PythonError", "message": "no such module"}}
        for name in broken
    ]
    entries.append({"name": "other", "locationOrLoadError": {"__typename": "RepositoryLocation"}})
    health = {"daemonHealth": {"allDaemonStatuses": statuses}}
    return {"data": {"instance": health, "workspaceOrError": {"locationEntries": entries}}}


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (answer(dead=["SENSOR", "SCHEDULER"], broken=[]), "Daemons that do not report: sensor, scheduler."),
        (answer(dead=[], broken=["arb_pipeline"]), "Code locations that do not load: arb_pipeline."),
        (answer(dead=[], broken=[]), "knows of nothing: the daemon has just stopped, or hangs."),
        ({"errors": ["odd"]}, "does not answer either (KeyError)"),
    ],
)
def test_it_says_which_part_is_dead_where_the_web_interface_knows(
    scene: Scene, said: dict[str, Any], expected: str
) -> None:
    with web_interface(said) as url:
        look_for(scene, watch_of(scene, url), 180)
    assert expected in scene.mail.messages[0].text


@pytest.mark.parametrize("content", ["", "half", "-"])
def test_a_sign_of_life_that_cannot_be_read_is_none(tmp_path: Path, content: str) -> None:
    assert read_heartbeat(tmp_path) is None
    (tmp_path / FILE_NAME).write_text(content)
    assert read_heartbeat(tmp_path) is None


async def test_it_goes_on_when_the_alerts_cannot_be_kept_and_sends_once_they_can(tmp_path: Path) -> None:
    scene = Scene(tmp_path)
    damaged = tmp_path / "alerts.db"
    damaged.write_text("this is not a database, but a note of some length")
    clock = AnchoredClock()
    watch = DagsterWatch(scene.desk, tmp_path, NOBODY, clock, silent_after_ns=0)
    task = asyncio.create_task(watch.run(0.01))
    while watch._trouble is None:  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    damaged.unlink()
    async with asyncio.timeout(60):
        while not scene.mail.messages:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    task.cancel()
    assert (await asyncio.gather(task, return_exceptions=True))[0].__class__ is asyncio.CancelledError
    assert SILENT_AFTER_NS == 180 * NANOS_PER_SECOND
