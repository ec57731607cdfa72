"""The pool is a pool: every slot its liquidity is the sum of its ticks and its price lies in its tick."""

from itertools import accumulate, pairwise

from streaming_worker.core.amm.pool_state import WhirlpoolMarket
from streaming_worker.core.amm.swap import SwapQuote
from streaming_worker.core.amm.whirlpool import quote_exact_in, sqrt_price_from_tick
from streaming_worker.core.units import NANOS_PER_SECOND
from streaming_worker.sandbox.market.changes import SlotAdvanced
from streaming_worker.sandbox.market.pool_price import price_e8_at, sqrt_price_at
from streaming_worker.sandbox.market.spec import HISTORY_PACE
from streaming_worker.sandbox.market.stepper import Market

SECONDS = NANOS_PER_SECOND


def ticks_below(market: WhirlpoolMarket) -> int:
    current = market.pool.tick_current_index
    return sum(t.liquidity_net for a in market.arrays.values() for t in a.ticks if t.tick_index <= current)


def test_every_slot_is_consistent(start_ns: int) -> None:
    market = Market.start(seed=9, start_ns=start_ns, pace=HISTORY_PACE)
    slots = [c for c in market.step(start_ns + 1_200 * SECONDS) if isinstance(c, SlotAdvanced)]
    assert 2_600 < len(slots) < 3_400
    for change in slots:
        pool = change.market.pool
        assert ticks_below(change.market) == pool.liquidity > 0
        low = sqrt_price_from_tick(pool.tick_current_index)
        assert low <= pool.sqrt_price_x64 <= sqrt_price_from_tick(pool.tick_current_index + 1)
    assert all(one.slot == two.parent < two.slot for one, two in pairwise(slots))
    skipped = sum(two.slot - one.slot > 1 for one, two in pairwise(slots))
    assert 20 < skipped < 120
    assert 0.3 < sum(c.pool_written for c in slots) / len(slots) < 0.95
    assert sum(bool(c.arrays_written) for c in slots) > 15


def test_nets_of_all_ticks_sum_to_zero_and_never_below(start_ns: int) -> None:
    market = Market.start(seed=9, start_ns=start_ns, pace=HISTORY_PACE)
    market.step(start_ns + 600 * SECONDS)
    arrays = market.pool.market.arrays
    ticks = [tick for start in sorted(arrays) for tick in arrays[start].ticks]
    running = list(accumulate(tick.liquidity_net for tick in ticks))
    assert running[-1] == 0
    assert min(running) >= 0
    assert len(ticks) > 80
    assert all(tick.liquidity_gross >= abs(tick.liquidity_net) for tick in ticks)
    assert all(tick.tick_index % 4 == 0 for tick in ticks)


def test_a_few_million_dollars_lie_within_one_percent(market: Market) -> None:
    pool = market.pool.market.pool
    up = sqrt_price_at(market.pool.price_e8 * 101 // 100)
    quote = quote_exact_in(
        market.pool.market, amount=2**60, a_to_b=False, unix_timestamp=1_790_000_000, sqrt_price_limit_x64=up
    )
    assert isinstance(quote, SwapQuote)
    assert pool.liquidity > 0
    assert 1_000_000 < quote.amount_in / 1_000_000 < 6_000_000


def test_one_array_near_the_price_has_no_account(market: Market) -> None:
    size = 88 * 4
    starts = sorted(market.pool.market.arrays)
    base = market.pool.market.pool.tick_current_index // size * size
    assert base + 2 * size not in starts
    assert {base - 2 * size, base - size, base, base + size, base + 3 * size} <= set(starts)


def test_price_and_square_root_are_inverse_to_a_hundredth_of_a_bp() -> None:
    for price_e8 in (1_00000000, 77_40000000, 412_34567890):
        assert 0 <= price_e8 - price_e8_at(sqrt_price_at(price_e8)) <= 2
    assert sqrt_price_at(1_000_00000000) == 2**64


def test_the_pool_follows_the_price_within_its_fee_and_threshold(calm_market: Market, start_ns: int) -> None:
    gaps = []
    for second in range(1, 301):
        calm_market.step(start_ns + second * SECONDS)
        gaps.append(abs(calm_market.pool.price_e8 / calm_market.latents["SOL"].price_e8 - 1) * 10_000)
    gaps.sort()
    assert gaps[len(gaps) // 2] < 6
    assert gaps[-1] < 40
