"""One step, one amount, one tick: compared with exact fractions, rounding is never for the trader."""

from fractions import Fraction
from types import ModuleType

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from streaming_worker.core.amm import concentrated_math, raydium_clmm_math, uniswap_v3_math, whirlpool_math
from streaming_worker.core.amm.concentrated_math import Q64_FORMAT, Q96_FORMAT, NumberFormat
from streaming_worker.core.amm.whirlpool_swap import swap_step
from streaming_worker.errors import MathRangeError

SAMPLE = 80
THOUSANDS = 5_000
Q64 = 2**64
PRICES = st.integers(whirlpool_math.MIN_SQRT_PRICE_X64, whirlpool_math.MAX_SQRT_PRICE_X64)
LIQUIDITY = st.integers(1, 10**6) | st.integers(1, 2**70) | st.integers(1, 2**110)
REMAINING = st.integers(1, 10**6) | st.integers(1, 2**63)
FEE_RATES = st.sampled_from((0, 1, 400, 3_000, 60_000, 100_000))

both_runs = pytest.mark.parametrize(
    "examples",
    [SAMPLE, pytest.param(THOUSANDS, marks=[pytest.mark.slow, pytest.mark.timeout(1_200)])],
    ids=["sample", "thousands"],
)


def amount_a(low: int, high: int, liquidity: int, one: int) -> Fraction:
    return Fraction(liquidity * (high - low) * one, low * high)


def amount_b(low: int, high: int, liquidity: int, one: int) -> Fraction:
    return Fraction(liquidity * (high - low), one)


def check_step(
    result: tuple[int, int, int, int], price: int, target: int, liquidity: int, remaining: int, fee_rate: int,
    *, exact_in: bool, one: int,
) -> None:  # fmt: skip
    """The pool receives at least, and pays at most, what the price move is worth; nothing is lost."""
    reached, amount_in, amount_out, fee = result
    a_to_b = target <= price
    low, high = min(price, reached), max(price, reached)
    assert min(price, target) <= reached <= max(price, target)
    worth_a, worth_b = amount_a(low, high, liquidity, one), amount_b(low, high, liquidity, one)
    worth_in, worth_out = (worth_a, worth_b) if a_to_b else (worth_b, worth_a)
    assert amount_in >= worth_in
    assert amount_out <= worth_out
    assert fee * 1_000_000 >= (amount_in + fee) * fee_rate
    if exact_in:
        assert amount_in + fee <= remaining
        assert reached == target or amount_in + fee == remaining
    else:
        assert amount_out <= remaining
        assert reached == target or amount_out == remaining


@both_runs
def test_a_whirlpool_step_never_favours_the_trader(examples: int) -> None:
    @settings(max_examples=examples, deadline=None)
    @given(PRICES, PRICES, LIQUIDITY, REMAINING, FEE_RATES, st.booleans())
    def holds(price: int, target: int, liquidity: int, remaining: int, fee_rate: int, exact_in: bool) -> None:
        try:
            result = swap_step(price, target, liquidity, remaining, fee_rate, exact_in=exact_in, a_to_b=target <= price)
        except MathRangeError:
            assume(False)
        check_step(result, price, target, liquidity, remaining, fee_rate, exact_in=exact_in, one=Q64)

    holds()


@both_runs
@pytest.mark.parametrize("number_format", [Q64_FORMAT, Q96_FORMAT], ids=["raydium", "uniswap"])
def test_a_uniswap_step_never_favours_the_trader(examples: int, number_format: NumberFormat) -> None:
    shift = number_format.price_bits - 64

    @settings(max_examples=examples, deadline=None)
    @given(PRICES, PRICES, LIQUIDITY, REMAINING, FEE_RATES, st.booleans())
    def holds(price: int, target: int, liquidity: int, remaining: int, fee_rate: int, exact_in: bool) -> None:
        price, target = price << shift, target << shift
        try:
            result = concentrated_math.swap_step(
                price, target, liquidity, remaining, fee_rate, exact_in=exact_in, number_format=number_format
            )
        except MathRangeError:
            assume(False)
        one = 1 << number_format.price_bits
        check_step(result, price, target, liquidity, remaining, fee_rate, exact_in=exact_in, one=one)

    holds()


@both_runs
def test_the_whirlpool_step_and_the_uniswap_step_agree_where_both_fit(examples: int) -> None:
    """The designs differ in ticks and types, not in the step; two writings of it must agree."""

    @settings(max_examples=examples, deadline=None)
    @given(PRICES, PRICES, st.integers(1, 2**80), REMAINING, FEE_RATES, st.booleans())
    def holds(price: int, target: int, liquidity: int, remaining: int, fee_rate: int, exact_in: bool) -> None:
        try:
            ours = swap_step(price, target, liquidity, remaining, fee_rate, exact_in=exact_in, a_to_b=target <= price)
        except MathRangeError:
            assume(False)
        assert ours == concentrated_math.swap_step(
            price, target, liquidity, remaining, fee_rate, exact_in=exact_in, number_format=Q64_FORMAT
        )

    holds()


@both_runs
def test_the_next_price_never_goes_further_than_the_amount_pays_for(examples: int) -> None:
    @settings(max_examples=examples, deadline=None)
    @given(PRICES, LIQUIDITY, st.integers(1, 2**63), st.booleans(), st.booleans())
    def holds(price: int, liquidity: int, amount: int, is_a: bool, is_input: bool) -> None:
        next_price = whirlpool_math.next_sqrt_price_from_a if is_a else whirlpool_math.next_sqrt_price_from_b
        try:
            reached = next_price(price, liquidity, amount, is_input=is_input)
        except MathRangeError:
            assume(False)
        low, high = min(price, reached), max(price, reached)
        assume(low > 0)
        moved = amount_a(low, high, liquidity, Q64) if is_a else amount_b(low, high, liquidity, Q64)
        assert moved <= amount if is_input else moved >= amount

    holds()


@both_runs
@pytest.mark.parametrize(
    ("math", "lowest", "highest"),
    [
        (whirlpool_math, -443_636, 443_635),
        (raydium_clmm_math, -443_636, 443_634),
        (uniswap_v3_math, -887_272, 887_270),
    ],
    ids=["whirlpool", "raydium", "uniswap"],
)
def test_ticks_and_prices_are_inverse_and_monotone(examples: int, math: ModuleType, lowest: int, highest: int) -> None:
    price_of, tick_of = math.sqrt_price_from_tick, math.tick_from_sqrt_price

    @settings(max_examples=examples, deadline=None)
    @given(st.integers(lowest, highest), st.data())
    def holds(tick: int, data: st.DataObject) -> None:
        price, above = price_of(tick), price_of(tick + 1)
        assert price < above
        assert tick_of(price) == tick
        assert tick_of(data.draw(st.integers(price, above - 1))) == tick

    holds()
