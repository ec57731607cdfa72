"""A report counts only when a table in it has a row; what the sink keeps is what was sent."""

import smtplib
import socket
from email.message import EmailMessage
from pathlib import Path

import pytest

from streaming_worker.operations.mailbox import read_mails, table_rows
from streaming_worker.sandbox.mail_sink import controller


def _report(rows: str) -> EmailMessage:
    message = EmailMessage()
    message["Subject"] = "Daily report 2026-01-31: 12,34 USD"
    message["From"] = "arb@localhost"
    message["To"] = "operator@localhost"
    message.set_content("plain")
    message.add_alternative(f"<table><tr><th>venue</th></tr>{rows}</table>", subtype="html")
    message.add_attachment(b"a,b\n1,2\n", maintype="text", subtype="csv", filename="trades.csv")
    return message


@pytest.mark.parametrize(
    ("html", "rows"),
    [
        ("<p>nothing</p>", ()),
        ("<table><tr><th>a</th></tr></table>", (0,)),
        ("<table><tr><th>a</th><td>1</td><td>2</td></tr><tr><td>3</td></tr></table>", (2,)),
        ("<table><tr><td><table><tr><td>in</td></tr><tr><td>ner</td></tr></table></td></tr></table>", (1, 2)),
        ("<table></table></table><td>stray</td><table><tr><td>x</td></tr></table>", (0, 1)),
    ],
)
def test_only_rows_with_data_cells_count(html: str, rows: tuple[int, ...]) -> None:
    assert table_rows(html) == rows


def test_every_mail_becomes_one_file_in_the_order_of_arrival(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    server = controller("127.0.0.1", port, tmp_path / "mail")
    server.start()
    try:
        for rows in ("", "<tr><td>coinbase</td></tr>"):
            with smtplib.SMTP("127.0.0.1", port, timeout=60) as client:
                client.send_message(_report(rows))
    finally:
        server.stop()
    empty, report = read_mails(tmp_path / "mail")
    assert (empty.file, report.file) == ("00001.eml", "00002.eml")
    assert (empty.is_report, report.is_report) == (False, True)
    assert report.subject == "Daily report 2026-01-31: 12,34 USD"
    assert report.recipients == "operator@localhost"
    assert report.attachments == ("trades.csv",)


def test_a_mail_without_html_has_no_tables(tmp_path: Path) -> None:
    message = EmailMessage()
    message["Subject"] = "alert"
    message.set_content("text only")
    (tmp_path / "00001.eml").write_bytes(message.as_bytes())
    (mail,) = read_mails(tmp_path)
    assert (mail.table_rows, mail.is_report) == ((), False)
