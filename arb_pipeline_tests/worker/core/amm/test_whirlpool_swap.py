"""One swap step at the edges of its types, and what ends a walk."""

import pytest

from arb_pipeline_tests.fixtures.pools import NOW, adaptive_oracle, whirlpool_market
from streaming_worker.core.amm.swap import SwapQuote, SwapRefusal, SwapRefusalReason
from streaming_worker.core.amm.whirlpool import quote_exact_in
from streaming_worker.core.amm.whirlpool_math import (
    MIN_SQRT_PRICE_X64,
    Q64,
    SHIFT_RIGHT_OVERFLOW,
    TOKEN_MAX_EXCEEDED,
    U64_MAX,
)
from streaming_worker.core.amm.whirlpool_swap import swap_step
from streaming_worker.errors import MathRangeError


def test_a_step_that_reaches_its_target_takes_the_whole_amount_and_its_fee() -> None:
    assert swap_step(Q64, 2 * Q64, 1_000, 10_000, 3_000, exact_in=True, a_to_b=False) == (2 * Q64, 1_000, 500, 4)


def test_a_step_that_falls_short_takes_all_that_is_left() -> None:
    price, amount_in, amount_out, fee = swap_step(Q64, 2 * Q64, 1_000, 500, 3_000, exact_in=True, a_to_b=False)
    assert Q64 < price < 2 * Q64
    assert amount_in + fee == 500
    assert amount_out == 332


def test_an_output_never_exceeds_what_was_asked() -> None:
    price, _, amount_out, _ = swap_step(Q64, 2 * Q64, 1_000, 1, 0, exact_in=False, a_to_b=False)
    assert amount_out == 1
    assert price > Q64


def test_rounding_onto_the_target_still_pays_what_was_asked() -> None:
    liquidity, target = 2**70, Q64 + 1_000
    whole = liquidity * 1_000 * Q64 // (Q64 * target)
    price, _, amount_out, _ = swap_step(Q64, target, liquidity, whole - 1, 0, exact_in=False, a_to_b=False)
    assert (price, amount_out) == (target, whole - 1)


@pytest.mark.parametrize(
    ("price", "target", "liquidity", "remaining", "exact_in", "a_to_b", "code"),
    [
        (2**33, 2**45, 2**60, 2**40, True, False, TOKEN_MAX_EXCEEDED),
        (Q64, 2 * Q64, 2**100, U64_MAX, False, False, TOKEN_MAX_EXCEEDED),
        (Q64 * 2**20, Q64, 2**64, 2**60, True, True, SHIFT_RIGHT_OVERFLOW),
        (Q64, Q64 // 2, 2**100, U64_MAX, False, True, SHIFT_RIGHT_OVERFLOW),
    ],
    ids=["output A", "wanted output A", "output B", "wanted output B"],
)
def test_amounts_beyond_u64_are_refused_with_the_programs_number(
    price: int, target: int, liquidity: int, remaining: int, exact_in: bool, a_to_b: bool, code: int
) -> None:
    with pytest.raises(MathRangeError) as refused:
        swap_step(price, target, liquidity, remaining, 0, exact_in=exact_in, a_to_b=a_to_b)
    assert refused.value.program_code == code


def test_the_sum_of_steps_beyond_u64_is_refused() -> None:
    # each of the two steps pays about 1.2e19 of B
    positions = [(98_752, 101_120, 2_570_000_000_000_000_000), (99_392, 101_120, 1)]
    market = whirlpool_market(positions, tick=100_032)
    quote = quote_exact_in(market, amount=10**18, a_to_b=True, unix_timestamp=NOW)
    assert isinstance(quote, SwapRefusal)
    assert (quote.reason, quote.program_code) == (SwapRefusalReason.MATH_OVERFLOW, 6039)


def test_a_fee_without_volatility_control_takes_one_step_to_the_next_tick() -> None:
    plain = whirlpool_market([(-6_400, 6_400, 10**12)], tick=10)
    adaptive = whirlpool_market([(-6_400, 6_400, 10**12)], tick=10, oracle=adaptive_oracle(control_factor=0))
    quotes = [quote_exact_in(market, amount=10**11, a_to_b=True, unix_timestamp=NOW) for market in (plain, adaptive)]
    assert all(isinstance(quote, SwapQuote) for quote in quotes)
    first, second = (quote for quote in quotes if isinstance(quote, SwapQuote))
    assert (first.amount_out, first.fee_amount) == (second.amount_out, second.fee_amount)
    assert second.end_state.oracle is not None
    assert second.end_state.oracle.variables.volatility_accumulator > 0


def test_the_last_slot_of_the_last_array_cannot_be_traded_beyond_its_tick() -> None:
    last_slot = 3 * 88 * 64 - 64
    market = whirlpool_market([(-64, last_slot, 10**6), (-64, 443_584, 10**6)], tick=0)
    beyond = quote_exact_in(market, amount=10**9, a_to_b=False, unix_timestamp=NOW)
    assert isinstance(beyond, SwapRefusal)
    assert beyond.reason == SwapRefusalReason.TICK_ARRAYS_EXHAUSTED


def test_a_walk_down_the_whole_range_ends_at_the_lowest_price() -> None:
    splash = whirlpool_market([(-427_648, 427_648, 10**9)], tick_spacing=32_896)
    quote = quote_exact_in(splash, amount=U64_MAX, a_to_b=True, unix_timestamp=NOW)
    assert isinstance(quote, SwapQuote)
    assert quote.end_state.pool.sqrt_price_x64 == MIN_SQRT_PRICE_X64
    assert quote.amount_in < U64_MAX
