"""Raydium CLMM's dynamic fee: Orca's scheme with the tick spacing as group, and rules of its own at the edges.

Source: raydium-io/raydium-clmm programs/amm/src/states/pool_fee.rs and instructions/swap.rs.
"""

from typing import Final

import msgspec

from streaming_worker.core.amm.raydium_clmm_math import MAX_TICK, MIN_TICK, sqrt_price_from_tick
from streaming_worker.core.amm.raydium_state import DynamicFee
from streaming_worker.core.units import ceil_div

FEE_RATE_LIMIT: Final = 100_000
GROUP_SCALE: Final = 10_000
REDUCTION_SCALE: Final = 10_000
_CONTROL_SCALE: Final = 100_000 * GROUP_SCALE * GROUP_SCALE


def referenced(fee: DynamicFee, *, group: int, unix_timestamp: int) -> DynamicFee:
    """Return the fee state as a swap at ``unix_timestamp`` first sees it.

    A clock behind the pool counts as no time passed.

    Rounds: the carried-over volatility down.
    Source: pool_fee.rs, update_reference.
    """
    elapsed = max(unix_timestamp - fee.last_update_timestamp, 0)
    if elapsed < fee.filter_period:
        return fee
    reference = 0
    if elapsed < fee.decay_period:
        reference = fee.volatility_accumulator * fee.reduction_factor // REDUCTION_SCALE
    return msgspec.structs.replace(
        fee,
        tick_spacing_index_reference=group,
        volatility_reference=reference,
        last_update_timestamp=unix_timestamp,
    )


class DynamicFeeWalk:
    """The fee rate along one swap: it changes from tick group to tick group."""

    __slots__ = ("_a_to_b", "_base_rate", "_fee", "_group", "_spacing", "_volatility")

    def __init__(
        self, fee: DynamicFee, *, base_rate: int, tick_spacing: int, tick_index: int, unix_timestamp: int, a_to_b: bool
    ) -> None:
        self._a_to_b = a_to_b
        self._base_rate = base_rate
        self._spacing = tick_spacing
        self._group = tick_index // tick_spacing
        self._fee = referenced(fee, group=self._group, unix_timestamp=unix_timestamp)
        self._volatility = fee.volatility_accumulator

    def rate(self) -> int:
        """Take the volatility of the current group and return the total fee rate.

        Units:  millionths of the input.
        Rounds: up, then capped: the trader pays the remainder.
        """
        self._accumulate()
        moved = self._volatility * self._spacing
        dynamic = ceil_div(self._fee.dynamic_fee_control * moved * moved, _CONTROL_SCALE)
        return min(self._base_rate + dynamic, FEE_RATE_LIMIT)

    def bounded(self, target_x64: int, liquidity: int) -> tuple[int, bool]:
        """Return how far one rate holds on the way to ``target_x64``, and whether groups are skipped on the way."""
        if liquidity == 0 or self._volatility == self._fee.max_volatility_accumulator:
            return target_x64, True
        edge = (self._group if self._a_to_b else self._group + 1) * self._spacing
        edge_x64 = sqrt_price_from_tick(min(max(edge, MIN_TICK), MAX_TICK))
        return (max(target_x64, edge_x64) if self._a_to_b else min(target_x64, edge_x64)), False

    def advance(self, skipped_to: int | None) -> None:
        """Move on by one tick group, or past the group of the tick that a skipping step reached."""
        if skipped_to is not None:
            group, offset = divmod(skipped_to, self._spacing)
            self._group = group if self._a_to_b or offset else group - 1
            if self._volatility != self._fee.max_volatility_accumulator:
                self._accumulate()
        self._group += -1 if self._a_to_b else 1

    def state_after(self) -> DynamicFee:
        """Return the fee state that the swap leaves behind."""
        return msgspec.structs.replace(self._fee, volatility_accumulator=self._volatility)

    def _accumulate(self) -> None:
        groups = abs(self._fee.tick_spacing_index_reference - self._group)
        volatility = self._fee.volatility_reference + groups * GROUP_SCALE
        self._volatility = min(volatility, self._fee.max_volatility_accumulator)
