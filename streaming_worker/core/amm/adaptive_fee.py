"""Whirlpool's adaptive fee: the volatility that a swap sees and leaves behind in the oracle.

Source: orca-so/whirlpools programs/whirlpool/src/manager/fee_rate_manager.rs and state/oracle.rs.
"""

from typing import Final

import msgspec

from streaming_worker.core.amm.pool_state import (
    AdaptiveFeeConstants,
    AdaptiveFeeVariables,
    OracleState,
    WhirlpoolMarket,
)
from streaming_worker.core.amm.whirlpool_math import (
    MAX_TICK,
    MIN_TICK,
    sqrt_price_from_tick,
    tick_from_sqrt_price,
    unchecked_sqrt_price,
)
from streaming_worker.core.units import ceil_div
from streaming_worker.errors import MathRangeError

INVALID_TIMESTAMP: Final = 6022
FEE_RATE_LIMIT: Final = 100_000
REFERENCE_MAX_AGE_SECONDS: Final = 3_600
GROUP_SCALE: Final = 10_000
REDUCTION_SCALE: Final = 10_000
_CONTROL_SCALE: Final = 100_000 * GROUP_SCALE * GROUP_SCALE


def referenced(
    variables: AdaptiveFeeVariables, constants: AdaptiveFeeConstants, *, group: int, unix_timestamp: int
) -> AdaptiveFeeVariables:
    """Return the oracle variables as a swap at ``unix_timestamp`` first sees them.

    Units:  chain seconds; ``group`` is the tick group of the pool's current tick.
    Rounds: the carried-over volatility down.
    Raises: MathRangeError (6022) when the chain clock is behind the oracle.
    Source: oracle.rs, AdaptiveFeeVariables::update_reference.
    """
    newest = max(variables.last_reference_update_timestamp, variables.last_major_swap_timestamp)
    if unix_timestamp < newest:
        raise MathRangeError(
            f"expected a chain clock of {newest} or later, received {unix_timestamp}", program_code=INVALID_TIMESTAMP
        )
    elapsed = unix_timestamp - newest
    is_stale = unix_timestamp - variables.last_reference_update_timestamp > REFERENCE_MAX_AGE_SECONDS
    if not is_stale and elapsed < constants.filter_period:
        return variables
    reference = 0
    if not is_stale and elapsed < constants.decay_period:
        reference = variables.volatility_accumulator * constants.reduction_factor // REDUCTION_SCALE
    return msgspec.structs.replace(
        variables,
        tick_group_index_reference=group,
        volatility_reference=reference,
        last_reference_update_timestamp=unix_timestamp,
    )


def fee_along(market: WhirlpoolMarket, *, a_to_b: bool, unix_timestamp: int | None) -> "AdaptiveFee | int":
    """Return the pool's fee along a swap: its one rate in millionths, or the adaptive fee.

    Without a chain clock an adaptive-fee pool has its base rate, the least that it can charge.

    Raises: MathRangeError (6022) when the chain clock is behind the oracle.
    """
    pool, oracle = market.pool, market.oracle
    if not pool.is_adaptive_fee or oracle is None or unix_timestamp is None:
        return pool.fee_rate
    return AdaptiveFee(
        oracle,
        base_rate=pool.fee_rate,
        tick_index=pool.tick_current_index,
        unix_timestamp=unix_timestamp,
        a_to_b=a_to_b,
    )


class AdaptiveFee:
    """The fee rate along one swap: it changes from tick group to tick group."""

    __slots__ = (
        "_a_to_b",
        "_base_rate",
        "_constants",
        "_core_high",
        "_core_low",
        "_group",
        "_oracle",
        "_variables",
        "_volatility",
    )

    def __init__(
        self, oracle: OracleState, *, base_rate: int, tick_index: int, unix_timestamp: int, a_to_b: bool
    ) -> None:
        constants = oracle.constants
        self._oracle = oracle
        self._constants = constants
        self._a_to_b = a_to_b
        self._base_rate = base_rate
        self._group = tick_index // constants.tick_group_size
        self._variables = referenced(oracle.variables, constants, group=self._group, unix_timestamp=unix_timestamp)
        self._volatility = oracle.variables.volatility_accumulator
        unsaturated = constants.max_volatility_accumulator - self._variables.volatility_reference
        if unsaturated < 0:
            raise MathRangeError("volatility reference beyond its greatest value")
        reach = ceil_div(unsaturated, GROUP_SCALE)
        self._core_low = self._variables.tick_group_index_reference - reach
        self._core_high = self._variables.tick_group_index_reference + reach

    def rate(self) -> int:
        """Take the volatility of the current group and return the total fee rate.

        Units:  millionths of the input.
        Rounds: up, then capped: the trader pays the remainder.
        """
        self._accumulate()
        constants = self._constants
        moved = self._volatility * constants.tick_group_size
        adaptive = ceil_div(constants.adaptive_fee_control_factor * moved * moved, _CONTROL_SCALE)
        return min(self._base_rate + adaptive, FEE_RATE_LIMIT)

    def bounded(self, price_x64: int, target_x64: int, liquidity: int) -> tuple[int, bool]:
        """Return how far one rate holds on the way to ``target_x64``, and whether groups are skipped on the way.

        Raises: MathRangeError when a core range far outside the price range bounds the step behind its start.
        """
        bound_x64, skips = self._bound(target_x64, liquidity)
        if bound_x64 > price_x64 if self._a_to_b else bound_x64 < price_x64:
            raise MathRangeError(f"the fee's core range ends at {bound_x64}, behind the price {price_x64}")
        return bound_x64, skips

    def _bound(self, target_x64: int, liquidity: int) -> tuple[int, bool]:
        if self._constants.adaptive_fee_control_factor == 0 or liquidity == 0:
            return target_x64, True
        size = self._constants.tick_group_size
        low, high = self._core_low * size, (self._core_high + 1) * size
        if self._group < self._core_low and low > MIN_TICK:
            return (target_x64, True) if self._a_to_b else (min(target_x64, unchecked_sqrt_price(low)), True)
        if self._group > self._core_high and high < MAX_TICK:
            return (max(target_x64, unchecked_sqrt_price(high)), True) if self._a_to_b else (target_x64, True)
        if self._a_to_b:
            return max(target_x64, _price_of_edge(self._group * size)), False
        return min(target_x64, _price_of_edge((self._group + 1) * size)), False

    def advance(self) -> None:
        """Move on by one tick group in swap direction."""
        self._group += -1 if self._a_to_b else 1

    def advance_after_skip(self, sqrt_price_x64: int, stop_price_x64: int, stop_tick: int) -> None:
        """Move on past every group that the last step ran through."""
        reached = self._last_group(sqrt_price_x64, stop_price_x64, stop_tick)
        if reached < self._group if self._a_to_b else reached > self._group:
            self._group = reached
            self._accumulate()
        self.advance()

    def oracle_after(self, price_before_x64: int, price_after_x64: int, unix_timestamp: int) -> OracleState:
        """Return the oracle that the swap leaves behind; a large price move is remembered with its time."""
        low, high = sorted((price_before_x64, price_after_x64))
        threshold = sqrt_price_from_tick(self._constants.major_swap_threshold_ticks)
        is_major = high >= low * threshold >> 64
        variables = self._variables
        major_swap_timestamp = unix_timestamp if is_major else variables.last_major_swap_timestamp
        return msgspec.structs.replace(
            self._oracle,
            variables=msgspec.structs.replace(
                variables, volatility_accumulator=self._volatility, last_major_swap_timestamp=major_swap_timestamp
            ),
        )

    def _accumulate(self) -> None:
        variables = self._variables
        groups = abs(variables.tick_group_index_reference - self._group)
        volatility = variables.volatility_reference + groups * GROUP_SCALE
        self._volatility = min(volatility, self._constants.max_volatility_accumulator)

    def _last_group(self, sqrt_price_x64: int, stop_price_x64: int, stop_tick: int) -> int:
        size = self._constants.tick_group_size
        if sqrt_price_x64 == stop_price_x64:
            tick_index, is_on_tick = stop_tick, True
        else:
            tick_index = tick_from_sqrt_price(sqrt_price_x64)
            is_on_tick = sqrt_price_x64 == sqrt_price_from_tick(tick_index)
        group, offset = divmod(tick_index, size)
        return group - 1 if is_on_tick and offset == 0 and not self._a_to_b else group


def _price_of_edge(tick_index: int) -> int:
    return sqrt_price_from_tick(min(max(tick_index, MIN_TICK), MAX_TICK))
