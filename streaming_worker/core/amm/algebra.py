"""Exact quotes of Algebra V1 pools, QuickSwap v3 among them. Token 0 is A, token 1 is B.

Not for V1.9 (a fee per direction) nor Integral (plugins, linked ticks).
Source: cryptoalgebra/AlgebraV1 src/core/contracts/AlgebraPool.sol, _calculateSwapAndLock.
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

TICK_SPACING: Final = 60
COMMUNITY_FEE_SCALE: Final = 1_000


class AlgebraPool(msgspec.Struct, frozen=True):
    """The pool's storage, with all its initialised ticks in ascending order.

    Units: ``fee`` in millionths of the input; community fees in thousandths of the fee, paid out at once; prices
    Q64.96; growths Q128.128 modulo 2^256.
    """

    address: str
    sqrt_price_x96: int
    tick: int
    fee: int
    community_fee_token0: int
    community_fee_token1: int
    liquidity: int
    total_fee_growth0_x128: int
    total_fee_growth1_x128: int
    ticks: tuple[Tick, ...]


def quote_exact_in(
    pool: AlgebraPool,
    *,
    amount: int,
    a_to_b: bool,
    sqrt_price_limit_x96: int | None = None,
    next_fee: int | None = None,
) -> SwapQuote[AlgebraPool] | SwapRefusal:
    """Return what selling ``amount`` gives. A pool that runs out of liquidity fills in part, as on chain.

    The first swap of a block takes a new fee from the pool's data storage: pass it as ``next_fee``, in millionths.
    After that swap, and with None, the stored fee holds.

    Units:  smallest units; the limit is Q64.96, None for the widest.
    Rounds: input and fees up, output down: never for the trader.
    """
    order = ConcentratedOrder(amount=amount, exact_in=True, a_to_b=a_to_b, limit=sqrt_price_limit_x96)
    return _quote(pool, order, next_fee)


def quote_exact_out(
    pool: AlgebraPool,
    *,
    amount: int,
    a_to_b: bool,
    sqrt_price_limit_x96: int | None = None,
    next_fee: int | None = None,
) -> SwapQuote[AlgebraPool] | SwapRefusal:
    """Return what buying ``amount`` costs. With an explicit limit the order may be filled in part, as on chain.

    Units, ``next_fee`` and rounding as in ``quote_exact_in``.
    """
    order = ConcentratedOrder(amount=amount, exact_in=False, a_to_b=a_to_b, limit=sqrt_price_limit_x96)
    return _quote(pool, order, next_fee)


def _quote(pool: AlgebraPool, order: ConcentratedOrder, next_fee: int | None) -> SwapQuote[AlgebraPool] | SwapRefusal:
    refusal = order_refusal(order, pool.sqrt_price_x96, MIN_SQRT_PRICE_X96, MAX_SQRT_PRICE_X96, Q96_FORMAT)
    if refusal is not None:
        return refusal
    a_to_b, limit = order.a_to_b, order.limit
    if limit is None:
        limit = MIN_SQRT_PRICE_X96 + 1 if a_to_b else MAX_SQRT_PRICE_X96 - 1
    fee_rate = pool.fee if next_fee is None else next_fee
    walk = ConcentratedWalk(
        Q96_FORMAT,
        amount=order.amount,
        exact_in=order.exact_in,
        a_to_b=a_to_b,
        sqrt_price=pool.sqrt_price_x96,
        liquidity=pool.liquidity,
        tick_index=pool.tick,
        fee_growth=pool.total_fee_growth0_x128 if a_to_b else pool.total_fee_growth1_x128,
        protocol_share=(pool.community_fee_token0 if a_to_b else pool.community_fee_token1, COMMUNITY_FEE_SCALE),
    )
    stops = (stops_down if a_to_b else stops_up)(pool.ticks, pool.tick, TICK_SPACING)
    try:
        run_to_limit(walk, stops, sqrt_price_from_tick, limit=limit, fee_rate=fee_rate, a_to_b=a_to_b)
    except MathRangeError as e:
        return SwapRefusal(SwapRefusalReason.MATH_OVERFLOW, str(e))
    end_state = _pool_after(pool, walk, fee_rate, a_to_b=a_to_b)
    return unfilled_refusal(walk, order) or quote_from(walk, order, pool.sqrt_price_x96, 96, end_state)


def _pool_after(pool: AlgebraPool, walk: ConcentratedWalk, fee_rate: int, *, a_to_b: bool) -> AlgebraPool:
    tick = tick_from_sqrt_price(walk.sqrt_price) if walk.tick_index is None else walk.tick_index
    return msgspec.structs.replace(
        pool,
        sqrt_price_x96=walk.sqrt_price,
        tick=tick,
        fee=fee_rate,
        liquidity=walk.liquidity,
        total_fee_growth0_x128=walk.fee_growth if a_to_b else pool.total_fee_growth0_x128,
        total_fee_growth1_x128=pool.total_fee_growth1_x128 if a_to_b else walk.fee_growth,
    )
