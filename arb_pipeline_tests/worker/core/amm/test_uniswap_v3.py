"""Uniswap v3 and Algebra V1: tick extremes, word stops, the overflow fallback, fee shares, partial fills, refusals."""

from itertools import islice

import pytest

from arb_pipeline_tests.fixtures.pools import Positions, active_liquidity, ticks_of, uniswap_pool
from streaming_worker.core.amm import algebra, uniswap_v3
from streaming_worker.core.amm.algebra import AlgebraPool
from streaming_worker.core.amm.concentrated_math import (
    Q64_FORMAT,
    Q96_FORMAT,
    U256_MAX,
    amount0_delta,
    amount1_delta,
    next_price_from_0,
    next_price_from_1,
    swap_step,
)
from streaming_worker.core.amm.pool_state import Tick
from streaming_worker.core.amm.swap import SwapQuote, SwapRefusal, SwapRefusalReason
from streaming_worker.core.amm.uniswap_v3 import UniswapV3Pool
from streaming_worker.core.amm.uniswap_v3_math import (
    MAX_SQRT_PRICE_X96,
    MAX_TICK,
    MIN_SQRT_PRICE_X96,
    MIN_TICK,
    sqrt_price_from_tick,
    stops_down,
    stops_up,
    tick_from_sqrt_price,
)
from streaming_worker.errors import MathRangeError

Q96 = 2**96
WIDE: Positions = [(-60_000, 60_000, 10**18), (-120, 120, 10**19), (180, 1_200, 5 * 10**18)]


def algebra_pool(positions: Positions, *, fee: int = 100, community_fee: int = 250) -> AlgebraPool:
    return AlgebraPool(
        address="0x55ca",
        sqrt_price_x96=Q96,
        tick=0,
        fee=fee,
        community_fee_token0=community_fee,
        community_fee_token1=0,
        liquidity=active_liquidity(positions, 0),
        total_fee_growth0_x128=0,
        total_fee_growth1_x128=0,
        ticks=tuple(ticks_of(positions)),
    )


@pytest.mark.parametrize(("tick", "price"), [(MIN_TICK, MIN_SQRT_PRICE_X96), (0, Q96), (MAX_TICK, MAX_SQRT_PRICE_X96)])
def test_ticks_have_the_contracts_prices(tick: int, price: int) -> None:
    assert sqrt_price_from_tick(tick) == price
    assert tick_from_sqrt_price(min(price, MAX_SQRT_PRICE_X96 - 1)) == min(tick, MAX_TICK - 1)


@pytest.mark.parametrize("tick", [MIN_TICK - 1, MAX_TICK + 1])
def test_a_tick_out_of_range_is_refused(tick: int) -> None:
    with pytest.raises(MathRangeError, match="887272"):
        sqrt_price_from_tick(tick)


@pytest.mark.parametrize("price", [MIN_SQRT_PRICE_X96 - 1, MAX_SQRT_PRICE_X96])
def test_a_price_out_of_range_is_refused(price: int) -> None:
    with pytest.raises(MathRangeError, match=str(price)):
        tick_from_sqrt_price(price)


def test_bitmap_words_end_in_stops_of_their_own() -> None:
    ticks = [Tick(-600, 7, 7), Tick(300, -7, 7)]
    assert list(islice(stops_down(ticks, 5, 1), 4)) == [(0, None), (-256, None), (-512, None), (-600, 7)]
    assert list(islice(stops_up(ticks, 5, 1), 3)) == [(255, None), (300, -7), (511, None)]


def test_words_of_negative_ticks_round_towards_minus_infinity() -> None:
    assert next(stops_down([], -1, 60)) == (-256 * 60, None)
    assert next(stops_up([], -1, 60)) == (255 * 60, None)
    assert next(stops_up([], -61, 60)) == (-60, None)


def test_stops_do_not_leave_the_tick_range() -> None:
    assert next(stops_down([], MIN_TICK + 5, 200)) == (MIN_TICK, None)
    assert next(stops_up([], MAX_TICK - 5, 200)) == (MAX_TICK, None)


def test_the_current_tick_is_a_stop_on_the_way_down_only() -> None:
    ticks = [Tick(0, 7, 7), Tick(10, -7, 7)]
    assert next(stops_down(ticks, 0, 10)) == (0, 7)
    assert next(stops_up(ticks, 0, 10)) == (10, -7)


def test_an_input_too_large_for_256_bits_takes_the_coarse_formula() -> None:
    amount, liquidity, price = 2**200, 2**100, 2**100
    coarse = next_price_from_0(price, liquidity, amount, price_bits=96, is_input=True)
    assert coarse == -(-(liquidity << 96) // ((liquidity << 96) // price + amount))
    assert next_price_from_0(price, liquidity, 1, price_bits=96, is_input=True) < price


@pytest.mark.parametrize("amount", [2**100, U256_MAX])
def test_more_than_the_liquidity_holds_cannot_leave_it(amount: int) -> None:
    with pytest.raises(MathRangeError, match="token 0"):
        next_price_from_0(Q96, 1_000, amount, price_bits=96, is_input=False)
    with pytest.raises(MathRangeError, match="token 1"):
        next_price_from_1(Q96, 1_000, amount, price_bits=96, is_input=False)


def test_prices_round_against_the_trader() -> None:
    assert next_price_from_0(Q96, 1_000, 500, price_bits=96, is_input=False) == 2 * Q96
    assert next_price_from_1(Q96, 3, 1, price_bits=96, is_input=False) == Q96 - -(-Q96 // 3)
    assert next_price_from_1(Q96, 3, 1, price_bits=96, is_input=True) == Q96 + Q96 // 3
    low, high = sqrt_price_from_tick(-50), sqrt_price_from_tick(50)
    for delta in (amount0_delta, amount1_delta):
        up, down = (delta(low, high, 10**9 + 7, price_bits=96, round_up=round_up) for round_up in (True, False))
        assert up == down + 1


def test_a_step_beyond_its_type_is_refused() -> None:
    with pytest.raises(MathRangeError, match="type"):
        swap_step(2**33, 2**45, 2**60, 2**40, 0, exact_in=True, number_format=Q64_FORMAT)


def test_a_step_of_a_rising_price_takes_token_1() -> None:
    step = swap_step(Q96, 2 * Q96, 1_000, 10_000, 3_000, exact_in=True, number_format=Q96_FORMAT)
    assert step == (2 * Q96, 1_000, 500, 4)


def test_rounding_onto_the_target_still_pays_what_was_asked() -> None:
    liquidity, target = 2**102, Q96 + 1_000
    whole = amount0_delta(Q96, target, liquidity, price_bits=96, round_up=False)
    price, _, out, _ = swap_step(Q96, target, liquidity, whole - 1, 0, exact_in=False, number_format=Q96_FORMAT)
    assert (price, out) == (target, whole - 1)


@pytest.mark.parametrize("a_to_b", [True, False])
def test_crossing_ticks_changes_liquidity_and_fees(a_to_b: bool) -> None:
    pool = uniswap_pool(WIDE, tick_spacing=60, fee_protocol=0x45)
    quote = uniswap_v3.quote_exact_in(pool, amount=2 * 10**17, a_to_b=a_to_b)
    assert isinstance(quote, SwapQuote)
    assert quote.ticks_crossed == (1 if a_to_b else 2)
    assert quote.end_state.liquidity == (10**18 if a_to_b else 6 * 10**18)
    share = quote.fee_amount // (5 if a_to_b else 4)
    assert 0 <= share - quote.protocol_fee < 3
    owed = (quote.end_state.protocol_fees0, quote.end_state.protocol_fees1)
    assert owed == ((quote.protocol_fee, 0) if a_to_b else (0, quote.protocol_fee))
    growths = (quote.end_state.fee_growth_global0_x128 > 0, quote.end_state.fee_growth_global1_x128 > 0)
    assert growths == (a_to_b, not a_to_b)


def test_a_pool_that_runs_out_fills_an_input_in_part() -> None:
    pool = uniswap_pool([(-600, 600, 10**12)])
    for a_to_b in (True, False):
        quote = uniswap_v3.quote_exact_in(pool, amount=10**18, a_to_b=a_to_b)
        assert isinstance(quote, SwapQuote)
        assert 0 < quote.amount_in < 10**18
        assert quote.end_state.liquidity == 0
        assert quote.end_state.sqrt_price_x96 == (MIN_SQRT_PRICE_X96 + 1 if a_to_b else MAX_SQRT_PRICE_X96 - 1)


def test_an_output_that_the_pool_does_not_hold_is_refused_unless_a_limit_was_given() -> None:
    pool = uniswap_pool([(-600, 600, 10**12)])
    quote = uniswap_v3.quote_exact_out(pool, amount=10**18, a_to_b=True)
    assert isinstance(quote, SwapRefusal)
    assert quote.reason == SwapRefusalReason.PARTIAL_FILL
    limited = uniswap_v3.quote_exact_out(
        pool, amount=10**18, a_to_b=True, sqrt_price_limit_x96=sqrt_price_from_tick(-300)
    )
    assert isinstance(limited, SwapQuote)
    assert limited.amount_out < 10**18


def test_exact_out_costs_what_exact_in_would_give() -> None:
    pool = uniswap_pool(WIDE)
    bought = uniswap_v3.quote_exact_out(pool, amount=10**16, a_to_b=False)
    assert isinstance(bought, SwapQuote)
    sold = uniswap_v3.quote_exact_in(pool, amount=bought.amount_in, a_to_b=False)
    assert isinstance(sold, SwapQuote)
    assert sold.amount_out >= bought.amount_out == 10**16


def reason_of(quote: SwapQuote[UniswapV3Pool] | SwapQuote[AlgebraPool] | SwapRefusal) -> SwapRefusalReason:
    assert isinstance(quote, SwapRefusal), quote
    return quote.reason


@pytest.mark.parametrize(
    ("amount", "a_to_b", "limit", "reason"),
    [
        (0, True, None, SwapRefusalReason.ZERO_AMOUNT),
        (2**255, True, None, SwapRefusalReason.AMOUNT_TOO_LARGE),
        (1, True, MIN_SQRT_PRICE_X96, SwapRefusalReason.PRICE_LIMIT_OUT_OF_RANGE),
        (1, False, MAX_SQRT_PRICE_X96, SwapRefusalReason.PRICE_LIMIT_OUT_OF_RANGE),
        (1, True, Q96, SwapRefusalReason.PRICE_LIMIT_WRONG_SIDE),
        (1, False, Q96, SwapRefusalReason.PRICE_LIMIT_WRONG_SIDE),
    ],
)
def test_senseless_orders_are_refused(amount: int, a_to_b: bool, limit: int | None, reason: SwapRefusalReason) -> None:
    pools = uniswap_pool(WIDE), algebra_pool(WIDE)
    for quote in (
        uniswap_v3.quote_exact_in(pools[0], amount=amount, a_to_b=a_to_b, sqrt_price_limit_x96=limit),
        uniswap_v3.quote_exact_out(pools[0], amount=amount, a_to_b=a_to_b, sqrt_price_limit_x96=limit),
        algebra.quote_exact_in(pools[1], amount=amount, a_to_b=a_to_b, sqrt_price_limit_x96=limit),
        algebra.quote_exact_out(pools[1], amount=amount, a_to_b=a_to_b, sqrt_price_limit_x96=limit),
    ):
        assert reason_of(quote) == reason


def test_ticks_that_do_not_fit_the_liquidity_are_refused() -> None:
    ticks = (Tick(-60, 10**30, 10**30), Tick(60, 10**30, 10**30))
    pool = UniswapV3Pool("0x", 3_000, 60, Q96, 0, 10**18, 0, 0, 0, 0, 0, ticks)
    other = AlgebraPool("0x", Q96, 0, 100, 0, 0, 10**18, 0, 0, ticks)
    assert reason_of(uniswap_v3.quote_exact_in(pool, amount=10**18, a_to_b=True)) == SwapRefusalReason.MATH_OVERFLOW
    assert reason_of(algebra.quote_exact_in(other, amount=10**18, a_to_b=True)) == SwapRefusalReason.MATH_OVERFLOW


@pytest.mark.parametrize("a_to_b", [True, False])
def test_the_first_swap_of_a_block_takes_the_next_fee_and_stores_it(a_to_b: bool) -> None:
    pool = algebra_pool(WIDE, fee=100)
    stored = algebra.quote_exact_in(pool, amount=10**15, a_to_b=a_to_b)
    first = algebra.quote_exact_in(pool, amount=10**15, a_to_b=a_to_b, next_fee=2_000)
    assert isinstance(stored, SwapQuote)
    assert isinstance(first, SwapQuote)
    assert (stored.fee_amount, first.fee_amount) == (10**11, 2 * 10**12)
    assert (stored.end_state.fee, first.end_state.fee) == (100, 2_000)
    assert first.protocol_fee == (first.fee_amount // 4 if a_to_b else 0)
    assert (first.end_state.total_fee_growth0_x128 > 0) == a_to_b


def test_an_algebra_output_that_the_pool_does_not_hold_is_refused() -> None:
    quote = algebra.quote_exact_out(algebra_pool([(-600, 600, 10**12)]), amount=10**18, a_to_b=False)
    assert reason_of(quote) == SwapRefusalReason.PARTIAL_FILL


def test_a_limit_stops_an_algebra_swap() -> None:
    limit = sqrt_price_from_tick(60)
    quote = algebra.quote_exact_in(algebra_pool(WIDE), amount=10**18, a_to_b=False, sqrt_price_limit_x96=limit)
    assert isinstance(quote, SwapQuote)
    assert quote.end_state.sqrt_price_x96 == limit
    assert quote.amount_in < 10**18
