"""The rules fire when they should, the routes lead where they should, and the runbook has a chapter for each alert."""

import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from arb_pipeline_tests.worker.service.exposition.test_catalogue import api_rows
from streaming_worker.service.exposition.catalogue import METRICS

Program = Callable[[str], str]
ELSEWHERE = {*api_rows(), "up"}
NAME = re.compile(r"\b((?:arb|http)_[a-z_]+|up)\b(?=[\s{\[)=]|$)")


def rules(repository: Path) -> list[dict[str, Any]]:
    """Return every alert."""
    found = []
    for path in sorted((repository / "deploy/prometheus/rules").glob("*.yml")):
        for group in yaml.safe_load(path.read_text(encoding="utf-8"))["groups"]:
            found += group["rules"]
    return found


def checked(*command: str | Path) -> str:
    """Run a checking program; return what it said, fail with that when it found something."""
    result = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False, timeout=120)
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout + result.stderr


def test_prometheus_takes_the_configuration_and_its_rules(repository: Path, program: Program) -> None:
    assert "25 rules found" in checked(
        program("promtool"), "check", "config", repository / "deploy/prometheus/prometheus.yml"
    )


def test_every_rule_fires_as_its_own_test_says(repository: Path, program: Program) -> None:
    checked(program("promtool"), "test", "rules", repository / "deploy/prometheus/tests/arb.yml")


def test_no_rule_is_without_a_test(repository: Path) -> None:
    tests = yaml.safe_load((repository / "deploy/prometheus/tests/arb.yml").read_text(encoding="utf-8"))["tests"]
    told = {one["alertname"] for test in tests for one in test["alert_rule_test"] if one["exp_alerts"]}
    assert sorted({rule["alert"] for rule in rules(repository)} - told) == []


def test_rules_ask_only_for_metrics_that_there_are(repository: Path) -> None:
    asked = {name for rule in rules(repository) for name in NAME.findall(rule["expr"])}
    known = set(METRICS) | {f"{name}_bucket" for name in METRICS} | ELSEWHERE
    assert sorted(asked - known) == []
    assert {"arb_connection_status", "arb_ws_staleness_seconds", "arb_daily_pnl_usd", "http_requests_total"} <= asked


def test_every_alert_has_its_chapter_in_the_runbook(repository: Path) -> None:
    text = (repository / "RUNBOOK.md").read_text(encoding="utf-8")
    chapters = {heading.lower() for heading in re.findall(r"^#+ (Arb[A-Za-z]+)$", text, re.MULTILINE)}
    alerts = rules(repository)
    assert [rule["alert"] for rule in alerts if rule["annotations"]["runbook"] != rule["alert"].lower()] == []
    assert sorted({rule["alert"].lower() for rule in alerts} ^ chapters) == []


def test_alertmanager_takes_the_configuration(repository: Path, program: Program) -> None:
    said = checked(program("amtool"), "check-config", repository / "deploy/alertmanager/alertmanager.yml")
    assert "3 receivers" in said
    assert "1 templates" in said


@pytest.mark.parametrize(("severity", "receivers"), [("page", "pagerduty,slack,mail"), ("warning", "slack,mail")])
def test_a_page_reaches_who_is_on_duty_and_a_warning_does_not(
    repository: Path, program: Program, severity: str, receivers: str
) -> None:
    config = repository / "deploy/alertmanager/alertmanager.yml"
    said = checked(program("amtool"), "config", "routes", "test", f"--config.file={config}", f"severity={severity}")
    assert said.splitlines()[0] == receivers


def test_no_secret_stands_in_the_files(repository: Path) -> None:
    text = (repository / "deploy/alertmanager/alertmanager.yml").read_text(encoding="utf-8")
    assert re.findall(r"^\s*(?:slack_api_url|api_url|routing_key|smtp_auth_password):", text, re.MULTILINE) == []
