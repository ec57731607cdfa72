"""How figures are written: signs always, never rounded into something better."""

from decimal import Decimal

import pytest

from arb_pipeline.report import words


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("1234.5", "+1,234.50"),
        ("-1234.567", "-1,234.57"),
        ("0.004", "0.00"),
        ("-0.004", "0.00"),
        ("-0.006", "-0.01"),
        ("0", "0.00"),
    ],
)
def test_money_shows_its_sign_unless_it_is_nothing(value: str, expected: str) -> None:
    assert words.money(Decimal(value)) == expected


def test_a_share_is_never_rounded_up_to_the_whole() -> None:
    assert words.percent(Decimal("99.9999")) == "99.99 %"
    assert words.percent(Decimal(100)) == "100.00 %"


@pytest.mark.parametrize(
    ("nanos", "expected"),
    [
        (None, "-"),
        (0, "0 ms"),
        (250_000_000, "250 ms"),
        (1_000_000_000, "1.0 s"),
        (90_000_000_000, "1.5 min"),
        (5_400_000_000_000, "1.5 h"),
    ],
)
def test_a_length_of_time_has_the_unit_that_fits(nanos: int | None, expected: str) -> None:
    assert words.duration(nanos) == expected


def test_basis_points_show_their_sign_and_their_absence() -> None:
    assert words.bps(Decimal("12.5")) == "+12.50 bps"
    assert words.bps(Decimal("-0.01")) == "-0.01 bps"
    assert words.bps(None) == "-"
