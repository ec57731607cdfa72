"""Stop a feed of the running worker, and the alarm arrives at Slack, PagerDuty and by mail; let it go on, and it ends.

Programs are the real ones: local venues, worker, API, Prometheus, Alertmanager, looking every second. In the short form
the rule about connections waits 3 s instead of 30; the slow one leaves the rules as they are.
"""

import json
import sys
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from arb_pipeline_tests.deploy.watchtower import Tower, open_tower, running, until
from arb_pipeline_tests.failure.worker_process import WorkerProcess, environment
from streaming_worker.sandbox.faces.roster import PORT_OFFSETS

ALARM = "ArbConnectorDisconnected gemini"
LOOKS_S = 3.0
# what a busy machine may add to a scrape, an evaluation and a group's wait
MARGIN_S = 30.0
LONG_MS = 3_600_000


def control(port: int, method: str, path: str, body: dict[str, Any] | None = None) -> None:
    """Call the venues' control port."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", data=data, method=method)
    with urllib.request.urlopen(request, timeout=60) as answer:
        assert answer.status < 300


def firing(tower: Tower) -> list[str]:
    return [name for name, state in tower.alerts() if state == "firing"]


@pytest.mark.parametrize(
    ("wait_s", "quiet_s"), [(3, 6), pytest.param(30, 60, marks=pytest.mark.slow)], ids=["short", "as-shipped"]
)
def test_a_stopped_feed_is_told_in_time_and_its_recovery_too(
    program: Callable[[str], str], tmp_path: Path, wait_s: int, quiet_s: int
) -> None:
    environ = environment(tmp_path / "data")
    hand = int(environ["ARB_PORT_VENUES"]) + PORT_OFFSETS["control"]
    program_of = [sys.executable, "-m", "streaming_worker"]
    with (
        running(tmp_path / "venues.log", [*program_of, "venues"], env=environ),
        running(tmp_path / "api.log", [*program_of, "api", "--log-level", "WARNING"], env=environ),
    ):
        worker = WorkerProcess(environ, tmp_path / "worker.log")
        try:
            until(lambda: (worker.health() or {}).get("is_ready"), "the worker is ready", bound_s=120)
            targets = {"arb-worker": int(environ["ARB_PORT_GATEWAY"]), "arb-api": int(environ["ARB_PORT_API"])}
            waits = {"ArbConnectorDisconnected": f"{wait_s}s"}
            with open_tower(program, tmp_path, targets, waits=waits) as tower:
                until(lambda: tower.value("sum(up)") == 2, "worker and API are scraped")
                assert_quiet(tower, quiet_s)
                told_s = assert_told(tower, hand, wait_s=wait_s)
                over_s = assert_over(tower, hand)
                sys.stdout.write(f"told after {told_s:.1f} s, over after {over_s:.1f} s\n")
        finally:
            assert worker.stop() == 0


def assert_quiet(tower: Tower, seconds: int) -> None:
    """While all is well nothing fires, and nobody is told anything."""
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        assert firing(tower) == []
        time.sleep(0.5)
    assert (tower.hook.posts, tower.mailbox.mails) == ([], [])
    assert tower.value("sum(arb_connection_status)") == 3


def assert_told(tower: Tower, hand: int, *, wait_s: float) -> float:
    """Cut a feed off, from where it falls back to as well; return after how many seconds Slack knew."""
    for venue in ("gemini", "gemini_v2"):
        control(hand, "POST", "/faults", {"kind": "refuse_connect", "venue": venue, "duration_ms": LONG_MS})
    control(hand, "POST", "/faults", {"kind": "close", "venue": "gemini"})
    cut_at = time.monotonic()
    ((at, message), *_) = until(lambda: tower.hook.slack(ALARM), "Slack is told", bound_s=wait_s + LOOKS_S + MARGIN_S)
    assert at - cut_at >= wait_s - 1
    assert message["title"] == f"[FIRING:1] {ALARM}"
    assert message["color"] == "danger"
    assert message["title_link"].endswith("RUNBOOK.md#arbconnectordisconnected")
    assert "gemini is disconnected" in message["text"]
    # With the rule's own wait of 30 s the alarm about old data comes first; it is another message.
    title = f"[FIRING:1] {ALARM}"
    until(lambda: ("trigger", title) in pages(tower), "PagerDuty is told")
    until(lambda: title in [mail["Subject"] for mail in tower.mailbox.mails], "the mail has come")
    return at - cut_at


def pages(tower: Tower) -> list[tuple[str, str]]:
    """Return what PagerDuty was told: action and summary."""
    told = [body for _, path, body in list(tower.hook.posts) if path == "/pagerduty"]
    return [(body["event_action"], body["payload"]["summary"]) for body in told if "payload" in body]


def assert_over(tower: Tower, hand: int) -> float:
    """Let the feed go on; return after how many seconds Slack knew."""
    control(hand, "DELETE", "/faults")
    let_go_at = time.monotonic()
    # the worker may just have begun its longest pause between two attempts
    ((at, message), *_) = until(lambda: tower.hook.slack(f"[RESOLVED] {ALARM}"), "Slack is told", bound_s=60 + MARGIN_S)
    assert message["color"] == "good"
    until(lambda: firing(tower) == [], "nothing fires any more")
    return at - let_go_at
