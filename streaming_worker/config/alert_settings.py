"""The settings of alerts: when they are told, and through which channels."""

from typing import Final

from streaming_worker.config.setting import Kind, Setting

CHANNEL_KINDS: Final = ("email", "apprise")
SEVERITIES: Final = ("info", "warning", "critical")
# Followed by a channel's name in capitals; or with _FILE after that, for a file of mode 0600.
CHANNEL_URL_PREFIX: Final = "ARB_ALERT_URL_"

ALERT_SETTINGS: Final[tuple[Setting, ...]] = (
    Setting(
        "alerts.quiet_hours",
        Kind.TEXT,
        'local time in which only critical alerts are sent, as in "22:00-07:00"; the others wait for its end',
    ),
    Setting("alerts.timezone", Kind.TEXT, "time zone of the quiet hours", default="UTC"),
    Setting(
        "alerts.reminder_hours",
        Kind.INTEGER,
        "remind of an alert that is still open this often, in hours; 0 never",
        default=12,
        minimum=0,
        maximum=720,
    ),
    Setting(
        "alerts.runbook_url",
        Kind.TEXT,
        "where the runbook is read; the name of the alert is added after a #",
        default="RUNBOOK.md",
    ),
    Setting(
        "alerts.watch_dagster",
        Kind.FLAG,
        "let the worker watch that Dagster's daemon and code location are alive; `arb up` sets it",
        default=False,
    ),
    Setting(
        "alerts.left_to_others",
        Kind.TEXTS,
        "kinds of alerts that are kept but sent to nobody, because another program tells of them (Alertmanager)",
        default=(),
    ),
    Setting(
        "alert_channels[].name", Kind.NAME, "its name; an apprise channel's URL is in ARB_ALERT_URL_NAME", required=True
    ),
    Setting(
        "alert_channels[].kind",
        Kind.TEXT,
        "email: the mail server above; apprise: any service that apprise knows, by its URL",
        required=True,
        choices=CHANNEL_KINDS,
    ),
    Setting(
        "alert_channels[].min_severity", Kind.TEXT, "the least that it is told", default="info", choices=SEVERITIES
    ),
    Setting("alert_channels[].quiet", Kind.FLAG, "whether quiet hours count for it", default=True),
    Setting(
        "alert_channels[].recipients",
        Kind.TEXTS,
        "who gets its mails; smtp.recipients where left out",
        default=(),
    ),
)
