"""A trade above the limit of its run is found; one that an operator allowed is not.

A limit that was raised on the screen Risk made the check fail that stops the hour.
"""

import duckdb
import pytest

from arb_pipeline.analytics.outcomes import ABOVE_LIMIT

USD = 10**8


def found(*changes: tuple[str, str, str, int, int, str | None], notional_usd: int = 1_500) -> list[str]:
    """Return the trades above their limit: one is decided at 100 ns by a run that began with 1,000 USD."""
    with duckdb.connect() as connection:
        connection.execute(
            "CREATE TABLE trade_outcomes (hour_ns BIGINT, worker VARCHAR, run_id VARCHAR, trade_id VARCHAR,"
            " latency_ns BIGINT, notional_usd_e8 BIGINT, decided_ns BIGINT)"
        )
        connection.execute(
            "INSERT INTO trade_outcomes VALUES (0, 'main', 'r1', 't', 250, ?, 100)", [notional_usd * USD]
        )
        settings = f'{{"limits": {{"max_position_usd_e8": {1_000 * USD}}}}}'
        connection.execute(
            "CREATE TABLE replay_runs AS SELECT 0 AS hour_ns, 'main' AS worker, 'r1' AS run_id, ? AS settings",
            [settings],
        )
        connection.execute(
            "CREATE TABLE limit_changes (worker VARCHAR, run_id VARCHAR, name VARCHAR, requested BIGINT,"
            " received_ns BIGINT, refusal VARCHAR)"
        )
        if changes:
            connection.executemany("INSERT INTO limit_changes VALUES (?, ?, ?, ?, ?, ?)", changes)
        return [str(row[0]) for row in connection.execute(ABOVE_LIMIT).fetchall()]


def test_without_a_change_the_limit_of_the_run_holds() -> None:
    assert found() == ["t"]
    assert found(notional_usd=1_000) == []


def test_what_an_operator_allowed_before_the_decision_is_no_mistake() -> None:
    raised = ("main", "r1", "max_position_usd_e8", 1_500 * USD, 100, None)
    assert found(raised) == []
    assert found(raised, ("main", "r1", "max_position_usd_e8", 1_200 * USD, 90, None)) == []
    assert found(raised, notional_usd=1_501) == ["t"]


@pytest.mark.parametrize(
    "other",
    [
        ("main", "r1", "max_position_usd_e8", 1_500 * USD, 101, None),
        ("main", "r2", "max_position_usd_e8", 1_500 * USD, 90, None),
        ("b", "r1", "max_position_usd_e8", 1_500 * USD, 90, None),
        ("main", "r1", "daily_loss_usd_e8", 1_500 * USD, 90, None),
        ("main", "r1", "max_position_usd_e8", 1_500 * USD, 90, "out of range"),
    ],
)
def test_a_change_that_is_later_or_of_something_else_allows_nothing(
    other: tuple[str, str, str, int, int, str | None],
) -> None:
    assert found(other) == ["t"]
