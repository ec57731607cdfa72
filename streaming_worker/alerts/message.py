"""What a person reads about an alert: subject, text and HTML of each event, the same facts in all of them."""

import html
import json
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from streaming_worker.alerts.alert import REMINDER, RESOLVED, TEST, Severity
from streaming_worker.core.units import NANOS_PER_SECOND, Nanos

_COLOURS: Final = {"critical": "#b3261e", "warning": "#b07a00", "info": "#3b5b8c", "resolved": "#1a7f4b"}
_SECONDS_PER_MINUTE: Final = 60
_MINUTES_PER_HOUR: Final = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One message, ready for any channel. ``thread`` is the same for all messages about one alert."""

    subject: str
    text: str
    html: str
    severity: Severity
    is_resolved: bool
    key: str
    thread: str
    event: str


def message_of(row: sqlite3.Row | Mapping[str, Any], *, event: str, runbook: str, now_ns: Nanos) -> Message:
    """Return the message about an alert's row as it is now. ``runbook`` is the link for its kind."""
    severity = Severity(row["severity"])
    is_resolved = event == RESOLVED
    label = {RESOLVED: "RESOLVED", TEST: "TEST"}.get(event, severity.value.upper())
    title = " ".join(str(row["title"]).split())
    reminder = "still: " if event == REMINDER else ""
    facts = _facts(row, is_resolved=is_resolved, now_ns=now_ns, runbook=runbook)
    lines = [str(row["detail"])]
    if is_resolved:
        lines.insert(0, f"Over: {row['resolution']}\nIt was:")
    return Message(
        subject=f"[arb] {label}: {reminder}{title}",
        text="\n".join([*lines, "", *(f"{name}: {value}" for name, value in facts)]),
        html=_html(label, title, lines, facts),
        severity=severity,
        is_resolved=is_resolved,
        key=str(row["key"]),
        thread=f"{row['id']}.{row['opened_ns']}",
        event=event,
    )


def _facts(
    row: sqlite3.Row | Mapping[str, Any], *, is_resolved: bool, now_ns: Nanos, runbook: str
) -> list[tuple[str, str]]:
    context: dict[str, str] = json.loads(row["context"])
    last_ns = row["resolved_ns"] if is_resolved and row["resolved_ns"] is not None else now_ns
    facts = [*context.items(), ("Since", f"{utc(row['opened_ns'])}, for {length(last_ns - row['opened_ns'])}")]
    if is_resolved:
        facts.append(("Ended", utc(last_ns)))
    elif row["seen_count"] > 1:
        facts.append(("Seen", f"{row['seen_count']} times, last {utc(row['seen_ns'])}"))
    return [*facts, ("Seen by", str(row["source"])), ("What to do", runbook)]


def utc(nanos: Nanos) -> str:
    """Return a moment to the second, in UTC."""
    return datetime.fromtimestamp(nanos // NANOS_PER_SECOND, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def length(nanos: Nanos) -> str:
    """Return a length of time in words: seconds, minutes, or hours and minutes."""
    seconds = max(nanos, 0) // NANOS_PER_SECOND
    minutes = seconds // _SECONDS_PER_MINUTE
    if minutes == 0:
        return f"{seconds} s"
    if minutes < _MINUTES_PER_HOUR:
        return f"{minutes} min"
    return f"{minutes // _MINUTES_PER_HOUR} h {minutes % _MINUTES_PER_HOUR} min"


def _html(label: str, title: str, lines: list[str], facts: list[tuple[str, str]]) -> str:
    colour = _COLOURS.get(label.lower(), _COLOURS["info"])
    body = "".join(
        f'<p style="margin:0 0 10px;white-space:pre-line;overflow-wrap:anywhere">{html.escape(line)}</p>'
        for line in lines
    )
    rows = "".join(
        f'<tr><td style="padding:3px 12px 3px 0;color:#5c626b;vertical-align:top;white-space:nowrap">'
        f'{html.escape(name)}</td><td style="padding:3px 0;overflow-wrap:anywhere">{_value(value)}</td></tr>'
        for name, value in facts
    )
    return (
        '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1"></head>'
        '<body style="margin:0;background:#f3f4f6;color:#1c1f24;'
        "font:14px/1.45 -apple-system,'Segoe UI',Roboto,Arial,sans-serif\">"
        f'<div style="max-width:600px;margin:0 auto;background:#ffffff;border-top:5px solid {colour};padding:16px">'
        f'<p style="margin:0;color:{colour};font-weight:700;font-size:12px;letter-spacing:.05em">{label}</p>'
        f'<h1 style="font-size:18px;margin:2px 0 12px">{html.escape(title)}</h1>{body}'
        f'<table style="border-collapse:collapse;font-size:13px;margin-top:6px">{rows}</table></div></body></html>'
    )


def _value(value: str) -> str:
    text = html.escape(value)
    return f'<a href="{text}">{text}</a>' if value.startswith(("https://", "http://")) else text
