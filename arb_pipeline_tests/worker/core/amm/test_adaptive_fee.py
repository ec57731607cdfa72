"""The adaptive fee: how the reference ages, how the rate grows, which groups are skipped, what is remembered."""

import msgspec
import pytest

from arb_pipeline_tests.fixtures.pools import NOW, adaptive_oracle, whirlpool_market
from streaming_worker.core.amm.adaptive_fee import FEE_RATE_LIMIT, INVALID_TIMESTAMP, AdaptiveFee, fee_along, referenced
from streaming_worker.core.amm.pool_state import AdaptiveFeeVariables, OracleState
from streaming_worker.core.amm.whirlpool_math import MAX_SQRT_PRICE_X64, MIN_SQRT_PRICE_X64, sqrt_price_from_tick
from streaming_worker.errors import MathRangeError


def along(oracle: OracleState, *, tick: int = 0, a_to_b: bool = False, base_rate: int = 400) -> AdaptiveFee:
    return AdaptiveFee(oracle, base_rate=base_rate, tick_index=tick, unix_timestamp=NOW, a_to_b=a_to_b)


def seen(*, last_reference: int, last_major: int = 0) -> AdaptiveFeeVariables:
    oracle = adaptive_oracle(last_reference=last_reference, last_major=last_major, reference=7, volatility=20_001)
    return referenced(oracle.variables, oracle.constants, group=5, unix_timestamp=NOW)


def test_within_the_filter_period_the_reference_stays() -> None:
    variables = seen(last_reference=NOW - 29)
    assert (variables.volatility_reference, variables.tick_group_index_reference) == (7, 0)
    assert variables.last_reference_update_timestamp == NOW - 29


def test_within_the_decay_period_the_volatility_is_reduced_and_rounded_down() -> None:
    variables = seen(last_reference=NOW - 30)
    assert (variables.volatility_reference, variables.tick_group_index_reference) == (10_000, 5)
    assert variables.last_reference_update_timestamp == NOW


@pytest.mark.parametrize(
    ("last_reference", "last_major"),
    [(NOW - 600, 0), (NOW - 3_601, NOW - 1), (NOW - 3_601, NOW - 100)],
    ids=["decay over", "reference an hour old, major swap just now", "reference an hour old"],
)
def test_an_old_reference_is_reset(last_reference: int, last_major: int) -> None:
    assert seen(last_reference=last_reference, last_major=last_major).volatility_reference == 0


def test_a_major_swap_restarts_the_filter_period() -> None:
    assert seen(last_reference=NOW - 500, last_major=NOW - 10).volatility_reference == 7


@pytest.mark.parametrize(("last_reference", "last_major"), [(NOW + 1, 0), (0, NOW + 1)])
def test_a_clock_behind_the_oracle_is_refused(last_reference: int, last_major: int) -> None:
    with pytest.raises(MathRangeError) as refused:
        seen(last_reference=last_reference, last_major=last_major)
    assert refused.value.program_code == INVALID_TIMESTAMP


def test_a_reference_beyond_the_greatest_volatility_is_refused() -> None:
    oracle = adaptive_oracle(last_reference=NOW, reference=350_001)
    with pytest.raises(MathRangeError, match="reference"):
        along(oracle)


def test_the_rate_grows_with_the_square_of_the_distance_and_is_rounded_up() -> None:
    fee = along(adaptive_oracle())
    rates = []
    for _ in range(3):
        rates.append(fee.rate())
        fee.advance()
    # control 4000 x (groups x 10^4 x 64)^2 / 10^13 = 163.84 x groups^2
    assert rates == [400, 400 + 164, 400 + 656]


def test_the_volatility_saturates_and_the_total_rate_is_capped() -> None:
    oracle = adaptive_oracle(control_factor=99_999, max_volatility=10_000_000)
    fee = along(oracle)
    for _ in range(2_000):
        fee.advance()
    assert fee.rate() == FEE_RATE_LIMIT


@pytest.mark.parametrize(("a_to_b", "edge"), [(True, 0), (False, 64)])
def test_one_rate_holds_to_the_edge_of_its_group(a_to_b: bool, edge: int) -> None:
    fee = along(adaptive_oracle(), tick=10, a_to_b=a_to_b)
    target = MIN_SQRT_PRICE_X64 if a_to_b else MAX_SQRT_PRICE_X64
    assert fee.bounded(sqrt_price_from_tick(10), target, 1) == (sqrt_price_from_tick(edge), False)


def test_a_nearer_target_bounds_the_step() -> None:
    near = sqrt_price_from_tick(20)
    assert along(adaptive_oracle(), tick=10).bounded(sqrt_price_from_tick(10), near, 1) == (near, False)


def test_groups_are_skipped_where_they_make_no_difference() -> None:
    assert along(adaptive_oracle()).bounded(sqrt_price_from_tick(0), MAX_SQRT_PRICE_X64, 0) == (
        MAX_SQRT_PRICE_X64,
        True,
    )
    uncontrolled = along(adaptive_oracle(control_factor=0))
    assert uncontrolled.bounded(sqrt_price_from_tick(0), MAX_SQRT_PRICE_X64, 1) == (MAX_SQRT_PRICE_X64, True)


# the core range of this oracle is groups -1 to 1: beyond it the volatility stays at its greatest
CORE = adaptive_oracle(max_volatility=10_000, last_reference=NOW)


@pytest.mark.parametrize(
    ("tick", "a_to_b", "bound"),
    [
        (-200, True, MIN_SQRT_PRICE_X64),
        (-200, False, sqrt_price_from_tick(-64)),
        (200, False, MAX_SQRT_PRICE_X64),
        (200, True, sqrt_price_from_tick(128)),
    ],
    ids=["leaving below", "coming back from below", "leaving above", "coming back from above"],
)
def test_outside_the_core_range_one_step_goes_to_the_target_or_back_to_its_edge(
    tick: int, a_to_b: bool, bound: int
) -> None:
    target = MIN_SQRT_PRICE_X64 if a_to_b else MAX_SQRT_PRICE_X64
    assert along(CORE, tick=tick, a_to_b=a_to_b).bounded(sqrt_price_from_tick(tick), target, 1) == (bound, True)


def test_a_core_range_that_reaches_the_tick_limits_skips_nothing() -> None:
    wide = adaptive_oracle(group_size=60_000, max_volatility=200_000, last_reference=NOW)
    low, high = sqrt_price_from_tick(-440_000), sqrt_price_from_tick(440_000)
    assert along(wide, tick=-440_000, a_to_b=True).bounded(low, MIN_SQRT_PRICE_X64, 1) == (MIN_SQRT_PRICE_X64, False)
    assert along(wide, tick=440_000).bounded(high, MAX_SQRT_PRICE_X64, 1) == (MAX_SQRT_PRICE_X64, False)


@pytest.mark.parametrize(("a_to_b", "group"), [(True, -9_000), (False, 9_000)])
def test_a_core_range_beyond_all_prices_that_bounds_a_step_behind_its_start_is_refused(
    a_to_b: bool, group: int
) -> None:
    far = adaptive_oracle(max_volatility=10_000, last_reference=NOW, group_reference=group)
    tick, target = (-100_000, MIN_SQRT_PRICE_X64) if a_to_b else (100_000, MAX_SQRT_PRICE_X64)
    with pytest.raises(MathRangeError, match="behind"):
        along(far, tick=tick, a_to_b=a_to_b).bounded(sqrt_price_from_tick(tick), target, 1)


def group_after_skip(fee: AdaptiveFee, price: int, stop: int, stop_tick: int) -> int:
    """Return the distance in groups that the next rate sees."""
    fee.rate()
    fee.advance_after_skip(price, stop, stop_tick)
    oracle = fee.oracle_after(MIN_SQRT_PRICE_X64, MAX_SQRT_PRICE_X64, NOW)
    return oracle.variables.volatility_accumulator // 10_000


def test_a_skipping_step_counts_the_groups_that_it_ran_through() -> None:
    oracle = adaptive_oracle(max_volatility=1_000_000, last_reference=NOW)
    stop = sqrt_price_from_tick(640)
    assert group_after_skip(along(oracle), stop, stop, 640) == 9
    assert group_after_skip(along(oracle), sqrt_price_from_tick(650), stop, 640) == 10
    assert group_after_skip(along(oracle), sqrt_price_from_tick(704), stop, 640) == 10
    assert group_after_skip(along(oracle), sqrt_price_from_tick(704) + 1, stop, 640) == 11
    down = sqrt_price_from_tick(-640)
    assert group_after_skip(along(oracle, a_to_b=True), down, down, -640) == 10


def test_a_skipping_step_that_does_not_advance_keeps_its_group() -> None:
    oracle = adaptive_oracle(max_volatility=1_000_000, last_reference=NOW)
    price = sqrt_price_from_tick(0)
    assert group_after_skip(along(oracle), price, sqrt_price_from_tick(640), 640) == 0


def test_a_large_move_is_remembered_with_its_time() -> None:
    fee = along(adaptive_oracle(last_major=11))
    fee.rate()
    start = sqrt_price_from_tick(0)
    small = fee.oracle_after(start, sqrt_price_from_tick(63), NOW).variables
    large = fee.oracle_after(start, sqrt_price_from_tick(64), NOW).variables
    assert (small.last_major_swap_timestamp, large.last_major_swap_timestamp) == (11, NOW)
    assert fee.oracle_after(start, sqrt_price_from_tick(-65), NOW).variables.last_major_swap_timestamp == NOW


def test_a_pool_without_adaptive_fee_or_without_a_clock_has_its_base_rate() -> None:
    adaptive = whirlpool_market([], oracle=adaptive_oracle(), fee_rate=777)
    assert fee_along(whirlpool_market([], fee_rate=777), a_to_b=True, unix_timestamp=NOW) == 777
    assert fee_along(adaptive, a_to_b=True, unix_timestamp=None) == 777
    assert fee_along(msgspec.structs.replace(adaptive, oracle=None), a_to_b=True, unix_timestamp=NOW) == 777
    assert isinstance(fee_along(adaptive, a_to_b=True, unix_timestamp=NOW), AdaptiveFee)
