"""One Whirlpool swap step, and the walk from stop to stop that a swap consists of.

Works on the pool's side only: transfer fees and refusals belong to whirlpool.py.
Source: orca-so/whirlpools programs/whirlpool/src/math/swap_math.rs and manager/swap_manager.rs.
"""

from collections.abc import Iterator
from typing import Final

from streaming_worker.core.amm.adaptive_fee import AdaptiveFee
from streaming_worker.core.amm.pool_state import WhirlpoolState
from streaming_worker.core.amm.whirlpool_math import (
    SHIFT_RIGHT_OVERFLOW,
    TOKEN_MAX_EXCEEDED,
    U64_MAX,
    U128_MAX,
    fitting_amount_a,
    fitting_amount_b,
    next_sqrt_price_from_a,
    next_sqrt_price_from_b,
    sqrt_price_from_tick,
    tick_from_sqrt_price,
)
from streaming_worker.core.amm.whirlpool_ticks import Stop
from streaming_worker.core.units import BPS, MILLIONTHS, ceil_div
from streaming_worker.errors import MathRangeError

LIQUIDITY_OVERFLOW: Final = 6014
LIQUIDITY_UNDERFLOW: Final = 6015
TICK_ARRAY_SEQUENCE_INVALID_INDEX: Final = 6038
AMOUNT_CALC_OVERFLOW: Final = 6039


def swap_step(
    price_x64: int, target_x64: int, liquidity: int, remaining: int, fee_rate: int, *, exact_in: bool, a_to_b: bool
) -> tuple[int, int, int, int]:
    """Return (next price, amount in, amount out, fee) of one step towards a target price.

    Units:  prices Q64.64; ``remaining`` is input (exact in) or output (exact out); fee_rate in millionths.
    Rounds: the input and the fee up, the output down; input too small to move the price becomes fee.
    Raises: MathRangeError where the program overflows.
    Source: swap_math.rs, compute_swap.
    """
    left = remaining * (MILLIONTHS - fee_rate) // MILLIONTHS if exact_in else remaining
    low, high = (target_x64, price_x64) if a_to_b else (price_x64, target_x64)
    fixes_a = a_to_b == exact_in
    fitting_fixed, fitting_other = (
        (fitting_amount_a, fitting_amount_b) if fixes_a else (fitting_amount_b, fitting_amount_a)
    )
    fixed = fitting_fixed(low, high, liquidity, round_up=exact_in)
    next_x64 = target_x64
    if fixed is None or fixed > left:
        next_sqrt_price = next_sqrt_price_from_a if fixes_a else next_sqrt_price_from_b
        next_x64 = next_sqrt_price(price_x64, liquidity, left, is_input=exact_in)
        low, high = (next_x64, price_x64) if a_to_b else (price_x64, next_x64)
        if next_x64 != target_x64 or fixed is None:
            fixed = fitting_fixed(low, high, liquidity, round_up=exact_in)
    other = fitting_other(low, high, liquidity, round_up=not exact_in)
    if fixed is None or other is None:
        raise MathRangeError(
            "a step's amount exceeds u64", program_code=_exceeded_code(is_fixed=fixed is None, fixes_a=fixes_a)
        )
    if not exact_in:
        return next_x64, other, min(fixed, remaining), ceil_div(other * fee_rate, MILLIONTHS - fee_rate)
    if next_x64 != target_x64:
        return next_x64, fixed, other, remaining - fixed
    return next_x64, fixed, other, ceil_div(fixed * fee_rate, MILLIONTHS - fee_rate)


def liquidity_after(liquidity: int, liquidity_net: int, tick_index: int, *, a_to_b: bool) -> int:
    """Return the liquidity beyond an initialised tick. Raises MathRangeError outside u128."""
    liquidity += -liquidity_net if a_to_b else liquidity_net
    if liquidity < 0:
        raise MathRangeError(
            f"liquidity below zero beyond tick {tick_index}: pool and tick arrays are not of one state",
            program_code=LIQUIDITY_UNDERFLOW,
        )
    if liquidity > U128_MAX:
        raise MathRangeError(f"liquidity beyond u128 at tick {tick_index}", program_code=LIQUIDITY_OVERFLOW)
    return liquidity


class SwapWalk:
    """The running state of one swap on the pool's side: amounts, price, liquidity, growth, ticks crossed."""

    __slots__ = (
        "_a_to_b",
        "_exact_in",
        "_protocol_fee_rate",
        "calculated",
        "fee",
        "fee_growth_x64",
        "liquidity",
        "price_x64",
        "protocol_fee",
        "remaining",
        "tick_index",
        "ticks_crossed",
    )

    def __init__(self, pool: WhirlpoolState, *, amount: int, exact_in: bool, a_to_b: bool) -> None:
        self._a_to_b = a_to_b
        self._exact_in = exact_in
        self._protocol_fee_rate = pool.protocol_fee_rate
        self.remaining = amount
        self.calculated = 0
        self.fee = 0
        self.protocol_fee = 0
        self.price_x64 = pool.sqrt_price_x64
        self.liquidity = pool.liquidity
        self.tick_index: int | None = pool.tick_current_index
        self.fee_growth_x64 = pool.fee_growth_global_a_x64 if a_to_b else pool.fee_growth_global_b_x64
        self.ticks_crossed = 0

    def run(self, stops: Iterator[Stop], limit_x64: int, fee: AdaptiveFee | int) -> None:
        """Walk until the amount is used up or the limit is reached.

        Raises: MathRangeError where the program fails, also (6038) when the stops end before the amount does.
        """
        while self.remaining and self.price_x64 != limit_x64:
            stop_tick, liquidity_net = next(stops, (None, None))
            if stop_tick is None:
                raise MathRangeError(
                    f"tick arrays end with {self.remaining} unfilled", program_code=TICK_ARRAY_SEQUENCE_INVALID_INDEX
                )
            stop_x64 = sqrt_price_from_tick(stop_tick)
            target_x64 = max(stop_x64, limit_x64) if self._a_to_b else min(stop_x64, limit_x64)
            if isinstance(fee, int):
                self._step(target_x64, fee)
            else:
                self._step_by_groups(target_x64, fee, stop_x64, stop_tick)
            if self.price_x64 == stop_x64:
                self._arrive(stop_tick, liquidity_net)

    def last_tick(self) -> int:
        """Return the pool's tick index after the walk.

        After a downward swap that ends exactly on a tick it is one below that tick, so it cannot be recomputed
        from the price alone.
        """
        return tick_from_sqrt_price(self.price_x64) if self.tick_index is None else self.tick_index

    def _step_by_groups(self, target_x64: int, fee: AdaptiveFee, stop_x64: int, stop_tick: int) -> None:
        while True:
            rate = fee.rate()
            bound_x64, skips = fee.bounded(self.price_x64, target_x64, self.liquidity)
            self._step(bound_x64, rate)
            if skips:
                fee.advance_after_skip(self.price_x64, stop_x64, stop_tick)
            else:
                fee.advance()
            if not self.remaining or self.price_x64 == target_x64:
                return

    def _step(self, target_x64: int, fee_rate: int) -> None:
        price_x64, amount_in, amount_out, fee = swap_step(
            self.price_x64,
            target_x64,
            self.liquidity,
            self.remaining,
            fee_rate,
            exact_in=self._exact_in,
            a_to_b=self._a_to_b,
        )
        if self._exact_in:
            self.remaining -= amount_in + fee
            self.calculated += amount_out
        else:
            self.remaining -= amount_out
            self.calculated += amount_in + fee
        if self.calculated > U64_MAX:
            raise MathRangeError("the computed amount exceeds u64", program_code=AMOUNT_CALC_OVERFLOW)
        if price_x64 != self.price_x64:
            self.tick_index = None
            self.price_x64 = price_x64
        self._book_fee(fee)

    def _book_fee(self, fee: int) -> None:
        protocol_fee = fee * self._protocol_fee_rate // BPS
        self.fee += fee
        self.protocol_fee += protocol_fee
        if self.liquidity:
            growth = ((fee - protocol_fee) << 64) // self.liquidity
            self.fee_growth_x64 = (self.fee_growth_x64 + growth) & U128_MAX

    def _arrive(self, tick_index: int, liquidity_net: int | None) -> None:
        self.tick_index = tick_index - 1 if self._a_to_b else tick_index
        if liquidity_net is None:
            return
        self.ticks_crossed += 1
        self.liquidity = liquidity_after(self.liquidity, liquidity_net, tick_index, a_to_b=self._a_to_b)


def _exceeded_code(*, is_fixed: bool, fixes_a: bool) -> int:
    """Return the program's error for the one of a step's two amounts that was too large."""
    return TOKEN_MAX_EXCEEDED if is_fixed == fixes_a else SHIFT_RIGHT_OVERFLOW
