"""Exact quotes of Raydium CLMM pools: fee from the input, with or without the dynamic fee.

Pools that take fees from one token only, and ticks with limit orders, are refused by name rather than guessed.
Source: raydium-io/raydium-clmm programs/amm/src/instructions/swap.rs and swap_v2.rs.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from operator import attrgetter
from typing import NamedTuple

import msgspec

from streaming_worker.core.amm.concentrated_math import Q64_FORMAT
from streaming_worker.core.amm.concentrated_quote import ConcentratedOrder, order_refusal, quote_from
from streaming_worker.core.amm.concentrated_walk import ConcentratedWalk
from streaming_worker.core.amm.raydium_clmm_math import (
    MAX_SQRT_PRICE_X64,
    MIN_SQRT_PRICE_X64,
    sqrt_price_from_tick,
    tick_array_start,
    tick_from_sqrt_price,
)
from streaming_worker.core.amm.raydium_dynamic_fee import DynamicFeeWalk
from streaming_worker.core.amm.raydium_state import RaydiumClmmMarket, RaydiumClmmPool, RaydiumTick
from streaming_worker.core.amm.swap import SwapQuote, SwapRefusal, SwapRefusalReason
from streaming_worker.core.amm.transfer_fee import after_transfer_fee, before_transfer_fee
from streaming_worker.core.units import MILLIONTHS
from streaming_worker.errors import MathRangeError

_tick_index = attrgetter("tick_index")


class WalkEnd(NamedTuple):
    """A walk and why it ended: ``refusal`` is None when the amount was used up or the limit reached."""

    walk: ConcentratedWalk
    pool_after: RaydiumClmmPool
    refusal: SwapRefusal | None


def quote_exact_in(
    market: RaydiumClmmMarket,
    *,
    amount: int,
    a_to_b: bool,
    unix_timestamp: int,
    sqrt_price_limit_x64: int | None = None,
) -> SwapQuote[RaydiumClmmMarket] | SwapRefusal:
    """Return what selling ``amount`` gives. Only an explicit limit may leave a part unfilled.

    Units:  smallest units; ``unix_timestamp`` is the chain clock; the limit is Q64.64, None for no explicit limit.
    Rounds: input and fees up, output down: never for the trader. A result of 0 on either side is refused, as on chain.
    """
    fee_in = market.transfer_fee_0 if a_to_b else market.transfer_fee_1
    pool_amount = after_transfer_fee(amount, fee_in)
    order = ConcentratedOrder(amount=pool_amount, exact_in=True, a_to_b=a_to_b, limit=sqrt_price_limit_x64)
    quote = _pool_quote(market, order, unix_timestamp)
    if isinstance(quote, SwapRefusal) or (market.transfer_fee_0 is None and market.transfer_fee_1 is None):
        return quote
    return _user_side(market, quote, a_to_b=a_to_b, amount_in=amount if quote.pool_amount_in == pool_amount else None)


def quote_exact_out(
    market: RaydiumClmmMarket,
    *,
    amount: int,
    a_to_b: bool,
    unix_timestamp: int,
    sqrt_price_limit_x64: int | None = None,
) -> SwapQuote[RaydiumClmmMarket] | SwapRefusal:
    """Return what buying ``amount`` costs. Only an explicit limit may leave a part unfilled.

    Units, limit and rounding as in ``quote_exact_in``.
    """
    try:
        pool_amount = before_transfer_fee(amount, market.transfer_fee_1 if a_to_b else market.transfer_fee_0)
    except MathRangeError as e:
        return SwapRefusal(SwapRefusalReason.AMOUNT_TOO_LARGE, str(e))
    order = ConcentratedOrder(amount=pool_amount, exact_in=False, a_to_b=a_to_b, limit=sqrt_price_limit_x64)
    quote = _pool_quote(market, order, unix_timestamp)
    if isinstance(quote, SwapRefusal) or (market.transfer_fee_0 is None and market.transfer_fee_1 is None):
        return quote
    return _user_side(market, quote, a_to_b=a_to_b, amount_in=None)


def walk_market(market: RaydiumClmmMarket, order: ConcentratedOrder, unix_timestamp: int) -> WalkEnd:
    """Swap on the pool's side as far as the tick arrays that were read allow.

    Raises: MathRangeError where an amount or the liquidity leaves its type.
    """
    pool, a_to_b = market.pool, order.a_to_b
    limit = order.limit
    if limit is None:
        limit = MIN_SQRT_PRICE_X64 + 1 if a_to_b else MAX_SQRT_PRICE_X64 - 1
    walk = ConcentratedWalk(
        Q64_FORMAT,
        amount=order.amount,
        exact_in=order.exact_in,
        a_to_b=a_to_b,
        sqrt_price=pool.sqrt_price_x64,
        liquidity=pool.liquidity,
        tick_index=pool.tick_current,
        fee_growth=pool.fee_growth_global_0_x64 if a_to_b else pool.fee_growth_global_1_x64,
        protocol_share=(market.config.protocol_fee_rate, MILLIONTHS),
        second_share=(market.config.fund_fee_rate, MILLIONTHS),
    )
    fee = _dynamic_fee(market, unix_timestamp, a_to_b=a_to_b)
    refusal = None
    ticks = _ticks_ahead(market, a_to_b=a_to_b)
    while walk.remaining and walk.sqrt_price != limit:
        tick = next(ticks)
        if isinstance(tick, SwapRefusal):
            refusal = tick
            break
        stop = sqrt_price_from_tick(tick.tick_index)
        target = max(stop, limit) if a_to_b else min(stop, limit)
        if fee is None:
            walk.step(target, market.config.trade_fee_rate)
        else:
            _step_by_groups(walk, fee, target, stop, tick.tick_index)
        if walk.sqrt_price == stop:
            if tick.has_orders:
                detail = f"limit orders at tick {tick.tick_index} would be filled first"
                refusal = SwapRefusal(SwapRefusalReason.UNSUPPORTED, detail)
                break
            walk.arrive(tick.tick_index, tick.liquidity_net)
    return WalkEnd(walk, _pool_after(pool, walk, fee, a_to_b=a_to_b), refusal)


def _pool_quote(
    market: RaydiumClmmMarket, order: ConcentratedOrder, unix_timestamp: int
) -> SwapQuote[RaydiumClmmMarket] | SwapRefusal:
    pool = market.pool
    refusal = _market_refusal(pool, unix_timestamp) or order_refusal(
        order, pool.sqrt_price_x64, MIN_SQRT_PRICE_X64, MAX_SQRT_PRICE_X64, Q64_FORMAT
    )
    if refusal is not None:
        return refusal
    try:
        walk, pool_after, refusal = walk_market(market, order, unix_timestamp)
    except MathRangeError as e:
        return SwapRefusal(SwapRefusalReason.MATH_OVERFLOW, str(e))
    if refusal is not None:
        return refusal
    if walk.remaining and order.limit is None:
        return SwapRefusal(SwapRefusalReason.PARTIAL_FILL, f"{walk.remaining} of {order.amount} cannot be filled")
    if walk.calculated == 0 or walk.remaining == order.amount:
        return SwapRefusal(SwapRefusalReason.ZERO_AMOUNT, "the amount is too small to give anything")
    end_state = msgspec.structs.replace(market, pool=pool_after)
    return quote_from(walk, order, pool.sqrt_price_x64, 64, end_state)


def _market_refusal(pool: RaydiumClmmPool, unix_timestamp: int) -> SwapRefusal | None:
    if not pool.is_swap_enabled:
        return SwapRefusal(SwapRefusalReason.TRADE_NOT_ENABLED, "the pool's status forbids swaps")
    if unix_timestamp <= pool.open_time:
        return SwapRefusal(SwapRefusalReason.TRADE_NOT_ENABLED, f"trading starts after {pool.open_time}")
    if pool.fee_on != 0:
        return SwapRefusal(SwapRefusalReason.UNSUPPORTED, f"fees from one token only (fee_on {pool.fee_on})")
    return None


def _user_side(
    market: RaydiumClmmMarket, quote: SwapQuote[RaydiumClmmMarket], *, a_to_b: bool, amount_in: int | None
) -> SwapQuote[RaydiumClmmMarket] | SwapRefusal:
    """Apply transfer fees around the pool; ``amount_in`` is what the trader stated and the pool used up."""
    fee_in, fee_out = market.transfer_fee_0, market.transfer_fee_1
    if not a_to_b:
        fee_in, fee_out = fee_out, fee_in
    try:
        gross = before_transfer_fee(quote.pool_amount_in, fee_in) if amount_in is None else amount_in
    except MathRangeError as e:
        return SwapRefusal(SwapRefusalReason.AMOUNT_TOO_LARGE, str(e))
    return msgspec.structs.replace(
        quote, amount_in=gross, amount_out=after_transfer_fee(quote.pool_amount_out, fee_out)
    )


def _dynamic_fee(market: RaydiumClmmMarket, unix_timestamp: int, *, a_to_b: bool) -> DynamicFeeWalk | None:
    pool = market.pool
    if pool.dynamic_fee is None:
        return None
    return DynamicFeeWalk(
        pool.dynamic_fee,
        base_rate=market.config.trade_fee_rate,
        tick_spacing=pool.tick_spacing,
        tick_index=pool.tick_current,
        unix_timestamp=unix_timestamp,
        a_to_b=a_to_b,
    )


def _step_by_groups(walk: ConcentratedWalk, fee: DynamicFeeWalk, target: int, stop: int, stop_tick: int) -> None:
    while True:
        rate = fee.rate()
        bound, skips = fee.bounded(target, walk.liquidity)
        walk.step(bound, rate)
        reached = None
        if skips:
            reached = stop_tick if walk.sqrt_price == stop else _tick_of(walk)
        fee.advance(reached)
        if not walk.remaining or walk.sqrt_price == target:
            return


def _ticks_ahead(market: RaydiumClmmMarket, *, a_to_b: bool) -> Iterator[RaydiumTick | SwapRefusal]:
    """Yield the initialised ticks ahead of the price, at last the refusal that says why there are no more."""
    pool, starts = market.pool, market.initialized_starts
    base = tick_array_start(pool.tick_current, pool.tick_spacing)
    ahead = starts[: bisect_right(starts, base)][::-1] if a_to_b else starts[bisect_left(starts, base) :]
    end = SwapRefusal(SwapRefusalReason.INSUFFICIENT_LIQUIDITY, "no initialised tick is left ahead of the price")
    for start in ahead:
        array = market.arrays.get(start)
        if array is None:
            end = SwapRefusal(SwapRefusalReason.TICK_ARRAY_MISSING, f"tick array {start} was not read")
            break
        place = bisect_right(array.ticks, pool.tick_current, key=_tick_index)
        yield from array.ticks[:place][::-1] if a_to_b else array.ticks[place:]
    yield end


def _tick_of(walk: ConcentratedWalk) -> int:
    return tick_from_sqrt_price(walk.sqrt_price) if walk.tick_index is None else walk.tick_index


def _pool_after(
    pool: RaydiumClmmPool, walk: ConcentratedWalk, fee: DynamicFeeWalk | None, *, a_to_b: bool
) -> RaydiumClmmPool:
    return msgspec.structs.replace(
        pool,
        sqrt_price_x64=walk.sqrt_price,
        tick_current=_tick_of(walk),
        liquidity=walk.liquidity,
        fee_growth_global_0_x64=walk.fee_growth if a_to_b else pool.fee_growth_global_0_x64,
        fee_growth_global_1_x64=pool.fee_growth_global_1_x64 if a_to_b else walk.fee_growth,
        protocol_fees_token_0=pool.protocol_fees_token_0 + (walk.protocol_fee if a_to_b else 0),
        protocol_fees_token_1=pool.protocol_fees_token_1 + (0 if a_to_b else walk.protocol_fee),
        fund_fees_token_0=pool.fund_fees_token_0 + (walk.second_fee if a_to_b else 0),
        fund_fees_token_1=pool.fund_fees_token_1 + (0 if a_to_b else walk.second_fee),
        dynamic_fee=pool.dynamic_fee if fee is None else fee.state_after(),
    )
