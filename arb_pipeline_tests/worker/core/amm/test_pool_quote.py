"""One interface for every design gives what the design's own functions give."""

from types import ModuleType

import pytest

from arb_pipeline_tests.fixtures.pools import NOW, Positions, clmm_market, uniswap_pool, whirlpool_market
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
from streaming_worker.core.amm.pool_quote import AnyMarket, SwapOrder, quote_swap
from streaming_worker.core.amm.raydium_state import (
    RaydiumAmmMarket,
    RaydiumAmmPool,
    RaydiumCpmmConfig,
    RaydiumCpmmMarket,
    RaydiumCpmmPool,
)
from streaming_worker.core.amm.swap import SwapQuote, SwapRefusal, SwapRefusalReason

WIDE: Positions = [(-6_000, 6_000, 10**15)]
UNISWAP = uniswap_pool(WIDE)
ALGEBRA = AlgebraPool("0x", UNISWAP.sqrt_price_x96, 0, 500, 0, 0, 10**15, 0, 0, UNISWAP.ticks)
CPMM = RaydiumCpmmMarket(
    RaydiumCpmmPool("p", "c", "0", "1", "a", "b", True, 9, 6, 0, 0, 0, 0, 0, 0, False, 0, 0),
    RaydiumCpmmConfig(2_500, 120_000, 40_000, 0),
    10**15,
    10**15,
)
V4 = RaydiumAmmMarket(
    RaydiumAmmPool("p", 6, 9, 6, 25, 10_000, 0, 0, 0, "0", "1", "a", "b", "l", "o", "m"), 10**15, 10**15
)
TIMED = {"unix_timestamp": NOW}
CASES = [
    (whirlpool_market(WIDE, tick=5), whirlpool, TIMED),
    (clmm_market(WIDE, tick=5), raydium_clmm, TIMED),
    (UNISWAP, uniswap_v3, {}),
    (ALGEBRA, algebra, {}),
    (CPMM, raydium_cpmm, TIMED),
    (V4, raydium_amm_v4, TIMED),
    (ConstantProductPool("0x", 10**15, 10**15), constant_product, {}),
]
IDS = [module.__name__.rpartition(".")[2] for _, module, _ in CASES]


@pytest.mark.parametrize("a_to_b", [True, False])
@pytest.mark.parametrize(("market", "module", "time"), CASES, ids=IDS)
def test_the_order_reaches_the_designs_own_quote(
    market: AnyMarket, module: ModuleType, time: dict[str, int], a_to_b: bool
) -> None:
    for exact_in, name in ((True, "quote_exact_in"), (False, "quote_exact_out")):
        order = SwapOrder(amount=10**9, exact_in=exact_in, a_to_b=a_to_b, unix_timestamp=NOW)
        quote = quote_swap(market, order)
        assert isinstance(quote, SwapQuote)
        assert quote == getattr(module, name)(market, amount=10**9, a_to_b=a_to_b, **time)
        assert quote.price_impact_bps_e2 >= 0
        assert quote.amount_out < quote.amount_in


@pytest.mark.parametrize(("market", "module", "time"), CASES, ids=IDS)
def test_a_price_limit_is_obeyed_or_refused(market: AnyMarket, module: ModuleType, time: dict[str, int]) -> None:
    order = SwapOrder(amount=10**9, exact_in=True, a_to_b=True, unix_timestamp=NOW, sqrt_price_limit=1)
    refusal = quote_swap(market, order)
    assert isinstance(refusal, SwapRefusal)
    assert refusal.reason in (SwapRefusalReason.PRICE_LIMIT_OUT_OF_RANGE, SwapRefusalReason.UNSUPPORTED)
