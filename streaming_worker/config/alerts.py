"""Alert channels out of their tables and the environment: a channel's URL is a secret, so only its variable has it."""

from collections.abc import Mapping

from streaming_worker.config.alert_settings import CHANNEL_URL_PREFIX
from streaming_worker.config.build import text_of, texts_of
from streaming_worker.config.document import Document, Row, secret_of
from streaming_worker.config.model import AlertChannelConfig, AlertsConfig
from streaming_worker.errors import ConfigError


def alerts_config(document: Document, environ: Mapping[str, str]) -> AlertsConfig:
    """Return the settings of alerts. Raises ConfigError for a channel without its URL, or a URL without its channel."""
    rows = document.rows["alert_channels"]
    names = [text_of(row["name"]) for row in rows]
    if len(set(names)) != len(names):
        raise ConfigError(
            f"alert_channels: expected different names, received {', '.join(names)}", key="alert_channels"
        )
    _refuse_unknown_urls({_variable(name) for name in names}, environ)
    return AlertsConfig(
        quiet_hours=document.optional_text("alerts.quiet_hours"),
        timezone=document.text("alerts.timezone"),
        reminder_hours=document.integer("alerts.reminder_hours"),
        runbook_url=document.text("alerts.runbook_url"),
        watch_dagster=bool(document.values["alerts.watch_dagster"]),
        left_to_others=texts_of(document.values["alerts.left_to_others"]),
        channels=tuple(_channel(row, environ) for row in rows),
    )


def _channel(row: Row, environ: Mapping[str, str]) -> AlertChannelConfig:
    name, kind = text_of(row["name"]), text_of(row["kind"])
    variable = _variable(name)
    url = secret_of(variable, environ) if kind == "apprise" else None
    if kind == "apprise" and (url is None or "://" not in url):
        raise ConfigError(
            f"alert_channels: {name}: expected its URL in {variable} or {variable}_FILE, as in slack://...",
            key=variable,
        )
    return AlertChannelConfig(
        name=name,
        kind=kind,
        min_severity=text_of(row["min_severity"]),
        quiet=bool(row["quiet"]),
        recipients=texts_of(row["recipients"]),
        url=url,
    )


def _variable(name: str) -> str:
    return CHANNEL_URL_PREFIX + name.replace("-", "_").upper()


def _refuse_unknown_urls(known: set[str], environ: Mapping[str, str]) -> None:
    """A URL that no channel uses is a channel that somebody believes in."""
    given = {
        name.removesuffix("_FILE") for name, text in environ.items() if name.startswith(CHANNEL_URL_PREFIX) and text
    }
    for name in sorted(given - known):
        raise ConfigError(f"{name}: no alert channel has this name; expected a table in alert_channels", key=name)
