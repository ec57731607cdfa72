"""Triangular cycles from the record to the mail: live equals replay, marts add up, the report says what they earned."""

import asyncio
import shutil
from collections.abc import Iterator
from decimal import Decimal
from email.message import EmailMessage
from io import BytesIO
from pathlib import Path

import duckdb
import openpyxl
import pytest

from arb_pipeline.report import words
from arb_pipeline.report.period import Period
from arb_pipeline.report.queries import LIMITS
from arb_pipeline_tests.conftest import REPOSITORY
from arb_pipeline_tests.fixtures.damage import rewrite
from arb_pipeline_tests.fixtures.mailbox import Mailbox
from arb_pipeline_tests.fixtures.platform import DAY, FIRST, Platform, checks_of, platform_at
from arb_pipeline_tests.fixtures.recorded import MINUTE_NS
from arb_pipeline_tests.fixtures.turns import USD, capture_turns
from streaming_worker.adapters.clock import HandClock
from streaming_worker.app import capture_synthetic_history
from streaming_worker.config import load_config

FORTH = "coinbase|USD>SOL>BTC>USD"
PRIMARY_NS = 250_000_000


@pytest.fixture(scope="module")
def turned(tmp_path_factory: pytest.TempPathFactory, mailbox: Mailbox) -> Iterator[Platform]:
    """An hour with cycles, worked to the end, its report mailed."""
    folder = tmp_path_factory.mktemp("turned") / "data"
    capture_turns(folder, start_ns=FIRST.start_ns, minutes=66)
    environ = {"ARB_SMTP_RECIPIENTS": "turns@example.test"}
    platform = platform_at(folder, smtp_port=mailbox.port, **environ)
    with platform.instance:
        assert platform.compact().success
        hours = platform.work(FIRST, FIRST)
        assert hours.success
        assert [name for name, check in checks_of(hours).items() if not check.passed] == []
        assert platform.run("send_daily_report", partition_key=DAY).success
        yield platform


@pytest.fixture
def published(turned: Platform) -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(str(turned.settings.published), read_only=True) as connection:
        yield connection


@pytest.fixture
def mail(turned: Platform, mailbox: Mailbox) -> EmailMessage:
    (mail,) = mailbox.to("turns@example.test")
    return mail


def text_of(mail: EmailMessage) -> str:
    body = mail.get_body(("plain",))
    assert body is not None
    return str(body.get_content())


def test_every_output_of_a_cycle_is_reconciled(published: duckdb.DuckDBPyConnection) -> None:
    found = published.execute(
        "FROM fct_reconciliation SELECT output_table, matched, is_reconciled, digest_status"
        " WHERE output_table LIKE 'cycle_%' ORDER BY output_table"
    ).fetchall()
    assert [(table, matched) for table, matched, _, _ in found] == [
        ("cycle_legs", 54), ("cycle_openings", 6), ("cycle_opportunities", 6), ("cycle_rejections", 125),
        ("cycle_trades", 18),
    ]  # fmt: skip
    assert {(is_reconciled, digest) for _, _, is_reconciled, digest in found} == {(True, "equal")}


def test_the_marts_are_the_sums_of_the_recorded_turns(published: duckdb.DuckDBPyConnection) -> None:
    recorded = published.execute(
        "FROM lake.cycle_trades SELECT latency_ns, count(*), sum(predicted_net_e8), sum(realised_net_e8)"
        f" WHERE received_ns < {FIRST.end_ns} GROUP BY ALL ORDER BY ALL"
    ).fetchall()
    daily = published.execute(
        "FROM fct_cycle_pnl_daily SELECT latency_ns, trades, CAST(predicted_net_usd * 100000000 AS HUGEINT),"
        " CAST(realised_net_usd * 100000000 AS HUGEINT), is_primary, cycle ORDER BY latency_ns"
    ).fetchall()
    assert [row[:4] for row in daily] == recorded
    assert [row[4:] for row in daily] == [(latency == PRIMARY_NS, FORTH) for latency, *_ in recorded]
    # The cross comes back before the second order every other time: those turns lose at any latency but none.
    outcomes = published.execute(
        "FROM fct_cycle_trades SELECT latency_ns, count(*) FILTER (realised_net_usd > 0),"
        " count(*) FILTER (realised_net_usd < 0) GROUP BY ALL ORDER BY latency_ns"
    ).fetchall()
    assert outcomes == [(0, 6, 0), (PRIMARY_NS, 3, 3), (1_000_000_000, 3, 3)]
    assert published.execute("FROM fct_cycle_legs SELECT count(*), count(DISTINCT trade_id)").fetchall() == [(54, 18)]


def test_the_day_counts_routes_and_cycles_together(published: duckdb.DuckDBPyConnection) -> None:
    ((episodes, matched, refused, turns, won, net, total, routes),) = published.execute(
        "FROM rpt_daily SELECT cycle_opportunities, cycle_opportunities_matched, cycle_rejected_evaluations,"
        " cycle_trades, cycle_winning_trades, cycle_realised_net_usd, total_realised_net_usd, realised_net_usd"
    ).fetchall()
    ((evaluations,),) = published.execute("FROM fct_cycle_rejections SELECT sum(evaluations)").fetchall()
    assert (episodes, matched, turns, won, routes) == (6, 6, 6, 3, 0)
    assert refused == evaluations > 100
    assert total == net == Decimal(net)
    assert net < -1  # a loss, with its sign everywhere


def test_the_report_says_what_the_cycles_earned(published: duckdb.DuckDBPyConnection, mail: EmailMessage) -> None:
    ((net, planned),) = published.execute(
        f"FROM fct_cycle_trades SELECT sum(realised_net_usd), sum(predicted_net_usd) WHERE latency_ns = {PRIMARY_NS}"
    ).fetchall()
    assert f"{words.money(net)} USD simulated, data incomplete" in mail["Subject"]
    text = text_of(mail)
    assert (
        f"Triangular cycles: {words.money(net)} USD over 6 turns, planned {words.money(planned)} USD, won: 3." in text
    )
    assert f"coinbase USD > SOL > BTC > USD: 6 turns, {words.money(net)} USD realised" in text
    html = next(part for part in mail.walk() if part.get_content_type() == "text/html").get_content()
    assert "Triangular cycles inside one venue" in html
    assert html.count(words.money(net)) >= 4
    ((routes,),) = published.execute("FROM rpt_daily SELECT realised_net_usd").fetchall()
    assert f"Of the net, {words.money(routes)} USD are of routes between two markets" in html
    assert "net realised by routes" in text


def test_limits_and_inventory_in_the_report_are_those_of_the_run(
    published: duckdb.DuckDBPyConnection, mail: EmailMessage
) -> None:
    day = Period.of_day(DAY)
    ((largest, _, max_position, daily_loss),) = published.execute(LIMITS, [day.first, day.last]).fetchall()
    assert (max_position, daily_loss) == (1_000 * 10**8, 500 * 10**8)
    assert 900 < largest <= 1_000
    text = text_of(mail)
    assert f"Largest order: {words.amount(largest)} of 1,000.00 USD" in text
    # What the engine wrote down last of its shadow balance.
    ((total, drift),) = published.execute(
        "FROM lake.inventory_snapshots SELECT arg_max(total_e8, received_ns), arg_max(drift_e8, received_ns)"
        f" WHERE venue = 'coinbase' AND asset = 'USD' AND received_ns < {FIRST.end_ns}"
    ).fetchall()
    assert total - drift == USD * 10**8
    assert drift < -(10**8)
    share = Decimal(drift) / (USD * 10**6)
    assert f"coinbase USD: {words.size(Decimal(total) / 10**8)}, drift {words.percent(share)} (-" in text


def test_a_limit_that_an_operator_changed_is_the_one_in_force(turned: Platform) -> None:
    with duckdb.connect() as connection:
        connection.execute(f"ATTACH '{turned.settings.published}' AS file (READ_ONLY)")
        connection.execute("CREATE SCHEMA lake; CREATE VIEW lake.replay_runs AS FROM file.lake.replay_runs")
        for table in ("fct_simulated_trades", "fct_cycle_trades"):
            connection.execute(f"CREATE VIEW {table} AS FROM file.{table}")
        connection.execute("CREATE TABLE lake.limit_changes AS FROM file.lake.limit_changes")
        rows = [
            (1, "daily_loss_usd_e8", 60, None),
            (2, "daily_loss_usd_e8", 90, None),
            (3, "daily_loss_usd_e8", 1, "no"),
        ]
        for seq, name, requested, refusal in rows:
            connection.execute(
                "INSERT INTO lake.limit_changes BY NAME SELECT ? AS seq, ? AS name, ? AS requested, ? AS refusal,"
                f" 'turns' AS worker, 'run-t' AS run_id, {FIRST.start_ns} AS received_ns",
                [seq, name, requested, refusal],
            )
        day = Period.of_day(DAY)
        ((_, _, max_position, daily_loss),) = connection.execute(LIMITS, [day.first, day.last]).fetchall()
    assert (max_position, daily_loss) == (1_000 * 10**8, 90)


def test_the_workbook_holds_the_cycles_and_every_figure_as_a_number(
    published: duckdb.DuckDBPyConnection, mail: EmailMessage
) -> None:
    part = next(part for part in mail.walk() if (part.get_filename() or "").endswith(".xlsx"))
    book = openpyxl.load_workbook(BytesIO(part.get_payload(decode=True)), read_only=True)
    header, row = book["cycles"].iter_rows(values_only=True)
    cells = dict(zip(header, row, strict=True))
    ((net,),) = published.execute("FROM rpt_daily SELECT cycle_realised_net_usd").fetchall()
    assert (cells["cycle"], cells["trades"], cells["winning_trades"]) == (FORTH, 6, 3)
    assert Decimal(str(cells["realised_net_usd"])) == net
    summary = dict(row for row in book["summary"].iter_rows(min_row=2, values_only=True))
    assert Decimal(str(summary["total realised net usd"])) == net


def test_a_tampered_turn_fails_with_the_column_and_stops_what_follows(turned: Platform, tmp_path: Path) -> None:
    shutil.copytree(turned.settings.lake, tmp_path / "data" / "lake")
    damaged = platform_at(tmp_path / "data")
    query = "SELECT * REPLACE (realised_net_e8 + (seq = (SELECT min(seq) FROM file))::INT AS realised_net_e8) FROM file"
    rewrite(damaged.layout, "cycle_trades", FIRST, query, is_noticed=False)
    with damaged.instance:
        result = damaged.work(FIRST, FIRST, only=["replayed_outputs", "reconciled_opportunities", "simulated_trades"])
        check = checks_of(result)["reconciled_opportunities:live_equals_replay"]
    assert not check.passed
    assert {row["table"] for row in check.metadata["rows"].value} == {"cycle_trades"}
    assert check.metadata["rows"].value[0]["differences"][0]["column"] == "realised_net_e8"
    assert "simulated_trades" not in {event.step_key for event in result.get_step_success_events()}


def test_cycles_of_the_local_venues_are_found_and_replay_as_they_were(tmp_path: Path) -> None:
    example = REPOSITORY / "docs" / "examples" / "cycles.toml"
    environ = {"ARB_PROFILE": "demo", "ARB_DATA_DIR": str(tmp_path), "ARB_CAPTURE_RAW_FRAMES": "false"}
    past = capture_synthetic_history(
        load_config(example, environ),
        hours=0,
        seed=7,
        market_state=tmp_path / "market.json",
        clock=HandClock(FIRST.start_ns + 5 * MINUTE_NS),
    )
    assert asyncio.run(past) is not None
    platform = platform_at(tmp_path)
    with platform.instance:
        assert platform.compact().success
        result = platform.work(FIRST, FIRST, only=["replayed_outputs", "reconciled_opportunities"])
        assert checks_of(result)["reconciled_opportunities:live_equals_replay"].passed
    with duckdb.connect() as connection:
        files = f"{platform.settings.lake}/cycle_trades/*/*/*.parquet"
        turns = connection.execute(
            f"FROM read_parquet('{files}') SELECT latency_ns, count(*), sum(predicted_net_e8) GROUP BY ALL ORDER BY ALL"
        ).fetchall()
    assert len(turns) == 7
    assert len({number for _, number, _ in turns}) == 1
    assert turns[0][1] >= 2
    assert turns[0][2] > 0
