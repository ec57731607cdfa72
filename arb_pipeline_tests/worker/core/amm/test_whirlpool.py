"""Whirlpool quotes: every refusal by name, the state they leave behind, transfer fees, limits."""

from collections.abc import Callable

import msgspec
import pytest

from arb_pipeline_tests.fixtures.pools import NOW, Positions, adaptive_oracle, whirlpool_market
from streaming_worker.core.amm.pool_state import Tick, TickArray, TransferFee, WhirlpoolMarket
from streaming_worker.core.amm.swap import SwapQuote, SwapRefusal, SwapRefusalReason
from streaming_worker.core.amm.whirlpool import quote_exact_in, quote_exact_out
from streaming_worker.core.amm.whirlpool_math import (
    MAX_SQRT_PRICE_X64,
    MIN_SQRT_PRICE_X64,
    U64_MAX,
    sqrt_price_from_tick,
)

DEEP: Positions = [(-64_000, 64_000, 10**15)]
LAYERS: Positions = [(-64_000, 64_000, 10**12), (-128, 128, 10**13), (64, 640, 5 * 10**12)]


def sell(
    market: WhirlpoolMarket, amount: int, *, a_to_b: bool = True, limit: int | None = None, now: int = NOW
) -> SwapQuote[WhirlpoolMarket] | SwapRefusal:
    return quote_exact_in(market, amount=amount, a_to_b=a_to_b, unix_timestamp=now, sqrt_price_limit_x64=limit)


def buy(
    market: WhirlpoolMarket, amount: int, *, a_to_b: bool = True, limit: int | None = None
) -> SwapQuote[WhirlpoolMarket] | SwapRefusal:
    return quote_exact_out(market, amount=amount, a_to_b=a_to_b, unix_timestamp=NOW, sqrt_price_limit_x64=limit)


def quoted(quote: SwapQuote[WhirlpoolMarket] | SwapRefusal) -> SwapQuote[WhirlpoolMarket]:
    assert isinstance(quote, SwapQuote), quote
    return quote


def refused(quote: SwapQuote[WhirlpoolMarket] | SwapRefusal) -> tuple[SwapRefusalReason, int | None]:
    assert isinstance(quote, SwapRefusal), quote
    return quote.reason, quote.program_code


def without_arrays(market: WhirlpoolMarket, *starts: int) -> WhirlpoolMarket:
    arrays = {start: array for start, array in market.arrays.items() if start not in starts}
    return msgspec.structs.replace(market, arrays=arrays)


@pytest.mark.parametrize("a_to_b", [True, False])
def test_a_small_sale_at_price_one_pays_the_fee_and_nothing_else(a_to_b: bool) -> None:
    quote = quoted(sell(whirlpool_market(DEEP), 1_000_000, a_to_b=a_to_b))
    assert (quote.amount_in, quote.amount_out) == (1_000_000, 996_999)
    assert (quote.fee_amount, quote.protocol_fee) == (3_000, 390)
    assert (quote.pool_amount_in, quote.pool_amount_out, quote.ticks_crossed) == (1_000_000, 996_999, 0)
    # one unit of rounding on 997 thousand is 0.0100 bps
    assert quote.price_impact_bps_e2 == 2


@pytest.mark.parametrize("a_to_b", [True, False])
def test_the_end_state_is_the_market_after_the_swap(a_to_b: bool) -> None:
    market = whirlpool_market(DEEP)
    end = quoted(sell(market, 1_000_000, a_to_b=a_to_b)).end_state
    growth = (3_000 - 390) * 2**64 // 10**15
    assert end.pool.protocol_fee_owed_a == (390 if a_to_b else 0)
    assert end.pool.protocol_fee_owed_b == (0 if a_to_b else 390)
    assert end.pool.fee_growth_global_a_x64 == (growth if a_to_b else 0)
    assert end.pool.fee_growth_global_b_x64 == (0 if a_to_b else growth)
    assert (end.pool.sqrt_price_x64 < 2**64) == a_to_b
    assert end.pool.tick_current_index == (-1 if a_to_b else 0)
    assert end.arrays is market.arrays


def test_crossing_ticks_takes_their_liquidity_along() -> None:
    market = whirlpool_market(LAYERS)
    up = quoted(sell(market, 5 * 10**11, a_to_b=False))
    assert up.ticks_crossed == 3
    assert up.end_state.pool.liquidity == 10**12
    down = quoted(sell(market, 5 * 10**11, a_to_b=True))
    assert down.ticks_crossed == 1
    assert down.end_state.pool.liquidity == 10**12


def test_a_falling_swap_that_ends_on_a_tick_stands_one_below_it() -> None:
    market = whirlpool_market(LAYERS)
    end = quoted(sell(market, 10**15, limit=sqrt_price_from_tick(-128))).end_state.pool
    assert (end.sqrt_price_x64, end.tick_current_index) == (sqrt_price_from_tick(-128), -129)
    back = quoted(sell(whirlpool_market(LAYERS), 10**15, a_to_b=False, limit=sqrt_price_from_tick(128)))
    assert back.end_state.pool.tick_current_index == 128


def test_fees_that_do_not_move_the_price_leave_the_shifted_tick_alone() -> None:
    end = quoted(sell(whirlpool_market(LAYERS), 10**15, limit=sqrt_price_from_tick(-128))).end_state
    assert end.pool.tick_current_index == -129
    dust = quoted(sell(end, 1))
    assert (dust.amount_in, dust.amount_out, dust.fee_amount) == (1, 0, 1)
    assert dust.end_state.pool.tick_current_index == -129


def test_quotes_chain() -> None:
    market = whirlpool_market(LAYERS)
    first = quoted(sell(market, 10**10))
    second = quoted(sell(first.end_state, 10**10))
    whole = quoted(sell(market, 2 * 10**10))
    assert second.end_state.pool.sqrt_price_x64 - whole.end_state.pool.sqrt_price_x64 in (0, 1)
    assert first.amount_out + second.amount_out <= whole.amount_out


def test_exact_out_costs_what_exact_in_would_give() -> None:
    market = whirlpool_market(LAYERS)
    bought = quoted(buy(market, 10**10))
    assert bought.amount_out == 10**10
    assert quoted(sell(market, bought.amount_in)).amount_out >= 10**10
    assert quoted(sell(market, bought.amount_in - 2)).amount_out < 10**10


def test_a_limit_fills_in_part() -> None:
    limit = sqrt_price_from_tick(-10)
    for quote in (sell(whirlpool_market(DEEP), 10**15, limit=limit), buy(whirlpool_market(DEEP), 10**15, limit=limit)):
        assert quoted(quote).end_state.pool.sqrt_price_x64 == limit
        assert quoted(quote).amount_in < 10**15
        assert quoted(quote).amount_out < 10**15


def test_nothing_can_be_swapped_without_an_amount() -> None:
    assert refused(sell(whirlpool_market(DEEP), 0)) == (SwapRefusalReason.ZERO_AMOUNT, 6035)
    assert refused(buy(whirlpool_market(DEEP), 0)) == (SwapRefusalReason.ZERO_AMOUNT, 6035)
    assert refused(sell(whirlpool_market(DEEP), -5)) == (SwapRefusalReason.ZERO_AMOUNT, 6035)


@pytest.mark.parametrize("quote_exact", [quote_exact_in, quote_exact_out])
def test_an_amount_beyond_u64_is_refused(
    quote_exact: Callable[..., SwapQuote[WhirlpoolMarket] | SwapRefusal],
) -> None:
    quote = quote_exact(whirlpool_market(DEEP), amount=U64_MAX + 1, a_to_b=True, unix_timestamp=NOW)
    assert refused(quote)[0] == SwapRefusalReason.AMOUNT_TOO_LARGE


@pytest.mark.parametrize(
    ("a_to_b", "limit", "reason", "code"),
    [
        (True, MIN_SQRT_PRICE_X64 - 1, SwapRefusalReason.PRICE_LIMIT_OUT_OF_RANGE, 6011),
        (False, MAX_SQRT_PRICE_X64 + 1, SwapRefusalReason.PRICE_LIMIT_OUT_OF_RANGE, 6011),
        (True, 2**64, SwapRefusalReason.PRICE_LIMIT_WRONG_SIDE, 6034),
        (False, 2**64, SwapRefusalReason.PRICE_LIMIT_WRONG_SIDE, 6034),
        (True, 2**64 + 1, SwapRefusalReason.PRICE_LIMIT_WRONG_SIDE, 6034),
        (False, 2**64 - 1, SwapRefusalReason.PRICE_LIMIT_WRONG_SIDE, 6034),
    ],
)
def test_senseless_limits_are_refused(a_to_b: bool, limit: int, reason: SwapRefusalReason, code: int) -> None:
    assert refused(sell(whirlpool_market(DEEP), 1, a_to_b=a_to_b, limit=limit)) == (reason, code)


def test_a_first_array_that_was_not_read_is_named() -> None:
    market = without_arrays(whirlpool_market(DEEP), 0)
    assert refused(sell(market, 1)) == (SwapRefusalReason.TICK_ARRAY_MISSING, 6023)
    assert refused(sell(without_arrays(market, -5_632), 1, a_to_b=False))[0] == SwapRefusalReason.TICK_ARRAY_MISSING


def test_above_the_last_slot_of_the_outermost_array_there_is_none() -> None:
    market = whirlpool_market([], tick=440_000, tick_spacing=5_042)
    assert refused(sell(market, 1, a_to_b=False)) == (SwapRefusalReason.TICK_ARRAY_MISSING, 6023)


def test_arrays_that_end_too_soon_are_named() -> None:
    market = without_arrays(whirlpool_market(DEEP), -5_632, 5_632)
    assert refused(sell(market, 10**15)) == (SwapRefusalReason.TICK_ARRAYS_EXHAUSTED, 6038)
    assert refused(buy(market, 10**15, a_to_b=False)) == (SwapRefusalReason.TICK_ARRAYS_EXHAUSTED, 6038)


def test_more_than_the_pool_holds_cannot_be_bought() -> None:
    splash = whirlpool_market([(-427_648, 427_648, 10**9)], tick_spacing=32_896)
    assert refused(buy(splash, 2 * 10**9)) == (SwapRefusalReason.PARTIAL_FILL, 6057)


def test_a_product_beyond_its_type_is_refused() -> None:
    splash = whirlpool_market([(-427_648, 427_648, 2**127)], tick_spacing=32_896)
    assert refused(buy(splash, 1, a_to_b=False)) == (SwapRefusalReason.MATH_OVERFLOW, 6033)


def test_protocol_fees_cannot_leave_u64() -> None:
    market = whirlpool_market(DEEP)
    pool = msgspec.structs.replace(market.pool, protocol_fee_owed_a=U64_MAX)
    assert refused(sell(msgspec.structs.replace(market, pool=pool), 10**6))[0] == SwapRefusalReason.MATH_OVERFLOW


@pytest.mark.parametrize(
    ("net", "reason", "code"),
    [
        (2 * 10**15, SwapRefusalReason.LIQUIDITY_UNDERFLOW, 6015),
        (-(2**128), SwapRefusalReason.MATH_OVERFLOW, 6014),
    ],
)
def test_ticks_that_do_not_fit_the_liquidity_are_refused(net: int, reason: SwapRefusalReason, code: int) -> None:
    market = whirlpool_market(DEEP)
    arrays = {**market.arrays, -5_632: TickArray(-5_632, (Tick(-64, net, abs(net)),))}
    assert refused(sell(msgspec.structs.replace(market, arrays=arrays), 10**13)) == (reason, code)


def test_an_adaptive_pool_needs_its_oracle_and_an_open_market() -> None:
    market = whirlpool_market(DEEP, oracle=adaptive_oracle(trade_enable=NOW + 1))
    assert refused(sell(market, 1)) == (SwapRefusalReason.TRADE_NOT_ENABLED, 6064)
    assert isinstance(sell(market, 1, now=NOW + 1), SwapQuote)
    assert refused(sell(msgspec.structs.replace(market, oracle=None), 1))[0] == SwapRefusalReason.ORACLE_MISSING


def test_a_clock_behind_the_oracle_is_named() -> None:
    market = whirlpool_market(DEEP, oracle=adaptive_oracle(last_reference=NOW + 1))
    assert refused(sell(market, 1)) == (SwapRefusalReason.INVALID_TIMESTAMP, 6022)
    assert refused(buy(market, 1)) == (SwapRefusalReason.INVALID_TIMESTAMP, 6022)


def test_an_adaptive_fee_rises_along_the_swap_and_is_remembered() -> None:
    market = whirlpool_market(DEEP, tick=10, oracle=adaptive_oracle(), fee_rate=400)
    near, far = quoted(sell(market, 10**9)), quoted(sell(market, 5 * 10**13))
    assert near.fee_amount == 400_000
    assert far.fee_amount * 10**6 > 410 * far.amount_in
    assert near.end_state.oracle is not None
    assert far.end_state.oracle is not None
    assert near.end_state.oracle.variables.volatility_accumulator == 0
    assert far.end_state.oracle.variables.volatility_accumulator > 100_000
    assert far.end_state.oracle.variables.last_major_swap_timestamp == NOW


def test_transfer_fees_are_paid_around_the_pool() -> None:
    fee = TransferFee(100, 10**12)
    plain = quoted(sell(whirlpool_market(DEEP), 990_000))
    quote = quoted(sell(whirlpool_market(DEEP, transfer_fee_a=fee, transfer_fee_b=fee), 1_000_000))
    assert (quote.amount_in, quote.pool_amount_in) == (1_000_000, 990_000)
    assert quote.pool_amount_out == plain.amount_out
    assert quote.amount_out == plain.amount_out - -(-plain.amount_out // 100)


def test_a_part_filled_input_is_grossed_up() -> None:
    market = whirlpool_market(DEEP, transfer_fee_a=TransferFee(100, 10**12))
    quote = quoted(sell(market, 10**15, limit=sqrt_price_from_tick(-10)))
    assert quote.amount_in == -(-quote.pool_amount_in * 100 // 99)


def test_an_exact_output_arrives_after_its_transfer_fee() -> None:
    fee = TransferFee(100, 10**12)
    for a_to_b in (True, False):
        quote = quoted(buy(whirlpool_market(DEEP, transfer_fee_a=fee, transfer_fee_b=fee), 990_000, a_to_b=a_to_b))
        assert (quote.amount_out, quote.pool_amount_out) == (990_000, 1_000_000)
        assert quote.amount_in == -(-quote.pool_amount_in * 100 // 99)


def test_an_output_that_cannot_be_grossed_up_is_refused() -> None:
    market = whirlpool_market(DEEP, transfer_fee_b=TransferFee(100, U64_MAX))
    assert refused(buy(market, U64_MAX)) == (SwapRefusalReason.MATH_OVERFLOW, 6052)


def test_an_empty_pool_moves_its_price_for_nothing() -> None:
    quote = quoted(sell(whirlpool_market([], tick_spacing=32_896), 1_000))
    assert (quote.amount_in, quote.amount_out, quote.price_impact_bps_e2) == (0, 0, 0)
    assert quote.end_state.pool.sqrt_price_x64 == MIN_SQRT_PRICE_X64
