"""USD per SOL and the pool's square-root price: both ways, in whole numbers.

A SOL has nine decimals and a USDC six, so the raw ratio is the price divided by a thousand.
"""

from math import isqrt
from typing import Final

from streaming_worker.core.units import E8

_RAW_UNITS: Final = 1_000 * E8


def sqrt_price_at(price_e8: int) -> int:
    """Return the Q64.64 square-root price of a price in USD x 1e8, rounded down."""
    return isqrt((price_e8 << 128) // _RAW_UNITS)


def price_e8_at(sqrt_price_x64: int) -> int:
    """Return the price in USD x 1e8 of a Q64.64 square-root price, rounded down."""
    return sqrt_price_x64 * sqrt_price_x64 * _RAW_UNITS >> 128
