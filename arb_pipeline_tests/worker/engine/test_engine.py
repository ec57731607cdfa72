"""The fold opens, samples and closes episodes, and names every refusal."""

import dataclasses

import msgspec
import pytest

from arb_pipeline_tests.fixtures.market import COINBASE, GEMINI, POOL, START_NS, Script, pool_state, settings
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
    CommandKind,
    FeedGap,
    FeedHeartbeat,
    FeedLost,
    GapCause,
    OperatorCommand,
    OracleUpdate,
    PoolUpdate,
    SlotAdvanced,
    TakerSide,
    TickArrayUpdate,
    TradePrint,
)
from streaming_worker.core.fees import StableBasis, TakerFee
from streaming_worker.core.instrument import Venue
from streaming_worker.core.outputs import (
    CloseReason,
    Direction,
    Keyframe,
    Opportunity,
    OpportunityOpened,
    RejectionCount,
    RejectionReason,
    RiskCause,
    RiskState,
    RiskTransition,
)
from streaming_worker.core.units import E8, NANOS_PER_HOUR, NANOS_PER_SECOND
from streaming_worker.engine.engine import Engine
from streaming_worker.engine.settings import Limits

CENT = E8 // 100


def started(**options: object) -> Script:
    """Return a calm market."""
    script = Script(Engine(settings(**options)))
    script.calm()
    return script


def opened(script: Script) -> Opportunity:
    """Make Gemini 2 USD cheap: buying there and selling to the pool pays."""
    outputs = script.book(GEMINI, 148 * E8, 148 * E8 + CENT)
    (opening,) = (o for o in outputs if isinstance(o, OpportunityOpened))
    return opening


def reasons(script: Script, instrument: str = GEMINI) -> set[RejectionReason]:
    """Return the reasons counted in the interval that the next ticks close."""
    script.outputs.clear()
    script.wait(11 * NANOS_PER_SECOND)
    return {o.reason for o in script.of(RejectionCount) if o.instrument == instrument}


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
    (closed,) = script.book(GEMINI, 150 * E8 - CENT, 150 * E8 + CENT)
    assert isinstance(closed, Opportunity)
    assert closed.opportunity_id == opening.opportunity_id
    assert closed.opening == opening.plan
    assert closed.peak.net_usd_e8 > closed.opening.net_usd_e8
    assert (closed.opened_ns, closed.peaked_ns, closed.closed_ns) == (
        script.now_ns - 3_000_000, script.now_ns - 2_000_000, script.now_ns,
    )  # fmt: skip
    assert closed.close_reason is CloseReason.EDGE_GONE
    assert closed.updates == 3


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


def test_a_gap_drops_the_book_closes_the_episode_and_waits_for_a_snapshot() -> None:
    script = started()
    opened(script)
    outputs = script.send(FeedGap("gemini", GEMINI, GapCause.UPDATE_ID, 5, 7, script.now_ns))
    (closed,) = outputs
    assert closed.close_reason is CloseReason.LEG_LOST
    script.delta(GEMINI, bids=[(149 * E8, E8)])
    view = script.engine.books[GEMINI]
    assert (view.is_synced, view.ignored_deltas) == (False, 1)
    assert RejectionReason.BOOK_NOT_SYNCED in reasons(script)
    script.book(GEMINI, 150 * E8 - CENT, 150 * E8 + CENT)
    assert view.is_synced


def test_a_gap_of_the_whole_feed_drops_its_pools() -> None:
    script = started()
    script.send(FeedGap("solana", None, GapCause.INCONSISTENT_POOL, None, None, script.now_ns))
    assert not script.engine.state.pools[POOL].is_synced
    script.book(GEMINI, 148 * E8, 148 * E8 + CENT)
    assert RejectionReason.POOL_NOT_SYNCED in reasons(script)


def test_a_lost_feed_closes_its_episodes_and_refuses_its_leg() -> None:
    script = started()
    opened(script)
    (closed,) = script.send(FeedLost("gemini", 1, "closed by peer", 1006, script.now_ns))
    assert closed.close_reason is CloseReason.LEG_LOST
    assert RejectionReason.FEED_NOT_LIVE in {t for view in script.engine.state.routes for t in view.tallies}


def test_a_late_message_by_the_venue_clock_refuses_the_leg() -> None:
    script = started()
    script.now_ns += 1_000_000
    script.book(GEMINI, 148 * E8, 148 * E8 + CENT, age_ns=2 * NANOS_PER_SECOND)
    assert script.of(OpportunityOpened) == []
    assert RejectionReason.STALE_LEG in reasons(script)


def test_a_chain_that_never_said_its_slot_refuses_the_leg() -> None:
    script = Script(Engine(settings()))
    script.connect()
    script.pool(150 * E8)
    script.book(GEMINI, 148 * E8, 148 * E8 + CENT)
    assert RejectionReason.STALE_LEG in {t for view in script.engine.state.routes for t in view.tallies}


def test_a_crossed_book_is_measured_and_refused_never_repaired() -> None:
    script = started()
    script.delta(GEMINI, bids=[(151 * E8, E8)])
    view = script.engine.books[GEMINI]
    assert view.book.is_crossed
    script.now_ns += 5_000_000
    script.delta(GEMINI, bids=[(151 * E8, 2 * E8)])
    script.now_ns += 5_000_000
    script.delta(GEMINI, bids=[(151 * E8, 0)])
    assert view.crossed_ns == 10_000_000
    assert RejectionReason.BOOK_CROSSED in reasons(script)


def test_an_empty_side_is_named() -> None:
    script = started()
    script.delta(GEMINI, asks=[(150 * E8 + CENT * i, 0) for i in range(1, 21)])
    assert RejectionReason.BOOK_EMPTY in reasons(script)


def test_a_price_without_liquidity_is_not_a_quote() -> None:
    script = started()
    script.pool(155 * E8, liquidity=0)
    assert RejectionReason.POOL_NO_LIQUIDITY in reasons(script)
    assert script.of(OpportunityOpened) == []


def test_a_pool_that_cannot_fill_is_refused_by_name() -> None:
    script = started(limits=Limits(max_position_usd_e8=1_000 * E8))
    script.pool(150 * E8, liquidity=1)
    script.book(GEMINI, 40 * E8, 41 * E8)
    assert reasons(script) & {RejectionReason.POOL_REFUSED, RejectionReason.BELOW_MINIMUM_SIZE}
    assert script.of(OpportunityOpened) == []


@pytest.mark.parametrize(
    "options",
    [
        {"taker_fees": (TakerFee(Venue.COINBASE, 12_000, "test"),)},
        {"stable_bases": ()},
    ],
)
def test_a_missing_fee_is_a_rejection_never_zero(options: dict[str, object]) -> None:
    script = started(**options)
    script.book(GEMINI, 100 * E8, 100 * E8 + CENT)
    assert script.of(OpportunityOpened) == []
    assert RejectionReason.FEE_UNKNOWN in reasons(script)


def test_a_missing_sol_price_is_a_rejection() -> None:
    script = started(sol_price_instruments=(COINBASE,))
    script.send(FeedGap("coinbase", None, GapCause.SEQUENCE, 4, 9, script.now_ns))
    script.book(GEMINI, 148 * E8, 148 * E8 + CENT)
    assert script.of(OpportunityOpened) == []
    assert RejectionReason.SOL_PRICE_MISSING in reasons(script)


def test_a_new_fee_line_holds_from_its_first_moment() -> None:
    change = START_NS + 60 * NANOS_PER_SECOND
    fees = (
        TakerFee(Venue.COINBASE, 12_000, "old"),
        TakerFee(Venue.GEMINI, 4_000, "old"),
        TakerFee(Venue.GEMINI, 1_000, "new", valid_from_ns=change),
        TakerFee(Venue.GEMINI, 900, "pair", symbol="SOLUSD", valid_from_ns=change),
    )
    script = started(taker_fees=fees)
    assert opened(script).plan.costs[0].source == "old"
    script.book(GEMINI, 150 * E8 - CENT, 150 * E8 + CENT)
    while script.now_ns < change:
        script.wait(5 * NANOS_PER_SECOND)
        script.send(FeedHeartbeat("gemini", script.now_ns - 20_000_000, 1, script.now_ns))
        script.send(FeedHeartbeat("coinbase", None, 1, script.now_ns))
    assert opened(script).plan.costs[0].source == "pair"


def test_a_silent_feed_pauses_and_resumes_with_hysteresis() -> None:
    script = started()
    opened(script)
    outputs = script.wait(10 * NANOS_PER_SECOND + 100_000_000)
    (pause,) = (o for o in outputs if isinstance(o, RiskTransition))
    assert (pause.current, pause.cause) == (RiskState.PAUSED, RiskCause.STALE_FEED)
    assert "coinbase" in pause.reason
    (closed,) = (o for o in outputs if isinstance(o, Opportunity))
    assert closed.close_reason in (CloseReason.RISK, CloseReason.LEG_LOST)
    for _ in range(4):
        for feed in ("coinbase", "gemini"):
            script.send(FeedHeartbeat(feed, None, None, script.now_ns))
        script.wait(NANOS_PER_SECOND)
    assert script.engine.state.risk.state is RiskState.PAUSED
    for _ in range(2):
        for feed in ("coinbase", "gemini"):
            script.send(FeedHeartbeat(feed, None, None, script.now_ns))
        script.wait(NANOS_PER_SECOND)
    assert script.engine.state.risk.state is RiskState.ACTIVE


def test_a_quiet_but_living_feed_does_not_pause() -> None:
    script = started()
    for _ in range(30):
        for feed in ("coinbase", "gemini"):
            script.send(FeedHeartbeat(feed, script.now_ns - 1, 1, script.now_ns))
        script.wait(NANOS_PER_SECOND)
    assert script.of(RiskTransition) == []


def test_an_operator_pause_closes_open_episodes_and_refuses_new_ones() -> None:
    script = started()
    opened(script)
    command = OperatorCommand("c1", CommandKind.PAUSE, "ops", "lunch", script.now_ns)
    transition, closed = script.send(command)
    assert (transition.current, transition.actor) == (RiskState.PAUSED, "ops")
    assert closed.close_reason is CloseReason.RISK
    assert script.send(command) == []
    script.book(GEMINI, 147 * E8, 147 * E8 + CENT)
    assert RejectionReason.RISK_NOT_ACTIVE in reasons(script)


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
    assert opened(script).plan.costs[-1].source == "ours"


def test_a_pool_quoted_in_the_books_own_asset_has_no_basis() -> None:
    made = settings(stable_bases=())
    books = tuple(dataclasses.replace(book, quote="USDC") for book in made.instruments)
    script = Script(Engine(msgspec.structs.replace(made, instruments=books)))
    script.calm()
    item = opened(script).plan.costs[-1]
    assert (item.value_usd_e8, item.source) == (0, "same asset")


def test_a_route_needs_feeds_for_both_of_its_legs() -> None:
    made = settings()
    without_pool = tuple(scope for scope in made.feeds if not scope.pools)
    assert Engine(msgspec.structs.replace(made, feeds=without_pool)).state.routes == []
