"""x * y = k: the reserve formulas that every constant-product design shares, and plain pools with a fee in bps.

With a fee of 30 bps a plain pool is a Uniswap v2 (and QuickSwap v2) pair. Token 0 is A, token 1 is B.
Source: Uniswap/v2-periphery contracts/libraries/UniswapV2Library.sol; Uniswap/v2-core contracts/UniswapV2Pair.sol.
"""

from typing import Final

import msgspec

from streaming_worker.core.amm.swap import SwapQuote, SwapRefusal, SwapRefusalReason, price_impact_bps_e2
from streaming_worker.core.units import BPS, ceil_div

UNISWAP_V2_FEE_BPS: Final = 30
U112_MAX: Final = 2**112 - 1


class ConstantProductPool(msgspec.Struct, frozen=True):
    """Two reserves and a fee that stays in the pool.

    Units: reserves in the token's smallest unit, at most ``reserve_max``; ``fee_bps`` ten-thousandths of the input.
    """

    address: str
    reserve_a: int
    reserve_b: int
    fee_bps: int = UNISWAP_V2_FEE_BPS
    reserve_max: int = U112_MAX


def output_of(net_in: int, reserve_in: int, reserve_out: int) -> int:
    """Return what ``net_in`` buys, fees aside.

    Rounds: down: never for the trader; k never falls.
    """
    return net_in * reserve_out // (reserve_in + net_in)


def input_for(amount_out: int, reserve_in: int, reserve_out: int) -> int:
    """Return the least input, fees aside, that buys ``amount_out``, which is below ``reserve_out``.

    Rounds: up: never for the trader; k never falls.
    """
    return ceil_div(reserve_in * amount_out, reserve_out - amount_out)


def order_refusal(amount: int, reserve_in: int, reserve_out: int, amount_max: int) -> SwapRefusal | None:
    """Return why an order is refused: no amount, one beyond ``amount_max``, or an empty reserve."""
    if amount <= 0:
        return SwapRefusal(SwapRefusalReason.ZERO_AMOUNT, "nothing to swap")
    if amount > amount_max:
        return SwapRefusal(SwapRefusalReason.AMOUNT_TOO_LARGE, f"{amount} exceeds {amount_max}")
    if reserve_in <= 0 or reserve_out <= 0:
        return SwapRefusal(SwapRefusalReason.ZERO_LIQUIDITY, "a reserve is empty")
    return None


def quote_exact_in(
    pool: ConstantProductPool, *, amount: int, a_to_b: bool
) -> SwapQuote[ConstantProductPool] | SwapRefusal:
    """Return what selling ``amount`` gives.

    Units:  smallest units.
    Rounds: down, once, fee included: never for the trader. An output of 0 is refused.
    Source: UniswapV2Library.sol, getAmountOut.
    """
    reserve_in, reserve_out = _reserves(pool, a_to_b=a_to_b)
    refusal = _refusal(pool, amount, reserve_in, reserve_out)
    if refusal is not None:
        return refusal
    kept = amount * (BPS - pool.fee_bps)
    amount_out = kept * reserve_out // (reserve_in * BPS + kept)
    if amount_out == 0:
        return SwapRefusal(SwapRefusalReason.ZERO_AMOUNT, "the input is too small to buy anything")
    return _quote(pool, amount, amount_out, a_to_b=a_to_b)


def quote_exact_out(
    pool: ConstantProductPool, *, amount: int, a_to_b: bool
) -> SwapQuote[ConstantProductPool] | SwapRefusal:
    """Return what buying ``amount`` costs.

    Units:  smallest units.
    Rounds: down and then up by one unit, as the library does: never for the trader.
    Source: UniswapV2Library.sol, getAmountIn.
    """
    reserve_in, reserve_out = _reserves(pool, a_to_b=a_to_b)
    refusal = _refusal(pool, amount, reserve_in, reserve_out)
    if refusal is not None:
        return refusal
    if amount >= reserve_out:
        return SwapRefusal(SwapRefusalReason.INSUFFICIENT_LIQUIDITY, f"{amount} wanted, {reserve_out} in reserve")
    amount_in = reserve_in * amount * BPS // ((reserve_out - amount) * (BPS - pool.fee_bps)) + 1
    return _quote(pool, amount_in, amount, a_to_b=a_to_b)


def _reserves(pool: ConstantProductPool, *, a_to_b: bool) -> tuple[int, int]:
    return (pool.reserve_a, pool.reserve_b) if a_to_b else (pool.reserve_b, pool.reserve_a)


def _refusal(pool: ConstantProductPool, amount: int, reserve_in: int, reserve_out: int) -> SwapRefusal | None:
    if amount <= 0:
        return SwapRefusal(SwapRefusalReason.ZERO_AMOUNT, "nothing to swap")
    if reserve_in == 0 or reserve_out == 0:
        return SwapRefusal(SwapRefusalReason.ZERO_LIQUIDITY, "a reserve is empty")
    if pool.fee_bps >= BPS:
        return SwapRefusal(SwapRefusalReason.UNSUPPORTED, f"a fee of {pool.fee_bps} bps leaves nothing to swap")
    return None


def _quote(
    pool: ConstantProductPool, amount_in: int, amount_out: int, *, a_to_b: bool
) -> SwapQuote[ConstantProductPool] | SwapRefusal:
    reserve_in, reserve_out = _reserves(pool, a_to_b=a_to_b)
    if reserve_in + amount_in > pool.reserve_max:
        detail = f"a reserve of {reserve_in + amount_in} exceeds {pool.reserve_max}"
        return SwapRefusal(SwapRefusalReason.AMOUNT_TOO_LARGE, detail)
    fee = ceil_div(amount_in * pool.fee_bps, BPS)  # for display: the formulas never round the fee by itself
    after_in, after_out = reserve_in + amount_in, reserve_out - amount_out
    end_state = msgspec.structs.replace(
        pool, reserve_a=after_in if a_to_b else after_out, reserve_b=after_out if a_to_b else after_in
    )
    return SwapQuote(
        amount_in=amount_in,
        amount_out=amount_out,
        fee_amount=fee,
        protocol_fee=0,
        ticks_crossed=0,
        end_state=end_state,
        pool_amount_in=amount_in,
        pool_amount_out=amount_out,
        price_impact_bps_e2=price_impact_bps_e2(
            net_in=amount_in * (BPS - pool.fee_bps), out=amount_out, out_per_in=(reserve_out, reserve_in * BPS)
        ),
    )
