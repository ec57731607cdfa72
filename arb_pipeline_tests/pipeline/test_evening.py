"""The whole way: segments to Parquet to replay to marts to mail, by the real jobs, with every check green."""

import shutil
import stat
from decimal import Decimal
from pathlib import Path

import dagster as dg
import duckdb
import pytest

from arb_pipeline.lake.tables import CAPTURED, DERIVED
from arb_pipeline_tests.fixtures.mailbox import Mailbox
from arb_pipeline_tests.fixtures.platform import DAY, HOURS, Evening, checks_of


@pytest.mark.parametrize("step", ["compaction", "hours", "report", "weekly"])
def test_every_job_succeeds_and_every_check_is_green(evening: Evening, step: str) -> None:
    result = getattr(evening, step)
    assert result.success, [event.message for event in result.filter_events(lambda e: e.is_failure)]
    checks = checks_of(result)
    assert checks
    assert [name for name, check in checks.items() if not check.passed] == []


def test_every_table_of_the_lake_has_a_blocking_check_and_a_row_count(evening: Evening) -> None:
    materialised = evening.compaction.asset_materializations_for_node("lake_segments")
    counts = {event.asset_key.path[-1]: event.metadata["dagster/row_count"].value for event in materialised}
    assert set(counts) == {table.name for table in CAPTURED}
    assert counts["clock_ticks"] == 156 * 60
    checks = checks_of(evening.compaction)
    for table in CAPTURED:
        assert checks[f"lake/{table.name}:rows_verified"].blocking


def test_every_hour_is_materialised_by_one_run(evening: Evening) -> None:
    instance = evening.platform.instance
    for name in ("replayed_outputs", "reconciled_opportunities", "simulated_trades", "feed_quality", "pnl_hourly"):
        events = instance.fetch_materializations(dg.AssetKey(name), limit=10).records
        assert {record.partition_key for record in events} == {hour.key for hour in HOURS}
        assert {record.run_id for record in events} == {evening.hours.run_id}


def test_live_equals_replay_for_every_output_of_the_evening(evening: Evening) -> None:
    check = checks_of(evening.hours)["reconciled_opportunities:live_equals_replay"]
    assert check.metadata["matched"].value > 4_000
    digest = checks_of(evening.hours)["reconciled_opportunities:digest_equals_live"]
    assert digest.metadata["parts"].value == digest.metadata["compared"].value == 3


def test_an_hour_that_was_worked_is_not_due_again(evening: Evening) -> None:
    assert [part.hour.key for part in evening.platform.catalogue.due_hours()] == ["2025-03-09-00:00"]


def test_the_published_file_has_the_marts_as_tables_and_the_lake_as_views(evening: Evening) -> None:
    with duckdb.connect(str(evening.platform.settings.published), read_only=True) as connection:
        tables = {name for (name,) in connection.execute("SELECT table_name FROM duckdb_tables()").fetchall()}
        assert {"fct_opportunities", "fct_reconciliation", "fct_simulated_trades", "fct_pnl_daily", "fct_slippage",
                "fct_feed_quality", "fct_gaps", "dim_instruments", "rpt_daily", "readme", "fct_inventory",
                "fct_attribution", "fct_venue_comparison", "fct_edge_decay", "fct_lifetimes", "fct_fee_what_if",
                "fct_regimes", "fct_pnl_hourly", "fct_completeness", "fct_lead_lag"} <= tables  # fmt: skip
        for table in (*CAPTURED, *DERIVED):
            connection.execute(f"FROM lake.{table.name} LIMIT 1")
        ((described,),) = connection.execute("SELECT count(*) FROM readme WHERE description = ''").fetchall()
        assert described == 0


def test_the_published_file_explains_every_table_and_every_column(evening: Evening) -> None:
    with duckdb.connect(str(evening.platform.settings.published), read_only=True) as connection:
        there = connection.execute(
            "SELECT if(schema_name = 'main', table_name, schema_name || '.' || table_name), column_name, data_type"
            " FROM duckdb_columns() WHERE NOT internal AND table_name NOT IN ('readme', 'examples')"
        ).fetchall()
        told = connection.execute(
            "SELECT name, column_name, data_type FROM readme WHERE column_name IS NOT NULL"
        ).fetchall()
        assert sorted(there) == sorted(told)
        tables = connection.execute("SELECT name FROM readme WHERE column_name IS NULL").fetchall()
        assert {name for (name,) in tables} == {name for name, *_ in there} | {"readme", "examples"}
        assert connection.execute("SELECT name, column_name FROM readme WHERE trim(description) = ''").fetchall() == []
        comments = connection.execute(
            "SELECT count(*) FROM duckdb_columns()"
            " WHERE comment IS NULL AND schema_name = 'main' AND table_name LIKE 'fct%'"
        ).fetchall()
        assert comments == [(0,)]


def test_the_example_queries_run_and_answer(evening: Evening) -> None:
    with duckdb.connect(str(evening.platform.settings.published), read_only=True) as connection:
        examples = connection.execute("SELECT title, query FROM examples").fetchall()
        answers = {title: connection.execute(query).fetchall() for title, query in examples}
    assert len(answers) == len(examples) >= 12
    empty = {title for title, rows in answers.items() if not rows}
    assert empty == {
        "Where live and replay differ",  # nothing differs
        "Trades of one hour as the venues printed them; date and hour keep the other files closed",  # of yesterday
        "What turning three pairs inside one venue would have earned",  # no cycle is configured
    }


def test_the_views_of_the_lake_show_exact_decimals_and_times_beside_the_integers(evening: Evening) -> None:
    with duckdb.connect(str(evening.platform.settings.published), read_only=True) as connection:
        wrong = connection.execute(
            "SELECT count(*) FROM lake.book_updates WHERE price * 100000000 <> price_e8 OR size * 100000000 <> size_e8"
            " OR epoch_us(received_at) <> received_ns // 1000 OR date <> received_at::DATE OR hour <> hour(received_at)"
        ).fetchall()
        assert wrong == [(0,)]
        kinds = connection.execute(
            "SELECT DISTINCT typeof(price), typeof(received_at) FROM lake.book_updates"
        ).fetchall()
        assert kinds == [("DECIMAL(28,8)", "TIMESTAMP")]


def test_the_lake_is_found_where_the_data_folder_was_moved(evening: Evening, tmp_path: Path) -> None:
    data_dir = evening.platform.settings.data_dir
    shutil.copy(evening.platform.settings.published, tmp_path / "copy.duckdb")
    (tmp_path / "moved").symlink_to(data_dir, target_is_directory=True)
    with duckdb.connect(str(tmp_path / "copy.duckdb"), read_only=True) as connection:
        rows = connection.execute("SELECT count(*) FROM lake.clock_ticks").fetchall()
        assert rows == [(156 * 60,)]
        connection.execute(f"SET VARIABLE arb_data = '{tmp_path / 'nowhere'}'")
        with pytest.raises(duckdb.IOException, match="nowhere"):
            connection.execute("FROM lake.clock_ticks")
        connection.execute(f"SET VARIABLE arb_data = '{tmp_path / 'moved'}'")
        assert connection.execute("SELECT count(*) FROM lake.clock_ticks").fetchall() == rows
    assert stat.S_IMODE(evening.platform.settings.published.stat().st_mode) == 0o600


def test_columns_of_the_marts_keep_to_the_contract_of_names_and_types(evening: Evening) -> None:
    with duckdb.connect(str(evening.platform.settings.published), read_only=True) as connection:
        columns = connection.execute(
            "SELECT table_name, column_name, data_type FROM duckdb_columns()"
            " WHERE schema_name = 'main' AND table_name NOT IN ('readme', 'examples') AND NOT internal"
        ).fetchall()
    endings = {"_usd": "DECIMAL(28,8)", "_at": "TIMESTAMP", "_ns": "BIGINT"}
    for table, column, kind in columns:
        for ending, expected in endings.items():
            if column.endswith(ending):
                assert kind == expected, f"{table}.{column}"
        assert kind not in ("DOUBLE", "FLOAT"), f"{table}.{column}"


def test_the_day_is_told_by_its_own_figures(evening: Evening) -> None:
    with duckdb.connect(str(evening.platform.settings.published), read_only=True) as connection:
        row = connection.execute(
            "SELECT hours_covered, hours_complete, opportunities, opportunities_matched, trades, unwound_trades, gaps,"
            " is_reconciled, data_verdict, realised_net_usd, predicted_net_usd FROM rpt_daily WHERE report_date = ?",
            [DAY],
        ).fetchall()[0]
        ((net,),) = connection.execute(
            "SELECT sum(realised_net_usd) FROM fct_simulated_trades WHERE is_primary AND report_date = ?", [DAY]
        ).fetchall()
    hours_covered, hours_complete, seen, matched, trades, unwound, gaps, reconciled, verdict, realised, planned = row
    assert (hours_covered, hours_complete, verdict, reconciled) == (3, 0, "incomplete", True)
    assert seen == matched == trades == 23
    assert unwound == 8
    assert gaps == 5
    assert realised == net
    assert realised < 0 < planned
    assert isinstance(realised, Decimal)


def test_one_mail_went_to_each_recipient(evening: Evening, mailbox: Mailbox) -> None:
    for recipient in ("desk@example.test", "boss@example.test"):
        (mail,) = [mail for mail in mailbox.to(recipient) if DAY in mail["Subject"]]
        assert [part.get_content_type() for part in mail.walk()] == [
            "multipart/mixed",
            "multipart/alternative",
            "text/plain",
            "multipart/related",
            "text/html",
            *["image/png"] * 4,
            "text/csv",
            "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        ]
