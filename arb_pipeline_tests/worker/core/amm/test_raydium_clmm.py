"""Raydium CLMM: its own tick table, its dynamic fee, and everything that it refuses by name."""

import msgspec
import pytest

from arb_pipeline_tests.fixtures.pools import NOW, Positions, clmm_market
from streaming_worker.core.amm.concentrated_quote import ConcentratedOrder
from streaming_worker.core.amm.pool_state import TransferFee
from streaming_worker.core.amm.raydium_clmm import quote_exact_in, quote_exact_out, walk_market
from streaming_worker.core.amm.raydium_clmm_math import (
    MAX_SQRT_PRICE_X64,
    MAX_TICK,
    MIN_SQRT_PRICE_X64,
    MIN_TICK,
    sqrt_price_from_tick,
    tick_array_start,
    tick_from_sqrt_price,
)
from streaming_worker.core.amm.raydium_dynamic_fee import FEE_RATE_LIMIT, DynamicFeeWalk, referenced
from streaming_worker.core.amm.raydium_state import DynamicFee, RaydiumClmmMarket
from streaming_worker.core.amm.swap import SwapQuote, SwapRefusal, SwapRefusalReason
from streaming_worker.errors import MathRangeError

WIDE: Positions = [(-12_000, 12_000, 10**12), (-100, 100, 10**13), (200, 3_000, 10**12)]


def sell(
    market: RaydiumClmmMarket, amount: int, *, a_to_b: bool = True, limit: int | None = None, now: int = NOW
) -> SwapQuote[RaydiumClmmMarket] | SwapRefusal:
    return quote_exact_in(market, amount=amount, a_to_b=a_to_b, unix_timestamp=now, sqrt_price_limit_x64=limit)


def buy(
    market: RaydiumClmmMarket, amount: int, *, a_to_b: bool = True, limit: int | None = None
) -> SwapQuote[RaydiumClmmMarket] | SwapRefusal:
    return quote_exact_out(market, amount=amount, a_to_b=a_to_b, unix_timestamp=NOW, sqrt_price_limit_x64=limit)


def quoted(quote: SwapQuote[RaydiumClmmMarket] | SwapRefusal) -> SwapQuote[RaydiumClmmMarket]:
    assert isinstance(quote, SwapQuote), quote
    return quote


def reason_of(quote: SwapQuote[RaydiumClmmMarket] | SwapRefusal) -> SwapRefusalReason:
    assert isinstance(quote, SwapRefusal), quote
    return quote.reason


def dynamic_fee(**changes: int) -> DynamicFee:
    values = {
        "filter_period": 30,
        "decay_period": 600,
        "reduction_factor": 5_000,
        "dynamic_fee_control": 10_000,
        "max_volatility_accumulator": 300_000,
        "tick_spacing_index_reference": 0,
        "volatility_reference": 0,
        "volatility_accumulator": 0,
        "last_update_timestamp": NOW,
    }
    return DynamicFee(**(values | changes))


def fee_walk(fee: DynamicFee, *, tick: int = 5, a_to_b: bool = False) -> DynamicFeeWalk:
    return DynamicFeeWalk(fee, base_rate=500, tick_spacing=10, tick_index=tick, unix_timestamp=NOW, a_to_b=a_to_b)


@pytest.mark.parametrize(
    ("tick", "price"), [(MIN_TICK, MIN_SQRT_PRICE_X64), (0, 2**64), (MAX_TICK, MAX_SQRT_PRICE_X64)]
)
def test_ticks_have_the_programs_prices(tick: int, price: int) -> None:
    assert sqrt_price_from_tick(tick) == price
    assert tick_from_sqrt_price(min(price, MAX_SQRT_PRICE_X64 - 1)) == min(tick, MAX_TICK - 1)


def test_ticks_and_prices_out_of_range_are_refused() -> None:
    for tick in (MIN_TICK - 1, MAX_TICK + 1):
        with pytest.raises(MathRangeError, match="443636"):
            sqrt_price_from_tick(tick)
    for price in (MIN_SQRT_PRICE_X64 - 1, MAX_SQRT_PRICE_X64):
        with pytest.raises(MathRangeError, match=str(price)):
            tick_from_sqrt_price(price)


def test_array_starts_round_towards_minus_infinity() -> None:
    assert (tick_array_start(-1, 10), tick_array_start(599, 10), tick_array_start(600, 10)) == (-600, 0, 600)


def test_fees_go_to_liquidity_protocol_and_fund() -> None:
    quote = quoted(sell(clmm_market(WIDE, tick=5), 10**9))
    pool = quote.end_state.pool
    assert quote.fee_amount == 2_500_000
    assert (pool.protocol_fees_token_0, pool.fund_fees_token_0) == (300_000, 100_000)
    assert quote.protocol_fee == 400_000
    assert pool.fee_growth_global_0_x64 == 2_100_000 * 2**64 // (11 * 10**12)
    other = quoted(sell(clmm_market(WIDE, tick=5), 10**9, a_to_b=False)).end_state.pool
    assert (other.protocol_fees_token_1, other.fund_fees_token_1, other.fee_growth_global_0_x64) == (
        300_000,
        100_000,
        0,
    )


@pytest.mark.parametrize("a_to_b", [True, False])
def test_swaps_cross_ticks_from_array_to_array(a_to_b: bool) -> None:
    quote = quoted(sell(clmm_market(WIDE, tick=5), 3 * 10**11, a_to_b=a_to_b))
    assert quote.ticks_crossed == (1 if a_to_b else 2)
    assert quote.end_state.pool.liquidity == (10**12 if a_to_b else 2 * 10**12)


@pytest.mark.parametrize("a_to_b", [True, False])
def test_exact_out_costs_what_exact_in_would_give(a_to_b: bool) -> None:
    market = clmm_market(WIDE, tick=5)
    bought = quoted(buy(market, 10**11, a_to_b=a_to_b))
    assert bought.amount_out == 10**11
    assert quoted(sell(market, bought.amount_in, a_to_b=a_to_b)).amount_out >= 10**11


def test_an_explicit_limit_fills_in_part() -> None:
    limit = sqrt_price_from_tick(-50)
    for quote in (sell(clmm_market(WIDE), 10**13, limit=limit), buy(clmm_market(WIDE), 10**12, limit=limit)):
        assert quoted(quote).end_state.pool.sqrt_price_x64 == limit


@pytest.mark.parametrize(
    ("amount", "limit", "reason"),
    [
        (0, None, SwapRefusalReason.ZERO_AMOUNT),
        (2**64, None, SwapRefusalReason.AMOUNT_TOO_LARGE),
        (5, MIN_SQRT_PRICE_X64, SwapRefusalReason.PRICE_LIMIT_OUT_OF_RANGE),
        (5, 2**64, SwapRefusalReason.PRICE_LIMIT_WRONG_SIDE),
    ],
)
def test_senseless_orders_are_refused(amount: int, limit: int | None, reason: SwapRefusalReason) -> None:
    assert reason_of(sell(clmm_market(WIDE), amount, limit=limit)) == reason
    assert reason_of(buy(clmm_market(WIDE), amount, limit=limit)) == reason


def test_pools_that_do_not_trade_are_refused() -> None:
    assert reason_of(sell(clmm_market(WIDE, is_swap_enabled=False), 5)) == SwapRefusalReason.TRADE_NOT_ENABLED
    assert reason_of(sell(clmm_market(WIDE, open_time=NOW), 5)) == SwapRefusalReason.TRADE_NOT_ENABLED
    assert reason_of(sell(clmm_market(WIDE, fee_on=1), 5)) == SwapRefusalReason.UNSUPPORTED


def test_dust_is_refused_as_on_chain() -> None:
    assert reason_of(sell(clmm_market(WIDE), 1)) == SwapRefusalReason.ZERO_AMOUNT


def test_a_swap_beyond_the_last_tick_is_refused() -> None:
    market = clmm_market(WIDE)
    assert reason_of(sell(market, 10**15)) == SwapRefusalReason.INSUFFICIENT_LIQUIDITY
    assert reason_of(sell(market, 10**15, a_to_b=False)) == SwapRefusalReason.INSUFFICIENT_LIQUIDITY


def test_a_tick_array_that_was_not_read_is_named() -> None:
    market = clmm_market(WIDE)
    arrays = {start: array for start, array in market.arrays.items() if start != -600}
    assert (
        reason_of(sell(msgspec.structs.replace(market, arrays=arrays), 10**12)) == SwapRefusalReason.TICK_ARRAY_MISSING
    )


def test_reaching_the_price_limit_without_one_is_a_partial_fill() -> None:
    edge = [(MIN_TICK + 6, 443_630, 10**9), (MIN_TICK, MIN_TICK + 6, 10**9)]
    market = clmm_market(edge, tick=0, tick_spacing=1)
    assert reason_of(sell(market, 2**64 - 1)) == SwapRefusalReason.PARTIAL_FILL


def test_limit_orders_on_the_way_are_refused_unless_the_swap_stops_before() -> None:
    market = clmm_market(WIDE, tick=5, orders_at=-100)
    assert reason_of(sell(market, 3 * 10**11)) == SwapRefusalReason.UNSUPPORTED
    assert quoted(sell(market, 10**9)).ticks_crossed == 0


def test_numbers_beyond_their_type_are_refused() -> None:
    steps = [(98_750, 101_120, 2_570_000_000_000_000_000), (99_390, 101_120, 1)]
    assert reason_of(sell(clmm_market(steps, tick=100_030), 10**18)) == SwapRefusalReason.MATH_OVERFLOW
    market = clmm_market(WIDE, tick=5)
    market = msgspec.structs.replace(market, pool=msgspec.structs.replace(market.pool, liquidity=5))
    assert reason_of(sell(market, 10**12)) == SwapRefusalReason.MATH_OVERFLOW


@pytest.mark.parametrize("a_to_b", [True, False])
def test_transfer_fees_are_paid_around_the_pool(a_to_b: bool) -> None:
    fee = TransferFee(100, 10**12)
    market = clmm_market(WIDE, tick=5, transfer_fee_0=fee, transfer_fee_1=fee)
    sold, bought = quoted(sell(market, 10**9, a_to_b=a_to_b)), quoted(buy(market, 990_000_000, a_to_b=a_to_b))
    assert (sold.amount_in, sold.pool_amount_in) == (10**9, 990_000_000)
    assert sold.amount_out == sold.pool_amount_out - -(-sold.pool_amount_out // 100)
    assert (bought.amount_out, bought.pool_amount_out) == (990_000_000, 10**9)
    assert bought.amount_in == -(-bought.pool_amount_in * 100 // 99)


def test_a_part_filled_input_is_grossed_up() -> None:
    market = clmm_market(WIDE, tick=5, transfer_fee_0=TransferFee(100, 10**12))
    quote = quoted(sell(market, 10**13, limit=sqrt_price_from_tick(-50)))
    assert quote.amount_in == -(-quote.pool_amount_in * 100 // 99)


def test_amounts_that_cannot_be_grossed_up_are_refused() -> None:
    out_fee = clmm_market(WIDE, transfer_fee_1=TransferFee(100, 2**64 - 1))
    assert reason_of(buy(out_fee, 2**64 - 1)) == SwapRefusalReason.AMOUNT_TOO_LARGE
    in_fee = clmm_market(WIDE, transfer_fee_0=TransferFee(10_000, 2**64 - 1))
    assert reason_of(buy(in_fee, 10**9)) == SwapRefusalReason.AMOUNT_TOO_LARGE


def test_the_dynamic_fee_reference_ages() -> None:
    fee = dynamic_fee(volatility_accumulator=20_001, volatility_reference=9)
    assert referenced(fee, group=7, unix_timestamp=NOW + 29) == fee
    assert referenced(fee, group=7, unix_timestamp=NOW - 5) == fee
    decayed = referenced(fee, group=7, unix_timestamp=NOW + 30)
    assert (decayed.volatility_reference, decayed.tick_spacing_index_reference) == (10_000, 7)
    reset = referenced(fee, group=7, unix_timestamp=NOW + 600)
    assert (reset.volatility_reference, reset.last_update_timestamp) == (0, NOW + 600)


def test_the_dynamic_rate_grows_with_the_square_of_the_distance_and_is_capped() -> None:
    walk = fee_walk(dynamic_fee())
    rates = []
    for _ in range(3):
        rates.append(walk.rate())
        walk.advance(None)
    # control 10^4 x (groups x 10^4 x 10)^2 / 10^13 = 10 x groups^2
    assert rates == [500, 510, 540]
    steep = fee_walk(dynamic_fee(dynamic_fee_control=99_999, volatility_reference=300_000))
    assert steep.rate() == 500 + 89_999 + 1
    steeper = fee_walk(
        dynamic_fee(dynamic_fee_control=99_999, volatility_reference=300_000, max_volatility_accumulator=400_000)
    )
    steeper.advance(200)
    assert steeper.rate() == FEE_RATE_LIMIT


@pytest.mark.parametrize(("a_to_b", "edge"), [(True, 0), (False, 10)])
def test_one_rate_holds_to_the_edge_of_its_group(a_to_b: bool, edge: int) -> None:
    walk = fee_walk(dynamic_fee(), a_to_b=a_to_b)
    walk.rate()
    far = MIN_SQRT_PRICE_X64 if a_to_b else MAX_SQRT_PRICE_X64
    assert walk.bounded(far, 1) == (sqrt_price_from_tick(edge), False)
    assert walk.bounded(far, 0) == (far, True)


def test_a_saturated_fee_takes_one_step_and_counts_the_groups_that_it_ran_through() -> None:
    walk = fee_walk(dynamic_fee(volatility_reference=300_000))
    walk.rate()
    assert walk.bounded(MAX_SQRT_PRICE_X64, 1) == (MAX_SQRT_PRICE_X64, True)
    walk.advance(105)
    assert walk.state_after().volatility_accumulator == 300_000


@pytest.mark.parametrize(
    ("a_to_b", "reached", "groups"), [(False, 100, 9), (False, 105, 10), (True, -100, 10), (True, -105, 11)]
)
def test_a_skipping_step_counts_the_groups_that_it_ran_through(a_to_b: bool, reached: int, groups: int) -> None:
    walk = fee_walk(dynamic_fee(), a_to_b=a_to_b)
    walk.rate()
    walk.advance(reached)
    assert walk.state_after().volatility_accumulator == groups * 10_000


@pytest.mark.parametrize("a_to_b", [True, False])
def test_a_dynamic_fee_rises_along_the_swap_and_is_remembered(a_to_b: bool) -> None:
    market = clmm_market(WIDE, tick=5, trade_fee_rate=500, dynamic_fee=dynamic_fee())
    near, far = (quoted(sell(market, amount, a_to_b=a_to_b)) for amount in (10**9, 3 * 10**11))
    assert near.fee_amount == 500_000
    assert far.fee_amount * 10**6 > 700 * far.amount_in
    assert far.end_state.pool.dynamic_fee is not None
    assert far.end_state.pool.dynamic_fee.volatility_accumulator > 100_000


def test_a_saturated_dynamic_fee_that_stops_between_ticks_knows_its_tick() -> None:
    saturated = dynamic_fee(volatility_reference=300_000)
    market = clmm_market(WIDE, tick=5, dynamic_fee=saturated)
    order = ConcentratedOrder(amount=10**9, exact_in=True, a_to_b=True, limit=None)
    walk, pool, refusal = walk_market(market, order, NOW)
    assert refusal is None
    assert pool.tick_current == tick_from_sqrt_price(walk.sqrt_price)
