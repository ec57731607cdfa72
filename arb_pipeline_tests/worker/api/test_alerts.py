"""Alerts and lines of the logs as the console sees them: the list, and the topics of the stream."""

import json
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect

from arb_pipeline_tests.fixtures.api import NOW_NS, Api, live_api, make_api, served
from arb_pipeline_tests.fixtures.free_ports import free_base
from streaming_worker.adapters.clock import HandClock
from streaming_worker.alerts import Alert, AlertDesk, Severity, open_desk
from streaming_worker.api.identity.roles import Role


def desk_of(api: Api) -> AlertDesk:
    return open_desk(api.services.config, now=api.services.clock.now_ns)


def trouble(kind: str, subject: str) -> Alert:
    return Alert(
        kind=kind,
        subject=subject,
        title=f"{subject} is silent",
        detail="Nothing came for a minute.",
        severity=Severity.WARNING,
        source="test",
    )


async def listed(api: Api, **query: Any) -> dict[str, Any]:
    async with api.client(token=api.token(Role.VIEWER)) as client:
        answer = await client.get("/api/v1/alerts", params=query)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def test_alerts_are_listed_newest_first_page_by_page(tmp_path: Path) -> None:
    api = make_api(tmp_path, clock=HandClock(NOW_NS))
    assert (await listed(api))["items"] == []
    desk = desk_of(api)
    for number in range(5):
        desk.raise_alert(trouble("feed_silent" if number else "disk_full", f"part-{number}"))
        api.clock.advance(1)
    desk.resolve("feed_silent:part-4", "it came back")
    first = await listed(api, limit=3)
    rest = await listed(api, limit=3, cursor=first["next_cursor"])
    subjects = [row["subject"] for row in first["items"] + rest["items"]]
    assert subjects == [f"part-{number} is silent" for number in (4, 3, 2, 1, 0)]
    assert rest["next_cursor"] is None
    newest, older = first["items"][:2]
    assert (newest["is_open"], newest["resolution"], older["is_open"], older["resolved_at"]) == (
        False, "it came back", True, None,
    )  # fmt: skip
    assert [row["subject"] for row in (await listed(api, kind="disk_full"))["items"]] == ["part-0 is silent"]
    api.clock.advance(2 * 86_400)
    assert (await listed(api))["items"] == []
    api.close()


async def test_a_cursor_of_another_list_is_refused(tmp_path: Path) -> None:
    api = make_api(tmp_path, clock=HandClock(NOW_NS))
    async with api.client(token=api.token(Role.VIEWER)) as client:
        assert (await client.get("/api/v1/alerts", params={"cursor": "WyJ4IiwxLCJhIl0"})).status_code == 422
    api.close()


async def rows_of(socket: ClientConnection, topic: str, kind: str) -> list[dict[str, Any]]:
    while True:
        message = json.loads(await socket.recv())
        if (message["topic"], message["kind"]) == (topic, kind):
            return list(message["data"]["items"])


@pytest.mark.timeout(30)
async def test_alerts_and_log_lines_come_by_the_stream(tmp_path: Path) -> None:
    api = live_api(tmp_path / "data", gateway_port=free_base())
    desk = desk_of(api)
    desk.raise_alert(trouble("feed_silent", "gemini"))
    logs = api.services.config.paths.logs
    logs.mkdir(parents=True)
    line = '{"at": "2026-09-22T10:00:00Z", "level": "info", "event": "%s"}\n'
    (logs / "worker.log").write_text(line % "started")
    protocols = ["arb.v1", f"bearer.{api.token(Role.OPERATOR)}"]
    async with (
        served(api.app) as port,
        connect(f"ws://127.0.0.1:{port}/api/v1/stream", subprotocols=protocols, proxy=None) as socket,  # type: ignore[arg-type]  # plain text
    ):
        await socket.send(json.dumps({"subscribe": ["alerts", "logs"]}))
        (opened,) = await rows_of(socket, "alerts", "snapshot")
        (started,) = await rows_of(socket, "logs", "snapshot")
        assert (opened["subject"], opened["is_open"], started["event"]) == ("gemini is silent", True, "started")
        desk.resolve("feed_silent:gemini", "it came back")
        (closed,) = await rows_of(socket, "alerts", "delta")
        assert (closed["alert_id"], closed["is_open"]) == (opened["alert_id"], False)
        with (logs / "worker.log").open("a") as log:
            log.write(line % "sealed")
        (sealed,) = await rows_of(socket, "logs", "delta")
        assert sealed["event"] == "sealed"
