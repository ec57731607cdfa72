"""Send a report once: per period, edition and recipient there is one delivery, and a record of it beside the report.

What was refused is kept too, with the server's words. Who sends holds a lock on the folder, so that a schedule and a
person at the same moment do not both send.
"""

import fcntl
import hashlib
import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from email.message import EmailMessage
from email.utils import formatdate
from pathlib import Path
from typing import Final

from arb_pipeline.report.document import CSV_FILE, XLSX_FILE, ReportDocument
from streaming_worker.alerts.mail import DOMAIN, SmtpServer
from streaming_worker.errors import MailError

RECORD_FILE: Final = "deliveries.jsonl"
REFUSALS_FILE: Final = "refusals.jsonl"
FINAL: Final = "final"
SO_FAR: Final = "so_far"
_LOCK_FILE: Final = ".sending"
_XLSX: Final = "vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@dataclass(frozen=True, slots=True)
class Delivery:
    """One mail that the server took. ``day`` is the period's name; ``edition`` is final or so_far."""

    day: str
    edition: str
    recipient: str
    subject: str
    message_id: str
    sent_ns: int


def edition_of(report: ReportDocument) -> str:
    """Return which edition of its period a report is."""
    return FINAL if report.figures.is_final else SO_FAR


def deliver(
    report: ReportDocument,
    folder: Path,
    *,
    server: SmtpServer,
    sender: str,
    recipients: list[str],
    now: Callable[[], int],
    is_repeated: bool = False,
) -> list[Delivery]:
    """Send to every recipient that has not had this edition; return the new deliveries.

    Raises MailError naming everybody who was refused, after all were tried; who got it will not get it again.
    """
    edition, made, refused = edition_of(report), [], []
    with _sole(folder):
        had = {(record.edition, record.recipient) for record in deliveries(folder)}
        for recipient in recipients:
            if (edition, recipient) in had and not is_repeated:
                continue
            message = report_mail(report, sender=sender, recipient=recipient)
            try:
                server.send(message)
            except MailError as e:
                refused.append(f"{recipient}: {e}")
                _append(
                    folder / REFUSALS_FILE,
                    {"recipient": recipient, "edition": edition, "error": str(e), "at_ns": now()},
                )
                continue
            delivery = Delivery(
                day=report.name,
                edition=edition,
                recipient=recipient,
                subject=report.subject,
                message_id=str(message["Message-ID"]),
                sent_ns=now(),
            )
            _append(folder / RECORD_FILE, asdict(delivery))
            made.append(delivery)
    if refused:
        raise MailError(f"the report of {report.name} did not reach {'; '.join(refused)}")
    return made


def deliveries(folder: Path) -> list[Delivery]:
    """Return what was sent of a period."""
    path = folder / RECORD_FILE
    if not path.exists():
        return []
    return [Delivery(**json.loads(line)) for line in path.read_text(encoding="utf-8").splitlines()]


def report_mail(report: ReportDocument, *, sender: str, recipient: str) -> EmailMessage:
    """Return the mail: text, HTML with the pictures inside, and the tables as attachments."""
    name, edition = report.name, edition_of(report)
    mark = hashlib.sha256(f"{name}/{edition}/{recipient}".encode()).hexdigest()[:24]
    message = EmailMessage()
    message["Subject"] = report.subject
    message["From"] = sender
    message["To"] = recipient
    message["Date"] = formatdate()
    # The same report to the same recipient has the same id: a mail client shows a repeated one once.
    message["Message-ID"] = f"<{mark}@{DOMAIN}>"
    message.set_content(report.text)
    message.add_alternative(report.html(lambda chart: f"cid:{chart}.{mark}@{DOMAIN}"), subtype="html")
    html = message.get_body(("html",))
    assert isinstance(html, EmailMessage)
    for chart, content in report.charts.items():
        html.add_related(
            content, "image", "png", cid=f"<{chart}.{mark}@{DOMAIN}>", filename=f"{chart}.png", disposition="inline"
        )
    message.add_attachment(report.csv, subtype="csv", filename=f"{name}-{CSV_FILE}")
    message.add_attachment(report.workbook, maintype="application", subtype=_XLSX, filename=f"{name}-{XLSX_FILE}")
    return message


@contextmanager
def _sole(folder: Path) -> Iterator[None]:
    """Wait until nobody else sends from this folder."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / _LOCK_FILE).open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _append(path: Path, record: dict[str, object]) -> None:
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(record) + "\n")
        file.flush()
        os.fsync(file.fileno())
