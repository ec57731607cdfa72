"""Simulated trades: fills on the market as it is when a leg arrives, reverts, misses, unwinds, exact sums."""

import pytest

from arb_pipeline_tests.fixtures.market import GEMINI, Script, settings
from streaming_worker.core.events import FeedGap, FeedHeartbeat, GapCause
from streaming_worker.core.outputs import (
    LegKind,
    LegStatus,
    OpportunityOpened,
    RiskCause,
    RiskState,
    RiskTransition,
    SimulatedTrade,
)
from streaming_worker.core.units import E8, NANOS_PER_MILLISECOND, NANOS_PER_SECOND
from streaming_worker.engine.engine import Engine
from streaming_worker.engine.settings import Limits, Simulation

CENT = E8 // 100
LADDER = Simulation(ladder_ns=(0, 250 * NANOS_PER_MILLISECOND), primary_ns=250 * NANOS_PER_MILLISECOND)


def started(**options: object) -> Script:
    """Return a market in which a trade has just been decided."""
    script = Script(Engine(settings(**{"simulation": LADDER} | options)))
    script.calm()
    script.book(GEMINI, 148 * E8, 148 * E8 + CENT)
    assert script.of(OpportunityOpened)
    return script


def dear(**options: object) -> Script:
    """Return a market in which buying from the pool has just been decided."""
    script = Script(Engine(settings(**{"simulation": LADDER} | options)))
    script.calm()
    script.book(GEMINI, 152 * E8, 152 * E8 + CENT)
    assert script.of(OpportunityOpened)
    return script


def settled(script: Script, nanos: int = 2 * NANOS_PER_SECOND) -> dict[int, SimulatedTrade]:
    """Let the legs arrive; return the first episode's trades by latency in milliseconds."""
    script.wait(nanos)
    first = script.of(OpportunityOpened)[0].opportunity_id
    trades = (trade for trade in script.of(SimulatedTrade) if trade.opportunity_id == first)
    return {trade.latency_ns // NANOS_PER_MILLISECOND: trade for trade in trades}


def assert_sums(trade: SimulatedTrade) -> None:
    """Assert the accounting identities of one trade."""
    costs = {item.kind.value: item.value_usd_e8 for item in trade.costs}
    assert trade.realised_net_usd_e8 == trade.gross_usd_e8 + sum(costs.values())
    flows = sum(leg.cash_usd_e8 + leg.fee_usd_e8 for leg in trade.legs)
    assert trade.realised_net_usd_e8 == flows + costs["network_cost"] + costs["stable_basis"] + costs["rebalancing"]


@pytest.mark.parametrize("make", [started, dear])
def test_on_a_frozen_market_realised_equals_predicted_at_every_latency(make: object) -> None:
    trades = settled(make())
    assert sorted(trades) == [0, 250]
    for trade in trades.values():
        assert trade.realised_net_usd_e8 == trade.predicted.net_usd_e8
        assert [c.value_usd_e8 for c in trade.costs] == [c.value_usd_e8 for c in trade.predicted.costs]
        assert_sums(trade)


def test_the_book_leg_fills_on_the_book_as_it_stands_when_due() -> None:
    script = started()
    script.now_ns += 200 * NANOS_PER_MILLISECOND
    script.book(GEMINI, 149 * E8 - CENT, 149 * E8)
    trades = settled(script)
    assert trades[0].realised_net_usd_e8 == trades[0].predicted.net_usd_e8
    late = trades[250]
    assert late.realised_net_usd_e8 < late.predicted.net_usd_e8
    slippage = {item.kind.value: item.value_usd_e8 for item in late.costs}["slippage"]
    assert slippage < -late.size_e8 * 98 // 100
    assert_sums(late)


def test_a_pool_leg_past_its_minimum_output_reverts_and_the_book_leg_is_unwound() -> None:
    script = started()
    script.pool(148 * E8)
    trade = settled(script)[0]
    legs = {leg.kind: leg for leg in trade.legs}
    assert legs[LegKind.POOL].status is LegStatus.REVERTED
    assert legs[LegKind.UNWIND].size_e8 == legs[LegKind.CEX].size_e8
    assert trade.gross_usd_e8 == 0
    assert trade.realised_net_usd_e8 < 0
    assert {c.kind.value: c.value_usd_e8 for c in trade.costs}["network_cost"] < 0
    assert_sums(trade)


def test_buying_from_a_pool_that_ran_away_reverts_and_buys_back_on_the_book() -> None:
    script = dear()
    script.pool(152 * E8)
    trade = settled(script)[0]
    legs = {leg.kind: leg for leg in trade.legs}
    assert legs[LegKind.POOL].status is LegStatus.REVERTED
    assert legs[LegKind.CEX].cash_usd_e8 > 0 > legs[LegKind.UNWIND].cash_usd_e8
    assert_sums(trade)


def test_a_book_leg_without_a_synced_book_misses_and_the_pool_leg_is_unwound_once_it_is_back() -> None:
    script = started()
    script.send(FeedGap("gemini", GEMINI, GapCause.UPDATE_ID, 1, 3, script.now_ns))
    script.wait(2 * NANOS_PER_SECOND)
    assert [t.latency_ns for t in script.of(SimulatedTrade)] == [0]
    script.book(GEMINI, 149 * E8, 149 * E8 + CENT)
    trade = settled(script)[250]
    legs = {leg.kind: leg for leg in trade.legs}
    assert legs[LegKind.CEX].status is LegStatus.MISSED
    assert legs[LegKind.POOL].status is LegStatus.FILLED
    assert legs[LegKind.UNWIND].cash_usd_e8 < 0
    assert_sums(trade)


def test_a_thin_book_fills_in_part_and_the_rest_waits_for_depth() -> None:
    script = started()
    thin = [(148 * E8 + CENT * i, 0) for i in range(2, 22)]
    script.now_ns += 1
    script.delta(GEMINI, asks=[*thin, (148 * E8 + CENT, E8)])
    script.wait(NANOS_PER_SECOND)
    assert [t.latency_ns for t in script.of(SimulatedTrade)] == [0]
    script.delta(GEMINI, asks=[(149 * E8, 50 * E8)])
    trade = settled(script)[250]
    legs = {leg.kind: leg for leg in trade.legs}
    assert legs[LegKind.CEX].status is LegStatus.PARTIAL
    assert legs[LegKind.CEX].size_e8 + legs[LegKind.UNWIND].size_e8 == trade.size_e8
    assert_sums(trade)


def test_an_empty_book_misses() -> None:
    script = started()
    script.now_ns += 1
    script.delta(GEMINI, asks=[(148 * E8 + CENT * i, 0) for i in range(1, 22)])
    script.wait(NANOS_PER_SECOND)
    (pending,) = script.engine.state.pending
    assert pending.cex_leg.status is LegStatus.MISSED


def test_a_pool_leg_waits_for_its_slot_and_for_a_known_pool() -> None:
    script = started()
    script.send(FeedGap("solana", None, GapCause.INCONSISTENT_POOL, None, None, script.now_ns))
    assert settled(script) == {}
    script.pool(150 * E8)
    trades = settled(script, NANOS_PER_SECOND)
    assert all(leg.filled_ns > leg.due_ns for t in trades.values() for leg in t.legs if leg.kind is LegKind.POOL)


def test_the_daily_loss_limit_kills_once_and_the_next_utc_day_reopens() -> None:
    script = started(limits=Limits(daily_loss_usd_e8=E8))
    script.pool(148 * E8)
    script.wait(2 * NANOS_PER_SECOND)
    (kill,) = script.of(RiskTransition)
    assert (kill.current, kill.cause) == (RiskState.KILLED, RiskCause.DAILY_LOSS)
    assert kill.daily_net_usd_e8 + kill.open_loss_usd_e8 <= -E8
    assert script.engine.state.risk.daily_net_usd_e8 <= -E8
    day = 86_400 * NANOS_PER_SECOND
    script.now_ns = (script.now_ns // day + 1) * day
    for feed in ("coinbase", "gemini", "solana"):
        script.send(FeedHeartbeat(feed, None, None, script.now_ns))
    script.wait(100 * NANOS_PER_MILLISECOND)
    assert script.of(RiskTransition)[-1].cause is RiskCause.NEW_DAY


def test_only_the_primary_latency_counts_for_the_day() -> None:
    script = started()
    trades = settled(script)
    assert script.engine.state.risk.daily_net_usd_e8 == trades[250].realised_net_usd_e8
