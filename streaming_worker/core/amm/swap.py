"""What a swap would do, or the named reason why it cannot: one shape for every pool design."""

from enum import StrEnum
from typing import Final, Generic, TypeVar

import msgspec

from streaming_worker.core.units import BPS, ceil_div

_BPS_E2: Final = BPS * 100

StateT = TypeVar("StateT")


class SwapRefusalReason(StrEnum):
    """Why a pool gives no quote."""

    ZERO_AMOUNT = "zero_amount"
    AMOUNT_TOO_LARGE = "amount_too_large"
    ZERO_LIQUIDITY = "zero_liquidity"
    INSUFFICIENT_LIQUIDITY = "insufficient_liquidity"
    TICK_ARRAYS_EXHAUSTED = "tick_arrays_exhausted"
    TICK_ARRAY_MISSING = "tick_array_missing"
    PRICE_LIMIT_OUT_OF_RANGE = "price_limit_out_of_range"
    PRICE_LIMIT_WRONG_SIDE = "price_limit_wrong_side"
    PARTIAL_FILL = "partial_fill"
    TRADE_NOT_ENABLED = "trade_not_enabled"
    ORACLE_MISSING = "oracle_missing"
    INVALID_TIMESTAMP = "invalid_timestamp"
    LIQUIDITY_UNDERFLOW = "liquidity_underflow"
    MATH_OVERFLOW = "math_overflow"
    UNSUPPORTED = "unsupported"


class SwapRefusal(msgspec.Struct, frozen=True, tag=True):
    """No quote, and why. ``program_code`` is the on-chain error number where the program has one."""

    reason: SwapRefusalReason
    detail: str
    program_code: int | None = None


class SwapQuote(msgspec.Struct, Generic[StateT], frozen=True):
    """A completed swap.

    Units: amounts in the token's smallest unit. ``amount_in`` leaves the trader, ``amount_out`` reaches the trader
    (transfer fees applied); ``pool_amount_in`` and ``pool_amount_out`` are the pool's side of the same two moves.
    ``fee_amount`` is the whole trade fee in the input token, ``protocol_fee`` its protocol part.
    ``price_impact_bps_e2`` is how far the average price after the trade fee is worse than the price before the swap,
    in hundredths of a basis point, rounded up. ``end_state`` is the market after the swap, so that quotes chain.
    """

    amount_in: int
    amount_out: int
    fee_amount: int
    protocol_fee: int
    ticks_crossed: int
    end_state: StateT
    pool_amount_in: int
    pool_amount_out: int
    price_impact_bps_e2: int


def price_impact_bps_e2(*, net_in: int, out: int, out_per_in: tuple[int, int]) -> int:
    """Return how much less than the price before the swap the average price gives.

    Units:  hundredths of a basis point; ``net_in`` is the input after the trade fee; ``out_per_in`` is the price
            before the swap as (numerator, denominator).
    Rounds: up: the impact is never shown too small.
    """
    ideal = net_in * out_per_in[0]
    if ideal == 0:
        return 0
    return ceil_div((ideal - out * out_per_in[1]) * _BPS_E2, ideal)
