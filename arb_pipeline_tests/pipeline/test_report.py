"""What the managers read: figures equal SQL over the published file, losses carry their sign, emptiness is said."""

import re
from decimal import Decimal
from email.message import EmailMessage
from pathlib import Path

import duckdb
import pytest

from arb_pipeline.report import words
from arb_pipeline.report.document import ReportDocument, make_report
from arb_pipeline.report.period import Period
from arb_pipeline_tests.fixtures.platform import DAY, LINKS, Evening


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


def copy_of(evening: Evening, folder: Path) -> duckdb.DuckDBPyConnection:
    """Return a copy of the published file that may be changed."""
    copy = folder / "arb.duckdb"
    copy.write_bytes(evening.platform.settings.published.read_bytes())
    return duckdb.connect(str(copy))


def report_of(connection: duckdb.DuckDBPyConnection, first: str, last: str | None = None) -> ReportDocument:
    """Return the finished report of some days."""
    return make_report(connection, Period.between(first, last or first), LINKS, is_final=True)


def page(report: ReportDocument) -> str:
    """Return the HTML as it is kept."""
    return report.html(lambda name: f"{name}.png")


def test_the_drawdown_is_the_deepest_fall_below_an_earlier_high(
    published: duckdb.DuckDBPyConnection, report: ReportDocument
) -> None:
    nets = published.execute(f"SELECT realised_net_usd {PRIMARY} ORDER BY completed_ns, trade_id", [DAY]).fetchall()
    total = high = deepest = Decimal(0)
    for (net,) in nets:
        total += net
        high = max(high, total)
        deepest = min(deepest, total - high)
    assert report.figures.drawdown is not None
    assert report.figures.drawdown.drawdown == deepest < 0
    assert report.figures.curve[-1].realised == total
    assert words.money(deepest) in page(report)


def test_slippage_planned_and_realised_are_those_of_the_trades_that_count(
    published: duckdb.DuckDBPyConnection, report: ReportDocument
) -> None:
    for prefix in ("predicted", "realised"):
        total = one(published, f"SELECT sum({prefix}_slippage_usd + {prefix}_price_impact_usd) {PRIMARY}")
        assert sum(row[f"{prefix}_usd"] for row in report.figures.tables["slippage"]) == total != 0


def test_venues_and_routes_add_up_to_the_headline(report: ReportDocument) -> None:
    summary, tables = report.figures.summary, report.figures.tables
    assert summary is not None
    assert sum(row["realised_net_usd"] for row in tables["routes"]) == summary["realised_net_usd"]
    pools = [row for row in tables["venues"] if row["venue"] == "orca"]
    assert sum(row["realised_net_usd"] for row in pools) == summary["realised_net_usd"]
    assert sum(row["trades"] for row in tables["routes"]) == summary["trades"]
    assert sum(row["trades"] for row in tables["outcomes"]) == summary["trades"]


def test_episodes_are_the_best_and_the_worst_each_with_its_link(
    published: duckdb.DuckDBPyConnection, report: ReportDocument
) -> None:
    nets = [net for (net,) in published.execute(f"SELECT realised_net_usd {PRIMARY} ORDER BY 1 DESC", [DAY]).fetchall()]
    assert [row["realised_net_usd"] for row in report.figures.best] == [net for net in nets if net > 0][:5]
    assert [row["realised_net_usd"] for row in report.figures.worst] == [net for net in nets[::-1] if net < 0][:5]
    html = page(report)
    for row in (*report.figures.best, *report.figures.worst):
        assert f"https://console.example.test/opportunities?id={row['opportunity_id']}" in html


def test_inventory_is_that_of_the_last_snapshot(evening: Evening, tmp_path: Path) -> None:
    with copy_of(evening, tmp_path) as connection:
        connection.execute("DELETE FROM fct_inventory")
        for minute, drift in ((1, "3"), (2, "-1.5")):
            connection.execute(
                "INSERT INTO fct_inventory (worker, run_id, snapshot_at, snapshot_ns, hour_at, report_date, venue,"
                " asset, total, reserved, target, drift, arriving, price_usd, value_usd, drift_usd, drift_pct) VALUES"
                " ('w', 'r', ?, ?, ?, ?, 'gemini', 'SOL', 100, 0, 100, ?, 0, 150, 15000, ?, ?)",
                [f"{DAY} 23:0{minute}:00", minute, f"{DAY} 23:00:00", DAY, drift, Decimal(drift) * 150, drift],
            )
        html = page(report_of(connection, DAY))
    assert "-225.00" in html
    assert "-1.50 %" in html
    assert "+450.00" not in html


def test_limits_are_those_of_the_run_and_the_worst_moment_counts(evening: Evening, tmp_path: Path) -> None:
    with copy_of(evening, tmp_path) as connection:
        report = report_of(connection, DAY)
        largest = one(connection, f"SELECT max(notional_usd) {PRIMARY}")
        lowest = one(
            connection,
            "SELECT min(so_far) FROM (SELECT sum(realised_net_usd) OVER (ORDER BY completed_ns, trade_id) AS so_far"
            f" {PRIMARY})",
        )
    order, loss = report.figures.limits
    assert (order.used, order.allowed) == (largest, Decimal(1000))
    assert loss.allowed == Decimal(500)
    assert loss.used == -lowest > 0
    assert f'<td class="n">{words.percent(loss.share)}</td>' in page(report)


def days_around(connection: duckdb.DuckDBPyConnection) -> None:
    """Add the day before and a week before, with a tenth and a half of the day's money."""
    columns = [name for (name, *_) in connection.execute("DESCRIBE rpt_daily").fetchall() if name != "report_date"]
    for days, share in ((1, "0.1"), (7, "0.5")):
        values = ", ".join(f"{name} * {share} AS {name}" if name.endswith("_usd") else name for name in columns)
        connection.execute(
            f"INSERT INTO rpt_daily BY NAME SELECT report_date - {days} AS report_date, {values} FROM rpt_daily"
            f" WHERE report_date = '{DAY}'"
        )


def test_a_day_is_compared_with_the_day_and_the_week_before_and_their_mean(evening: Evening, tmp_path: Path) -> None:
    with copy_of(evening, tmp_path) as connection:
        days_around(connection)
        report = report_of(connection, DAY)
        net = one(connection, "SELECT realised_net_usd FROM rpt_daily WHERE report_date = CAST(? AS DATE)")
    before, week, mean = report.figures.comparisons
    assert before.value("realised_net_usd") == (net * Decimal("0.1")).quantize(Decimal("0.00000001"))
    assert week.value("realised_net_usd") == (net * Decimal("0.5")).quantize(Decimal("0.00000001"))
    assert words.money(mean.value("realised_net_usd")) == words.money(net * Decimal("0.3"))
    assert words.money(net * Decimal("0.1")) in page(report)
    assert "a week before" in report.text


def test_a_range_is_the_sum_of_its_days(evening: Evening, tmp_path: Path) -> None:
    with copy_of(evening, tmp_path) as connection:
        days_around(connection)
        report = report_of(connection, "2025-03-03", "2025-03-09")
        row = connection.execute(
            "SELECT sum(realised_net_usd), sum(trades), sum(completeness_pct) / 7 FROM rpt_daily"
            " WHERE report_date BETWEEN '2025-03-03' AND '2025-03-09'"
        ).fetchall()[0]
    summary = report.figures.summary
    assert summary is not None
    assert (summary["realised_net_usd"], summary["trades"]) == (row[0], row[1])
    assert abs(float(summary["completeness_pct"]) - row[2]) < 1e-4
    assert (summary["days_covered"], summary["data_verdict"]) == (2, "incomplete")
    assert report.subject.startswith("Arbitrage report week 10 of 2025 (2025-03-03 to 2025-03-09): ")
    assert "5 of 7 days have no data" in page(report)
    assert "DAY BY DAY" in report.text


def test_a_range_is_complete_only_when_every_day_is_there_and_complete(evening: Evening, tmp_path: Path) -> None:
    with copy_of(evening, tmp_path) as connection:
        days_around(connection)
        connection.execute("UPDATE rpt_daily SET data_verdict = 'complete'")
        verdicts = [
            (report_of(connection, first, DAY).figures.summary or {})["data_verdict"]
            for first in ("2025-03-07", "2025-03-06")
        ]
        connection.execute("UPDATE rpt_daily SET data_verdict = 'doubtful' WHERE report_date = '2025-03-07'")
        verdicts.append((report_of(connection, "2025-03-07", DAY).figures.summary or {})["data_verdict"])
    assert verdicts == ["complete", "incomplete", "doubtful"]


def test_the_same_day_gives_the_same_files(published: duckdb.DuckDBPyConnection, report: ReportDocument) -> None:
    again = make_report(published, Period.of_day(DAY), LINKS, is_final=True)
    assert again.files() == report.files()


def test_a_day_without_anything_says_so(published: duckdb.DuckDBPyConnection) -> None:
    empty = report_of(published, "2025-03-04")
    assert empty.subject == "Arbitrage report 2025-03-04: no data"
    assert "no closed and replayed hour" in empty.text
    assert "<table" not in page(empty)
    assert "<img" not in page(empty)
    assert empty.csv.count("\n") == 1
    assert empty.charts == {}


def without_trades(connection: duckdb.DuckDBPyConnection) -> None:
    """Take every trade and episode away; hours, gaps and refusals stay."""
    zero = ", ".join(
        f"{name} = 0"
        for (name,) in connection.execute(
            "SELECT column_name FROM duckdb_columns() WHERE table_name = 'rpt_daily'"
            " AND (column_name LIKE '%_usd' OR column_name IN ('trades', 'winning_trades', 'unwound_trades'))"
        ).fetchall()
    )
    connection.execute(f"UPDATE rpt_daily SET {zero}")
    for table in ("simulated_trades", "pnl_daily", "edge_decay", "slippage", "opportunities"):
        connection.execute(f"DELETE FROM fct_{table}")


def test_a_day_without_a_trade_says_so(evening: Evening, tmp_path: Path) -> None:
    with copy_of(evening, tmp_path) as connection:
        without_trades(connection)
        quiet = make_report(connection, Period.of_day(DAY), LINKS, is_final=False)
    assert "No opportunity was accepted" in quiet.text
    assert "36," in quiet.text
    assert quiet.subject.startswith(f"Arbitrage report {DAY} so far: 0.00 USD")
    assert "No trade at any latency." in page(quiet)
    assert len(quiet.charts) == 4


def test_a_day_with_only_gaps_shows_them(evening: Evening, tmp_path: Path) -> None:
    with copy_of(evening, tmp_path) as connection:
        without_trades(connection)
        connection.execute("DELETE FROM fct_rejections")
        connection.execute("UPDATE rpt_daily SET rejected_evaluations = 0, opportunities = 0, completeness_pct = 0")
        gone = report_of(connection, DAY)
    html = page(gone)
    assert "Nothing was refused." in html
    assert "closed by the venue" in html
    assert "0.00 %" in html
    assert "nothing was refused" in gone.text


def test_text_from_outside_cannot_become_markup(evening: Evening, tmp_path: Path) -> None:
    with copy_of(evening, tmp_path) as connection:
        connection.execute("UPDATE fct_gaps SET cause = '<img src=x onerror=alert(1)>'")
        html = page(report_of(connection, DAY))
    assert "<img src=x" not in html
    assert "&lt;img src=x" in html
