"""Real Prometheus and Alertmanager over a running worker, on free ports, with the files of deploy/.

What differs from the shipped files: addresses, where secrets are, and how often is looked (every second), so that a
test need not wait; ``waits`` shortens the waiting of the rules that it names.
"""

import contextlib
import json
import subprocess
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import yaml

from arb_pipeline_tests.fixtures.mailbox import Mailbox
from arb_pipeline_tests.fixtures.scripted_venue import closed_port as free_port

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
BOUND_S = 120.0


@dataclass
class Hook:
    """What Slack and PagerDuty would have got, with the time of its arrival by the monotonic clock."""

    port: int = 0
    posts: list[tuple[float, str, dict[str, Any]]] = field(default_factory=list)

    def slack(self, title: str) -> list[tuple[float, dict[str, Any]]]:
        """Return the Slack messages whose title has this text."""
        found = []
        for at, path, body in self.posts:
            if path == "/slack" and title in body["attachments"][0]["title"]:
                found.append((at, body["attachments"][0]))
        return found


@contextlib.contextmanager
def open_hook() -> Iterator[Hook]:
    """Answer as Slack and PagerDuty do, and keep what comes."""
    hook = Hook()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            hook.posts.append((time.monotonic(), self.path, body))
            answer = b"ok" if self.path == "/slack" else b'{"status": "success", "dedup_key": "k"}'
            self.send_response(200 if self.path == "/slack" else 202)
            self.send_header("content-length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: object) -> None:
            """Stay silent."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        hook.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield hook
        server.shutdown()
        thread.join()


@dataclass(frozen=True)
class Tower:
    """The addresses of what runs, and who is told."""

    prometheus: str
    alertmanager: str
    hook: Hook
    mailbox: Mailbox

    def alerts(self) -> list[tuple[str, str]]:
        """Return (name, state) of every alert that Prometheus knows of now."""
        answer = get_json(f"{self.prometheus}/api/v1/alerts")
        return sorted((one["labels"]["alertname"], one["state"]) for one in answer["data"]["alerts"])

    def value(self, query: str) -> float | None:
        """Return the first value of a query, None without any."""
        result = get_json(f"{self.prometheus}/api/v1/query?query={urllib.request.quote(query)}")["data"]["result"]
        return float(result[0]["value"][1]) if result else None


@contextlib.contextmanager
def open_tower(
    program: Callable[[str], str], folder: Path, targets: dict[str, int], *, waits: dict[str, str]
) -> Iterator[Tower]:
    """Run both over the scrape targets (job to port) until the end of the block."""
    with open_hook() as hook, Mailbox() as mailbox, contextlib.ExitStack() as stack:
        ports = free_port(), free_port()
        _write_alertmanager(folder, hook.port, mailbox.port)
        _write_prometheus(folder, targets, alertmanager=ports[1], waits=waits)
        common = ["--log.level=warn"]
        stack.enter_context(
            running(
                folder / "alertmanager.log",
                [program("prometheus-alertmanager"), *common, f"--config.file={folder / 'alertmanager.yml'}",
                 f"--storage.path={folder / 'am'}", f"--web.listen-address=127.0.0.1:{ports[1]}",
                 "--cluster.listen-address="],
            )
        )  # fmt: skip
        stack.enter_context(
            running(
                folder / "prometheus.log",
                [program("prometheus"), *common, f"--config.file={folder / 'prometheus.yml'}",
                 f"--storage.tsdb.path={folder / 'tsdb'}", f"--web.listen-address=127.0.0.1:{ports[0]}"],
            )
        )  # fmt: skip
        tower = Tower(f"http://127.0.0.1:{ports[0]}", f"http://127.0.0.1:{ports[1]}", hook, mailbox)
        until(lambda: answers(f"{tower.alertmanager}/-/ready"), "Alertmanager is ready")
        until(lambda: answers(f"{tower.prometheus}/-/ready"), "Prometheus is ready")
        yield tower


def _write_prometheus(folder: Path, targets: dict[str, int], *, alertmanager: int, waits: dict[str, str]) -> None:
    config = yaml.safe_load((DEPLOY / "prometheus/prometheus.yml").read_text(encoding="utf-8"))
    config["global"] |= {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"}
    config["rule_files"] = [str(folder / "rules.yml")]
    config["alerting"]["alertmanagers"][0]["static_configs"][0]["targets"] = [f"127.0.0.1:{alertmanager}"]
    config["scrape_configs"] = [job for job in config["scrape_configs"] if job["job_name"] in targets]
    for job in config["scrape_configs"]:
        job["static_configs"][0]["targets"] = [f"127.0.0.1:{targets[job['job_name']]}"]
    (folder / "prometheus.yml").write_text(yaml.safe_dump(config))
    rules = yaml.safe_load((DEPLOY / "prometheus/rules/arb.yml").read_text(encoding="utf-8"))
    for group in rules["groups"]:
        group["rules"] = [rule for rule in group["rules"] if _is_scraped(rule, targets)]
        for rule in group["rules"]:
            if rule["alert"] in waits:
                rule["for"] = waits[rule["alert"]]
    (folder / "rules.yml").write_text(yaml.safe_dump(rules))


def _is_scraped(rule: dict[str, Any], targets: dict[str, int]) -> bool:
    return "arb-api" in targets or rule["alert"] != "ArbApiDown"


def _write_alertmanager(folder: Path, hook: int, smtp: int) -> None:
    config = yaml.safe_load((DEPLOY / "alertmanager/alertmanager.yml").read_text(encoding="utf-8"))
    (folder / "slack.url").write_text(f"http://127.0.0.1:{hook}/slack")
    (folder / "pagerduty.key").write_text("not-a-key")
    config["global"] |= {
        "slack_api_url_file": str(folder / "slack.url"),
        "pagerduty_url": f"http://127.0.0.1:{hook}/pagerduty",
        "smtp_smarthost": f"127.0.0.1:{smtp}",
        "smtp_hello": "localhost",
    }
    config["route"] |= {"group_wait": "1s", "group_interval": "1s"}
    for receiver in config["receivers"]:
        for pagerduty in receiver.get("pagerduty_configs", []):
            pagerduty["routing_key_file"] = str(folder / "pagerduty.key")
    config["templates"] = [str(DEPLOY / "alertmanager/arb.tmpl")]
    (folder / "alertmanager.yml").write_text(yaml.safe_dump(config))


@contextlib.contextmanager
def running(log: Path, command: list[str], **options: Any) -> Iterator[subprocess.Popen[bytes]]:
    """Run a program until the end of the block; its output goes to a file."""
    with log.open("wb") as output, subprocess.Popen(command, stdout=output, stderr=output, **options) as process:
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.wait(BOUND_S)
            except subprocess.TimeoutExpired:
                process.kill()


def until(holds: Callable[[], Any], what: str, *, bound_s: float = BOUND_S) -> Any:
    """Return the first true answer of ``holds``, asked ten times a second."""
    deadline = time.monotonic() + bound_s
    while not (answer := holds()):
        assert time.monotonic() < deadline, f"not within {bound_s:g} s: {what}"
        time.sleep(0.1)
    return answer


def answers(url: str) -> bool:
    """Say whether a GET of the address succeeds."""
    try:
        with urllib.request.urlopen(url, timeout=BOUND_S) as answer:
            return bool(answer.status == 200)
    except (OSError, urllib.error.HTTPError):
        return False


def get_json(url: str) -> Any:
    """Return the JSON at an address."""
    with urllib.request.urlopen(url, timeout=BOUND_S) as answer:
        return json.loads(answer.read())


def text_at(url: str) -> str:
    """Return the text at an address."""
    with urllib.request.urlopen(url, timeout=BOUND_S) as answer:
        return str(answer.read().decode())
