"""Which tick arrays a Whirlpool swap visits, and at which ticks it stops.

Source: orca-so/whirlpools programs/whirlpool/src/util/sparse_swap.rs and swap_tick_sequence.rs.
"""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from operator import attrgetter
from typing import TypeAlias

from streaming_worker.core.amm.pool_state import TickArray, WhirlpoolMarket, WhirlpoolState
from streaming_worker.core.amm.whirlpool_math import MAX_TICK, MIN_TICK, TICKS_PER_ARRAY, tick_array_start

Stop: TypeAlias = tuple[int, int | None]
"""(tick index, liquidity net); the net is None where the tick is only the end of what was read."""

_tick_index = attrgetter("tick_index")


def needed_array_starts(pool: WhirlpoolState, *, a_to_b: bool) -> tuple[int, ...]:
    """Return the start indexes of the up to three arrays that a swap uses, in swap order.

    A swap upwards skips the array of the current tick when no slot above it is left there.
    Starts outside the tick range are left out, so that the result may be shorter, even empty.
    """
    size = TICKS_PER_ARRAY * pool.tick_spacing
    base = tick_array_start(pool.tick_current_index, pool.tick_spacing)
    if a_to_b:
        starts = (base, base - size, base - 2 * size)
    else:
        first = base + size if _is_last_slot(pool) else base
        starts = (first, first + size, first + 2 * size)
    return tuple(start for start in starts if _is_valid_start(start, size))


def arrays_around(pool: WhirlpoolState) -> tuple[int, ...]:
    """Return the ascending start indexes that quotes in both directions can need: five, or six in the last slot."""
    size = TICKS_PER_ARRAY * pool.tick_spacing
    base = tick_array_start(pool.tick_current_index, pool.tick_spacing)
    above = 3 if _is_last_slot(pool) else 2
    starts = (base + offset * size for offset in range(-2, above + 1))
    return tuple(start for start in starts if _is_valid_start(start, size))


def stops(market: WhirlpoolMarket, *, a_to_b: bool) -> Iterator[Stop]:
    """Yield the ticks at which a swap stops, in swap order, over the needed arrays up to the first that was not read.

    Requires the first needed array.
    """
    arrays: list[TickArray] = []
    for start in needed_array_starts(market.pool, a_to_b=a_to_b):
        array = market.arrays.get(start)
        if array is None:
            break
        arrays.append(array)
    return _stops_down(arrays, market.pool) if a_to_b else _stops_up(arrays, market.pool)


def _stops_down(arrays: Sequence[TickArray], pool: WhirlpoolState) -> Iterator[Stop]:
    """Yield the stops of an A-to-B swap: initialised ticks at or below the current one, then the sequence's end.

    The end is the start of the last array, or the lowest tick in the outermost array. It is not repeated where it
    is an initialised tick itself.
    """
    tick_index = MAX_TICK
    for array in arrays:
        ticks = array.ticks
        for index in range(bisect_right(ticks, pool.tick_current_index, key=_tick_index) - 1, -1, -1):
            tick = ticks[index]
            tick_index = tick.tick_index
            yield tick_index, tick.liquidity_net
    end = arrays[-1].start_tick_index
    if end <= MIN_TICK:
        yield MIN_TICK, None
    elif tick_index != end:
        yield end, None


def _stops_up(arrays: Sequence[TickArray], pool: WhirlpoolState) -> Iterator[Stop]:
    """Yield the stops of a B-to-A swap: initialised ticks above the current one, then the sequence's end.

    The end is one tick below the next array, or the highest tick in the outermost array. Crossing an initialised
    tick in the last slot of the last array ends the sequence there: the program cannot trade the rest of that slot.
    """
    tick_index = MIN_TICK - 1
    for array in arrays:
        ticks = array.ticks
        for index in range(bisect_right(ticks, pool.tick_current_index, key=_tick_index), len(ticks)):
            tick = ticks[index]
            tick_index = tick.tick_index
            yield tick_index, tick.liquidity_net
    end = arrays[-1].start_tick_index + TICKS_PER_ARRAY * pool.tick_spacing
    if tick_index < end - pool.tick_spacing:
        yield min(end - 1, MAX_TICK), None


def _is_last_slot(pool: WhirlpoolState) -> bool:
    size = TICKS_PER_ARRAY * pool.tick_spacing
    return (
        pool.tick_current_index + pool.tick_spacing
        >= tick_array_start(pool.tick_current_index, pool.tick_spacing) + size
    )


def _is_valid_start(start: int, size: int) -> bool:
    return start + size > MIN_TICK and start < MAX_TICK
