"""The API beside a worker that is killed and comes back, and the API's own end: said plainly, nothing cut short."""

import asyncio
import contextlib
import json
import signal
import socket
import sys
from pathlib import Path
from typing import Any

from structlog.testing import capture_logs
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from arb_pipeline_tests.deploy.watchtower import running, until
from arb_pipeline_tests.failure.api_process import ApiProcess, open_api
from arb_pipeline_tests.failure.worker_process import WorkerProcess, environment
from streaming_worker.adapters.clock import AnchoredClock
from streaming_worker.api.audit import Action, append_in
from streaming_worker.api.database import Database, database_url
from streaming_worker.config import load_config
from streaming_worker.service.record_replay import RunReplay, open_segment
from streaming_worker.storage.segments import list_segments

ENTRIES = 6_000
# The test asks more often than a person does.
LIMITS = {"ARB_API_STATUS_PER_MINUTE": "100000", "ARB_API_GENERAL_PER_MINUTE": "100000"}


def status(api: ApiProcess) -> dict[str, Any]:
    answer = api.get("/status")
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def run_of(api: ApiProcess) -> str | None:
    """Return the run that the API follows, None while it follows none."""
    worker = status(api)["worker"]
    return worker["run_id"] if worker["state"] == "up" else None


async def kinds(socket: ClientConnection, wanted: list[str]) -> None:
    """Read the topic risk until these kinds of messages came in this order."""
    left = list(wanted)
    async with asyncio.timeout(60):
        while left:
            message = json.loads(await socket.recv())
            if message["topic"] == "risk" and message["kind"] == left[0]:
                left.pop(0)


async def test_the_api_outlives_its_worker_says_so_and_goes_on_with_the_next(tmp_path: Path) -> None:
    environ = environment(tmp_path / "data", **LIMITS)
    venues = [sys.executable, "-m", "streaming_worker", "venues"]
    with running(tmp_path / "venues.log", venues, env=environ), open_api(environ, tmp_path) as api:
        assert status(api)["health"] == "down"
        worker = WorkerProcess(environ, tmp_path / "worker.log")
        try:
            first = await asyncio.to_thread(until, lambda: run_of(api), "the API follows the worker")
            protocols: Any = ["arb.v1", f"bearer.{api.key}"]
            async with connect(api.stream, subprotocols=protocols, proxy=None) as viewer:
                await viewer.send(json.dumps({"subscribe": ["risk"]}))
                await kinds(viewer, ["snapshot"])
                before = await asyncio.to_thread(set_controls, api)
                worker.kill()
                await asyncio.to_thread(until, lambda: run_of(api) is None, "the API says that the worker is gone")
                assert_says_that_it_is_gone(api)
                worker = WorkerProcess(environ, tmp_path / "worker.log")
                second = await asyncio.to_thread(until, lambda: run_of(api), "the API follows the next run")
                assert second != first
                await kinds(viewer, ["gap", "snapshot", "gap", "snapshot"])
            assert_remembers(api, worker, before)
            assert api.process.poll() is None
            assert await asyncio.to_thread(worker.stop) == 0
        finally:
            worker.kill()
    assert_replays_to_the_same(tmp_path / "data", [first, second])


def set_controls(api: ApiProcess) -> dict[str, Any]:
    """Change a limit for good and one for a time, halt a venue, pause; return what is then in force."""
    with api.client() as client:
        for path, body in (
            ("limits", {"limits": {"max_position_usd": "900"}}),
            ("limits", {"limits": {"daily_loss_usd": "400"}, "minutes": 60}),
            ("halt", {"scope": "venue:gemini"}),
            ("pause", {}),
        ):
            answer = client.post(f"/controls/{path}", json={"reason": "a venue moves", **body})
            assert answer.status_code == 200, answer.text
        return dict(until(lambda: (seen := client.get("/risk").json())["actor"] and seen, "the controls show"))


def in_force(risk: dict[str, Any]) -> object:
    limits = {one["name"]: (one["value"], one["expires_at"], one["becomes"]) for one in risk["limits"]}
    return risk["state"], risk["cause"], risk["actor"], risk["halts"], limits


def assert_remembers(api: ApiProcess, worker: WorkerProcess, before: dict[str, Any]) -> None:
    """The new run is paused as the old one was, by the same person; health says so; a resume ends it, and the halt."""
    with api.client() as client:

        def restored() -> dict[str, Any] | None:
            # until the first row of the new run is there, the last one of the old run shows
            seen = client.get("/risk").json()
            return seen if (seen["reason"] or "").startswith("kept over a restart, set by command api-") else None

        after = until(restored, "what was restored shows")
        assert in_force(after) == in_force(before)
        assert after["reason"].endswith(": a venue moves")
        health = worker.health()
        assert health is not None
        assert "risk is paused (operator)" in health["why"]
        for path, body in (("resume", {}), ("release", {"scope": "venue:gemini"})):
            answer = client.post(f"/controls/{path}", json={"reason": "it has moved", **body})
            assert (answer.status_code, answer.json()["state"]) == (200, "active"), answer.text
        until(lambda: client.get("/risk").json()["halts"] == [], "the release shows")


def assert_replays_to_the_same(data_dir: Path, runs: list[str]) -> None:
    """Both runs, the one that was killed and the one that took over, give their outputs again, bit for bit."""
    replays: dict[str, RunReplay] = {}
    for info in list_segments(data_dir):
        with open_segment(info.path) as stretch:
            replays.setdefault(stretch.run[1], RunReplay(stretch.run)).take(stretch)
    assert list(replays) == runs
    assert [one.damage for one in replays.values()] == [None, None]
    assert all(one.is_equal and one.first_seq == 0 for one in replays.values())


def assert_says_that_it_is_gone(api: ApiProcess) -> None:
    """The record is served, the live side says what it is, a control says that nothing was done."""
    shown = status(api)
    assert (shown["health"], shown["risk"]["state"]) == ("down", None)
    assert ("worker", "critical") in {(alarm["alarm_id"], alarm["severity"]) for alarm in shown["alarms"]}
    ready = api.get("/health/ready")
    assert ready.status_code == 200
    assert {part["name"]: part["is_ready"] for part in ready.json()["parts"]} == {"state": True, "worker": False}
    for path in ("opportunities", "trades", "rejections", "gaps", "pnl", "books", "feeds", "risk", "inventory"):
        assert api.get(f"/{path}").status_code == 200, path
    with api.client() as client:
        refused = client.post("/controls/pause", json={"reason": "a test"})
    assert (refused.status_code, refused.json()["error"]["code"]) == (503, "worker_down")


def fill_the_audit_log(environ: dict[str, str]) -> None:
    config = load_config(None, environ)
    database = Database(database_url(config.api.database_url, config.paths.state))
    with contextlib.closing(database), database.writing() as connection, capture_logs():
        for number in range(ENTRIES):
            entry = Action(actor="olga", actor_kind="session", action="control.pause", reason=f"{number} " + "x" * 200)
            append_in(connection, entry, AnchoredClock().now_ns())


def begun_export(api: ApiProcess) -> socket.socket:
    """Ask for an export on a socket that takes little, and read its beginning."""
    asking = socket.socket()
    asking.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16 * 1024)
    asking.connect(("127.0.0.1", api.port))
    asking.settimeout(30)
    lines = ("GET /api/v1/exports/audit.jsonl HTTP/1.1", "Host: x", f"Authorization: Bearer {api.key}", "", "")
    asking.sendall("\r\n".join(lines).encode())
    begun = asking.recv(1_000)
    assert begun.startswith(b"HTTP/1.1 200 OK"), begun
    return asking


def rest_of(asking: socket.socket) -> bytes:
    parts = []
    with asking:
        while part := asking.recv(65_536):
            parts.append(part)
            if part.endswith(b"0\r\n\r\n"):
                break
    return b"".join(parts)


async def test_the_end_lets_an_export_finish_and_tells_every_viewer(tmp_path: Path) -> None:
    environ = environment(tmp_path / "data", **LIMITS)
    with open_api(environ, tmp_path) as api:
        fill_the_audit_log(environ)
        protocols: Any = ["arb.v1", f"bearer.{api.key}"]
        async with connect(api.stream, subprotocols=protocols, proxy=None) as viewer:
            await viewer.send(json.dumps({"subscribe": ["risk"]}))
            await kinds(viewer, ["snapshot"])
            export = await asyncio.to_thread(begun_export, api)
            api.process.send_signal(signal.SIGTERM)
            with contextlib.suppress(ConnectionClosed):
                async with asyncio.timeout(60):
                    while True:
                        await viewer.recv()
            assert viewer.close_code in (1001, 1012)
            assert not await asyncio.to_thread(takes_more, api)
            assert api.process.poll() is None, "it ended before the export did"
            body = await asyncio.to_thread(rest_of, export)
        assert body.endswith(b"0\r\n\r\n")
        assert body.count(b'"action":"control.pause"') + body.count(b'"action": "control.pause"') >= ENTRIES - 5
        assert await asyncio.to_thread(api.process.wait, 30) == 0


def takes_more(api: ApiProcess) -> bool:
    try:
        socket.create_connection(("127.0.0.1", api.port), timeout=60).close()
    except OSError:
        return False
    return True
