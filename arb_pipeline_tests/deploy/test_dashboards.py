"""Dashboards are what their builder makes, every expression parses, and every metric in them exists."""

import importlib.util
import json
import re
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml

from arb_pipeline_tests.deploy.test_alerts import checked
from arb_pipeline_tests.worker.service.exposition.test_catalogue import api_rows
from streaming_worker.service.exposition.catalogue import METRICS, Kind

OF_THE_API = {*api_rows(), *(f"{name}_bucket" for name in api_rows())}


@pytest.fixture
def builder(repository: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("dashboard_builder", repository / "deploy/grafana/build.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def dashboards(repository: Path) -> dict[str, dict[str, Any]]:
    folder = repository / "deploy/grafana/dashboards"
    return {path.name: json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.json"))}


def expressions(dashboards: dict[str, dict[str, Any]]) -> list[str]:
    panels = [panel for dashboard in dashboards.values() for panel in dashboard["panels"]]
    return [target["expr"] for panel in panels for target in panel["targets"]]


def test_the_files_are_what_the_builder_makes(repository: Path, builder: ModuleType) -> None:
    folder = repository / "deploy/grafana/dashboards"
    assert {path.name: path.read_text(encoding="utf-8") for path in folder.glob("*.json")} == builder.files()


def test_every_expression_parses(
    dashboards: dict[str, dict[str, Any]], program: Callable[[str], str], tmp_path: Path
) -> None:
    shown = expressions(dashboards)
    assert len(shown) > 50
    recorded = [
        {"record": f"panel:{number}", "expr": expression.replace("$__rate_interval", "1m")}
        for number, expression in enumerate(shown)
    ]
    path = tmp_path / "panels.yml"
    path.write_text(yaml.safe_dump({"groups": [{"name": "panels", "rules": recorded}]}))
    assert f"{len(shown)} rules found" in checked(program("promtool"), "check", "rules", path)


def test_every_metric_shown_exists_and_every_histogram_is_shown(dashboards: dict[str, dict[str, Any]]) -> None:
    shown = {name for text in expressions(dashboards) for name in re.findall(r"\b(?:arb|http)_[a-z_]+", text)}
    histograms = {f"{name}_bucket" for name, metric in METRICS.items() if metric.kind is Kind.HISTOGRAM}
    assert sorted(shown - set(METRICS) - histograms - OF_THE_API) == []
    assert sorted(histograms - shown) == []


def test_panels_do_not_overlap_and_have_numbers_of_their_own(dashboards: dict[str, dict[str, Any]]) -> None:
    for dashboard in dashboards.values():
        places = {(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in dashboard["panels"]}
        assert len(places) == len({panel["id"] for panel in dashboard["panels"]}) == len(dashboard["panels"])
