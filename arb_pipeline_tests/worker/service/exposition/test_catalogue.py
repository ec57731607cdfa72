"""Every metric is described once, in the catalogue, and docs/METRICS.md says the same."""

import re
from pathlib import Path

from streaming_worker.api.metrics import ApiMetrics
from streaming_worker.service.exposition.catalogue import METRICS, Kind, Metric

NAME = re.compile(r"^\| `((?:arb|http)_[a-z_]+)`", re.MULTILINE)


def row(metric: Metric) -> str:
    """Return the line of docs/METRICS.md for one metric."""
    labels = ", ".join(f"`{label}`" for label in metric.labels)
    return f"| `{metric.name}` | {metric.kind.value} | {labels} | {metric.doc} |"


def api_rows() -> dict[str, str]:
    """Return the lines of the API's metrics by name."""
    rows = {}
    for family in ApiMetrics().registry.collect():
        name = f"{family.name}_total" if family.type == "counter" else family.name
        rows[name] = f"| `{name}` | {family.type} | {family.documentation} |"
    return rows


def test_the_document_has_the_row_of_every_metric_and_of_no_other(repository: Path) -> None:
    text = (repository / "docs" / "METRICS.md").read_text(encoding="utf-8")
    rows = [row(metric) for metric in METRICS.values()] + list(api_rows().values())
    missing = [one for one in rows if one not in text.splitlines()]
    assert missing == [], "rows that docs/METRICS.md lacks:\n" + "\n".join(missing)
    assert sorted(set(NAME.findall(text)) - set(METRICS) - set(api_rows())) == []


def test_names_say_what_kind_and_unit_they_are() -> None:
    for metric in METRICS.values():
        assert re.fullmatch(r"arb_[a-z]+(_[a-z]+)+", metric.name), metric.name
        assert metric.name.endswith("_total") == (metric.kind is Kind.COUNTER), metric.name
        if metric.kind is Kind.HISTOGRAM:
            assert metric.name.endswith("_seconds"), metric.name


def test_the_names_that_the_users_alerts_use_are_there() -> None:
    wanted = {"arb_connection_status", "arb_ws_staleness_seconds", "arb_daily_pnl_usd", "arb_risk_paused"}
    assert wanted <= set(METRICS)
