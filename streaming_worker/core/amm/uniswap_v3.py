"""Exact quotes of Uniswap v3 pools. Token 0 is A, token 1 is B.

Source: Uniswap/v3-core contracts/UniswapV3Pool.sol, swap.
"""

from typing import Final

import msgspec

from streaming_worker.core.amm.concentrated_math import Q96_FORMAT
from streaming_worker.core.amm.concentrated_quote import (
    ConcentratedOrder,
    order_refusal,
    quote_from,
    run_to_limit,
    unfilled_refusal,
)
from streaming_worker.core.amm.concentrated_walk import ConcentratedWalk
from streaming_worker.core.amm.pool_state import Tick
from streaming_worker.core.amm.swap import SwapQuote, SwapRefusal, SwapRefusalReason
from streaming_worker.core.amm.uniswap_v3_math import (
    MAX_SQRT_PRICE_X96,
    MIN_SQRT_PRICE_X96,
    sqrt_price_from_tick,
    stops_down,
    stops_up,
    tick_from_sqrt_price,
)
from streaming_worker.errors import MathRangeError

_NO_SHARE: Final = (0, 1)


class UniswapV3Pool(msgspec.Struct, frozen=True):
    """The pool's storage, with all its initialised ticks in ascending order.

    Units: ``fee`` in millionths of the input; ``fee_protocol`` holds two nibbles, token 0 low, each the n of a 1/n
    share of the fee; prices Q64.96; growths Q128.128 modulo 2^256; amounts in the token's smallest unit.
    """

    address: str
    fee: int
    tick_spacing: int
    sqrt_price_x96: int
    tick: int
    liquidity: int
    fee_protocol: int
    fee_growth_global0_x128: int
    fee_growth_global1_x128: int
    protocol_fees0: int
    protocol_fees1: int
    ticks: tuple[Tick, ...]


def quote_exact_in(
    pool: UniswapV3Pool, *, amount: int, a_to_b: bool, sqrt_price_limit_x96: int | None = None
) -> SwapQuote[UniswapV3Pool] | SwapRefusal:
    """Return what selling ``amount`` gives. A pool that runs out of liquidity fills in part, as on chain.

    Units:  smallest units; the limit is Q64.96, None for the widest.
    Rounds: input and fees up, output down: never for the trader.
    """
    return _quote(pool, ConcentratedOrder(amount=amount, exact_in=True, a_to_b=a_to_b, limit=sqrt_price_limit_x96))


def quote_exact_out(
    pool: UniswapV3Pool, *, amount: int, a_to_b: bool, sqrt_price_limit_x96: int | None = None
) -> SwapQuote[UniswapV3Pool] | SwapRefusal:
    """Return what buying ``amount`` costs. With an explicit limit the order may be filled in part, as on chain.

    Units:  smallest units; the limit is Q64.96, None for the widest.
    Rounds: input and fees up, output down: never for the trader.
    """
    return _quote(pool, ConcentratedOrder(amount=amount, exact_in=False, a_to_b=a_to_b, limit=sqrt_price_limit_x96))


def _quote(pool: UniswapV3Pool, order: ConcentratedOrder) -> SwapQuote[UniswapV3Pool] | SwapRefusal:
    refusal = order_refusal(order, pool.sqrt_price_x96, MIN_SQRT_PRICE_X96, MAX_SQRT_PRICE_X96, Q96_FORMAT)
    if refusal is not None:
        return refusal
    a_to_b, limit = order.a_to_b, order.limit
    if limit is None:
        limit = MIN_SQRT_PRICE_X96 + 1 if a_to_b else MAX_SQRT_PRICE_X96 - 1
    share = pool.fee_protocol & 15 if a_to_b else pool.fee_protocol >> 4
    walk = ConcentratedWalk(
        Q96_FORMAT,
        amount=order.amount,
        exact_in=order.exact_in,
        a_to_b=a_to_b,
        sqrt_price=pool.sqrt_price_x96,
        liquidity=pool.liquidity,
        tick_index=pool.tick,
        fee_growth=pool.fee_growth_global0_x128 if a_to_b else pool.fee_growth_global1_x128,
        protocol_share=(1, share) if share else _NO_SHARE,
    )
    stops = (stops_down if a_to_b else stops_up)(pool.ticks, pool.tick, pool.tick_spacing)
    try:
        run_to_limit(walk, stops, sqrt_price_from_tick, limit=limit, fee_rate=pool.fee, a_to_b=a_to_b)
    except MathRangeError as e:
        return SwapRefusal(SwapRefusalReason.MATH_OVERFLOW, str(e))
    end_state = _pool_after(pool, walk, a_to_b=a_to_b)
    return unfilled_refusal(walk, order) or quote_from(walk, order, pool.sqrt_price_x96, 96, end_state)


def _pool_after(pool: UniswapV3Pool, walk: ConcentratedWalk, *, a_to_b: bool) -> UniswapV3Pool:
    tick = tick_from_sqrt_price(walk.sqrt_price) if walk.tick_index is None else walk.tick_index
    return msgspec.structs.replace(
        pool,
        sqrt_price_x96=walk.sqrt_price,
        tick=tick,
        liquidity=walk.liquidity,
        fee_growth_global0_x128=walk.fee_growth if a_to_b else pool.fee_growth_global0_x128,
        fee_growth_global1_x128=pool.fee_growth_global1_x128 if a_to_b else walk.fee_growth,
        protocol_fees0=pool.protocol_fees0 + (walk.protocol_fee if a_to_b else 0),
        protocol_fees1=pool.protocol_fees1 + (0 if a_to_b else walk.protocol_fee),
    )
