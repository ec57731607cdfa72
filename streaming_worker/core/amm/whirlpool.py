"""Exact Whirlpool quotes: what a swap would do on chain, transfer fees and refusals included.

Not for execution and not for detection: it answers for one amount; the curve answers for all.
Source: orca-so/whirlpools programs/whirlpool/src/instructions/v2/swap.rs and util/v2/swap_utils.rs.
"""

from typing import Final

from streaming_worker.core.amm.adaptive_fee import fee_along
from streaming_worker.core.amm.pool_state import WhirlpoolMarket, WhirlpoolState
from streaming_worker.core.amm.swap import SwapQuote, SwapRefusal, SwapRefusalReason, price_impact_bps_e2
from streaming_worker.core.amm.transfer_fee import after_transfer_fee, before_transfer_fee
from streaming_worker.core.amm.whirlpool_math import (
    MAX_SQRT_PRICE_X64,
    MIN_SQRT_PRICE_X64,
    U64_MAX,
    sqrt_price_from_tick,
    tick_array_start,
    tick_from_sqrt_price,
)
from streaming_worker.core.amm.whirlpool_refusals import (
    market_refusal,
    order_refusal,
    partial_fill_refusal,
    refusal_from,
)
from streaming_worker.core.amm.whirlpool_swap import SwapWalk
from streaming_worker.core.amm.whirlpool_ticks import arrays_around, needed_array_starts, stops
from streaming_worker.errors import MathRangeError

__all__ = [
    "arrays_around",
    "needed_array_starts",
    "quote_exact_in",
    "quote_exact_out",
    "sqrt_price_from_tick",
    "tick_array_start",
    "tick_from_sqrt_price",
]

_Q128: Final = 2**128


def quote_exact_in(
    market: WhirlpoolMarket,
    *,
    amount: int,
    a_to_b: bool,
    unix_timestamp: int,
    sqrt_price_limit_x64: int | None = None,
) -> SwapQuote[WhirlpoolMarket] | SwapRefusal:
    """Return what selling ``amount`` of the input token gives, as the program computes it.

    Units:  smallest units; ``unix_timestamp`` is the chain clock; the limit is Q64.64, None for no explicit limit.
    Rounds: input and fees up, output down: never for the trader. An output of 0 is what the chain would pay.
    Source: util/v2/swap_utils.rs and manager/swap_manager.rs, amount_specified_is_input.
    """
    fee_in = market.transfer_fee_a if a_to_b else market.transfer_fee_b
    pool_amount = after_transfer_fee(amount, fee_in)
    refusal = _refusal(market, pool_amount, sqrt_price_limit_x64, a_to_b=a_to_b, unix_timestamp=unix_timestamp)
    if refusal is not None:
        return refusal
    walk = SwapWalk(market.pool, amount=pool_amount, exact_in=True, a_to_b=a_to_b)
    try:
        end_state = _swap(walk, market, sqrt_price_limit_x64, a_to_b=a_to_b, unix_timestamp=unix_timestamp)
        used = pool_amount - walk.remaining
        amount_in = before_transfer_fee(used, fee_in) if walk.remaining else amount
    except MathRangeError as e:
        return refusal_from(e)
    return _quote(market, end_state, walk, amount_in=amount_in, pool_in=used, pool_out=walk.calculated, a_to_b=a_to_b)


def quote_exact_out(
    market: WhirlpoolMarket,
    *,
    amount: int,
    a_to_b: bool,
    unix_timestamp: int,
    sqrt_price_limit_x64: int | None = None,
) -> SwapQuote[WhirlpoolMarket] | SwapRefusal:
    """Return what buying ``amount`` of the output token costs, as the program computes it.

    Units:  smallest units; ``unix_timestamp`` is the chain clock; the limit is Q64.64, None for no explicit limit.
    Rounds: input and fees up, output down: never for the trader.
    Source: util/v2/swap_utils.rs and manager/swap_manager.rs, not amount_specified_is_input.
    """
    fee_in, fee_out = market.transfer_fee_a, market.transfer_fee_b
    if not a_to_b:
        fee_in, fee_out = fee_out, fee_in
    try:
        pool_amount = before_transfer_fee(amount, fee_out)
        refusal = _refusal(market, pool_amount, sqrt_price_limit_x64, a_to_b=a_to_b, unix_timestamp=unix_timestamp)
        if refusal is not None:
            return refusal
        walk = SwapWalk(market.pool, amount=pool_amount, exact_in=False, a_to_b=a_to_b)
        end_state = _swap(walk, market, sqrt_price_limit_x64, a_to_b=a_to_b, unix_timestamp=unix_timestamp)
        amount_in = before_transfer_fee(walk.calculated, fee_in)
    except MathRangeError as e:
        return refusal_from(e)
    if walk.remaining and sqrt_price_limit_x64 is None:
        return partial_fill_refusal(walk.remaining)
    return _quote(
        market,
        end_state,
        walk,
        amount_in=amount_in,
        pool_in=walk.calculated,
        pool_out=pool_amount - walk.remaining,
        a_to_b=a_to_b,
    )


def _refusal(
    market: WhirlpoolMarket, pool_amount: int, limit_x64: int | None, *, a_to_b: bool, unix_timestamp: int
) -> SwapRefusal | None:
    """Return the first check that fails, in the program's order."""
    if pool_amount > U64_MAX:
        return SwapRefusal(SwapRefusalReason.AMOUNT_TOO_LARGE, f"{pool_amount} exceeds u64")
    refusal = market_refusal(market, a_to_b=a_to_b, unix_timestamp=unix_timestamp)
    return refusal or order_refusal(market.pool, pool_amount, limit_x64, a_to_b=a_to_b)


def _swap(
    walk: SwapWalk, market: WhirlpoolMarket, limit_x64: int | None, *, a_to_b: bool, unix_timestamp: int
) -> WhirlpoolMarket:
    """Run the walk and return the market after it. Raises MathRangeError where the program fails."""
    pool, oracle = market.pool, market.oracle
    if limit_x64 is None:
        limit_x64 = MIN_SQRT_PRICE_X64 if a_to_b else MAX_SQRT_PRICE_X64
    fee = fee_along(market, a_to_b=a_to_b, unix_timestamp=unix_timestamp)
    walk.run(stops(market, a_to_b=a_to_b), limit_x64, fee)
    if not isinstance(fee, int):
        oracle = fee.oracle_after(pool.sqrt_price_x64, walk.price_x64, unix_timestamp)
    return WhirlpoolMarket(
        pool=_pool_after(pool, walk, a_to_b=a_to_b),
        arrays=market.arrays,
        oracle=oracle,
        transfer_fee_a=market.transfer_fee_a,
        transfer_fee_b=market.transfer_fee_b,
    )


def _pool_after(pool: WhirlpoolState, walk: SwapWalk, *, a_to_b: bool) -> WhirlpoolState:
    owed = walk.protocol_fee + (pool.protocol_fee_owed_a if a_to_b else pool.protocol_fee_owed_b)
    if owed > U64_MAX:
        raise MathRangeError(f"protocol fee owed {owed} exceeds u64")
    return WhirlpoolState(
        address=pool.address,
        tick_spacing=pool.tick_spacing,
        fee_tier_index=pool.fee_tier_index,
        fee_rate=pool.fee_rate,
        protocol_fee_rate=pool.protocol_fee_rate,
        liquidity=walk.liquidity,
        sqrt_price_x64=walk.price_x64,
        tick_current_index=walk.last_tick(),
        protocol_fee_owed_a=owed if a_to_b else pool.protocol_fee_owed_a,
        protocol_fee_owed_b=pool.protocol_fee_owed_b if a_to_b else owed,
        token_mint_a=pool.token_mint_a,
        token_vault_a=pool.token_vault_a,
        fee_growth_global_a_x64=walk.fee_growth_x64 if a_to_b else pool.fee_growth_global_a_x64,
        token_mint_b=pool.token_mint_b,
        token_vault_b=pool.token_vault_b,
        fee_growth_global_b_x64=pool.fee_growth_global_b_x64 if a_to_b else walk.fee_growth_x64,
    )


def _quote(
    market: WhirlpoolMarket,
    end_state: WhirlpoolMarket,
    walk: SwapWalk,
    *,
    amount_in: int,
    pool_in: int,
    pool_out: int,
    a_to_b: bool,
) -> SwapQuote[WhirlpoolMarket]:
    fee_out = market.transfer_fee_b if a_to_b else market.transfer_fee_a
    price = market.pool.sqrt_price_x64 * market.pool.sqrt_price_x64
    return SwapQuote(
        amount_in=amount_in,
        amount_out=after_transfer_fee(pool_out, fee_out),
        fee_amount=walk.fee,
        protocol_fee=walk.protocol_fee,
        ticks_crossed=walk.ticks_crossed,
        end_state=end_state,
        pool_amount_in=pool_in,
        pool_amount_out=pool_out,
        price_impact_bps_e2=price_impact_bps_e2(
            net_in=pool_in - walk.fee, out=pool_out, out_per_in=(price, _Q128) if a_to_b else (_Q128, price)
        ),
    )
