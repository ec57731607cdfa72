"""x * y = k: the published Uniswap v2 numbers, rounding, limits, refusals."""

import pytest

from streaming_worker.core.amm.constant_product import (
    U112_MAX,
    ConstantProductPool,
    input_for,
    output_of,
    quote_exact_in,
    quote_exact_out,
)
from streaming_worker.core.amm.swap import SwapQuote, SwapRefusal, SwapRefusalReason

E18 = 10**18


def pair(reserve_a: int, reserve_b: int, *, fee_bps: int = 30) -> ConstantProductPool:
    return ConstantProductPool("0xpair", reserve_a, reserve_b, fee_bps)


def reason_of(quote: SwapQuote[ConstantProductPool] | SwapRefusal) -> SwapRefusalReason:
    assert isinstance(quote, SwapRefusal), quote
    return quote.reason


@pytest.mark.parametrize(
    ("amount", "reserve_in", "reserve_out", "amount_out"),
    [
        (1, 5, 10, 1662497915624478906),
        (1, 10, 5, 453305446940074565),
        (2, 5, 10, 2851015155847869602),
        (2, 10, 5, 831248957812239453),
        (1, 10, 10, 906610893880149131),
        (1, 100, 100, 987158034397061298),
        (1, 1000, 1000, 996006981039903216),
    ],
)
def test_outputs_are_those_of_the_published_pair_tests(
    amount: int, reserve_in: int, reserve_out: int, amount_out: int
) -> None:
    quote = quote_exact_in(pair(reserve_in * E18, reserve_out * E18), amount=amount * E18, a_to_b=True)
    assert isinstance(quote, SwapQuote)
    assert quote.amount_out == amount_out
    other = quote_exact_in(pair(reserve_out * E18, reserve_in * E18), amount=amount * E18, a_to_b=False)
    assert isinstance(other, SwapQuote)
    assert other.amount_out == amount_out


def test_the_library_examples_hold() -> None:
    sold, bought = (
        quote_exact_in(pair(100, 100), amount=2, a_to_b=True),
        quote_exact_out(pair(100, 100), amount=1, a_to_b=True),
    )
    assert isinstance(sold, SwapQuote)
    assert isinstance(bought, SwapQuote)
    assert (sold.amount_out, bought.amount_in) == (1, 2)


@pytest.mark.parametrize("a_to_b", [True, False])
def test_the_end_state_holds_what_was_paid(a_to_b: bool) -> None:
    quote = quote_exact_in(pair(10**9, 10**9), amount=10**6, a_to_b=a_to_b)
    assert isinstance(quote, SwapQuote)
    reserves = quote.end_state.reserve_a, quote.end_state.reserve_b
    assert reserves == ((10**9 + 10**6, 10**9 - 996_006) if a_to_b else (10**9 - 996_006, 10**9 + 10**6))
    assert (quote.fee_amount, quote.ticks_crossed, quote.protocol_fee) == (3_000, 0, 0)
    # 996,006 of 997,000: 9.97 bps, rounded up in hundredths
    assert quote.price_impact_bps_e2 == 997


def test_formulas_without_fee_round_against_the_trader() -> None:
    assert output_of(10, 1_000, 1_000) == 9
    assert input_for(9, 1_000, 1_000) == 10
    assert input_for(500, 1_000, 1_000) == 1_000


def test_any_fee_in_bps_is_taken() -> None:
    quotes = [quote_exact_in(pair(10**9, 10**9, fee_bps=fee), amount=10**6, a_to_b=True) for fee in (0, 25, 100)]
    assert [quote.amount_out for quote in quotes if isinstance(quote, SwapQuote)] == [999_000, 996_505, 989_020]


@pytest.mark.parametrize(
    ("pool", "amount", "reason"),
    [
        (pair(100, 100), 0, SwapRefusalReason.ZERO_AMOUNT),
        (pair(100, 100), -1, SwapRefusalReason.ZERO_AMOUNT),
        (pair(0, 100), 5, SwapRefusalReason.ZERO_LIQUIDITY),
        (pair(100, 0), 5, SwapRefusalReason.ZERO_LIQUIDITY),
        (pair(100, 100, fee_bps=10_000), 5, SwapRefusalReason.UNSUPPORTED),
    ],
)
def test_senseless_orders_are_refused(pool: ConstantProductPool, amount: int, reason: SwapRefusalReason) -> None:
    assert reason_of(quote_exact_in(pool, amount=amount, a_to_b=True)) == reason
    assert reason_of(quote_exact_out(pool, amount=amount, a_to_b=True)) == reason


def test_dust_buys_nothing_and_is_refused() -> None:
    assert reason_of(quote_exact_in(pair(1_000, 1_000), amount=1, a_to_b=True)) == SwapRefusalReason.ZERO_AMOUNT


def test_the_whole_reserve_cannot_be_bought() -> None:
    for amount in (100, 101):
        quote = quote_exact_out(pair(100, 100), amount=amount, a_to_b=True)
        assert reason_of(quote) == SwapRefusalReason.INSUFFICIENT_LIQUIDITY
    assert isinstance(quote_exact_out(pair(100, 100), amount=99, a_to_b=True), SwapQuote)


def test_a_reserve_cannot_leave_its_type() -> None:
    full = pair(U112_MAX - 10, U112_MAX)
    assert reason_of(quote_exact_in(full, amount=11, a_to_b=True)) == SwapRefusalReason.AMOUNT_TOO_LARGE
    assert isinstance(quote_exact_in(full, amount=10, a_to_b=True), SwapQuote)


def test_an_impact_is_never_negative_even_on_a_few_units() -> None:
    quote = quote_exact_out(pair(4, 10, fee_bps=1), amount=3, a_to_b=True)
    assert isinstance(quote, SwapQuote)
    assert (quote.amount_in, quote.price_impact_bps_e2) == (2, 399_940)
