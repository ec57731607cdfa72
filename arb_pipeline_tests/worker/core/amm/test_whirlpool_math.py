"""Tick and token arithmetic of Whirlpool: extremes, rounding directions, and every way to leave a type."""

from collections.abc import Callable

import pytest

from streaming_worker.core.amm.whirlpool_math import (
    DIVIDE_BY_ZERO,
    MAX_SQRT_PRICE_X64,
    MAX_TICK,
    MIN_SQRT_PRICE_X64,
    MIN_TICK,
    MULTIPLICATION_OVERFLOW,
    Q64,
    SHIFT_RIGHT_OVERFLOW,
    SQRT_PRICE_OUT_OF_BOUNDS,
    TOKEN_MAX_EXCEEDED,
    TOKEN_MIN_SUBCEEDED,
    U64_MAX,
    amount_a_delta,
    amount_b_delta,
    apply_swap_fee,
    greatest_amount_in,
    least_amount_out,
    next_sqrt_price_from_a,
    next_sqrt_price_from_b,
    reverse_apply_swap_fee,
    sqrt_price_from_tick,
    tick_array_start,
    tick_from_sqrt_price,
    unchecked_sqrt_price,
)
from streaming_worker.errors import MathRangeError


@pytest.mark.parametrize(
    ("tick", "sqrt_price"),
    [
        (MIN_TICK, MIN_SQRT_PRICE_X64),
        (-1, 18445821805675392311),
        (0, Q64),
        (1, 18447666387855959850),
        (2, 18448588748116922571),
        (MAX_TICK, MAX_SQRT_PRICE_X64),
    ],
)
def test_ticks_have_the_programs_prices(tick: int, sqrt_price: int) -> None:
    assert sqrt_price_from_tick(tick) == sqrt_price
    assert tick_from_sqrt_price(sqrt_price) == tick


@pytest.mark.parametrize("tick", [MIN_TICK, -29_504, -88, -1, 0, 1, 443, 443_635])
def test_a_price_belongs_to_its_tick_until_the_next_one(tick: int) -> None:
    assert tick_from_sqrt_price(sqrt_price_from_tick(tick + 1) - 1) == tick


@pytest.mark.parametrize("tick", [MIN_TICK - 1, MAX_TICK + 1])
def test_a_tick_out_of_range_is_refused(tick: int) -> None:
    with pytest.raises(MathRangeError, match="443636"):
        sqrt_price_from_tick(tick)


@pytest.mark.parametrize("sqrt_price", [MIN_SQRT_PRICE_X64 - 1, MAX_SQRT_PRICE_X64 + 1])
def test_a_price_out_of_range_is_refused(sqrt_price: int) -> None:
    with pytest.raises(MathRangeError, match=str(sqrt_price)):
        tick_from_sqrt_price(sqrt_price)


def test_the_unchecked_price_drops_high_bits_as_the_program_does() -> None:
    assert unchecked_sqrt_price(-592_128) == sqrt_price_from_tick(-592_128 + 2**19)
    with pytest.raises(MathRangeError, match="u128"):
        unchecked_sqrt_price(2**19 - 1)


@pytest.mark.parametrize(
    ("tick", "spacing", "start"), [(-1, 1, -88), (-88, 1, -88), (87, 1, 0), (-443_636, 64, -444_928)]
)
def test_array_starts_round_towards_minus_infinity(tick: int, spacing: int, start: int) -> None:
    assert tick_array_start(tick, spacing) == start


@pytest.mark.parametrize("delta", [amount_a_delta, amount_b_delta])
def test_the_pool_rounds_what_it_receives_up_and_what_it_pays_down(delta: Callable[..., int]) -> None:
    low, high = sqrt_price_from_tick(-100), sqrt_price_from_tick(100)
    up = delta(high, low, 1_000_003, round_up=True)
    down = delta(low, high, 1_000_003, round_up=False)
    assert up == down + 1


def test_an_exact_amount_is_not_rounded() -> None:
    assert amount_b_delta(Q64, 3 * Q64, 5, round_up=True) == 10
    assert amount_a_delta(Q64, 2 * Q64, 10, round_up=True) == 5


def test_amounts_beyond_u64_are_refused_with_the_programs_number() -> None:
    with pytest.raises(MathRangeError) as a:
        amount_a_delta(MIN_SQRT_PRICE_X64, Q64, 2**64, round_up=False)
    with pytest.raises(MathRangeError) as b:
        amount_b_delta(0, Q64, 2**64, round_up=False)
    with pytest.raises(MathRangeError) as product:
        amount_a_delta(MIN_SQRT_PRICE_X64, MAX_SQRT_PRICE_X64, 2**127, round_up=False)
    assert (a.value.program_code, b.value.program_code) == (TOKEN_MAX_EXCEEDED, SHIFT_RIGHT_OVERFLOW)
    assert product.value.program_code == MULTIPLICATION_OVERFLOW


def test_rounding_up_to_u64_max_is_the_last_amount_that_fits() -> None:
    liquidity = (U64_MAX << 64) // Q64
    assert amount_b_delta(Q64, 2 * Q64, liquidity, round_up=True) == U64_MAX
    with pytest.raises(MathRangeError):
        amount_b_delta(Q64, 2 * Q64 + 1, liquidity, round_up=True)


def test_no_amount_leaves_the_price() -> None:
    assert next_sqrt_price_from_a(Q64, 1_000, 0, is_input=True) == Q64


def test_selling_a_lowers_the_price_and_buying_it_raises_it() -> None:
    assert next_sqrt_price_from_a(Q64, 1_000, 1_000, is_input=True) == Q64 // 2
    assert next_sqrt_price_from_a(Q64, 1_000, 500, is_input=False) == 2 * Q64


def test_selling_b_raises_the_price_and_buying_it_lowers_it() -> None:
    assert next_sqrt_price_from_b(Q64, 1_000, 1_000, is_input=True) == 2 * Q64
    assert next_sqrt_price_from_b(Q64, 1_000, 500, is_input=False) == Q64 // 2
    assert next_sqrt_price_from_b(Q64, 3, 1, is_input=False) == Q64 - -(-Q64 // 3)


@pytest.mark.parametrize(
    ("price", "liquidity", "amount", "is_input", "code"),
    [
        (MAX_SQRT_PRICE_X64, 2**127, 1, True, MULTIPLICATION_OVERFLOW),
        (Q64, 1_000, 1_000, False, DIVIDE_BY_ZERO),
        (Q64, 1, U64_MAX, True, TOKEN_MIN_SUBCEEDED),
        (MAX_SQRT_PRICE_X64, 2**64, 2**31, False, TOKEN_MAX_EXCEEDED),
    ],
)
def test_prices_from_a_refuse_with_the_programs_number(
    price: int, liquidity: int, amount: int, is_input: bool, code: int
) -> None:
    with pytest.raises(MathRangeError) as refused:
        next_sqrt_price_from_a(price, liquidity, amount, is_input=is_input)
    assert refused.value.program_code == code


@pytest.mark.parametrize(("amount", "is_input"), [(U64_MAX, True), (2, False)])
def test_prices_from_b_refuse_to_leave_u128(amount: int, is_input: bool) -> None:
    with pytest.raises(MathRangeError) as refused:
        next_sqrt_price_from_b(Q64, 1, amount, is_input=is_input)
    assert refused.value.program_code == SQRT_PRICE_OUT_OF_BOUNDS


def test_the_swap_fee_is_rounded_up_both_ways() -> None:
    assert apply_swap_fee(1_000, 3_001) == 996
    assert reverse_apply_swap_fee(996, 3_001) == 999
    assert (apply_swap_fee(999, 3_001), apply_swap_fee(998, 3_001)) == (996, 995)


def test_slippage_bounds_a_quote() -> None:
    assert least_amount_out(43, 50) == 42
    assert greatest_amount_in(1_000, 50) == 1_005
    assert greatest_amount_in(1_001, 50) == 1_007
    with pytest.raises(MathRangeError, match="u64"):
        greatest_amount_in(U64_MAX, 1)
