"""Start the pipeline's report program and read what it says; the pipeline itself is never imported here."""

import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import msgspec

from streaming_worker.api.report_room import Mailing, Sent
from streaming_worker.config.local_time import report_time
from streaming_worker.errors import ConfigError, OperationError

_CONFIGURATION = 2
_PATIENCE_S = 900


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportOrder:
    """What is asked for: UTC days, both included. ``recipients`` empty means those of the settings."""

    first: date
    last: date
    is_sent: bool
    is_repeated: bool
    recipients: tuple[str, ...]

    @property
    def arguments(self) -> list[str]:
        """Return it as the program takes it."""
        words = ["--from", self.first.isoformat(), "--to", self.last.isoformat()]
        words += ["--send"] if self.is_sent else []
        words += ["--resend"] if self.is_repeated else []
        return [*words, *(word for recipient in self.recipients for word in ("--recipient", recipient))]


@dataclass(frozen=True, slots=True)
class ReportAnswer:
    """What was done; ``text`` is the answer as JSON, ``error`` what the mail server refused."""

    text: str
    lines: tuple[str, ...]
    error: str | None


def run_report(order: ReportOrder, environ: Mapping[str, str]) -> ReportAnswer:
    """Make a report in a process of its own. Raises ConfigError for wrong days, OperationError without a report."""
    command = [sys.executable, "-m", "arb_pipeline.report", *order.arguments]
    try:
        result = subprocess.run(
            command, env=dict(environ), capture_output=True, text=True, timeout=_PATIENCE_S, check=False
        )
    except subprocess.TimeoutExpired as e:
        raise OperationError(f"the report was not made within {_PATIENCE_S} s") from e
    complaint = (result.stderr.strip().splitlines() or ["no reason given"])[-1]
    if result.returncode == _CONFIGURATION:
        raise ConfigError(complaint, key="report")
    try:
        answer = msgspec.json.decode(result.stdout)
    except msgspec.DecodeError as e:
        raise OperationError(f"the report was not made: {complaint}") from e
    return ReportAnswer(result.stdout.strip(), _lines(answer), answer["error"])


def mailing(environ: Mapping[str, str]) -> Mailing:
    """Return how the API sends reports, and when the pipeline does. Raises ConfigError for a time that is none."""
    due = report_time(environ)

    def send(first: date, last: date) -> Sent:
        order = ReportOrder(first=first, last=last, is_sent=True, is_repeated=False, recipients=())
        answer = run_report(order, environ)
        return Sent(answer.lines, answer.error)

    return Mailing(send, f"{due.at:%H:%M}", due.timezone)


def _lines(answer: Mapping[str, Any]) -> tuple[str, ...]:
    lines = [answer["subject"], f"kept as {answer['file']}"]
    lines += [f"sent to {recipient}" for recipient in answer["sent_to"]]
    lines += [f"{recipient} had it already" for recipient in answer["had_it"]]
    return (*lines, *([answer["error"]] if answer["error"] else []))
