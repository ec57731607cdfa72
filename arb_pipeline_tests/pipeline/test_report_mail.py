"""The report on its way: one mail a recipient and edition, pictures inside, tables attached, refusals kept."""

import csv
import io
import json
import threading
from datetime import date, datetime
from decimal import Decimal
from email.message import EmailMessage
from pathlib import Path

import duckdb
import openpyxl
import pytest

from arb_pipeline.report.delivery import deliver, deliveries
from arb_pipeline.report.document import ReportDocument, make_report
from arb_pipeline.report.period import Period
from arb_pipeline_tests.fixtures.mailbox import Mailbox
from arb_pipeline_tests.fixtures.platform import DAY, LINKS, Evening
from arb_pipeline_tests.pipeline.test_report import PRIMARY, one, part
from streaming_worker.alerts.mail import SmtpServer
from streaming_worker.errors import MailError


def send(report: ReportDocument, folder: Path, port: int, *recipients: str, is_repeated: bool = False) -> list[str]:
    """Deliver; return who was sent to."""
    sent = deliver(
        report,
        folder,
        server=SmtpServer(host="127.0.0.1", port=port),
        sender="arb@example.test",
        recipients=list(recipients),
        now=lambda: 5,
        is_repeated=is_repeated,
    )
    return [delivery.recipient for delivery in sent]


def test_every_picture_of_the_html_is_inside_the_mail(mail: EmailMessage) -> None:
    html = part(mail, "text/html").get_content()
    pictures = [part for part in mail.walk() if part.get_content_type() == "image/png"]
    assert len(pictures) == html.count("<img ") == 4
    for picture in pictures:
        assert f'src="cid:{picture["Content-ID"].strip("<>")}"' in html
        assert picture.get_content().startswith(b"\x89PNG")
        assert picture.get_content_disposition() == "inline"
    assert "http" not in html.split("<img")[1].split(">")[0]


def test_the_table_has_every_trade_of_every_latency(published: duckdb.DuckDBPyConnection, mail: EmailMessage) -> None:
    attachment = part(mail, "text/csv")
    assert attachment.get_filename() == f"{DAY}-trades.csv"
    rows = list(csv.DictReader(io.StringIO(attachment.get_content())))
    assert len(rows) == one(published, "SELECT count(*) FROM fct_simulated_trades WHERE report_date = CAST(? AS DATE)")
    total = sum(Decimal(row["realised_net_usd"]) for row in rows if row["is_primary"] == "True")
    assert total == one(published, f"SELECT sum(realised_net_usd) {PRIMARY}")


def test_the_workbook_has_typed_cells_that_add_up(published: duckdb.DuckDBPyConnection, mail: EmailMessage) -> None:
    attachment = part(mail, "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet")
    assert attachment.get_filename() == f"{DAY}-report.xlsx"
    book = openpyxl.load_workbook(io.BytesIO(attachment.get_content()))
    assert {"summary", "stack", "trades", "venues", "slippage", "gaps", "inventory"} <= set(book.sheetnames)
    header, *rows = book["trades"].values
    column = {name: index for index, name in enumerate(header)}
    assert len(rows) == one(published, "SELECT count(*) FROM fct_simulated_trades WHERE report_date = CAST(? AS DATE)")
    assert all(isinstance(row[column["decided_at"]], datetime) for row in rows)
    assert all(isinstance(row[column["report_date"]], date) for row in rows)
    assert all(isinstance(row[column["is_primary"]], bool) for row in rows)
    nets = [row[column["realised_net_usd"]] for row in rows if row[column["is_primary"]]]
    assert all(isinstance(net, int | float) for net in nets)
    assert round(sum(nets), 8) == float(one(published, f"SELECT sum(realised_net_usd) {PRIMARY}"))
    summary = dict(book["summary"].values)
    assert summary["data verdict"] == "incomplete"
    assert book["inventory"]["A1"].value in ("worker", "no rows")


def test_text_that_begins_like_a_formula_stays_text(evening: Evening, tmp_path: Path) -> None:
    copy = tmp_path / "arb.duckdb"
    copy.write_bytes(evening.platform.settings.published.read_bytes())
    with duckdb.connect(str(copy)) as connection:
        connection.execute("UPDATE fct_simulated_trades SET instrument = '=1+1'")
        report = make_report(connection, Period.of_day(DAY), LINKS, is_final=True)
    rows = list(csv.DictReader(io.StringIO(report.csv)))
    assert {row["instrument"] for row in rows} == {"'=1+1"}
    assert any(row["realised_net_usd"].startswith("-") for row in rows)
    book = openpyxl.load_workbook(io.BytesIO(report.workbook))
    header = [cell.value for cell in book["trades"][1]]
    cell = book["trades"].cell(2, header.index("instrument") + 1)
    assert (cell.value, cell.data_type) == ("=1+1", "s")


def test_the_files_are_kept_beside_the_record_of_deliveries(evening: Evening, mail: EmailMessage) -> None:
    folder = evening.platform.settings.reports / DAY
    assert {path.name for path in folder.iterdir() if not path.name.startswith(".")} == {
        "report.html", "report.txt", "report.json", "report.xlsx", "trades.csv", "deliveries.jsonl",
        "waterfall.png", "curve.png", "decay.png", "slippage.png",
    }  # fmt: skip
    assert (folder / "report.txt").read_text().splitlines() == part(mail, "text/plain").get_content().splitlines()
    assert {record.recipient for record in deliveries(folder)} == {"desk@example.test", "boss@example.test"}
    headline = json.loads((folder / "report.json").read_text())
    assert (headline["from"], headline["to"], headline["edition"]) == (DAY, DAY, "final")
    assert Decimal(headline["summary"]["realised_net_usd"]) < 0


def test_a_report_goes_once_to_each_recipient_and_edition(
    published: duckdb.DuckDBPyConnection, report: ReportDocument, mailbox: Mailbox, tmp_path: Path
) -> None:
    so_far = make_report(published, Period.of_day(DAY), LINKS, is_final=False)
    both = ("a@example.test", "b@example.test")
    assert send(report, tmp_path, mailbox.port, "a@example.test") == ["a@example.test"]
    assert send(report, tmp_path, mailbox.port, *both) == ["b@example.test"]
    assert send(report, tmp_path, mailbox.port, *both) == []
    assert send(so_far, tmp_path, mailbox.port, "a@example.test") == ["a@example.test"]
    assert send(report, tmp_path, mailbox.port, "a@example.test", is_repeated=True) == ["a@example.test"]
    assert len(deliveries(tmp_path)) == 4
    mails = mailbox.to("a@example.test")
    assert len(mails) == 3
    assert mails[0]["Message-ID"] == mails[2]["Message-ID"] != mails[1]["Message-ID"]


def test_two_that_send_at_the_same_moment_send_once(report: ReportDocument, tmp_path: Path) -> None:
    with Mailbox() as box:
        start = threading.Barrier(4)

        def sender() -> None:
            start.wait()
            send(report, tmp_path, box.port, "a@example.test", "b@example.test")

        threads = [threading.Thread(target=sender) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert len(box.mails) == 2


def test_a_broken_server_is_named_kept_on_record_and_tried_again(report: ReportDocument, tmp_path: Path) -> None:
    with Mailbox() as box:
        box.is_refusing = True
        with pytest.raises(MailError, match=f"the report of {DAY} did not reach a@example.test: .*try again later"):
            send(report, tmp_path, box.port, "a@example.test", "b@example.test")
        assert deliveries(tmp_path) == []
        refusals = [json.loads(line) for line in (tmp_path / "refusals.jsonl").read_text().splitlines()]
        assert [refusal["recipient"] for refusal in refusals] == ["a@example.test", "b@example.test"]
        box.is_refusing = False
        assert send(report, tmp_path, box.port, "a@example.test", "b@example.test") == [
            "a@example.test", "b@example.test",
        ]  # fmt: skip
