"""The curve against the exact quote: equal where the fee is known, never beaten where it is only bounded."""

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from arb_pipeline_tests.fixtures.pool_strategies import AMOUNTS, whirlpools
from arb_pipeline_tests.fixtures.pools import NOW
from streaming_worker.core.amm.curve import Curve, build_curve
from streaming_worker.core.amm.pool_state import WhirlpoolMarket
from streaming_worker.core.amm.swap import SwapQuote, SwapRefusal
from streaming_worker.core.amm.whirlpool import quote_exact_in
from streaming_worker.core.amm.whirlpool_math import U64_MAX

SAMPLE = 60
THOUSANDS = 3_000
UNHURRIED = [HealthCheck.too_slow, HealthCheck.filter_too_much]

both_runs = pytest.mark.parametrize(
    "examples",
    [SAMPLE, pytest.param(THOUSANDS, marks=[pytest.mark.slow, pytest.mark.timeout(1_200)])],
    ids=["sample", "thousands"],
)


def curve_of(market: WhirlpoolMarket, *, a_to_b: bool, now: int | None = NOW) -> Curve:
    curve = build_curve(market, a_to_b=a_to_b, unix_timestamp=now)
    assume(isinstance(curve, Curve))
    assert isinstance(curve, Curve)
    return curve


def amounts_on(curve: Curve) -> st.SearchStrategy[int]:
    """Return amounts of every size on a curve, its cuts and their neighbours among them."""
    cuts = st.sampled_from(curve.amounts_in).flatmap(lambda cut: st.integers(cut - 1, cut + 1))
    return (AMOUNTS | st.integers(0, curve.greatest_amount_in) | cuts).filter(
        lambda amount: 0 < amount <= min(curve.greatest_amount_in, U64_MAX)
    )


@both_runs
def test_the_curve_is_the_exact_quote(examples: int) -> None:
    @settings(max_examples=examples, deadline=None, suppress_health_check=UNHURRIED)
    @given(whirlpools(is_adaptive=None), st.booleans(), st.data())
    def holds(market: WhirlpoolMarket, a_to_b: bool, data: st.DataObject) -> None:
        curve = curve_of(market, a_to_b=a_to_b)
        amount = data.draw(amounts_on(curve))
        quote = quote_exact_in(market, amount=amount, a_to_b=a_to_b, unix_timestamp=NOW)
        out = curve.amount_out(amount)
        if isinstance(quote, SwapRefusal):
            assert out is None
        else:
            assert (quote.amount_in, quote.amount_out) == (amount, out)

    holds()


@both_runs
def test_the_exact_quote_never_beats_a_curve_at_the_base_fee(examples: int) -> None:
    @settings(max_examples=examples, deadline=None, suppress_health_check=UNHURRIED)
    @given(whirlpools(is_adaptive=True), st.booleans(), st.data())
    def holds(market: WhirlpoolMarket, a_to_b: bool, data: st.DataObject) -> None:
        curve = curve_of(market, a_to_b=a_to_b, now=None)
        amount = data.draw(amounts_on(curve))
        quote = quote_exact_in(market, amount=amount, a_to_b=a_to_b, unix_timestamp=NOW)
        out = curve.amount_out(amount)
        assert isinstance(quote, SwapRefusal) or out is None or quote.amount_out <= out

    holds()


@both_runs
def test_the_largest_amount_keeps_the_price_and_one_more_does_not(examples: int) -> None:
    @settings(max_examples=examples, deadline=None, suppress_health_check=UNHURRIED)
    @given(whirlpools(), st.booleans(), st.data())
    def holds(market: WhirlpoolMarket, a_to_b: bool, data: st.DataObject) -> None:
        curve = curve_of(market, a_to_b=a_to_b)
        asked = curve.price_after(data.draw(amounts_on(curve)))
        assume(asked is not None)
        assert asked is not None
        least_out = asked[0] + data.draw(st.integers(-(asked[0] // 10**6), asked[0] // 10**6))
        found = curve.largest_amount_in(least_out, asked[1])
        at, beyond = curve.price_after(found), curve.price_after(found + 1)
        assert found == 0 or at is None or at[0] * asked[1] >= least_out * at[1]
        assert beyond is None or beyond[0] * asked[1] < least_out * beyond[1]

    holds()


@both_runs
def test_the_marginal_price_falls_along_the_curve(examples: int) -> None:
    @settings(max_examples=examples, deadline=None, suppress_health_check=UNHURRIED)
    @given(whirlpools(), st.booleans(), st.data())
    def holds(market: WhirlpoolMarket, a_to_b: bool, data: st.DataObject) -> None:
        curve = curve_of(market, a_to_b=a_to_b)
        first, second = sorted((data.draw(amounts_on(curve)), data.draw(amounts_on(curve))))
        near, far = curve.price_after(first), curve.price_after(second)
        assert near is None or far is None or near[0] * far[1] >= far[0] * near[1]
        quote = quote_exact_in(market, amount=first, a_to_b=a_to_b, unix_timestamp=NOW)
        assert isinstance(quote, SwapQuote | SwapRefusal)

    holds()
