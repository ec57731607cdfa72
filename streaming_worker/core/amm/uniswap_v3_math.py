"""Uniswap v3 tick arithmetic and the stops of its tick bitmap; Algebra V1 has the same.

Source: Uniswap/v3-core contracts/libraries/TickMath.sol and TickBitmap.sol.
"""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from functools import lru_cache
from operator import attrgetter
from typing import Final, TypeAlias

from streaming_worker.core.amm.pool_state import Tick
from streaming_worker.core.amm.tick_log import tick_candidates
from streaming_worker.core.units import ceil_div
from streaming_worker.errors import MathRangeError

MIN_TICK: Final = -887_272
MAX_TICK: Final = 887_272
MIN_SQRT_PRICE_X96: Final = 4_295_128_739
MAX_SQRT_PRICE_X96: Final = 1_461_446_703_485_210_103_287_273_052_203_988_822_378_723_970_342
WORD_BITS: Final = 256

Stop: TypeAlias = tuple[int, int | None]
"""(tick index, liquidity net); the net is None where a bitmap word ends without an initialised tick."""

# sqrt(1.0001) ** -(2 ** bit), Q0.128.
_FACTORS_X128: Final = (
    0xFFFCB933BD6FAD37AA2D162D1A594001,
    0xFFF97272373D413259A46990580E213A,
    0xFFF2E50F5F656932EF12357CF3C7FDCC,
    0xFFE5CACA7E10E4E61C3624EAA0941CD0,
    0xFFCB9843D60F6159C9DB58835C926644,
    0xFF973B41FA98C081472E6896DFB254C0,
    0xFF2EA16466C96A3843EC78B326B52861,
    0xFE5DEE046A99A2A811C461F1969C3053,
    0xFCBE86C7900A88AEDCFFC83B479AA3A4,
    0xF987A7253AC413176F2B074CF7815E54,
    0xF3392B0822B70005940C7A398E4B70F3,
    0xE7159475A2C29B7443B29C7FA6E889D9,
    0xD097F3BDFD2022B8845AD8F792AA5825,
    0xA9F746462D870FDF8A65DC1F90E061E5,
    0x70D869A156D2A1B890BB3DF62BAF32F7,
    0x31BE135F97D08FD981231505542FCFA6,
    0x9AA508B5B7A84E1C677DE54F3E99BC9,
    0x5D6AF8DEDB81196699C329225EE604,
    0x2216E584F5FA1EA926041BEDFE98,
    0x48A170391F7DC42444E8FA2,
)
_LOG_SQUARINGS: Final = 14
_tick_index = attrgetter("tick_index")


@lru_cache(maxsize=1 << 16)
def sqrt_price_from_tick(tick_index: int) -> int:
    """Return the square-root price of a tick.

    Units:  Q64.96.
    Rounds: down once per set bit, at last up to Q64.96, as the contract does.
    Raises: MathRangeError outside +-887272.
    Source: TickMath.sol, getSqrtRatioAtTick.
    """
    if not MIN_TICK <= tick_index <= MAX_TICK:
        raise MathRangeError(f"expected a tick within +-{MAX_TICK}, received {tick_index}")
    magnitude = abs(tick_index)
    ratio = 1 << 128
    for bit, factor in enumerate(_FACTORS_X128):
        if magnitude >> bit & 1:
            ratio = ratio * factor >> 128
    if tick_index > 0:
        ratio = (2**256 - 1) // ratio
    return ceil_div(ratio, 2**32)


def tick_from_sqrt_price(sqrt_price_x96: int) -> int:
    """Return the greatest tick whose price is not above ``sqrt_price_x96``.

    Units:  Q64.96.
    Rounds: down (towards minus infinity).
    Raises: MathRangeError outside the contract's price range, the top of which is exclusive.
    Source: TickMath.sol, getTickAtSqrtRatio.
    """
    if not MIN_SQRT_PRICE_X96 <= sqrt_price_x96 < MAX_SQRT_PRICE_X96:
        raise MathRangeError(f"expected a sqrt price within the contract's range, received {sqrt_price_x96}")
    low, high = tick_candidates(sqrt_price_x96, fraction_bits=96, squarings=_LOG_SQUARINGS)
    return high if low == high or sqrt_price_from_tick(high) <= sqrt_price_x96 else low


def stops_down(ticks: Sequence[Tick], tick_index: int, tick_spacing: int) -> Iterator[Stop]:
    """Yield the stops of a falling price: initialised ticks at or below the current one, and each bitmap word's end.

    A word's end is a step with its own rounding, so that it matters for the exact amounts.

    Source: TickBitmap.sol, nextInitializedTickWithinOneWord with lte.
    """
    index = bisect_right(ticks, tick_index, key=_tick_index) - 1
    compressed = tick_index // tick_spacing
    while True:
        stop = compressed // WORD_BITS * WORD_BITS
        net = None
        if index >= 0 and ticks[index].tick_index >= stop * tick_spacing:
            stop, net = ticks[index].tick_index // tick_spacing, ticks[index].liquidity_net
            index -= 1
        yield max(stop * tick_spacing, MIN_TICK), net
        compressed = stop - 1


def stops_up(ticks: Sequence[Tick], tick_index: int, tick_spacing: int) -> Iterator[Stop]:
    """Yield the stops of a rising price: initialised ticks above the current one, and each bitmap word's end.

    Source: TickBitmap.sol, nextInitializedTickWithinOneWord without lte.
    """
    index = bisect_right(ticks, tick_index, key=_tick_index)
    compressed = tick_index // tick_spacing + 1
    while True:
        stop = compressed // WORD_BITS * WORD_BITS + WORD_BITS - 1
        net = None
        if index < len(ticks) and ticks[index].tick_index <= stop * tick_spacing:
            stop, net = ticks[index].tick_index // tick_spacing, ticks[index].liquidity_net
            index += 1
        yield min(stop * tick_spacing, MAX_TICK), net
        compressed = stop + 1
