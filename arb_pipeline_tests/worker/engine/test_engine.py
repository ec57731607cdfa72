"""The fold opens, samples and closes episodes, and keeps what it was told."""

import dataclasses

import msgspec
import pytest

from arb_pipeline_tests.fixtures.market import (
    GEMINI,
    POOL,
    START_NS,
    Script,
    opened,
    pool_state,
    reasons,
    settings,
    started,
)
from streaming_worker.core.amm.pool_state import (
    AdaptiveFeeConstants,
    AdaptiveFeeVariables,
    OracleState,
    TickArray,
)
from streaming_worker.core.events import (
    BookDelta,
    ChainClock,
    ClockTick,
    OracleUpdate,
    PoolUpdate,
    SlotAdvanced,
    TakerSide,
    TickArrayUpdate,
    TradePrint,
)
from streaming_worker.core.fees import StableBasis
from streaming_worker.core.outputs import (
    CloseReason,
    Direction,
    Keyframe,
    Opportunity,
    OpportunityOpened,
    OpportunitySample,
    RejectionCount,
    RejectionReason,
)
from streaming_worker.core.units import E8, NANOS_PER_HOUR, NANOS_PER_SECOND
from streaming_worker.engine.engine import Engine
from streaming_worker.engine.settings import Limits

CENT = E8 // 100


def test_a_keyframe_precedes_the_first_event_of_a_run_and_of_each_hour() -> None:
    script = Script(Engine(settings()))
    first = script.send(ClockTick(START_NS))
    assert [type(o) for o in first] == [Keyframe]
    assert first[0].event_count == 0
    assert script.send(ClockTick(START_NS + 1)) == []
    (next_hour,) = script.send(ClockTick(START_NS + NANOS_PER_HOUR))
    assert isinstance(next_hour, Keyframe)
    assert next_hour.event_count == 2
    assert next_hour.digest == first[0].digest


def test_a_calm_market_has_no_edge_and_says_so() -> None:
    script = started()
    assert script.of(OpportunityOpened) == []
    assert RejectionReason.NO_EDGE in reasons(script)


def test_cost_items_sum_to_the_net_in_waterfall_order() -> None:
    script = started()
    plan = opened(script).plan
    assert plan.net_usd_e8 == plan.gross_usd_e8 + sum(item.value_usd_e8 for item in plan.costs)
    assert [item.kind.value for item in plan.costs] == [
        "taker_fee", "pool_fee", "slippage", "price_impact", "network_cost", "stable_basis",
        "rebalancing",
    ]  # fmt: skip
    assert all(item.value_usd_e8 <= 0 for item in plan.costs)
    cex_cost = plan.cex_notional_usd_e8
    assert plan.net_usd_e8 == plan.pool_amount_out * 100 - cex_cost + sum(
        item.value_usd_e8 for item in plan.costs if item.kind in ("taker_fee", "network_cost", "stable_basis")
    )


def test_a_dear_book_is_sold_to_and_the_pool_bought_from() -> None:
    script = started()
    outputs = script.book(GEMINI, 152 * E8, 152 * E8 + CENT)
    (opening,) = (o for o in outputs if isinstance(o, OpportunityOpened))
    assert opening.direction is Direction.BUY_POOL_SELL_CEX
    assert opening.plan.pool_amount_out == opening.plan.size_e8 * 10
    assert opening.plan.net_usd_e8 > 0


def test_the_position_cap_binds_and_sizes_are_whole_lots() -> None:
    script = started(limits=Limits(max_position_usd_e8=100 * E8))
    plan = opened(script).plan
    assert 99 * E8 < plan.cex_notional_usd_e8 <= 100 * E8
    assert plan.size_e8 % 100_000 == 0


def test_an_episode_is_one_row_from_opening_over_its_peak_to_its_close() -> None:
    script = started()
    opening = opened(script)
    script.now_ns += 1_000_000
    assert script.book(GEMINI, 147 * E8, 147 * E8 + CENT) == []
    script.now_ns += 1_000_000
    assert script.book(GEMINI, 148 * E8, 148 * E8 + CENT) == []
    script.now_ns += 1_000_000
    closed, *samples = script.book(GEMINI, 150 * E8 - CENT, 150 * E8 + CENT)
    assert isinstance(closed, Opportunity)
    assert closed.opportunity_id == opening.opportunity_id
    assert closed.opening == opening.plan
    assert closed.peak.net_usd_e8 > closed.opening.net_usd_e8
    assert (closed.opened_ns, closed.peaked_ns, closed.closed_ns) == (
        script.now_ns - 3_000_000, script.now_ns - 2_000_000, script.now_ns,
    )  # fmt: skip
    assert closed.close_reason is CloseReason.EDGE_GONE
    assert closed.updates == 3
    assert [s.sampled_ns for s in samples] == [script.now_ns - nanos for nanos in (3_000_000, 2_000_000, 1_000_000)]
    assert [s.net_usd_e8 for s in samples[:2]] == [closed.opening.net_usd_e8, closed.peak.net_usd_e8]
    assert {s.opportunity_id for s in samples} == {closed.opportunity_id}


def test_a_long_episode_keeps_at_most_32_samples_evenly_spread_from_its_opening() -> None:
    script = started()
    opened(script)
    first_ns = script.now_ns
    for number in range(1, 200):
        script.now_ns += 1_000
        script.book(GEMINI, 148 * E8 - number, 148 * E8 + CENT - number)
        (view,) = (view for view in script.engine.state.routes if view.episode is not None)
        assert view.episode is not None
        assert len(view.episode.samples) <= 32
    script.book(GEMINI, 150 * E8 - CENT, 150 * E8 + CENT)
    samples = script.of(OpportunitySample)
    assert samples[0].sampled_ns == first_ns
    assert [s.sampled_ns - first_ns for s in samples] == [8_000 * index for index in range(25)]


def test_the_best_rejected_candidate_is_kept_with_its_size_and_net() -> None:
    script = started()
    for cents in (25, 20, 23):
        script.book(GEMINI, 149 * E8 + cents * CENT, 149 * E8 + (cents + 1) * CENT)
    script.wait(11 * NANOS_PER_SECOND)
    (count,) = (o for o in script.of(RejectionCount) if o.reason is RejectionReason.BELOW_THRESHOLD)
    assert count.count >= 2
    assert count.best_size_e8 is not None
    assert count.best_net_usd_e8 is not None
    assert 0 < count.best_net_usd_e8 < E8
    (no_edge, *_) = (o for o in script.of(RejectionCount) if o.reason is RejectionReason.NO_EDGE)
    assert (no_edge.best_size_e8, no_edge.best_net_usd_e8) == (None, None)


def test_an_episode_below_the_threshold_stays_open_until_it_earns_nothing() -> None:
    script = started()
    opened(script)
    outputs = script.book(GEMINI, 149 * E8 + 20 * CENT, 149 * E8 + 21 * CENT)
    assert not [o for o in outputs if isinstance(o, Opportunity)]
    assert RejectionReason.BELOW_THRESHOLD in reasons(script)


def test_a_small_edge_never_opens() -> None:
    script = started()
    script.book(GEMINI, 149 * E8 + 20 * CENT, 149 * E8 + 21 * CENT)
    assert script.of(OpportunityOpened) == []
    assert RejectionReason.BELOW_THRESHOLD in reasons(script)


def test_the_network_cost_can_eat_a_tiny_edge() -> None:
    script = started(limits=Limits(max_position_usd_e8=E8 * 2, threshold_millionths=0))
    script.book(GEMINI, 149 * E8 + 21 * CENT, 149 * E8 + 22 * CENT, size_e8=E8 // 100)
    assert RejectionReason.COSTS_EXCEED_EDGE in reasons(script)


@pytest.mark.parametrize(
    ("size_e8", "reason"),
    [(E8 // 10_000, RejectionReason.BELOW_MINIMUM_SIZE), (E8 // 500, RejectionReason.BELOW_MINIMUM_SIZE)],
)
def test_dust_is_below_the_minimum(size_e8: int, reason: RejectionReason) -> None:
    script = started()
    limits = [(148 * E8, size_e8)]
    script.send(BookDelta(GEMINI, [(150 * E8 - CENT * i, 0) for i in range(1, 21)], [], None, script.now_ns))
    asks = [(150 * E8 + CENT * i, 0) for i in range(1, 21)]
    script.send(BookDelta(GEMINI, [], asks + limits, None, script.now_ns))
    assert script.of(OpportunityOpened) == []
    assert reason in reasons(script)


def test_older_slots_of_pool_and_array_are_ignored() -> None:
    script = started()
    before = script.engine.state.pools[POOL].state
    script.send(PoolUpdate(POOL, script.slot - 5, pool_state(90 * E8), script.now_ns))
    start = next(iter(script.engine.state.pools[POOL].arrays))
    script.send(TickArrayUpdate(POOL, script.slot - 5, TickArray(start, ()), script.now_ns))
    assert script.engine.state.pools[POOL].state == before
    script.send(SlotAdvanced("solana", script.slot - 3, script.now_ns))
    script.send(ChainClock("solana", script.slot, 77, script.now_ns))
    assert script.engine.state.chains["solana"].slot == script.slot
    assert script.engine.state.chains["solana"].unix_timestamp == 77


def test_an_array_before_its_pool_waits_for_it() -> None:
    script = Script(Engine(settings()))
    script.connect()
    script.send(TickArrayUpdate(POOL, 1, TickArray(0, ()), script.now_ns))
    assert not script.engine.state.pools[POOL].is_synced


def test_trades_and_heartbeats_are_signs_of_life_only() -> None:
    script = started()
    digest = script.engine.feed_digest("gemini")
    script.now_ns += 5
    script.send(TradePrint(GEMINI, "1", 150 * E8, E8, TakerSide.BUY, None, script.now_ns))
    assert script.engine.state.feeds["gemini"].last_alive_ns == script.now_ns
    assert script.engine.feed_digest("gemini") == digest


def test_identical_runs_have_one_digest_and_different_books_another() -> None:
    first, second = started(), started()
    opened(first), opened(second)
    assert first.engine.digest() == second.engine.digest()
    second.delta(GEMINI, bids=[(1 * E8, 1)])
    assert first.engine.digest() != second.engine.digest()


def test_events_survive_serialisation() -> None:
    script = started()
    for event in script.events:
        assert msgspec.json.decode(msgspec.json.encode(event), type=type(event)) == event


def test_an_oracle_is_kept_and_an_adaptive_pool_waits_for_it() -> None:
    script = started()
    adaptive = msgspec.structs.replace(pool_state(150 * E8), fee_tier_index=1_028)
    script.send(PoolUpdate(POOL, script.slot, adaptive, script.now_ns))
    view = script.engine.state.pools[POOL]
    assert not view.is_synced
    constants = AdaptiveFeeConstants(30, 600, 5_000, 40_000, 350_000, 4, 64)
    oracle = OracleState(adaptive.address, 0, constants, AdaptiveFeeVariables(0, 0, 0, 0, 0))
    script.send(OracleUpdate(POOL, script.slot, oracle, script.now_ns))
    assert view.is_synced


def test_a_basis_is_found_by_both_assets() -> None:
    bases = (StableBasis("USDT", "USD", 1, 1, "other"), StableBasis("USDC", "USD", 300, 400, "ours"))
    script = started(stable_bases=bases)
    assert opened(script).plan.costs[-2].source == "ours"


def test_a_pool_quoted_in_the_books_own_asset_has_no_basis() -> None:
    made = settings(stable_bases=())
    books = tuple(dataclasses.replace(book, quote="USDC") for book in made.instruments)
    script = Script(Engine(msgspec.structs.replace(made, instruments=books)))
    script.calm()
    item = opened(script).plan.costs[-2]
    assert (item.value_usd_e8, item.source) == (0, "same asset")


def test_a_route_needs_feeds_for_both_of_its_legs() -> None:
    made = settings()
    without_pool = tuple(scope for scope in made.feeds if not scope.pools)
    assert Engine(msgspec.structs.replace(made, feeds=without_pool)).state.routes == []
