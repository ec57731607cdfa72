"""Up means that each part answers for itself."""

import json
import socket
from collections.abc import Callable
from typing import Any

import pytest

from streaming_worker.config import Config
from streaming_worker.errors import OperationError
from streaming_worker.operations.readiness import gateway_health, missing_parts

LOADED = {"name": "arb_pipeline", "loadStatus": "LOADED", "locationOrLoadError": {"__typename": "RepositoryLocation"}}
API_READY = "/api/v1/health/ready"
DAEMONS = [{"daemonType": "SENSOR", "required": True, "healthy": True}]


def _dagster(entries: list[dict[str, Any]]) -> bytes:
    """One body for both queries: each reads its own part."""
    workspace = {"__typename": "Workspace", "locationEntries": entries}
    instance = {"daemonHealth": {"allDaemonStatuses": DAEMONS}}
    return json.dumps({"data": {"workspaceOrError": workspace, "instance": instance}}).encode()


def _health(*, is_ready: bool) -> bytes:
    return json.dumps({"status": "degraded", "is_ready": is_ready, "why": ["gemini: lost, refused"]}).encode()


def test_the_demo_is_up_when_all_five_parts_answer(config_of: Callable[..., Config], answers: Any) -> None:
    port = str(answers.port)
    config = config_of(ARB_PORT_GATEWAY=port, ARB_PORT_API=port, ARB_PORT_DAGSTER=port)
    names = [line.partition(":")[0] for line in missing_parts(config)]
    assert names == ["worker", "api", "dagster", "venues", "mail"]
    answers.bodies = {"/health": _health(is_ready=True), API_READY: b"{}", "/graphql": _dagster([LOADED])}
    with (
        socket.create_server(("127.0.0.1", config.venues.port)),
        socket.create_server(("127.0.0.1", config.smtp.port)),
    ):
        assert missing_parts(config) == ()
        answers.bodies["/graphql"] = _dagster([])
        assert missing_parts(config) == ("dagster: code location arb_pipeline is not loaded yet",)
        answers.bodies["/health"] = _health(is_ready=False)
        assert missing_parts(config)[0] == "worker: gemini: lost, refused"


def test_a_live_worker_without_its_feeds_is_up_and_says_so(config_of: Callable[..., Config], answers: Any) -> None:
    port = str(answers.port)
    config = config_of("live", ARB_PORT_GATEWAY=port, ARB_PORT_API=port, ARB_PORT_DAGSTER=port)
    answers.bodies = {"/health": _health(is_ready=False), API_READY: b"{}", "/graphql": _dagster([LOADED])}
    assert missing_parts(config) == ()
    assert gateway_health(config)["why"] == ["gemini: lost, refused"]


def test_an_answer_that_is_no_report_is_refused(config_of: Callable[..., Config], answers: Any) -> None:
    config = config_of(ARB_PORT_GATEWAY=str(answers.port))
    answers.bodies["/health"] = b"[]"
    with pytest.raises(OperationError, match="answers nonsense"):
        gateway_health(config)
