"""A desk with a hand-moved clock and scripted ways out: they keep or refuse what they are given."""

from dataclasses import dataclass, field
from pathlib import Path

import pytest

from streaming_worker.alerts import Alert, AlertDesk, Severity
from streaming_worker.alerts.channel import Channel
from streaming_worker.alerts.database import FILE_NAME, AlertDatabase
from streaming_worker.alerts.ledger import Rules
from streaming_worker.alerts.message import Message
from streaming_worker.alerts.quiet import quiet_hours
from streaming_worker.core.units import NANOS_PER_HOUR, NANOS_PER_SECOND
from streaming_worker.errors import DeliveryError

# 2025-03-10 12:00 UTC
NOON_NS = 1_741_608_000 * NANOS_PER_SECOND
MINUTE_NS = 60 * NANOS_PER_SECOND


@dataclass
class Pigeon:
    """Keeps what it is given, or refuses it."""

    messages: list[Message] = field(default_factory=list)
    is_refusing: bool = False

    def send(self, message: Message) -> None:
        """Take one message."""
        if self.is_refusing:
            raise DeliveryError("the pigeon is asleep")
        self.messages.append(message)

    @property
    def subjects(self) -> list[str]:
        """Return what was told, without the mark of the platform."""
        return [message.subject.removeprefix("[arb] ") for message in self.messages]


@dataclass
class Scene:
    """A desk with two ways out: ``mail`` is told everything, ``pager`` what is critical."""

    folder: Path
    quiet: str | None = None
    zone: str = "UTC"
    reminder_hours: int = 0
    left_to_others: frozenset[str] = frozenset()
    now_ns: int = NOON_NS
    mail: Pigeon = field(default_factory=Pigeon)
    pager: Pigeon = field(default_factory=Pigeon)

    @property
    def desk(self) -> AlertDesk:
        """Return a desk as another process would open it."""
        channels = (
            Channel(
                name="mail", kind="email", min_severity=Severity.INFO, is_quiet_at_night=True, sender=self.mail
            ),
            Channel(
                name="pager", kind="apprise", min_severity=Severity.CRITICAL, is_quiet_at_night=False,
                sender=self.pager,
            ),
        )  # fmt: skip
        rules = Rules(
            channels=channels,
            quiet=quiet_hours(self.quiet, self.zone),
            reminder_ns=self.reminder_hours * NANOS_PER_HOUR,
            left_to_others=self.left_to_others,
        )
        database = AlertDatabase(self.folder / FILE_NAME)
        return AlertDesk(database, rules, runbook="https://wiki.example.test/runbook", now=lambda: self.now_ns)

    def wrong(self, subject: str = "main", severity: Severity = Severity.WARNING, detail: str = "why") -> bool:
        """Raise an alert about a worker and send what is due."""
        news = self.desk.raise_alert(alert(subject, severity, detail))
        self.desk.send_due()
        return news

    def well(self, subject: str = "main") -> bool:
        """Resolve it and send what is due."""
        was_open = self.desk.resolve(f"worker_state:{subject}", "it is well again")
        self.desk.send_due()
        return was_open

    def wait(self, nanos: int) -> None:
        """Move the clock and send what is due."""
        self.now_ns += nanos
        self.desk.send_due()

    def statuses(self) -> list[tuple[str, str, str]]:
        """Return (channel, event, status) of every message of every alert, in their order."""
        rows = reversed(self.desk.history.recent())
        return [(told.channel, told.event, told.status) for row in rows for told in row.deliveries]


def alert(subject: str = "main", severity: Severity = Severity.WARNING, detail: str = "why") -> Alert:
    """Return an alert about a worker."""
    return Alert(
        kind="worker_state",
        subject=subject,
        title=f"worker {subject} is {severity.value}",
        detail=detail,
        severity=severity,
        source="a test",
        context={"Feed": "gemini"},
    )


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    """A desk by day, without quiet hours."""
    return Scene(tmp_path)
