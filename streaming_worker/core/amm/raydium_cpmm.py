"""Exact quotes of Raydium CPMM pools. Token 0 is A, token 1 is B.

Source: raydium-io/raydium-cp-swap programs/cp-swap/src/curve (calculator.rs, fees.rs) and instructions/swap_base_*.rs.
"""

from dataclasses import dataclass
from typing import Final

import msgspec

from streaming_worker.core.amm.constant_product import input_for, order_refusal, output_of
from streaming_worker.core.amm.pool_state import TransferFee
from streaming_worker.core.amm.raydium_state import RaydiumCpmmMarket, RaydiumCpmmPool
from streaming_worker.core.amm.swap import SwapQuote, SwapRefusal, SwapRefusalReason, price_impact_bps_e2
from streaming_worker.core.amm.transfer_fee import (
    TRANSFER_FEE_CALCULATION_ERROR,
    after_transfer_fee,
    before_transfer_fee,
)
from streaming_worker.core.units import MILLIONTHS, ceil_div
from streaming_worker.errors import MathRangeError

U64_MAX: Final = 2**64 - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class CpmmRates:
    """The rates of one swap, in millionths; the creator fee is 0 where the pool has none.

    ``rounds_fees_apart`` rounds trade and creator fee up one by one, as Raydium's SDK does; the program rounds their
    sum up once and gives the creator the floor of its share. Only the SDK's way can take more than the input.
    """

    trade: int
    protocol: int
    fund: int
    creator: int
    is_creator_fee_on_input: bool
    rounds_fees_apart: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class CpmmAmounts:
    """What one swap moves, on the pool's side; the reserves after it are net of all fees, as the program checks k."""

    amount_in: int
    amount_out: int
    trade_fee: int
    protocol_fee: int
    fund_fee: int
    creator_fee: int
    reserve_in_after: int
    reserve_out_after: int


def exact_in_amounts(amount: int, reserve_in: int, reserve_out: int, rates: CpmmRates) -> CpmmAmounts:
    """Return what selling ``amount`` moves.

    Rounds: fees up, the output down: never for the trader.
    Source: calculator.rs, swap_base_input.
    """
    trade_fee, creator_fee = _input_fees(amount, rates)
    net_in = amount - trade_fee - creator_fee
    gross_out = (
        output_of(net_in, reserve_in, reserve_out) if net_in >= 0 else -(-net_in * reserve_out // (reserve_in + net_in))
    )
    amount_out = gross_out
    if not rates.is_creator_fee_on_input:
        creator_fee = ceil_div(gross_out * rates.creator, MILLIONTHS)
        amount_out -= creator_fee
    return CpmmAmounts(
        amount_in=amount,
        amount_out=amount_out,
        trade_fee=trade_fee,
        protocol_fee=trade_fee * rates.protocol // MILLIONTHS,
        fund_fee=trade_fee * rates.fund // MILLIONTHS,
        creator_fee=creator_fee,
        reserve_in_after=reserve_in + net_in,
        reserve_out_after=reserve_out - gross_out,
    )


def exact_out_amounts(amount: int, reserve_in: int, reserve_out: int, rates: CpmmRates) -> CpmmAmounts:
    """Return what buying ``amount`` moves; ``amount`` and a creator fee on top are below the reserve.

    Rounds: the input up before and after fees: never for the trader.
    Raises: MathRangeError when the reserve cannot pay the amount.
    Source: calculator.rs, swap_base_output.
    """
    gross_out = amount if rates.is_creator_fee_on_input else before_fee(amount, rates.creator)
    if gross_out >= reserve_out:
        raise MathRangeError(f"{gross_out} wanted, {reserve_out} in reserve")
    net_in = input_for(gross_out, reserve_in, reserve_out)
    input_rate = rates.trade + (rates.creator if rates.is_creator_fee_on_input else 0)
    amount_in = before_fee(net_in, input_rate)
    fee, creator_fee = amount_in - net_in, gross_out - amount
    if rates.is_creator_fee_on_input:
        creator_fee = fee * rates.creator // input_rate if input_rate else 0
        fee -= creator_fee
    return CpmmAmounts(
        amount_in=amount_in,
        amount_out=amount,
        trade_fee=fee,
        protocol_fee=fee * rates.protocol // MILLIONTHS,
        fund_fee=fee * rates.fund // MILLIONTHS,
        creator_fee=creator_fee,
        reserve_in_after=reserve_in + net_in,
        reserve_out_after=reserve_out - gross_out,
    )


def quote_exact_in(
    market: RaydiumCpmmMarket, *, amount: int, a_to_b: bool, unix_timestamp: int
) -> SwapQuote[RaydiumCpmmMarket] | SwapRefusal:
    """Return what selling ``amount`` gives.

    Units:  smallest units; ``unix_timestamp`` is the chain clock.
    Rounds: fees up, the output down: never for the trader. An output of 0 is refused, as on chain.
    """
    reserve_in, reserve_out = reserves(market, a_to_b=a_to_b)
    pool_amount = after_transfer_fee(amount, market.transfer_fee_0 if a_to_b else market.transfer_fee_1)
    refusal = _refusal(market.pool, pool_amount, reserve_in, reserve_out, unix_timestamp)
    if refusal is not None:
        return refusal
    amounts = exact_in_amounts(pool_amount, reserve_in, reserve_out, rates_of(market, a_to_b=a_to_b))
    return _quote(market, amounts, amount, a_to_b=a_to_b)


def quote_exact_out(
    market: RaydiumCpmmMarket, *, amount: int, a_to_b: bool, unix_timestamp: int
) -> SwapQuote[RaydiumCpmmMarket] | SwapRefusal:
    """Return what buying ``amount`` costs.

    Units:  smallest units; ``unix_timestamp`` is the chain clock.
    Rounds: the input up before and after fees: never for the trader.
    """
    fee_in, fee_out = _transfer_fees(market, a_to_b=a_to_b)
    reserve_in, reserve_out = reserves(market, a_to_b=a_to_b)
    refusal = _refusal(market.pool, amount, reserve_in, reserve_out, unix_timestamp)
    if refusal is not None:
        return refusal
    try:
        pool_amount = before_transfer_fee(amount, fee_out)
        amounts = exact_out_amounts(pool_amount, reserve_in, reserve_out, rates_of(market, a_to_b=a_to_b))
        amount_in = before_transfer_fee(amounts.amount_in, fee_in)
    except MathRangeError as e:
        is_transfer = e.program_code == TRANSFER_FEE_CALCULATION_ERROR
        reason = SwapRefusalReason.AMOUNT_TOO_LARGE if is_transfer else SwapRefusalReason.INSUFFICIENT_LIQUIDITY
        return SwapRefusal(reason, str(e))
    return _quote(market, amounts, amount_in, a_to_b=a_to_b)


def reserves(market: RaydiumCpmmMarket, *, a_to_b: bool) -> tuple[int, int]:
    """Return (reserve of the input, reserve of the output): vault balances less all fees owed."""
    pool = market.pool
    owed_0 = pool.protocol_fees_token_0 + pool.fund_fees_token_0 + pool.creator_fees_token_0
    owed_1 = pool.protocol_fees_token_1 + pool.fund_fees_token_1 + pool.creator_fees_token_1
    reserve_0, reserve_1 = market.vault_amount_0 - owed_0, market.vault_amount_1 - owed_1
    return (reserve_0, reserve_1) if a_to_b else (reserve_1, reserve_0)


def rates_of(market: RaydiumCpmmMarket, *, a_to_b: bool) -> CpmmRates:
    """Return the rates of a swap in one direction."""
    pool, config = market.pool, market.config
    return CpmmRates(
        trade=config.trade_fee_rate,
        protocol=config.protocol_fee_rate,
        fund=config.fund_fee_rate,
        creator=config.creator_fee_rate if pool.is_creator_fee_enabled else 0,
        is_creator_fee_on_input=_takes_creator_fee_from_input(pool, a_to_b=a_to_b),
    )


def before_fee(amount: int, rate: int) -> int:
    """Return the amount of which ``amount`` is left after a fee of ``rate`` millionths, rounded up."""
    return ceil_div(amount * MILLIONTHS, MILLIONTHS - rate)


def _takes_creator_fee_from_input(pool: RaydiumCpmmPool, *, a_to_b: bool) -> bool:
    """Whether the creator fee is in the input token: always, or only where token 0 (1), token 1 (2) is the input."""
    return pool.creator_fee_on == 0 or (pool.creator_fee_on == 1) == a_to_b


def _input_fees(amount: int, rates: CpmmRates) -> tuple[int, int]:
    """Return (trade fee, creator fee) taken from an input."""
    if not rates.is_creator_fee_on_input:
        return ceil_div(amount * rates.trade, MILLIONTHS), 0
    if rates.rounds_fees_apart:
        return ceil_div(amount * rates.trade, MILLIONTHS), ceil_div(amount * rates.creator, MILLIONTHS)
    rate = rates.trade + rates.creator
    total = ceil_div(amount * rate, MILLIONTHS)
    creator_fee = total * rates.creator // rate if rate else 0
    return total - creator_fee, creator_fee


def _transfer_fees(market: RaydiumCpmmMarket, *, a_to_b: bool) -> tuple[TransferFee | None, TransferFee | None]:
    fees = market.transfer_fee_0, market.transfer_fee_1
    return fees if a_to_b else (fees[1], fees[0])


def _refusal(
    pool: RaydiumCpmmPool, amount: int, reserve_in: int, reserve_out: int, unix_timestamp: int
) -> SwapRefusal | None:
    if not pool.is_swap_enabled:
        return SwapRefusal(SwapRefusalReason.TRADE_NOT_ENABLED, "the pool's status forbids swaps")
    if unix_timestamp < pool.open_time:
        return SwapRefusal(SwapRefusalReason.TRADE_NOT_ENABLED, f"trading starts at {pool.open_time}")
    return order_refusal(amount, reserve_in, reserve_out, U64_MAX)


def _quote(
    market: RaydiumCpmmMarket, amounts: CpmmAmounts, amount_in: int, *, a_to_b: bool
) -> SwapQuote[RaydiumCpmmMarket] | SwapRefusal:
    reserve_in, reserve_out = reserves(market, a_to_b=a_to_b)
    amount_out = after_transfer_fee(amounts.amount_out, _transfer_fees(market, a_to_b=a_to_b)[1])
    if amount_out <= 0:
        return SwapRefusal(SwapRefusalReason.ZERO_AMOUNT, "the input is too small to buy anything")
    end_state = _market_after(market, amounts, a_to_b=a_to_b)
    if max(amount_in, end_state.vault_amount_0, end_state.vault_amount_1) > U64_MAX:
        return SwapRefusal(SwapRefusalReason.AMOUNT_TOO_LARGE, "an amount or a vault balance would exceed u64")
    return SwapQuote(
        amount_in=amount_in,
        amount_out=amount_out,
        fee_amount=amounts.amount_in - (amounts.reserve_in_after - reserve_in),
        protocol_fee=amounts.protocol_fee + amounts.fund_fee,
        ticks_crossed=0,
        end_state=end_state,
        pool_amount_in=amounts.amount_in,
        pool_amount_out=amounts.amount_out,
        price_impact_bps_e2=price_impact_bps_e2(
            net_in=amounts.reserve_in_after - reserve_in,
            out=reserve_out - amounts.reserve_out_after,
            out_per_in=(reserve_out, reserve_in),
        ),
    )


def _market_after(market: RaydiumCpmmMarket, amounts: CpmmAmounts, *, a_to_b: bool) -> RaydiumCpmmMarket:
    """Return vaults and owed fees after the swap; the trade fee's rest stays in the reserve for the liquidity."""
    pool = market.pool
    is_creator_fee_on_0 = _takes_creator_fee_from_input(pool, a_to_b=a_to_b) == a_to_b
    moved_in, moved_out = amounts.amount_in, -amounts.amount_out
    return msgspec.structs.replace(
        market,
        pool=msgspec.structs.replace(
            pool,
            protocol_fees_token_0=pool.protocol_fees_token_0 + (amounts.protocol_fee if a_to_b else 0),
            protocol_fees_token_1=pool.protocol_fees_token_1 + (0 if a_to_b else amounts.protocol_fee),
            fund_fees_token_0=pool.fund_fees_token_0 + (amounts.fund_fee if a_to_b else 0),
            fund_fees_token_1=pool.fund_fees_token_1 + (0 if a_to_b else amounts.fund_fee),
            creator_fees_token_0=pool.creator_fees_token_0 + (amounts.creator_fee if is_creator_fee_on_0 else 0),
            creator_fees_token_1=pool.creator_fees_token_1 + (0 if is_creator_fee_on_0 else amounts.creator_fee),
        ),
        vault_amount_0=market.vault_amount_0 + (moved_in if a_to_b else moved_out),
        vault_amount_1=market.vault_amount_1 + (moved_out if a_to_b else moved_in),
    )
