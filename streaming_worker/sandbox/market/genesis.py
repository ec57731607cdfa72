"""The pool as it is when the market begins: where its liquidity lies and which accounts exist.

Addresses are those of the real SOL/USDC pool with tick spacing 4; everything else is made up from the seed.
"""

import random
from typing import Final

from streaming_worker.core.amm.pool_state import TickArray, WhirlpoolMarket, WhirlpoolState
from streaming_worker.core.amm.whirlpool import tick_array_start, tick_from_sqrt_price
from streaming_worker.sandbox.market.pool_price import sqrt_price_at
from streaming_worker.sandbox.market.positions import SLOTS_PER_ARRAY, Position, liquidity_at, with_position
from streaming_worker.sandbox.market.spec import PoolSpec

POOL_ADDRESS: Final = "Czfq3xZZDmsdGdUyrNLtRhGc47cXcZtLG4crryfu44zE"
MINT_SOL: Final = "So11111111111111111111111111111111111111112"
MINT_USDC: Final = "EPjFWdd5AufqSSqeM2qN1xzybapC8G4wEGGkZwyTDt1v"
VAULT_SOL: Final = "EUuUbDcafPrmVTD5M6qoJAoyyNbihBhugADAxRMn5he9"
VAULT_USDC: Final = "2WLWEuKDgkDUccTpbwYp1GToYktiSB1cXvreHUwiSUVP"

ARRAYS_EACH_WAY: Final = 7
ABSENT_ARRAY_OFFSET: Final = 2
"""Which array above the first one has no account: its 88 ticks are empty, and no position may end there."""

_MEDIUM_POSITIONS: Final = 60
_NARROW_POSITIONS: Final = 90


def start_market(spec: PoolSpec, *, price_e8: int, rng: random.Random) -> tuple[WhirlpoolMarket, list[Position]]:
    """Return the pool at ``price_e8`` and the positions that its ticks consist of."""
    sqrt_price_x64 = sqrt_price_at(price_e8)
    tick_index = tick_from_sqrt_price(sqrt_price_x64)
    size = SLOTS_PER_ARRAY * spec.tick_spacing
    base = tick_array_start(tick_index, spec.tick_spacing)
    starts = [base + size * offset for offset in range(-ARRAYS_EACH_WAY, ARRAYS_EACH_WAY + 1)]
    arrays = {start: TickArray(start, ()) for start in starts if start != base + size * ABSENT_ARRAY_OFFSET}
    pool = _empty_pool(spec, sqrt_price_x64, tick_index)
    market = WhirlpoolMarket(pool=pool, arrays=arrays)
    positions = _positions(spec, tick_index, set(arrays), rng)
    for position in positions:
        market, _ = with_position(market, position, sign=1)
    assert market.pool.liquidity == liquidity_at(positions, tick_index)
    return market, positions


def draw_position(
    spec: PoolSpec, tick_index: int, *, widest: int, arrays: set[int], rng: random.Random
) -> Position | None:
    """Return a random position of up to ``widest`` ticks near ``tick_index``; None if an end has no account."""
    spacing = spec.tick_spacing
    width = spacing * (2 + rng.randrange(widest // spacing))
    lower = (tick_index - rng.randrange(width * 2)) // spacing * spacing
    upper = lower + width
    ends = {tick_array_start(lower, spacing), tick_array_start(upper, spacing)}
    if not ends <= arrays:
        return None
    return Position(lower, upper, spec.liquidity_unit * (1 + rng.randrange(8)))


def _positions(spec: PoolSpec, tick_index: int, arrays: set[int], rng: random.Random) -> list[Position]:
    lowest = min(arrays)
    highest = max(arrays) + (SLOTS_PER_ARRAY - 1) * spec.tick_spacing
    positions = [Position(lowest, highest, spec.liquidity_unit * 60)]
    for count, widest in ((_MEDIUM_POSITIONS, 1_200), (_NARROW_POSITIONS, 160)):
        wanted = len(positions) + count
        while len(positions) < wanted:
            position = draw_position(spec, tick_index, widest=widest, arrays=arrays, rng=rng)
            if position is not None:
                positions.append(position)
    return positions


def _empty_pool(spec: PoolSpec, sqrt_price_x64: int, tick_index: int) -> WhirlpoolState:
    return WhirlpoolState(
        address=POOL_ADDRESS,
        tick_spacing=spec.tick_spacing,
        fee_tier_index=spec.tick_spacing,
        fee_rate=spec.fee_rate,
        protocol_fee_rate=spec.protocol_fee_rate,
        liquidity=0,
        sqrt_price_x64=sqrt_price_x64,
        tick_current_index=tick_index,
        protocol_fee_owed_a=0,
        protocol_fee_owed_b=0,
        token_mint_a=MINT_SOL,
        token_vault_a=VAULT_SOL,
        fee_growth_global_a_x64=0,
        token_mint_b=MINT_USDC,
        token_vault_b=VAULT_USDC,
        fee_growth_global_b_x64=0,
    )
