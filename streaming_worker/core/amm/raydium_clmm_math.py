"""Raydium CLMM tick arithmetic. Its table is not Orca's: prices differ in the low digits.

Source: raydium-io/raydium-clmm programs/amm/src/libraries/tick_math.rs.
"""

from functools import lru_cache
from typing import Final

from streaming_worker.core.amm.tick_log import tick_candidates
from streaming_worker.errors import MathRangeError

MIN_TICK: Final = -443_636
MAX_TICK: Final = 443_636
MIN_SQRT_PRICE_X64: Final = 4_295_048_016
MAX_SQRT_PRICE_X64: Final = 79_226_673_521_066_979_257_578_248_091
TICKS_PER_ARRAY: Final = 60

# sqrt(1.0001) ** -(2 ** bit), Q0.64, as coarse as the program has it.
_FACTORS_X64: Final = (
    0xFFFCB933BD6FB800,
    0xFFF97272373D4000,
    0xFFF2E50F5F657000,
    0xFFE5CACA7E10F000,
    0xFFCB9843D60F7000,
    0xFF973B41FA98E800,
    0xFF2EA16466C9B000,
    0xFE5DEE046A9A3800,
    0xFCBE86C7900BB000,
    0xF987A7253AC65800,
    0xF3392B0822BB6000,
    0xE7159475A2CAF000,
    0xD097F3BDFD2F2000,
    0xA9F746462D9F8000,
    0x70D869A156F31C00,
    0x31BE135F97ED3200,
    0x9AA508B5B85A500,
    0x5D6AF8DEDC582C,
    0x2216E584F5FA,
)
_LOG_SQUARINGS: Final = 16


@lru_cache(maxsize=1 << 16)
def sqrt_price_from_tick(tick_index: int) -> int:
    """Return the square-root price of a tick.

    Units:  Q64.64.
    Rounds: down, once per set bit, and once more in the reciprocal of a positive tick.
    Raises: MathRangeError outside +-443636.
    Source: tick_math.rs, get_sqrt_price_at_tick.
    """
    if not MIN_TICK <= tick_index <= MAX_TICK:
        raise MathRangeError(f"expected a tick within +-{MAX_TICK}, received {tick_index}")
    magnitude = abs(tick_index)
    ratio = 1 << 64
    for bit, factor in enumerate(_FACTORS_X64):
        if magnitude >> bit & 1:
            ratio = ratio * factor >> 64
    return (2**128 - 1) // ratio if tick_index > 0 else ratio


def tick_from_sqrt_price(sqrt_price_x64: int) -> int:
    """Return the greatest tick whose price is not above ``sqrt_price_x64``.

    Units:  Q64.64.
    Rounds: down (towards minus infinity).
    Raises: MathRangeError outside the program's price range, the top of which is exclusive.
    Source: tick_math.rs, get_tick_at_sqrt_price.
    """
    if not MIN_SQRT_PRICE_X64 <= sqrt_price_x64 < MAX_SQRT_PRICE_X64:
        raise MathRangeError(f"expected a sqrt price within the program's range, received {sqrt_price_x64}")
    low, high = tick_candidates(sqrt_price_x64, fraction_bits=64, squarings=_LOG_SQUARINGS)
    return high if low == high or sqrt_price_from_tick(high) <= sqrt_price_x64 else low


def tick_array_start(tick_index: int, tick_spacing: int) -> int:
    """Return the start index of the tick array that holds ``tick_index`` (floor, also below zero)."""
    ticks_in_array = TICKS_PER_ARRAY * tick_spacing
    return tick_index // ticks_in_array * ticks_in_array
