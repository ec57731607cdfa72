"""One interface for every pool design: any market and an order in, an exact quote or a named refusal out."""

from typing import TypeAlias, assert_never

import msgspec

from streaming_worker.core.amm import (
    algebra,
    constant_product,
    raydium_amm_v4,
    raydium_clmm,
    raydium_cpmm,
    uniswap_v3,
    whirlpool,
)
from streaming_worker.core.amm.algebra import AlgebraPool
from streaming_worker.core.amm.constant_product import ConstantProductPool
from streaming_worker.core.amm.pool_state import WhirlpoolMarket
from streaming_worker.core.amm.raydium_state import RaydiumAmmMarket, RaydiumClmmMarket, RaydiumCpmmMarket
from streaming_worker.core.amm.swap import SwapQuote, SwapRefusal, SwapRefusalReason
from streaming_worker.core.amm.uniswap_v3 import UniswapV3Pool

ChainMarket: TypeAlias = WhirlpoolMarket | RaydiumClmmMarket
EvmPool: TypeAlias = UniswapV3Pool | AlgebraPool
ReserveMarket: TypeAlias = RaydiumCpmmMarket | RaydiumAmmMarket | ConstantProductPool
AnyMarket: TypeAlias = ChainMarket | EvmPool | ReserveMarket
AnyQuote: TypeAlias = (
    SwapQuote[WhirlpoolMarket]
    | SwapQuote[RaydiumClmmMarket]
    | SwapQuote[UniswapV3Pool]
    | SwapQuote[AlgebraPool]
    | SwapQuote[RaydiumCpmmMarket]
    | SwapQuote[RaydiumAmmMarket]
    | SwapQuote[ConstantProductPool]
)


class SwapOrder(msgspec.Struct, frozen=True):
    """One swap asked of a pool.

    Units: ``amount`` in smallest units, of the input when ``exact_in``, else of the output; ``unix_timestamp`` is the
    chain clock (pools off Solana ignore it); ``sqrt_price_limit`` in the pool's own binary places, None for none.
    """

    amount: int
    exact_in: bool
    a_to_b: bool
    unix_timestamp: int
    sqrt_price_limit: int | None = None


def quote_swap(market: AnyMarket, order: SwapOrder) -> AnyQuote | SwapRefusal:
    """Return what the order would do to this pool.

    Rounds: never for the trader, in every design.
    """
    match market:
        case WhirlpoolMarket() | RaydiumClmmMarket():
            return _quote_on_chain_clock(market, order)
        case UniswapV3Pool() | AlgebraPool():
            return _quote_evm(market, order)
        case RaydiumCpmmMarket() | RaydiumAmmMarket() | ConstantProductPool():
            return _quote_reserves(market, order)
        case _:
            assert_never(market)


def _quote_on_chain_clock(market: ChainMarket, order: SwapOrder) -> AnyQuote | SwapRefusal:
    if isinstance(market, WhirlpoolMarket):
        whirlpool_quote = whirlpool.quote_exact_in if order.exact_in else whirlpool.quote_exact_out
        return whirlpool_quote(
            market,
            amount=order.amount,
            a_to_b=order.a_to_b,
            unix_timestamp=order.unix_timestamp,
            sqrt_price_limit_x64=order.sqrt_price_limit,
        )
    clmm_quote = raydium_clmm.quote_exact_in if order.exact_in else raydium_clmm.quote_exact_out
    return clmm_quote(
        market,
        amount=order.amount,
        a_to_b=order.a_to_b,
        unix_timestamp=order.unix_timestamp,
        sqrt_price_limit_x64=order.sqrt_price_limit,
    )


def _quote_evm(pool: EvmPool, order: SwapOrder) -> AnyQuote | SwapRefusal:
    if isinstance(pool, UniswapV3Pool):
        v3_quote = uniswap_v3.quote_exact_in if order.exact_in else uniswap_v3.quote_exact_out
        return v3_quote(pool, amount=order.amount, a_to_b=order.a_to_b, sqrt_price_limit_x96=order.sqrt_price_limit)
    algebra_quote = algebra.quote_exact_in if order.exact_in else algebra.quote_exact_out
    return algebra_quote(pool, amount=order.amount, a_to_b=order.a_to_b, sqrt_price_limit_x96=order.sqrt_price_limit)


def _quote_reserves(market: ReserveMarket, order: SwapOrder) -> AnyQuote | SwapRefusal:
    if order.sqrt_price_limit is not None:
        return SwapRefusal(SwapRefusalReason.UNSUPPORTED, "a constant-product pool takes no price limit")
    amount, a_to_b, now = order.amount, order.a_to_b, order.unix_timestamp
    match market:
        case RaydiumCpmmMarket():
            cpmm_quote = raydium_cpmm.quote_exact_in if order.exact_in else raydium_cpmm.quote_exact_out
            return cpmm_quote(market, amount=amount, a_to_b=a_to_b, unix_timestamp=now)
        case RaydiumAmmMarket():
            v4_quote = raydium_amm_v4.quote_exact_in if order.exact_in else raydium_amm_v4.quote_exact_out
            return v4_quote(market, amount=amount, a_to_b=a_to_b, unix_timestamp=now)
        case ConstantProductPool():
            pair_quote = constant_product.quote_exact_in if order.exact_in else constant_product.quote_exact_out
            return pair_quote(market, amount=amount, a_to_b=a_to_b)
        case _:
            assert_never(market)
