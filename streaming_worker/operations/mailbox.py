"""Read the mails that the demo's sink kept: is there a report, and does it hold tables with rows?"""

from dataclasses import dataclass
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from html.parser import HTMLParser
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    """What counts of one mail. ``table_rows`` has the number of data rows of each HTML table."""

    file: str
    subject: str
    recipients: str
    table_rows: tuple[int, ...]
    attachments: tuple[str, ...]

    @property
    def is_report(self) -> bool:
        """A report has at least one table with a row."""
        return any(self.table_rows)


def read_mails(folder: Path) -> tuple[Mail, ...]:
    """Return every kept mail in the order of arrival."""
    return tuple(_mail(path) for path in sorted(folder.glob("*.eml")))


def table_rows(html: str) -> tuple[int, ...]:
    """Return how many rows with data cells each table has; nested tables count for themselves."""
    counter = _RowCounter()
    counter.feed(html)
    counter.close()
    return tuple(counter.rows)


def _mail(path: Path) -> Mail:
    with path.open("rb") as file:
        message = BytesParser(_class=EmailMessage, policy=policy.default).parse(file)
    assert isinstance(message, EmailMessage)
    body = message.get_body(("html",))
    names = [part.get_filename() or part.get_content_type() for part in message.iter_attachments()]
    return Mail(
        file=path.name,
        subject=str(message["Subject"]).strip(),
        recipients=str(message["To"]),
        table_rows=() if body is None else table_rows(body.get_content()),
        attachments=tuple(names),
    )


class _RowCounter(HTMLParser):
    """Counts a row once it has a data cell, so that a header alone is no row."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[int] = []
        self._open: list[int] = []
        self._row_counts = True

    def handle_starttag(self, tag: str, _: list[tuple[str, str | None]]) -> None:
        if tag == "table":
            self._open.append(len(self.rows))
            self.rows.append(0)
        elif tag == "tr":
            self._row_counts = True
        elif tag == "td" and self._open and self._row_counts:
            self.rows[self._open[-1]] += 1
            self._row_counts = False

    def handle_endtag(self, tag: str) -> None:
        if tag == "table" and self._open:
            self._open.pop()
