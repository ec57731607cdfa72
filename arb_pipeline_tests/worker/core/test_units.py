"""Decimal text and fixed point: exact or refused."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streaming_worker.core.units import (
    E8,
    ceil_div,
    format_e8,
    format_fixed,
    notional_e8_ceil,
    notional_e8_floor,
    parse_e8,
    parse_fixed,
)
from streaming_worker.errors import FeedFormatError


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("65083.66", 6_508_366_000_000),
        ("83261", 8_326_100_000_000),
        ("0.00000001", 1),
        ("0.0000000000", 0),
        ("83364.9000000000", 8_336_490_000_000),
        ("12345678912.34", 1_234_567_891_234_000_000),
        (".5", 50_000_000),
        ("5.", 500_000_000),
    ],
)
def test_plain_decimals_are_exact(text: str, value: int) -> None:
    assert parse_e8(text) == value


@pytest.mark.parametrize(
    "text",
    ["", ".", "-1", "+1", "1e-8", "0.-10000", "1_000", " 1", "1 ", "0x1", "NaN", "0.000000001", "92233720368.54775808",
     "1.2.3", "\u0661", "1,5"],
)  # fmt: skip
def test_anything_else_is_refused_by_name(text: str) -> None:
    with pytest.raises(FeedFormatError):
        parse_e8(text)


@given(st.integers(-(10**18), 10**18))
def test_text_and_integer_round_trip(value: int) -> None:
    text = format_e8(value)
    assert (-parse_e8(text[1:]) if text.startswith("-") else parse_e8(text)) == value


@given(st.text(max_size=12))
def test_hostile_text_gives_a_value_or_a_feed_error(text: str) -> None:
    with suppress(FeedFormatError):
        assert parse_e8(text) >= 0


@given(st.integers(1, 10**14), st.integers(1, 10**14))
def test_a_buyer_pays_at_most_one_unit_more_than_a_seller_gets(price: int, size: int) -> None:
    assert 0 <= notional_e8_ceil(price, size) - notional_e8_floor(price, size) <= 1
    assert notional_e8_floor(price, size) * E8 <= price * size


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0.1437398746", 1_437_398_746),
        ("65000", 650_000_000_000_000),
        ("0.1200000000000", 1_200_000_000),
        (".5", 5 * 10**9),
    ],
)
def test_a_finer_scale_keeps_every_digit(text: str, value: int) -> None:
    assert parse_fixed(text, 10) == value
    assert parse_fixed(format_fixed(value, 10), 10) == value


@pytest.mark.parametrize("text", ["", ".", "-1", "1e-8", "0.12345678901", "9223372036", "1.2.3", "x", "0.-1"])
def test_a_finer_scale_refuses_what_is_not_exact(text: str) -> None:
    with pytest.raises(FeedFormatError):
        parse_fixed(text, 10)


@given(st.integers(0, 2**63 - 1), st.integers(8, 12))
def test_text_and_integer_round_trip_at_every_scale(value: int, digits: int) -> None:
    assert parse_fixed(format_fixed(value, digits), digits) == value
    assert parse_fixed(format_e8(value), 8) == parse_e8(format_e8(value))


def test_thousands_of_digits_are_refused_not_converted() -> None:
    with pytest.raises(FeedFormatError):
        parse_e8("9" * 5_000)


def test_ceil_div_rounds_towards_plus_infinity() -> None:
    assert (ceil_div(7, 2), ceil_div(-7, 2), ceil_div(6, 2)) == (4, -3, 3)
