"""A pause asked of the API is one trace and one request id from the API over the gateway to the commit."""

import contextlib
import json
import sys
import urllib.request
from pathlib import Path
from typing import Any

from arb_pipeline_tests.deploy.test_proxy import PASSWORD, make_users
from arb_pipeline_tests.deploy.watchtower import answers, running, until
from arb_pipeline_tests.failure.worker_process import environment
from arb_pipeline_tests.fixtures.trace_collector import open_collector

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
REQUEST = "look-into-gemini-1"


def post(url: str, body: dict[str, Any], **headers: str) -> dict[str, Any]:
    """Send JSON, and return the JSON that comes back."""
    request = urllib.request.Request(
        url, json.dumps(body).encode(), {"content-type": "application/json", **headers}, method="POST"
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        return dict(json.loads(answer.read()))


def test_a_pause_is_one_trace_from_the_api_to_the_commit(tmp_path: Path) -> None:
    with open_collector() as collector, contextlib.ExitStack() as stack:
        environ = environment(tmp_path / "data", ARB_TRACING_ENDPOINT=collector.endpoint)
        make_users(environ)
        for name in ("venues", "worker", "api"):
            command = [sys.executable, "-m", "streaming_worker", name]
            command += [] if name == "venues" else ["--log-format", "json"]
            stack.enter_context(running(tmp_path / f"{name}.log", command, env=environ))
        api = f"http://127.0.0.1:{environ['ARB_PORT_API']}/api/v1"
        until(lambda: answers(f"{api}/health/ready"), "the API is ready", bound_s=120)
        login = post(f"{api}/auth/login", {"username": "olga", "password": PASSWORD, "mode": "bearer"})
        post(
            f"{api}/controls/pause",
            {"reason": "a look"},
            authorization=f"Bearer {login['tokens']['access_token']}",
            traceparent=f"00-{TRACE}-00f067aa0ba902b7-01",
            **{"x-request-id": REQUEST},
        )
        until(lambda: len(collector.of_trace(TRACE)) >= 5, "the whole trace has come")
        spans = {span.name: span for span in collector.of_trace(TRACE)}
        services = collector.services()
    assert set(spans) == {"POST /api/v1/controls/pause", "gateway command", "frame to commit", "decide", "commit"}
    parent = {span.span_id: name for name, span in spans.items()}
    assert parent[spans["gateway command"].parent_span_id] == "POST /api/v1/controls/pause"
    assert parent[spans["frame to commit"].parent_span_id] == "gateway command"
    assert services == {"arb-api", "arb-worker"}
    told = [json.loads(line) for line in (tmp_path / "worker.log").read_text().splitlines() if line.startswith("{")]
    assert [line["event"] for line in told if line.get("request_id") == REQUEST] == ["command", "command_done"]
