"""What the managers read: figures equal SQL over the published file, losses carry their sign, emptiness is said."""

import csv
import io
import re
from collections.abc import Iterator
from decimal import Decimal
from email.message import EmailMessage
from pathlib import Path

import duckdb
import pytest

from arb_pipeline.mail import SmtpServer
from arb_pipeline.report import words
from arb_pipeline.report.delivery import deliver, deliveries
from arb_pipeline.report.document import ReportDocument, make_report
from arb_pipeline_tests.fixtures.mailbox import Mailbox
from arb_pipeline_tests.fixtures.platform import DAY, Evening


@pytest.fixture
def published(evening: Evening) -> Iterator[duckdb.DuckDBPyConnection]:
    """The published file, open for reading."""
    with duckdb.connect(str(evening.platform.settings.published), read_only=True) as connection:
        yield connection


@pytest.fixture
def report(published: duckdb.DuckDBPyConnection) -> ReportDocument:
    """The report of the evening."""
    return make_report(published, DAY, is_final=True)


@pytest.fixture
def mail(evening: Evening, mailbox: Mailbox) -> EmailMessage:
    """The mail as it arrived."""
    assert evening.report.success
    return next(mail for mail in mailbox.to("desk@example.test") if DAY in mail["Subject"])


def part(mail: EmailMessage, kind: str) -> EmailMessage:
    """Return the first part of a type."""
    return next(part for part in mail.walk() if part.get_content_type() == kind)


def one(connection: duckdb.DuckDBPyConnection, query: str) -> Decimal:
    """Return the only value of a query for the day."""
    return connection.execute(query, [DAY]).fetchall()[0][0]


PRIMARY = "FROM fct_simulated_trades WHERE is_primary AND report_date = CAST(? AS DATE)"


@pytest.mark.parametrize(
    "column",
    ["realised_net_usd", "predicted_net_usd", "realised_taker_fee_usd", "realised_slippage_usd", "predicted_gross_usd",
     "realised_network_cost_usd", "realised_stable_basis_usd", "realised_rebalancing_usd", "realised_pool_fee_usd",
     "realised_price_impact_usd"],
)  # fmt: skip
def test_every_line_of_the_stack_is_the_sum_over_the_published_trades(
    published: duckdb.DuckDBPyConnection, mail: EmailMessage, column: str
) -> None:
    shown = words.money(one(published, f"SELECT sum({column}) {PRIMARY}"))
    assert shown in part(mail, "text/html").get_content()
    assert shown in part(mail, "text/plain").get_content()


def test_counts_equal_the_published_tables(published: duckdb.DuckDBPyConnection, mail: EmailMessage) -> None:
    html = part(mail, "text/html").get_content()
    trades = one(published, f"SELECT count(*) {PRIMARY}")
    refused = one(published, "SELECT sum(evaluations) FROM fct_rejections WHERE report_date = CAST(? AS DATE)")
    seen = one(published, "SELECT count(*) FROM fct_opportunities WHERE report_date = CAST(? AS DATE)")
    cells = re.findall(r'<td class="n">([0-9,]+)</td>', html)
    for value in (trades, refused, seen):
        assert words.count(int(value)) in cells


def test_every_rung_of_the_ladder_is_shown_and_one_counts(
    published: duckdb.DuckDBPyConnection, mail: EmailMessage
) -> None:
    text = part(mail, "text/plain").get_content()
    rows = published.execute(
        "SELECT latency_ns, sum(realised_net_usd) FROM fct_simulated_trades"
        " WHERE report_date = CAST(? AS DATE) GROUP BY 1",
        [DAY],
    ).fetchall()
    assert len(rows) == 7
    for latency, net in rows:
        line = next(line for line in text.splitlines() if line.strip().startswith(f"{words.duration(latency)}  "))
        assert words.money(net) in line
    assert text.count("(counts)") == 1


def test_a_loss_carries_its_sign_wherever_it_stands(report: ReportDocument, mail: EmailMessage) -> None:
    net = report.figures.summary["realised_net_usd"]
    assert net < 0
    shown = words.money(net)
    assert shown.startswith("-")
    assert shown in str(mail["Subject"])
    assert f'<td class="n loss">{shown}</td>' in part(mail, "text/html").get_content()


def test_the_subject_says_whether_the_data_carries_the_result(mail: EmailMessage) -> None:
    assert str(mail["Subject"]).endswith("USD simulated, data incomplete")


def test_gaps_are_shown_with_their_causes(mail: EmailMessage) -> None:
    html = part(mail, "text/html").get_content()
    assert "closed by the venue" in html
    assert "22:20:00" in html
    assert "30.0 s" in html


def test_the_picture_is_inside_the_mail(mail: EmailMessage) -> None:
    picture = part(mail, "image/png")
    assert picture["Content-ID"].strip("<>") in part(mail, "text/html").get_content()
    assert picture.get_content().startswith(b"\x89PNG")
    assert picture.get_content_disposition() == "inline"


def test_the_table_has_every_trade_of_every_latency(published: duckdb.DuckDBPyConnection, mail: EmailMessage) -> None:
    attachment = part(mail, "text/csv")
    assert attachment.get_filename() == f"{DAY}-trades.csv"
    rows = list(csv.DictReader(io.StringIO(attachment.get_content())))
    assert len(rows) == one(published, "SELECT count(*) FROM fct_simulated_trades WHERE report_date = CAST(? AS DATE)")
    total = sum(Decimal(row["realised_net_usd"]) for row in rows if row["is_primary"] == "True")
    assert total == one(published, f"SELECT sum(realised_net_usd) {PRIMARY}")


def test_the_files_are_kept_beside_the_record_of_deliveries(evening: Evening, mail: EmailMessage) -> None:
    folder = evening.platform.settings.reports / DAY
    assert {path.name for path in folder.iterdir()} == {
        "report.html", "report.txt", "report.png", "trades.csv", "deliveries.jsonl",
    }  # fmt: skip
    assert (folder / "report.txt").read_text().splitlines() == part(mail, "text/plain").get_content().splitlines()
    assert {record.recipient for record in deliveries(folder)} == {"desk@example.test", "boss@example.test"}


def test_the_same_day_gives_the_same_report(published: duckdb.DuckDBPyConnection, report: ReportDocument) -> None:
    again = make_report(published, DAY, is_final=True)
    assert again.html(chart_source="x") == report.html(chart_source="x")
    assert (again.text, again.csv, again.chart) == (report.text, report.csv, report.chart)


def test_a_day_without_anything_says_so(published: duckdb.DuckDBPyConnection) -> None:
    empty = make_report(published, "2025-03-04", is_final=True)
    assert empty.subject == "Arbitrage report 2025-03-04: no data"
    assert "no closed and replayed hour" in empty.text
    assert "<table" not in empty.html(chart_source="x")
    assert empty.csv.count("\n") == 1


def test_a_day_without_a_trade_says_so(evening: Evening, tmp_path: Path) -> None:
    copy = tmp_path / "arb.duckdb"
    copy.write_bytes(evening.platform.settings.published.read_bytes())
    with duckdb.connect(str(copy)) as connection:
        zero = ", ".join(
            f"{name} = 0"
            for (name,) in connection.execute(
                "SELECT column_name FROM duckdb_columns() WHERE table_name = 'rpt_daily'"
                " AND (column_name LIKE '%_usd' OR column_name IN ('trades', 'winning_trades', 'unwound_trades'))"
            ).fetchall()
        )
        connection.execute(f"UPDATE rpt_daily SET {zero}")
        connection.execute("DELETE FROM fct_simulated_trades")
        connection.execute("DELETE FROM fct_pnl_daily")
        quiet = make_report(connection, DAY, is_final=False)
    assert "No opportunity was accepted" in quiet.text
    assert "36," in quiet.text
    assert quiet.subject.startswith(f"Arbitrage report {DAY} so far: 0.00 USD")
    assert "No trade at any latency." in quiet.html(chart_source="x")


def test_text_from_outside_cannot_become_markup(evening: Evening, tmp_path: Path) -> None:
    copy = tmp_path / "arb.duckdb"
    copy.write_bytes(evening.platform.settings.published.read_bytes())
    with duckdb.connect(str(copy)) as connection:
        connection.execute("UPDATE fct_gaps SET cause = '<img src=x onerror=alert(1)>'")
        html = make_report(connection, DAY, is_final=True).html(chart_source="x")
    assert "<img src=x" not in html
    assert "&lt;img src=x" in html


def test_a_report_goes_once_to_each_recipient_and_edition(
    published: duckdb.DuckDBPyConnection, report: ReportDocument, mailbox: Mailbox, tmp_path: Path
) -> None:
    so_far = make_report(published, DAY, is_final=False)
    steps = [
        (report, ["a@example.test"], False, 1),
        (report, ["a@example.test", "b@example.test"], False, 1),
        (report, ["a@example.test", "b@example.test"], False, 0),
        (so_far, ["a@example.test"], False, 1),
        (report, ["a@example.test"], True, 1),
    ]
    for document, recipients, is_repeated, expected in steps:
        sent = deliver(
            document,
            tmp_path,
            server=SmtpServer(host="127.0.0.1", port=mailbox.port),
            sender="arb@example.test",
            recipients=recipients,
            now=lambda: 5,
            is_repeated=is_repeated,
        )
        assert len(sent) == expected
    assert len(deliveries(tmp_path)) == 4
    mails = mailbox.to("a@example.test")
    assert len(mails) == 3
    assert mails[0]["Message-ID"] == mails[2]["Message-ID"] != mails[1]["Message-ID"]
