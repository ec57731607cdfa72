"""The adapter over Great Expectations: one result a suite, severity of the worst failure, errors told apart."""

import dagster as dg
import great_expectations.expectations as gxe
import pandas as pd
import pytest

from arb_pipeline.expectations import Suite, validate
from arb_pipeline_tests.fixtures.platform import Evening, checks_of

FRAME = pd.DataFrame({"size": [1, 2, 3], "venue": ["a", "b", "b"]})


def test_expectations_that_hold_pass() -> None:
    result = validate(
        Suite("sizes", FRAME, [gxe.ExpectColumnValuesToBeBetween(column="size", min_value=1, max_value=3)])
    )
    assert result.passed
    assert result.metadata["expectations"].value == 1


@pytest.mark.parametrize(
    ("severities", "expected"),
    [
        (["warning"], dg.AssetCheckSeverity.WARN),
        (["warning", "critical"], dg.AssetCheckSeverity.ERROR),
        (["info"], dg.AssetCheckSeverity.WARN),
    ],
)
def test_the_worst_failure_decides_the_severity(severities: list[str], expected: dg.AssetCheckSeverity) -> None:
    suite = [
        gxe.ExpectColumnValuesToBeBetween(column="size", min_value=2 + place, max_value=9, severity=severity)
        for place, severity in enumerate(severities)
    ]
    result = validate(Suite("sizes", FRAME, suite))
    assert not result.passed
    assert result.severity is expected
    assert result.metadata["failed"].value == len(severities)
    assert result.metadata["failures"].value[0]["examples"] == ["1"]


def test_an_expectation_that_cannot_be_evaluated_is_an_error_not_bad_data() -> None:
    result = validate(Suite("sizes", FRAME, [gxe.ExpectColumnValuesToBeUnique(column="missing")]))
    assert not result.passed
    assert result.metadata["errors"].value == 1
    assert "missing" in result.metadata["failures"].value[0]["error"]


def test_no_rows_are_nothing_to_expect_anything_of() -> None:
    assert validate(Suite("sizes", FRAME.iloc[:0], [gxe.ExpectColumnValuesToBeUnique(column="size")])).passed


def test_the_suite_of_simulated_trades_ran_over_every_trade(evening: Evening) -> None:
    check = checks_of(evening.hours)["simulated_trades:trade_suite"]
    assert check.metadata["rows"].value == 161
    assert check.metadata["expectations"].value > 15
