"""What an alert is: a named kind of trouble, about one thing, with what a person needs to judge it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

# What a message says of its alert.
OPENED: Final = "opened"
WORSE: Final = "worse"
REMINDER: Final = "reminder"
RESOLVED: Final = "resolved"
TEST: Final = "test"


class Severity(StrEnum):
    """How much it matters. CRITICAL: act now, day or night. WARNING: today. INFO: good to know."""

    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"

    @property
    def rank(self) -> int:
        """Return the place in the order, the least first."""
        return _ORDER.index(self)


_ORDER: Final = (Severity.INFO, Severity.WARNING, Severity.CRITICAL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """One trouble. ``subject`` is what it is about (a worker, an asset); kind and subject are its identity.

    ``detail`` says in a sentence or a few lines what is wrong; ``context`` holds names and values to look at.
    ``source`` is the program that saw it.
    """

    kind: str
    subject: str
    title: str
    detail: str
    severity: Severity
    source: str
    context: Mapping[str, str] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """Return the identity: while an alert of this key is open, no second one is made."""
        return f"{self.kind}:{self.subject}"
