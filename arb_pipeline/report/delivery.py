"""Send a report once: per day, edition and recipient there is one delivery, and a record of it beside the report."""

import hashlib
import json
import os
from collections.abc import Callable
from dataclasses import asdict, dataclass
from email.message import EmailMessage
from pathlib import Path
from typing import Final

from arb_pipeline.mail import SmtpServer
from arb_pipeline.report.document import CSV_FILE, ReportDocument

RECORD_FILE: Final = "deliveries.jsonl"
_DOMAIN: Final = "arb-platform.invalid"


@dataclass(frozen=True, slots=True)
class Delivery:
    """One mail that the server took. ``edition`` is final or so_far."""

    day: str
    edition: str
    recipient: str
    subject: str
    message_id: str
    sent_ns: int


def edition_of(report: ReportDocument) -> str:
    """Return which edition of its day a report is."""
    return "final" if report.figures.is_final else "so_far"


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

    Raises MailError; what was sent before is recorded and will not be sent again.
    """
    edition = edition_of(report)
    had = {(record.edition, record.recipient) for record in deliveries(folder)}
    made = []
    for recipient in recipients:
        if (edition, recipient) in had and not is_repeated:
            continue
        message = report_mail(report, sender=sender, recipient=recipient)
        server.send(message)
        delivery = Delivery(
            day=report.figures.day,
            edition=edition,
            recipient=recipient,
            subject=report.subject,
            message_id=str(message["Message-ID"]),
            sent_ns=now(),
        )
        _record(folder, delivery)
        made.append(delivery)
    return made


def deliveries(folder: Path) -> list[Delivery]:
    """Return what was sent of a day."""
    path = folder / RECORD_FILE
    if not path.exists():
        return []
    return [Delivery(**json.loads(line)) for line in path.read_text(encoding="utf-8").splitlines()]


def report_mail(report: ReportDocument, *, sender: str, recipient: str) -> EmailMessage:
    """Return the mail: text, HTML with the picture inside, and the table as an attachment."""
    day, edition = report.figures.day, edition_of(report)
    mark = hashlib.sha256(f"{day}/{edition}/{recipient}".encode()).hexdigest()[:24]
    picture = f"chart.{mark}@{_DOMAIN}"
    message = EmailMessage()
    message["Subject"] = report.subject
    message["From"] = sender
    message["To"] = recipient
    # The same report to the same recipient has the same id: a mail client shows a repeated one once.
    message["Message-ID"] = f"<{mark}@{_DOMAIN}>"
    message.set_content(report.text)
    message.add_alternative(report.html(chart_source=f"cid:{picture}"), subtype="html")
    html = message.get_body(("html",))
    assert isinstance(html, EmailMessage)
    html.add_related(report.chart, "image", "png", cid=f"<{picture}>", filename=f"{day}.png", disposition="inline")
    message.add_attachment(report.csv, subtype="csv", filename=f"{day}-{CSV_FILE}")
    return message


def _record(folder: Path, delivery: Delivery) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / RECORD_FILE).open("a", encoding="utf-8") as file:
        file.write(json.dumps(asdict(delivery)) + "\n")
        file.flush()
        os.fsync(file.fileno())
