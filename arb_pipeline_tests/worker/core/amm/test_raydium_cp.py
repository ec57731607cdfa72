"""Raydium CPMM and AMM v4: fees and who gets them, reserves net of what is owed, refusals."""

from dataclasses import replace

import msgspec
import pytest

from arb_pipeline_tests.fixtures.pools import NOW, SOL, USDC
from streaming_worker.core.amm import raydium_amm_v4, raydium_cpmm
from streaming_worker.core.amm.pool_state import TransferFee
from streaming_worker.core.amm.raydium_cpmm import CpmmRates, exact_in_amounts, exact_out_amounts
from streaming_worker.core.amm.raydium_state import (
    RaydiumAmmMarket,
    RaydiumAmmPool,
    RaydiumCpmmConfig,
    RaydiumCpmmMarket,
    RaydiumCpmmPool,
)
from streaming_worker.core.amm.swap import SwapQuote, SwapRefusal, SwapRefusalReason
from streaming_worker.errors import MathRangeError

U64_MAX = 2**64 - 1
RATES = CpmmRates(trade=2_500, protocol=120_000, fund=40_000, creator=500, is_creator_fee_on_input=True)


def cpmm(
    *,
    vault_0: int = 10**12 + 60,
    vault_1: int = 4 * 10**12 + 600,
    creator_fee_on: int = 0,
    is_creator_fee_enabled: bool = True,
    is_swap_enabled: bool = True,
    open_time: int = 0,
    transfer_fee_0: TransferFee | None = None,
    transfer_fee_1: TransferFee | None = None,
) -> RaydiumCpmmMarket:
    pool = RaydiumCpmmPool(
        "cpmm", "config", "v0", "v1", SOL, USDC, is_swap_enabled, 9, 6, 10, 100, 20, 200, open_time, creator_fee_on,
        is_creator_fee_enabled, 30, 300,
    )  # fmt: skip
    config = RaydiumCpmmConfig(2_500, 120_000, 40_000, 500)
    return RaydiumCpmmMarket(pool, config, vault_0, vault_1, transfer_fee_0, transfer_fee_1)


def amm(*, status: int = 6, coin: int = 10**12 + 7, pc: int = 4 * 10**12 + 70, open_time: int = 0) -> RaydiumAmmMarket:
    pool = RaydiumAmmPool("amm", status, 9, 6, 25, 10_000, 7, 70, open_time, "cv", "pv", SOL, USDC, "lp", "oo", "mkt")
    return RaydiumAmmMarket(pool, coin, pc)


def sell(
    market: RaydiumCpmmMarket, amount: int, *, a_to_b: bool = True, now: int = NOW
) -> SwapQuote[RaydiumCpmmMarket] | SwapRefusal:
    return raydium_cpmm.quote_exact_in(market, amount=amount, a_to_b=a_to_b, unix_timestamp=now)


def buy(market: RaydiumCpmmMarket, amount: int, *, a_to_b: bool = True) -> SwapQuote[RaydiumCpmmMarket] | SwapRefusal:
    return raydium_cpmm.quote_exact_out(market, amount=amount, a_to_b=a_to_b, unix_timestamp=NOW)


def quoted(quote: SwapQuote[RaydiumCpmmMarket] | SwapRefusal) -> SwapQuote[RaydiumCpmmMarket]:
    assert isinstance(quote, SwapQuote), quote
    return quote


def reason_of(quote: SwapQuote[RaydiumCpmmMarket] | SwapQuote[RaydiumAmmMarket] | SwapRefusal) -> SwapRefusalReason:
    assert isinstance(quote, SwapRefusal), quote
    return quote.reason


def test_trade_and_creator_fee_are_rounded_up_as_one_sum() -> None:
    one = exact_in_amounts(1_001, 10**6, 10**6, RATES)
    assert (one.trade_fee, one.creator_fee, one.reserve_in_after) == (4, 0, 10**6 + 997)
    apart = exact_in_amounts(1_001, 10**6, 10**6, replace(RATES, rounds_fees_apart=True))
    assert (apart.trade_fee, apart.creator_fee, apart.reserve_in_after) == (3, 1, 10**6 + 997)


def test_fees_rounded_apart_can_exceed_the_smallest_input() -> None:
    amounts = exact_in_amounts(1, 10**6, 10**9, replace(RATES, rounds_fees_apart=True))
    assert (amounts.trade_fee, amounts.creator_fee, amounts.amount_out) == (1, 1, -1_000)


def test_a_creator_fee_on_the_output_is_taken_from_it_rounded_up() -> None:
    rates = replace(RATES, is_creator_fee_on_input=False)
    amounts = exact_in_amounts(10**6, 10**12, 10**12, rates)
    assert (amounts.trade_fee, amounts.creator_fee, amounts.amount_out) == (2_500, 499, 997_499 - 499)
    bought = exact_out_amounts(997_000, 10**12, 10**12, rates)
    assert (bought.amount_out, bought.creator_fee, bought.reserve_out_after) == (997_000, 499, 10**12 - 997_499)


def test_without_any_rate_there_is_no_fee_to_split() -> None:
    free = CpmmRates(trade=0, protocol=120_000, fund=40_000, creator=0, is_creator_fee_on_input=True)
    assert exact_in_amounts(1_000, 10**6, 10**6, free).amount_out == 999
    assert exact_out_amounts(999, 10**6, 10**6, free).amount_in == 1_000


def test_an_output_that_the_reserve_does_not_hold_is_refused() -> None:
    with pytest.raises(MathRangeError, match="in reserve"):
        exact_out_amounts(10**6, 10**6, 10**6, RATES)


@pytest.mark.parametrize("a_to_b", [True, False])
@pytest.mark.parametrize("creator_fee_on", [0, 1, 2])
def test_every_unit_goes_somewhere(creator_fee_on: int, a_to_b: bool) -> None:
    market = cpmm(creator_fee_on=creator_fee_on)
    for quote in (quoted(sell(market, 10**9, a_to_b=a_to_b)), quoted(buy(market, 10**9, a_to_b=a_to_b))):
        end = quote.end_state
        moved_0, moved_1 = (quote.amount_in, -quote.amount_out) if a_to_b else (-quote.amount_out, quote.amount_in)
        assert end.vault_amount_0 == market.vault_amount_0 + moved_0
        assert end.vault_amount_1 == market.vault_amount_1 + moved_1
        before, after = (raydium_cpmm.reserves(m, a_to_b=True) for m in (market, end))
        assert after[0] * after[1] > before[0] * before[1]
        creators = end.pool.creator_fees_token_0 > 30, end.pool.creator_fees_token_1 > 300
        on_0 = a_to_b if creator_fee_on == 0 else creator_fee_on == 1
        assert creators == (on_0, not on_0)
        owed = end.pool.protocol_fees_token_0 - 10 if a_to_b else end.pool.protocol_fees_token_1 - 100
        fund = end.pool.fund_fees_token_0 - 20 if a_to_b else end.pool.fund_fees_token_1 - 200
        assert owed + fund == quote.protocol_fee > 0


def test_a_pool_without_creator_fee_takes_none() -> None:
    plain, with_creator = quoted(sell(cpmm(is_creator_fee_enabled=False), 10**9)), quoted(sell(cpmm(), 10**9))
    assert (plain.fee_amount, with_creator.fee_amount) == (2_500_000, 3_000_000)
    assert plain.amount_out > with_creator.amount_out


@pytest.mark.parametrize("a_to_b", [True, False])
def test_cpmm_exact_out_costs_what_exact_in_would_give(a_to_b: bool) -> None:
    bought = quoted(buy(cpmm(), 10**9, a_to_b=a_to_b))
    assert quoted(sell(cpmm(), bought.amount_in, a_to_b=a_to_b)).amount_out >= 10**9
    assert quoted(sell(cpmm(), bought.amount_in - 5, a_to_b=a_to_b)).amount_out < 10**9


def test_cpmm_transfer_fees_are_paid_around_the_pool() -> None:
    fee = TransferFee(100, 10**12)
    market = cpmm(transfer_fee_0=fee, transfer_fee_1=fee)
    sold, bought = quoted(sell(market, 10**9, a_to_b=False)), quoted(buy(market, 990_000_000))
    assert (sold.amount_in, sold.pool_amount_in) == (10**9, 990_000_000)
    assert sold.amount_out == sold.pool_amount_out - -(-sold.pool_amount_out // 100)
    assert (bought.amount_out, bought.pool_amount_out) == (990_000_000, 10**9)


@pytest.mark.parametrize(
    ("market", "amount", "reason"),
    [
        (cpmm(is_swap_enabled=False), 5, SwapRefusalReason.TRADE_NOT_ENABLED),
        (cpmm(open_time=NOW + 1), 5, SwapRefusalReason.TRADE_NOT_ENABLED),
        (cpmm(), 0, SwapRefusalReason.ZERO_AMOUNT),
        (cpmm(), U64_MAX + 1, SwapRefusalReason.AMOUNT_TOO_LARGE),
        (cpmm(vault_0=60), 5, SwapRefusalReason.ZERO_LIQUIDITY),
        (cpmm(vault_1=600), 5, SwapRefusalReason.ZERO_LIQUIDITY),
    ],
)
def test_cpmm_orders_are_refused(market: RaydiumCpmmMarket, amount: int, reason: SwapRefusalReason) -> None:
    assert reason_of(sell(market, amount)) == reason
    assert reason_of(buy(market, amount)) == reason


def test_cpmm_amounts_that_do_not_fit_are_refused() -> None:
    assert reason_of(sell(cpmm(), 1)) == SwapRefusalReason.ZERO_AMOUNT
    assert reason_of(buy(cpmm(), 4 * 10**12)) == SwapRefusalReason.INSUFFICIENT_LIQUIDITY
    assert reason_of(sell(cpmm(vault_0=U64_MAX), 10)) == SwapRefusalReason.ZERO_AMOUNT
    assert reason_of(sell(cpmm(vault_0=U64_MAX, vault_1=U64_MAX), 10**6)) == SwapRefusalReason.AMOUNT_TOO_LARGE
    grossed = cpmm(transfer_fee_1=TransferFee(10_000, U64_MAX))
    assert reason_of(buy(grossed, 10)) == SwapRefusalReason.AMOUNT_TOO_LARGE


def v4_sell(
    market: RaydiumAmmMarket, amount: int, *, a_to_b: bool = True, now: int = NOW
) -> SwapQuote[RaydiumAmmMarket] | SwapRefusal:
    return raydium_amm_v4.quote_exact_in(market, amount=amount, a_to_b=a_to_b, unix_timestamp=now)


def v4_buy(market: RaydiumAmmMarket, amount: int, *, a_to_b: bool = True) -> SwapQuote[RaydiumAmmMarket] | SwapRefusal:
    return raydium_amm_v4.quote_exact_out(market, amount=amount, a_to_b=a_to_b, unix_timestamp=NOW)


@pytest.mark.parametrize("a_to_b", [True, False])
def test_v4_takes_a_quarter_percent_rounded_up_and_leaves_pnl_aside(a_to_b: bool) -> None:
    quote = v4_sell(amm(), 1_000_001, a_to_b=a_to_b)
    assert isinstance(quote, SwapQuote)
    assert quote.fee_amount == 2_501
    assert quote.amount_out == (3_989_996 if a_to_b else 249_374)
    moved = (1_000_001, -quote.amount_out) if a_to_b else (-quote.amount_out, 1_000_001)
    assert quote.end_state.coin_vault_amount == 10**12 + 7 + moved[0]
    assert quote.end_state.pc_vault_amount == 4 * 10**12 + 70 + moved[1]


@pytest.mark.parametrize("a_to_b", [True, False])
def test_v4_exact_out_costs_what_exact_in_would_give(a_to_b: bool) -> None:
    bought = v4_buy(amm(), 10**9, a_to_b=a_to_b)
    assert isinstance(bought, SwapQuote)
    sold, short = (v4_sell(amm(), amount, a_to_b=a_to_b) for amount in (bought.amount_in, bought.amount_in - 5))
    assert isinstance(sold, SwapQuote)
    assert isinstance(short, SwapQuote)
    assert sold.amount_out >= 10**9 > short.amount_out


@pytest.mark.parametrize(
    ("market", "amount", "reason"),
    [
        (amm(status=1), 5, SwapRefusalReason.TRADE_NOT_ENABLED),
        (amm(status=7, open_time=NOW + 1), 5, SwapRefusalReason.TRADE_NOT_ENABLED),
        (amm(), 0, SwapRefusalReason.ZERO_AMOUNT),
        (amm(), U64_MAX + 1, SwapRefusalReason.AMOUNT_TOO_LARGE),
        (amm(coin=7), 5, SwapRefusalReason.ZERO_LIQUIDITY),
        (amm(pc=70), 5, SwapRefusalReason.ZERO_LIQUIDITY),
    ],
)
def test_v4_orders_are_refused(market: RaydiumAmmMarket, amount: int, reason: SwapRefusalReason) -> None:
    assert reason_of(v4_sell(market, amount)) == reason
    assert reason_of(v4_buy(market, amount)) == reason


def test_v4_amounts_that_do_not_fit_are_refused() -> None:
    assert isinstance(v4_sell(amm(status=7, open_time=NOW), 1_000), SwapQuote)
    assert reason_of(v4_sell(amm(), 1)) == SwapRefusalReason.ZERO_AMOUNT
    assert reason_of(v4_buy(amm(), 4 * 10**12)) == SwapRefusalReason.INSUFFICIENT_LIQUIDITY
    assert reason_of(v4_sell(amm(coin=U64_MAX, pc=U64_MAX), 10**6)) == SwapRefusalReason.AMOUNT_TOO_LARGE


def test_an_amm_that_trades_on_its_order_book_is_refused_by_status() -> None:
    refusal = v4_sell(msgspec.structs.replace(amm(), pool=amm(status=5).pool), 5)
    assert isinstance(refusal, SwapRefusal)
    assert "status 5" in refusal.detail
