"""Write the Grafana dashboards: panels are one line each here, and a test compares the files with what this makes.

Run: python deploy/grafana/build.py
"""

import json
from pathlib import Path
from typing import Any, Final

FOLDER: Final = Path(__file__).parent / "dashboards"
_SOURCE: Final = {"type": "prometheus", "uid": "${source}"}
_WIDTH, _HEIGHT, _COLUMNS = 8, 7, 3

Panel = tuple[str, str, str, list[tuple[str, str]]]
"""Title, kind (timeseries or stat), unit as Grafana names it, and (expression, legend) of each line."""


def quantiles(metric: str) -> list[tuple[str, str]]:
    """Return the median and the 99th percentile of a histogram."""
    rate = f"sum by (le) (rate({metric}_bucket[$__rate_interval]))"
    return [
        (f"histogram_quantile({share}, {rate})", f"p{share[2:].ljust(2, '0')}") for share in ("0.5", "0.95", "0.99")
    ]


def rate(metric: str, legend: str, *, by: str = "") -> list[tuple[str, str]]:
    """Return the rate of a counter, summed by a label."""
    grouped = f"sum by ({by}) " if by else "sum"
    return [(f"{grouped}(rate({metric}[$__rate_interval]))", legend)]


OPERATIONS: Final[list[Panel]] = [
    ("Worker", "stat", "none", [("arb_worker_status == 1", "{{status}}")]),
    ("Connections", "stat", "none", [("arb_connection_status", "{{feed}}")]),
    ("Dagster heartbeat", "stat", "s", [("time() - arb_pipeline_heartbeat_timestamp_seconds", "age")]),
    ("Staleness", "timeseries", "s", [("arb_ws_staleness_seconds", "{{feed}}")]),
    ("Delay by the venue's clock", "timeseries", "s", [("arb_feed_lag_seconds", "{{feed}}")]),
    ("Clock offset of the venues", "timeseries", "s", [("arb_feed_clock_offset_seconds", "{{feed}}")]),
    ("Frames", "timeseries", "ops", rate("arb_feed_frames_total", "{{feed}}", by="feed")),
    ("Losses and gaps", "timeseries", "none", [
        ("sum by (feed) (increase(arb_feed_losses_total[5m]))", "lost {{feed}}"),
        ("sum by (feed) (increase(arb_gaps_total[5m]))", "gap {{feed}}"),
    ]),
    ("Calls", "timeseries", "ops", [
        *rate("arb_rpc_calls_total", "answered {{feed}}", by="feed"),
        *rate("arb_rpc_failed_calls_total", "failed {{feed}}", by="feed"),
        *rate("arb_rpc_limited_total", "limited {{feed}}", by="feed"),
    ]),
    ("Frame to decision", "timeseries", "s", quantiles("arb_frame_to_decision_seconds")),
    ("Frame to commit", "timeseries", "s", quantiles("arb_frame_to_commit_seconds")),
    ("Event loop lateness", "timeseries", "s", quantiles("arb_loop_lateness_seconds")),
    ("Engine's own time", "timeseries", "s", quantiles("arb_decision_seconds")),
    ("Queue", "timeseries", "none", [("arb_queue_depth", "waiting"), ("arb_queue_high_water", "most")]),
    ("Queue age", "timeseries", "s", quantiles("arb_queue_age_seconds")),
    ("Rows", "timeseries", "ops", rate("arb_sink_rows_total", "rows")),
    ("Commit", "timeseries", "s", [("arb_sink_commit_seconds", "{{quantile}}")]),
    ("Not yet durable", "timeseries", "none", [("arb_sink_unacknowledged_events", "events")]),
    ("Segments", "timeseries", "none", [("increase(arb_segments_sealed_total[5m])", "sealed in 5 min")]),
    ("Disk", "timeseries", "bytes", [("arb_disk_free_bytes", "free")]),
    ("Machine's clock", "timeseries", "s", [("arb_clock_offset_seconds", "offset")]),
    ("Replay", "timeseries", "none", [('arb_replay_rows{status!="matched"}', "{{status}}")]),
    ("Reports overdue", "stat", "none", [("arb_reports_overdue", "days")]),
    ("Segments refused", "stat", "none", [("arb_segments_refused", "segments")]),
]  # fmt: skip
DECISIONS: Final[list[Panel]] = [
    ("Risk", "stat", "none", [("arb_risk_state == 1", "{{state}}")]),
    ("Simulated result of the day", "stat", "currencyUSD", [("arb_daily_pnl_usd", "USD")]),
    ("Open opportunities", "stat", "none", [("arb_opportunities_open", "open")]),
    ("Result against the limit", "timeseries", "currencyUSD", [
        ("arb_daily_pnl_usd", "as the limit counts it"),
        ("arb_daily_realised_usd", "realised"),
        ("-1 * arb_daily_loss_limit_usd", "limit"),
    ]),
    ("Opportunities by close reason", "timeseries", "none", [
        ("sum by (reason) (increase(arb_opportunities_total[5m]))", "{{reason}}"),
    ]),
    ("Rejections by reason", "timeseries", "ops", rate("arb_rejections_total", "{{reason}}", by="reason")),
    ("Simulated trades", "timeseries", "none", [
        ("sum by (latency_ms, result) (increase(arb_simulated_trades_total[1h]))", "{{latency_ms}} ms {{result}}"),
    ]),
    ("Books whole", "timeseries", "none", [("arb_book_synced", "{{instrument}}")]),
    ("Book updates", "timeseries", "ops", rate("arb_book_updates_total", "{{instrument}}", by="instrument")),
    ("Time crossed", "timeseries", "s", [("increase(arb_book_crossed_seconds_total[5m])", "{{instrument}}")]),
    ("Paused", "timeseries", "none", [("arb_risk_paused", "paused or killed")]),
    ("Events and outputs", "timeseries", "ops", [
        *rate("arb_events_total", "events"), *rate("arb_outputs_total", "outputs"),
    ]),
]  # fmt: skip
API: Final[list[Panel]] = [
    ("Requests", "timeseries", "reqps", rate("http_requests_total", "{{status}}", by="status")),
    ("Answer time", "timeseries", "s", quantiles("http_request_duration_seconds")),
    ("Own errors", "timeseries", "percentunit", [(
        'sum(rate(http_requests_total{status=~"5.."}[1m])) / sum(rate(http_requests_total[1m]))', "5xx",
    )]),
    ("In flight", "timeseries", "none", [("http_requests_in_flight", "requests")]),
    ("Refused by a limit", "timeseries", "ops", rate("http_requests_limited_total", "{{kind}}", by="kind")),
    ("Logins", "timeseries", "none", [
        ("sum by (outcome) (increase(arb_api_logins_total[5m]))", "{{outcome}}"),
    ]),
    ("Live streams", "timeseries", "none", [("arb_api_viewers", "open")]),
    ("Live streams cut", "timeseries", "none", [
        ("sum by (reason) (increase(arb_api_viewers_cut_total[5m]))", "{{reason}}"),
    ]),
    ("Queries over the record", "timeseries", "s", quantiles("arb_api_record_query_seconds")),
]  # fmt: skip
DASHBOARDS: Final = {
    "arb-operations": ("Arbitrage: operations", OPERATIONS),
    "arb-decisions": ("Arbitrage: decisions", DECISIONS),
    "arb-api": ("Arbitrage: API", API),
}


def dashboard(uid: str, title: str, panels: list[Panel]) -> dict[str, Any]:
    """Return one dashboard as Grafana imports it."""
    source = {"name": "source", "label": "Prometheus", "type": "datasource", "query": "prometheus", "hide": 0}
    return {
        "uid": uid,
        "title": title,
        "tags": ["arb-platform"],
        "timezone": "utc",
        "schemaVersion": 38,
        "version": 1,
        "editable": False,
        "refresh": "10s",
        "time": {"from": "now-1h", "to": "now"},
        "templating": {"list": [source]},
        "panels": [_panel(number, panel) for number, panel in enumerate(panels)],
    }


def _panel(number: int, panel: Panel) -> dict[str, Any]:
    title, kind, unit, lines = panel
    row, column = divmod(number, _COLUMNS)
    return {
        "id": number + 1,
        "title": title,
        "type": kind,
        "datasource": _SOURCE,
        "gridPos": {"x": column * _WIDTH, "y": row * _HEIGHT, "w": _WIDTH, "h": _HEIGHT},
        "fieldConfig": {"defaults": {"unit": unit}, "overrides": []},
        "targets": [
            {"refId": chr(ord("A") + index), "datasource": _SOURCE, "expr": expression, "legendFormat": legend}
            for index, (expression, legend) in enumerate(lines)
        ],
    }


def files() -> dict[str, str]:
    """Return the content of every file by its name."""
    return {
        f"{uid}.json": json.dumps(dashboard(uid, title, panels), indent=1) + "\n"
        for uid, (title, panels) in DASHBOARDS.items()
    }


if __name__ == "__main__":
    for name, content in files().items():
        (FOLDER / name).write_text(content, encoding="utf-8")
