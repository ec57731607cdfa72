"""Liquidity providers' positions and what they make of the tick arrays.

Only ticks and liquidity: who owns a position and what it has earned is not modelled.
"""

from collections.abc import Iterable, Mapping
from typing import Final

import msgspec

from streaming_worker.core.amm.pool_state import Tick, TickArray, WhirlpoolMarket
from streaming_worker.core.amm.whirlpool import tick_array_start

SLOTS_PER_ARRAY: Final = 88


class Position(msgspec.Struct, frozen=True):
    """Liquidity between two initialised ticks: in range from ``lower`` up to, not including, ``upper``."""

    lower: int
    upper: int
    liquidity: int


def liquidity_at(positions: Iterable[Position], tick_index: int) -> int:
    """Return the sum of the positions in range at a tick."""
    return sum(p.liquidity for p in positions if p.lower <= tick_index < p.upper)


def with_position(market: WhirlpoolMarket, position: Position, *, sign: int) -> tuple[WhirlpoolMarket, tuple[int, ...]]:
    """Add (``sign`` 1) or withdraw (-1) a position; returns the market and the start indexes of changed arrays."""
    delta = sign * position.liquidity
    pool = market.pool
    arrays = _change_tick(market.arrays, position.lower, pool.tick_spacing, net=delta, gross=delta)
    arrays = _change_tick(arrays, position.upper, pool.tick_spacing, net=-delta, gross=delta)
    if position.lower <= pool.tick_current_index < position.upper:
        pool = msgspec.structs.replace(pool, liquidity=pool.liquidity + delta)
    starts = {tick_array_start(tick, pool.tick_spacing) for tick in (position.lower, position.upper)}
    return msgspec.structs.replace(market, pool=pool, arrays=arrays), tuple(sorted(starts))


def _change_tick(
    arrays: Mapping[int, TickArray], tick_index: int, spacing: int, *, net: int, gross: int
) -> dict[int, TickArray]:
    start = tick_array_start(tick_index, spacing)
    ticks = {tick.tick_index: tick for tick in arrays[start].ticks}
    old = ticks.pop(tick_index, Tick(tick_index, 0, 0))
    new = Tick(tick_index, old.liquidity_net + net, old.liquidity_gross + gross)
    if new.liquidity_gross:
        ticks[tick_index] = new
    changed = TickArray(start, tuple(ticks[index] for index in sorted(ticks)))
    return {**arrays, start: changed}
