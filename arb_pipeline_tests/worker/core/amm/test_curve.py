"""The curve: equal to the exact quote, searched by price, cut off at u64, refused where nothing can be bought."""

import msgspec
import pytest

from arb_pipeline_tests.fixtures.pools import NOW, Positions, adaptive_oracle, whirlpool_market
from streaming_worker.core.amm.curve import Curve, build_curve, marginal_price
from streaming_worker.core.amm.pool_state import OracleState, Tick, TickArray, WhirlpoolMarket
from streaming_worker.core.amm.swap import SwapQuote, SwapRefusal, SwapRefusalReason
from streaming_worker.core.amm.whirlpool import quote_exact_in
from streaming_worker.core.amm.whirlpool_math import U64_MAX, sqrt_price_from_tick

LAYERS: Positions = [(-64_000, 64_000, 10**12), (-128, 128, 10**13), (-640, 64, 5 * 10**12), (192, 640, 3 * 10**13)]


def curve_of(market: WhirlpoolMarket, *, a_to_b: bool, now: int | None = None) -> Curve:
    curve = build_curve(market, a_to_b=a_to_b, unix_timestamp=now)
    assert isinstance(curve, Curve), curve
    return curve


def sold(market: WhirlpoolMarket, amount: int, *, a_to_b: bool) -> SwapQuote[WhirlpoolMarket]:
    quote = quote_exact_in(market, amount=amount, a_to_b=a_to_b, unix_timestamp=NOW)
    assert isinstance(quote, SwapQuote), quote
    return quote


@pytest.mark.parametrize("a_to_b", [True, False])
@pytest.mark.parametrize("oracle", [None, adaptive_oracle()], ids=["static fee", "adaptive fee"])
def test_the_curve_is_the_exact_quote(a_to_b: bool, oracle: OracleState | None) -> None:
    market = whirlpool_market(LAYERS, tick=10, oracle=oracle)
    curve = curve_of(market, a_to_b=a_to_b, now=NOW)
    amounts = {1, 1_000, curve.greatest_amount_in // 3, *curve.amounts_in[1:], *(a + 1 for a in curve.amounts_in[:-1])}
    for amount in amounts:
        assert curve.amount_out(amount) == sold(market, amount, a_to_b=a_to_b).amount_out


@pytest.mark.parametrize("a_to_b", [True, False])
def test_without_a_clock_an_adaptive_pool_gives_an_upper_bound(a_to_b: bool) -> None:
    market = whirlpool_market(LAYERS, tick=10, oracle=adaptive_oracle(last_reference=NOW, reference=100_000))
    bound, exact = curve_of(market, a_to_b=a_to_b), curve_of(market, a_to_b=a_to_b, now=NOW)
    for amount in (10**9, 10**11, 5 * 10**11):
        assert (bound.amount_out(amount) or 0) > (exact.amount_out(amount) or 0)


@pytest.mark.parametrize("a_to_b", [True, False])
@pytest.mark.parametrize("amount", [10**6, 10**10, 3 * 10**11, 7 * 10**11])
def test_the_largest_amount_is_where_the_price_turns_worse(a_to_b: bool, amount: int) -> None:
    curve = curve_of(whirlpool_market(LAYERS), a_to_b=a_to_b)
    asked = curve.price_after(amount)
    assert asked is not None
    found = curve.largest_amount_in(*asked)
    at, beyond = curve.price_after(found), curve.price_after(found + 1)
    assert at is not None
    assert beyond is not None
    assert at[0] * asked[1] >= asked[0] * at[1]
    assert beyond[0] * asked[1] < asked[0] * beyond[1]
    assert 0 <= found - amount <= 1


@pytest.mark.parametrize("a_to_b", [True, False])
def test_a_price_that_the_pool_does_not_give_allows_nothing(a_to_b: bool) -> None:
    curve = curve_of(whirlpool_market(LAYERS), a_to_b=a_to_b)
    assert curve.largest_amount_in(1, 1) == 0
    assert curve.largest_amount_in(99_701, 100_000) == 0


@pytest.mark.parametrize("a_to_b", [True, False])
def test_at_the_pools_own_price_one_unit_goes_to_the_fee_without_moving_it(a_to_b: bool) -> None:
    curve = curve_of(whirlpool_market(LAYERS), a_to_b=a_to_b)
    assert curve.largest_amount_in(997, 1_000) == 1
    assert curve.amount_out(1) == 0


@pytest.mark.parametrize("a_to_b", [True, False])
def test_a_price_below_the_whole_curve_allows_all_of_it(a_to_b: bool) -> None:
    curve = curve_of(whirlpool_market(LAYERS), a_to_b=a_to_b)
    assert curve.largest_amount_in(1, 10**9) == curve.greatest_amount_in


def test_a_gap_in_the_liquidity_is_jumped_over() -> None:
    market = whirlpool_market([(-64, 64, 10**12), (128, 192, 10**12)], tick=0)
    curve = curve_of(market, a_to_b=False)
    before_gap = curve.amounts_in[1]
    inside_gap = marginal_price(sqrt_price_from_tick(100), 3_000, a_to_b=False)
    assert curve.largest_amount_in(*inside_gap) == before_gap
    assert curve.amounts_in[1] == curve.amounts_in[2]


def test_where_an_adaptive_fee_falls_again_the_first_crossing_counts() -> None:
    # the price comes back to the reference group: the fee falls from group to group
    oracle = adaptive_oracle(last_reference=NOW, group_reference=-20, volatility=200_000, control_factor=6_000)
    market = whirlpool_market([(-64_000, 64_000, 10**12)], tick=10, oracle=oracle, fee_rate=400)
    curve = curve_of(market, a_to_b=True, now=NOW)
    assert list(curve.fee_rates[:15]) == sorted(curve.fee_rates[:15], reverse=True)
    assert curve.worst_segments[:6] == (0,) * 6
    assert curve.worst_segments[-1] == len(curve.liquidities) - 1
    first_end = marginal_price(curve.sqrt_prices_x64[1], curve.fee_rates[0], a_to_b=True)
    third_end = marginal_price(curve.sqrt_prices_x64[4], curve.fee_rates[3], a_to_b=True)
    assert third_end[0] * first_end[1] > first_end[0] * third_end[1]
    assert curve.largest_amount_in(*third_end) < curve.amounts_in[1]


def test_the_end_of_the_curve_is_the_end_of_what_was_read() -> None:
    curve = curve_of(whirlpool_market(LAYERS, tick=10, reach=0), a_to_b=True)
    assert curve.sqrt_prices_x64[-1] == sqrt_price_from_tick(0)
    wide = curve_of(whirlpool_market(LAYERS), a_to_b=True)
    assert wide.sqrt_prices_x64[-1] == sqrt_price_from_tick(-11_264)
    assert wide.amount_out(wide.greatest_amount_in + 1) is None
    assert wide.amount_out(-1) is None
    assert wide.price_after(wide.greatest_amount_in + 1) is None


def test_a_curve_that_leaves_u64_is_cut_off_there() -> None:
    splash = whirlpool_market([(-427_648, 427_648, 10**19)], tick_spacing=32_896)
    curve = curve_of(splash, a_to_b=True)
    assert curve.greatest_amount_in == U64_MAX
    assert curve.amount_out(10**18) == sold(splash, 10**18, a_to_b=True).amount_out
    dear = whirlpool_market([(-427_648, 427_648, 2**90)], tick=427_000, tick_spacing=32_896)
    assert curve_of(dear, a_to_b=True).amount_out(2**63) is None
    assert curve_of(dear, a_to_b=True).price_after(2**63) is None


def test_an_output_sum_beyond_u64_has_no_value() -> None:
    positions = [(98_752, 101_120, 2_570_000_000_000_000_000), (99_392, 101_120, 1)]
    curve = curve_of(whirlpool_market(positions, tick=100_032), a_to_b=True)
    assert curve.amount_out(curve.amounts_in[1]) == curve.amounts_out[1]
    assert curve.amount_out(curve.amounts_in[2]) is None


def refused(market: WhirlpoolMarket, *, a_to_b: bool = True, now: int | None = None) -> SwapRefusalReason:
    curve = build_curve(market, a_to_b=a_to_b, unix_timestamp=now)
    assert isinstance(curve, SwapRefusal)
    return curve.reason


def test_pools_that_give_nothing_are_refused() -> None:
    market = whirlpool_market(LAYERS)
    assert refused(whirlpool_market([])) == SwapRefusalReason.ZERO_LIQUIDITY
    assert refused(msgspec.structs.replace(market, arrays={})) == SwapRefusalReason.TICK_ARRAY_MISSING
    late = whirlpool_market(LAYERS, oracle=adaptive_oracle(last_reference=NOW + 1))
    assert refused(late, now=NOW) == SwapRefusalReason.INVALID_TIMESTAMP
    negative = {**market.arrays, -5_632: TickArray(-5_632, (Tick(-64, 10**15, 10**15),))}
    assert refused(msgspec.structs.replace(market, arrays=negative)) == SwapRefusalReason.LIQUIDITY_UNDERFLOW
