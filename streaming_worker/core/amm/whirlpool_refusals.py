"""Why a Whirlpool gives no quote: the program's checks in its own order, and its error numbers by name.

Source: orca-so/whirlpools programs/whirlpool/src/errors.rs and instructions/v2/swap.rs.
"""

from typing import Final

from streaming_worker.core.amm.pool_state import OracleState, WhirlpoolMarket, WhirlpoolState
from streaming_worker.core.amm.swap import SwapRefusal, SwapRefusalReason
from streaming_worker.core.amm.whirlpool_math import MAX_SQRT_PRICE_X64, MIN_SQRT_PRICE_X64
from streaming_worker.core.amm.whirlpool_ticks import needed_array_starts
from streaming_worker.errors import MathRangeError

_INVALID_TICK_ARRAY_SEQUENCE: Final = 6023
_SQRT_PRICE_OUT_OF_BOUNDS: Final = 6011
_INVALID_SQRT_PRICE_LIMIT_DIRECTION: Final = 6034
_ZERO_TRADABLE_AMOUNT: Final = 6035
_PARTIAL_FILL: Final = 6057
_TRADE_IS_NOT_ENABLED: Final = 6064

_REASONS: Final[dict[int | None, SwapRefusalReason]] = {
    6015: SwapRefusalReason.LIQUIDITY_UNDERFLOW,
    6022: SwapRefusalReason.INVALID_TIMESTAMP,
    6038: SwapRefusalReason.TICK_ARRAYS_EXHAUSTED,
}


def market_refusal(market: WhirlpoolMarket, *, a_to_b: bool, unix_timestamp: int | None) -> SwapRefusal | None:
    """Return why no swap at all is possible: no tick array, no oracle, or trading not enabled yet."""
    needed = needed_array_starts(market.pool, a_to_b=a_to_b)
    if not needed or needed[0] not in market.arrays:
        return SwapRefusal(
            SwapRefusalReason.TICK_ARRAY_MISSING, "the first tick array was not read", _INVALID_TICK_ARRAY_SEQUENCE
        )
    if not market.pool.is_adaptive_fee:
        return None
    if market.oracle is None:
        return SwapRefusal(SwapRefusalReason.ORACLE_MISSING, "an adaptive-fee pool needs its oracle account")
    return None if unix_timestamp is None else _schedule_refusal(market.oracle, unix_timestamp)


def order_refusal(pool: WhirlpoolState, amount: int, limit_x64: int | None, *, a_to_b: bool) -> SwapRefusal | None:
    """Return why this amount with this price limit is refused: limit out of range or behind the price, or no amount."""
    if limit_x64 is not None and not MIN_SQRT_PRICE_X64 <= limit_x64 <= MAX_SQRT_PRICE_X64:
        detail = f"price limit {limit_x64} is no price of the program"
        return SwapRefusal(SwapRefusalReason.PRICE_LIMIT_OUT_OF_RANGE, detail, _SQRT_PRICE_OUT_OF_BOUNDS)
    if limit_x64 is not None and _is_wrong_side(pool.sqrt_price_x64, limit_x64, a_to_b=a_to_b):
        detail = f"price limit {limit_x64} is not ahead of price {pool.sqrt_price_x64}"
        return SwapRefusal(SwapRefusalReason.PRICE_LIMIT_WRONG_SIDE, detail, _INVALID_SQRT_PRICE_LIMIT_DIRECTION)
    if amount <= 0:
        return SwapRefusal(SwapRefusalReason.ZERO_AMOUNT, "nothing to swap", _ZERO_TRADABLE_AMOUNT)
    return None


def partial_fill_refusal(unfilled: int) -> SwapRefusal:
    """Return the refusal of an exact-out swap that reached the end of the price range."""
    return SwapRefusal(SwapRefusalReason.PARTIAL_FILL, f"{unfilled} cannot be bought at any price", _PARTIAL_FILL)


def refusal_from(error: MathRangeError) -> SwapRefusal:
    """Return an error of the arithmetic as a value."""
    reason = _REASONS.get(error.program_code, SwapRefusalReason.MATH_OVERFLOW)
    return SwapRefusal(reason, str(error), error.program_code)


def _schedule_refusal(oracle: OracleState, unix_timestamp: int) -> SwapRefusal | None:
    if oracle.trade_enable_timestamp <= unix_timestamp:
        return None
    detail = f"trading starts at {oracle.trade_enable_timestamp}"
    return SwapRefusal(SwapRefusalReason.TRADE_NOT_ENABLED, detail, _TRADE_IS_NOT_ENABLED)


def _is_wrong_side(price_x64: int, limit_x64: int, *, a_to_b: bool) -> bool:
    return limit_x64 >= price_x64 if a_to_b else limit_x64 <= price_x64
