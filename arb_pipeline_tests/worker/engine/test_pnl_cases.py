"""Profit and loss by named case: both legs, the two fees, slippage, prediction against outcome, negative spreads."""

import pytest

from arb_pipeline_tests.fixtures.market import ADDRESS, GEMINI, LIQUIDITY, POOL, Script, pool_state, settings
from streaming_worker.core.amm.pool_state import TickArray
from streaming_worker.core.amm.whirlpool import arrays_around
from streaming_worker.core.events import BookSnapshot, PoolUpdate, TickArrayUpdate
from streaming_worker.core.outputs import (
    CostKind,
    Direction,
    LegKind,
    OpportunityOpened,
    RejectionReason,
    SimulatedTrade,
    TradePlan,
)
from streaming_worker.core.units import E8, NANOS_PER_MILLISECOND, NANOS_PER_SECOND, ceil_div
from streaming_worker.engine.engine import Engine

CENT = E8 // 100
CEX_FEE = 3_500
POOL_FEE = 3_000


def market(*, liquidity: int = LIQUIDITY, **options: object) -> Script:
    """Return a calm market at 150 with 0.35 % at the exchange and 0.30 % in the pool."""
    script = Script(Engine(settings(gemini_taker=CEX_FEE, **options)))
    script.calm()
    state = pool_state(150 * E8, fee_rate=POOL_FEE, liquidity=liquidity)
    for start in arrays_around(state):
        script.send(TickArrayUpdate(POOL, script.slot, TickArray(start, ()), script.now_ns))
    script.send(PoolUpdate(POOL, script.slot, state, script.now_ns))
    assert state.address == ADDRESS
    return script


def costs(of: TradePlan | SimulatedTrade) -> dict[CostKind, int]:
    """Return the cost items by kind."""
    return {item.kind: item.value_usd_e8 for item in of.costs}


def plan_at(script: Script, bid_e8: int, *, size_e8: int = 5 * E8) -> TradePlan:
    """Quote Gemini at a bid with a spread of one cent and return the plan that opens."""
    outputs = script.book(GEMINI, bid_e8, bid_e8 + CENT, size_e8=size_e8)
    (opening,) = (o for o in outputs if isinstance(o, OpportunityOpened))
    return opening.plan


def trade_at(script: Script, latency_ms: int = 250) -> SimulatedTrade:
    """Let the first trade settle and return its rung."""
    script.wait(4 * NANOS_PER_SECOND)
    latency_ns = latency_ms * NANOS_PER_MILLISECOND
    return next(trade for trade in script.of(SimulatedTrade) if trade.latency_ns == latency_ns)


@pytest.mark.parametrize(("bid", "direction"), [(147, Direction.BUY_CEX_SELL_POOL), (153, Direction.BUY_POOL_SELL_CEX)])
def test_dual_leg_pnl_is_what_came_in_minus_what_went_out_minus_every_fee(bid: int, direction: Direction) -> None:
    script = market()
    plan_at(script, bid * E8)
    trade = trade_at(script)
    legs = {leg.kind: leg for leg in trade.legs}
    assert trade.direction is direction
    assert set(legs) == {LegKind.CEX, LegKind.POOL}
    bought = LegKind.CEX if direction is Direction.BUY_CEX_SELL_POOL else LegKind.POOL
    assert [legs[kind].cash_usd_e8 < 0 for kind in (LegKind.CEX, LegKind.POOL)] == [
        kind is bought for kind in (LegKind.CEX, LegKind.POOL)
    ]
    paid = costs(trade)
    cash = legs[LegKind.CEX].cash_usd_e8 + legs[LegKind.POOL].cash_usd_e8
    outside = (CostKind.TAKER_FEE, CostKind.NETWORK_COST, CostKind.STABLE_BASIS)
    assert trade.realised_net_usd_e8 == cash + sum(paid[kind] for kind in outside) > 0


def test_fee_deductions_are_35_bps_at_the_exchange_and_30_bps_in_the_pool() -> None:
    plan = plan_at(market(), 147 * E8)
    found = costs(plan)
    assert found[CostKind.TAKER_FEE] == -ceil_div(plan.cex_notional_usd_e8 * 35, 10_000)
    pool_value = plan.size_e8 * 150
    assert abs(-found[CostKind.POOL_FEE] * 10_000 - pool_value * 30) < pool_value // 10
    fees = -(found[CostKind.TAKER_FEE] + found[CostKind.POOL_FEE])
    assert 65 * plan.cex_notional_usd_e8 < fees * 10_000 < 67 * plan.cex_notional_usd_e8


def test_an_edge_inside_the_65_bps_of_fees_earns_nothing_and_never_opens() -> None:
    script = market()
    script.book(GEMINI, 149 * E8 + 5 * CENT, 149 * E8 + 6 * CENT)
    assert script.of(OpportunityOpened) == []
    (view,) = (v for v in script.engine.state.routes if v.route.instrument.key == GEMINI and v.route.buys_on_cex)
    assert view.tallies[RejectionReason.NO_EDGE].best_edge_centibps == 6_306


def test_slippage_impact_is_what_walking_the_book_costs_against_its_best_price() -> None:
    deep, thin = plan_at(market(), 147 * E8), plan_at(market(), 147 * E8, size_e8=E8)
    assert costs(deep)[CostKind.SLIPPAGE] > costs(thin)[CostKind.SLIPPAGE]
    best, left, walked = 147 * E8 + CENT, thin.size_e8, 0
    for level in range(20):
        taken = min(left, E8)
        walked += -(-(best + level * CENT) * taken // E8)
        left -= taken
    assert left == 0
    assert thin.cex_notional_usd_e8 == walked
    assert costs(thin)[CostKind.SLIPPAGE] == ceil_div(best * thin.size_e8, E8) - walked


def test_realised_equals_predicted_at_zero_latency_and_differs_by_what_the_market_moved() -> None:
    script = market()
    plan_at(script, 147 * E8)
    script.now_ns += 10 * NANOS_PER_MILLISECOND
    script.book(GEMINI, 147 * E8 + 50 * CENT, 147 * E8 + 51 * CENT)
    late = trade_at(script)
    at_once = trade_at(script, 0)
    assert at_once.realised_net_usd_e8 == at_once.predicted.net_usd_e8
    dearer = late.size_e8 // 2
    lost = late.predicted.net_usd_e8 - late.realised_net_usd_e8
    assert dearer <= lost <= dearer * 1_004 // 1_000
    assert costs(late)[CostKind.SLIPPAGE] - costs(at_once)[CostKind.SLIPPAGE] == -dearer


@pytest.mark.parametrize("bid", [150 * E8 - CENT, 149 * E8 + 50 * CENT, 150 * E8 + 50 * CENT])
def test_negative_spreads_never_open_in_either_direction(bid: int) -> None:
    script = market()
    script.book(GEMINI, bid, bid + CENT)
    script.wait(NANOS_PER_SECOND)
    assert script.of(OpportunityOpened) == []
    assert script.of(SimulatedTrade) == []


def test_a_spread_that_turns_negative_before_the_orders_arrive_is_a_loss() -> None:
    script = market()
    plan_at(script, 147 * E8)
    script.now_ns += 10 * NANOS_PER_MILLISECOND
    script.book(GEMINI, 151 * E8, 151 * E8 + CENT)
    trade = trade_at(script)
    assert trade.predicted.net_usd_e8 > 0 > trade.realised_net_usd_e8


def test_high_slippage_shrinks_the_size_until_the_last_unit_still_earns() -> None:
    script, steep = market(), market()
    wide = plan_at(script, 147 * E8)
    asks = [(147 * E8 + CENT + 40 * CENT * step, E8) for step in range(20)]
    steep.send(BookSnapshot(GEMINI, [(147 * E8, E8)], asks, None, steep.now_ns))
    (opening,) = steep.of(OpportunityOpened)
    assert E8 <= opening.plan.size_e8 < wide.size_e8
    assert costs(opening.plan)[CostKind.SLIPPAGE] < 0
    assert opening.plan.net_usd_e8 > 0


def test_high_slippage_in_a_shallow_pool_is_price_impact_and_caps_the_size() -> None:
    deep = plan_at(market(), 147 * E8)
    shallow = plan_at(market(liquidity=LIQUIDITY // 100), 147 * E8)
    assert shallow.size_e8 < deep.size_e8
    impact = [costs(plan)[CostKind.PRICE_IMPACT] * 10**6 // plan.cex_notional_usd_e8 for plan in (shallow, deep)]
    assert impact[0] < impact[1] <= 0
