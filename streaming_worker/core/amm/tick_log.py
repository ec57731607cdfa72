"""Which tick a square-root price lies in: a base-2 logarithm by squaring, shared by every tick-based design.

Source: orca-so/whirlpools programs/whirlpool/src/math/tick_math.rs, tick_index_from_sqrt_price.
"""

from typing import Final

_LOG_B_2_X32: Final = 59_543_866_431_248
_LOG_ERROR_LOW_X64: Final = 184_467_440_737_095_516
_LOG_ERROR_HIGH_X64: Final = 15_793_534_762_490_258_745


def tick_candidates(sqrt_price: int, *, fraction_bits: int, squarings: int) -> tuple[int, int]:
    """Return the two (often equal) ticks between which the greatest tick not above a price lies.

    Units:  ``sqrt_price`` is positive with ``fraction_bits`` binary places; b is sqrt(1.0001).
    Rounds: the first candidate is never too high, the second never too low.
    """
    msb = sqrt_price.bit_length() - 1
    mantissa = sqrt_price >> (msb - 63) if msb >= 64 else sqrt_price << (63 - msb)
    log_2_x32 = (msb - fraction_bits) << 32
    for bit in range(31, 31 - squarings, -1):
        mantissa *= mantissa
        if mantissa >> 127:
            mantissa >>= 64
            log_2_x32 += 1 << bit
        else:
            mantissa >>= 63
    log_b_x64 = log_2_x32 * _LOG_B_2_X32
    return (log_b_x64 - _LOG_ERROR_LOW_X64) >> 64, (log_b_x64 + _LOG_ERROR_HIGH_X64) >> 64
