"""Exact quotes of Raydium AMM v4 pools from their reserves. The coin is A, the pc is B.

Funds that an old pool still has in an order book are not reserves: the program no longer counts them.
Source: raydium-io/raydium-amm program/src/processor.rs (process_swap_base_in_v2, process_swap_base_out_v2) and math.rs.
"""

from typing import Final

import msgspec

from streaming_worker.core.amm.constant_product import input_for, order_refusal, output_of
from streaming_worker.core.amm.raydium_state import RaydiumAmmMarket, RaydiumAmmPool
from streaming_worker.core.amm.swap import SwapQuote, SwapRefusal, SwapRefusalReason, price_impact_bps_e2
from streaming_worker.core.units import ceil_div

U64_MAX: Final = 2**64 - 1
SWAP_ONLY: Final = 6
WAITING_TRADE: Final = 7
"""The two statuses (state.rs, AmmStatus) that may swap; pools that may still use an order book are refused."""


def quote_exact_in(
    market: RaydiumAmmMarket, *, amount: int, a_to_b: bool, unix_timestamp: int
) -> SwapQuote[RaydiumAmmMarket] | SwapRefusal:
    """Return what selling ``amount`` gives.

    Units:  smallest units; ``unix_timestamp`` is the chain clock.
    Rounds: the fee up, the output down: never for the trader. An output of 0 is refused, as on chain.
    """
    reserve_in, reserve_out = reserves(market, a_to_b=a_to_b)
    refusal = _refusal(market.pool, amount, reserve_in, reserve_out, unix_timestamp)
    if refusal is not None:
        return refusal
    fee = _fee_on(market.pool, amount)
    amount_out = output_of(amount - fee, reserve_in, reserve_out)
    if amount_out == 0:
        return SwapRefusal(SwapRefusalReason.ZERO_AMOUNT, "the input is too small to buy anything")
    return _quote(market, amount, amount_out, fee, a_to_b=a_to_b)


def quote_exact_out(
    market: RaydiumAmmMarket, *, amount: int, a_to_b: bool, unix_timestamp: int
) -> SwapQuote[RaydiumAmmMarket] | SwapRefusal:
    """Return what buying ``amount`` costs.

    Units:  smallest units; ``unix_timestamp`` is the chain clock.
    Rounds: the input up before and after the fee: never for the trader.
    """
    reserve_in, reserve_out = reserves(market, a_to_b=a_to_b)
    pool = market.pool
    refusal = _refusal(pool, amount, reserve_in, reserve_out, unix_timestamp)
    if refusal is not None:
        return refusal
    if amount >= reserve_out:
        return SwapRefusal(SwapRefusalReason.INSUFFICIENT_LIQUIDITY, f"{amount} wanted, {reserve_out} in reserve")
    net_in = input_for(amount, reserve_in, reserve_out)
    amount_in = ceil_div(net_in * pool.swap_fee_denominator, pool.swap_fee_denominator - pool.swap_fee_numerator)
    return _quote(market, amount_in, amount, amount_in - net_in, a_to_b=a_to_b)


def reserves(market: RaydiumAmmMarket, *, a_to_b: bool) -> tuple[int, int]:
    """Return (reserve of the input, reserve of the output): vault balances less the profit still to be taken."""
    coin = market.coin_vault_amount - market.pool.need_take_pnl_coin
    pc = market.pc_vault_amount - market.pool.need_take_pnl_pc
    return (coin, pc) if a_to_b else (pc, coin)


def _fee_on(pool: RaydiumAmmPool, amount: int) -> int:
    return ceil_div(amount * pool.swap_fee_numerator, pool.swap_fee_denominator)


def _refusal(
    pool: RaydiumAmmPool, amount: int, reserve_in: int, reserve_out: int, unix_timestamp: int
) -> SwapRefusal | None:
    if pool.status not in (SWAP_ONLY, WAITING_TRADE):
        return SwapRefusal(SwapRefusalReason.TRADE_NOT_ENABLED, f"pool status {pool.status} forbids swaps")
    if pool.status == WAITING_TRADE and unix_timestamp < pool.pool_open_time:
        return SwapRefusal(SwapRefusalReason.TRADE_NOT_ENABLED, f"trading starts at {pool.pool_open_time}")
    return order_refusal(amount, reserve_in, reserve_out, U64_MAX)


def _quote(
    market: RaydiumAmmMarket, amount_in: int, amount_out: int, fee: int, *, a_to_b: bool
) -> SwapQuote[RaydiumAmmMarket] | SwapRefusal:
    reserve_in, reserve_out = reserves(market, a_to_b=a_to_b)
    coin, pc = (amount_in, -amount_out) if a_to_b else (-amount_out, amount_in)
    coin_after, pc_after = market.coin_vault_amount + coin, market.pc_vault_amount + pc
    if max(coin_after, pc_after) > U64_MAX:
        return SwapRefusal(SwapRefusalReason.AMOUNT_TOO_LARGE, "a vault balance would exceed u64")
    return SwapQuote(
        amount_in=amount_in,
        amount_out=amount_out,
        fee_amount=fee,
        protocol_fee=0,
        ticks_crossed=0,
        end_state=msgspec.structs.replace(market, coin_vault_amount=coin_after, pc_vault_amount=pc_after),
        pool_amount_in=amount_in,
        pool_amount_out=amount_out,
        price_impact_bps_e2=price_impact_bps_e2(
            net_in=amount_in - fee, out=amount_out, out_per_in=(reserve_out, reserve_in)
        ),
    )
