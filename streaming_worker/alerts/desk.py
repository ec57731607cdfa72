"""The way in: raise, resolve, settle what is seen against what is open, and send what is due.

Each call takes one transaction or a few; sending happens between them, so that a slow channel holds nobody up. A
message goes out at least once: a process that dies while it sends leaves it to be sent again by another.
"""

import sqlite3
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from typing import Final

from streaming_worker.alerts import ledger
from streaming_worker.alerts.alert import Alert, Severity
from streaming_worker.alerts.catalogue import KINDS, runbook_link
from streaming_worker.alerts.channel import AppriseSender, Channel, MailSender
from streaming_worker.alerts.database import FILE_NAME, AlertDatabase
from streaming_worker.alerts.history import AlertHistory
from streaming_worker.alerts.ledger import Rules
from streaming_worker.alerts.mail import smtp_server
from streaming_worker.alerts.message import message_of
from streaming_worker.alerts.quiet import quiet_hours
from streaming_worker.config import AlertChannelConfig, Config
from streaming_worker.core.units import NANOS_PER_HOUR, Nanos
from streaming_worker.errors import ConfigError, DeliveryError

CHANNEL_FAILING: Final = "channel_failing"
_COMPLAIN_AFTER: Final = 3
_MOST_AT_ONCE: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What one round of sending did; ``refusals`` has one line for each message that was not taken."""

    sent: int
    refusals: tuple[str, ...]


class AlertDesk:
    """Raises, resolves and sends. ``now`` is the wall clock; ``runbook`` the address that entries are added to."""

    def __init__(self, database: AlertDatabase, rules: Rules, *, runbook: str, now: Callable[[], Nanos]) -> None:
        self._database = database
        self._rules = rules
        self._runbook = runbook
        self._now = now
        self.history = AlertHistory(database.path)

    @property
    def channels(self) -> tuple[Channel, ...]:
        """Return the ways out, in the order of the settings."""
        return self._rules.channels

    def raise_alert(self, alert: Alert) -> bool:
        """Take down what is wrong and queue its messages; returns whether it is news. Raises StorageError."""
        return self._note(alert, without=None)

    def resolve(self, key: str, resolution: str) -> bool:
        """Take down that something is over; returns whether it was open. Raises StorageError."""
        if key not in self.history.open_keys():
            return False
        with self._database.transaction() as connection:
            return ledger.end(connection, key, resolution, self._rules, self._now())

    def settle(self, kinds: Collection[str], found: Iterable[Alert], *, resolution: str, about: str = "") -> None:
        """Make what is open the same as what was found: of these kinds, and of subjects that begin with ``about``.

        Raises StorageError.
        """
        alerts = list(found)
        for alert in alerts:
            self.raise_alert(alert)
        stay = {alert.key for alert in alerts}
        prefixes = tuple(f"{kind}:{about}" for kind in kinds)
        for key in sorted(self.history.open_keys() - stay):
            if key.startswith(prefixes):
                self.resolve(key, resolution)

    def send_due(self) -> Outcome:
        """Send what is due, reminders included; returns what happened. Raises StorageError."""
        sent, refusals = 0, []
        if not self._database.path.exists():
            return Outcome(sent=0, refusals=())
        with self._database.transaction() as connection:
            ledger.remind(connection, self._rules, self._now())
        for _ in range(_MOST_AT_ONCE):
            with self._database.transaction() as connection:
                row = ledger.claim(connection, self._now())
            if row is None:
                break
            refusal = self._send(row)
            sent += refusal is None
            refusals += [] if refusal is None else [refusal]
        return Outcome(sent=sent, refusals=tuple(refusals))

    def test_channel(self, name: str, *, source: str) -> None:
        """Send one message through one channel now.

        Raises: DeliveryError when it is not taken, ConfigError for an unknown name, StorageError.
        """
        channel = self._channel(name)
        if channel is None:
            known = ", ".join(channel.name for channel in self.channels) or "none is configured"
            raise ConfigError(f"unknown alert channel {name!r}; known: {known}", key="alert_channels[].name")
        alert = Alert(
            kind="test",
            subject=name,
            title=f"this is a test of channel {name}",
            detail="Nothing is wrong. Somebody tried out whether this channel reaches you.",
            severity=Severity.INFO,
            source=source,
        )
        with self._database.transaction() as connection:
            delivery_id = ledger.add_test(connection, alert, name, self._now())
            row = connection.execute(
                "select d.id as delivery_id, d.channel, d.event, d.attempts, a.* from deliveries d"
                " join alerts a on a.id = d.alert_id where d.id = ?",
                (delivery_id,),
            ).fetchone()
        refusal = self._send(row, is_final=True)
        if refusal is not None:
            raise DeliveryError(refusal)

    def _note(self, alert: Alert, *, without: str | None) -> bool:
        with self._database.transaction() as connection:
            return ledger.note(connection, alert, self._rules, self._now(), without=without)

    def _send(self, row: sqlite3.Row, *, is_final: bool = False) -> str | None:
        """Send one claimed message; returns why it was not taken."""
        channel = self._channel(row["channel"])
        if channel is None:
            return self._refused(row, f"channel {row['channel']} is no longer configured", is_final=True)
        link = runbook_link(row["kind"], self._runbook)
        try:
            channel.sender.send(message_of(row, event=row["event"], runbook=link, now_ns=self._now()))
        except DeliveryError as e:
            return self._refused(row, str(e), is_final=is_final)
        with self._database.transaction() as connection:
            ledger.sent(connection, row["delivery_id"], self._now())
        self.resolve(f"{CHANNEL_FAILING}:{channel.name}", "a message was taken again")
        return None

    def _refused(self, row: sqlite3.Row, error: str, *, is_final: bool) -> str:
        with self._database.transaction() as connection:
            attempts = ledger.refused(connection, row["delivery_id"], error, self._now(), is_final=is_final)
        if attempts == _COMPLAIN_AFTER:
            self._note(_failing(row["channel"], error), without=row["channel"])
        return error

    def _channel(self, name: str) -> Channel | None:
        return next((channel for channel in self._rules.channels if channel.name == name), None)


def _failing(channel: str, error: str) -> Alert:
    return Alert(
        kind=CHANNEL_FAILING,
        subject=channel,
        title=f"alert channel {channel} takes no messages",
        detail=f"{_COMPLAIN_AFTER} attempts failed; they go on with growing pauses.\n{error}",
        severity=Severity.WARNING,
        source="alerts",
    )


def open_desk(config: Config, *, now: Callable[[], Nanos]) -> AlertDesk:
    """Return the desk of a platform's settings. Raises ConfigError."""
    alerts = config.alerts
    rules = Rules(
        channels=tuple(_channel_of(channel, config) for channel in alerts.channels),
        quiet=quiet_hours(alerts.quiet_hours, alerts.timezone),
        reminder_ns=alerts.reminder_hours * NANOS_PER_HOUR,
        left_to_others=_left_to_others(alerts.left_to_others),
    )
    database = AlertDatabase(config.paths.state.absolute() / FILE_NAME)
    return AlertDesk(database, rules, runbook=alerts.runbook_url, now=now)


def _left_to_others(names: Iterable[str]) -> frozenset[str]:
    """Whether a channel works is known to nobody else, and a trial is for whoever tries."""
    known = KINDS.keys() - {"channel_failing", "test"}
    for name in names:
        if name not in known:
            expected = ", ".join(sorted(known))
            raise ConfigError(
                f"alerts.left_to_others: expected some of {expected}, received {name}", key="alerts.left_to_others"
            )
    return frozenset(names)


def _channel_of(channel: AlertChannelConfig, config: Config) -> Channel:
    sender: MailSender | AppriseSender
    if channel.kind == "email":
        recipients = channel.recipients or config.smtp.recipients
        sender = MailSender(server=smtp_server(config.smtp), sender=config.smtp.sender, recipients=recipients)
    else:
        assert channel.url is not None
        sender = AppriseSender(name=channel.name, url=channel.url)
    return Channel(
        name=channel.name,
        kind=channel.kind,
        min_severity=Severity(channel.min_severity),
        is_quiet_at_night=channel.quiet,
        sender=sender,
    )
