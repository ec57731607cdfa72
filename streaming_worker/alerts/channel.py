"""A way to reach people: mail through the platform's own server, or any service that apprise knows by its URL."""

import logging
from dataclasses import dataclass, field
from typing import Any, Final, Protocol
from urllib.parse import quote, urlsplit

from streaming_worker.alerts.alert import Severity
from streaming_worker.alerts.mail import DOMAIN, SmtpServer, letter
from streaming_worker.alerts.message import Message
from streaming_worker.errors import ConfigError, DeliveryError

_TIMEOUT_S: Final = 20.0
# Shorter parts of a URL are words such as a channel's name; longer ones may be keys.
_SHORTEST_KEY: Final = 6
_HIDDEN: Final = "***"


class Sender(Protocol):
    """Something that takes a message to people."""

    def send(self, message: Message) -> None:
        """Hand one message over. Raises DeliveryError."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    """One way out. ``is_quiet_at_night``: quiet hours hold back what is not critical."""

    name: str
    kind: str
    min_severity: Severity
    is_quiet_at_night: bool
    sender: Sender = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class MailSender:
    """Mails through one server; everything about one alert is one conversation."""

    server: SmtpServer
    sender: str
    recipients: tuple[str, ...]

    def send(self, message: Message) -> None:
        """Send one mail to all recipients. Raises MailError."""
        mail = letter(
            sender=self.sender,
            recipients=self.recipients,
            subject=message.subject,
            text=message.text,
            html=message.html,
        )
        mail["References"] = f"<alert.{message.thread}@{DOMAIN}>"
        if message.severity is Severity.CRITICAL and not message.is_resolved:
            mail["Importance"] = "high"
        self.server.send(mail)


@dataclass(frozen=True, slots=True, kw_only=True)
class AppriseSender:
    """One apprise URL: Slack, PagerDuty, a webhook, and a hundred others. The URL is a secret."""

    name: str
    url: str = field(repr=False)

    def send(self, message: Message) -> None:
        """Notify once, with a time limit. Raises DeliveryError with the service's words, without the URL's secrets."""
        import apprise

        reasons: list[str] = []

        def heard(entry: Any, _: object) -> None:
            reasons.append(str(getattr(entry, "message", entry)))

        client = apprise.Apprise()
        if not client.add(with_identity(self.url, message.key)):
            raise DeliveryError(f"channel {self.name}: its URL is not one that apprise understands")
        is_taken = client.notify(
            title=message.subject,
            body=message.text,
            notify_type=_notify_type(message),
            timeout=_TIMEOUT_S,
            log_callback=heard,
            log_level=logging.WARNING,
        )
        if not is_taken:
            reason = without_keys(" ".join(reasons), self.url) or "no reason given"
            raise DeliveryError(f"channel {self.name} did not take the message: {reason[:300]}")


def with_identity(url: str, key: str) -> str:
    """Give PagerDuty the alert's identity, so that the end of an alert closes its incident; other URLs stay."""
    if not url.startswith("pagerduty://"):
        return url
    joint = "&" if "?" in url else "?"
    return f"{url}{joint}action=map&dedup={quote(key, safe='')}"


def without_keys(text: str, url: str) -> str:
    """Hide whatever of a URL may be a key."""
    parts = urlsplit(url)
    pieces = [parts.username, parts.password, parts.query, *parts.path.split("/"), *parts.query.split("&")]
    if not parts.scheme.startswith(("http", "json", "xml", "form", "mailto")):
        pieces.append(parts.netloc)  # of these schemes the host is a key, too
    pieces += [pair.partition("=")[2] for pair in parts.query.split("&")]
    for piece in sorted({piece for piece in pieces if piece and len(piece) >= _SHORTEST_KEY}, key=len, reverse=True):
        text = text.replace(piece, _HIDDEN)
    return text


def check_url(name: str, url: str) -> None:
    """Raise ConfigError when apprise does not know what to do with a URL; never shows it."""
    import apprise

    if apprise.Apprise.instantiate(url) is None:
        raise ConfigError(
            f"alert channel {name}: expected a URL that apprise understands, as in slack://... or json://host/path",
            key="alert_channels[].name",
        )


def _notify_type(message: Message) -> Any:
    from apprise import NotifyType

    if message.is_resolved:
        return NotifyType.SUCCESS
    kinds = {Severity.CRITICAL: NotifyType.FAILURE, Severity.WARNING: NotifyType.WARNING}
    return kinds.get(message.severity, NotifyType.INFO)
