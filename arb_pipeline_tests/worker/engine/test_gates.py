"""Refusals guard opening, sampling and closing alike: lost, late, crossed, empty, unknown cost, risk."""

import pytest

from arb_pipeline_tests.fixtures.market import (
    COINBASE,
    GEMINI,
    POOL,
    START_NS,
    Script,
    opened,
    reasons,
    settings,
    started,
)
from streaming_worker.core.events import (
    CommandKind,
    FeedGap,
    FeedHeartbeat,
    FeedLost,
    GapCause,
    OperatorCommand,
)
from streaming_worker.core.fees import NetworkCost, TakerFee
from streaming_worker.core.instrument import Venue
from streaming_worker.core.outputs import (
    CloseReason,
    CostKind,
    Opportunity,
    OpportunityOpened,
    RejectionReason,
    RiskCause,
    RiskState,
    RiskTransition,
)
from streaming_worker.core.units import E8, NANOS_PER_SECOND
from streaming_worker.engine.engine import Engine
from streaming_worker.engine.settings import Limits

CENT = E8 // 100


def test_a_gap_drops_the_book_closes_the_episode_and_waits_for_a_snapshot() -> None:
    script = started()
    opened(script)
    outputs = script.send(FeedGap("gemini", GEMINI, GapCause.UPDATE_ID, 5, 7, script.now_ns))
    closed, _ = outputs
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
    closed, _ = script.send(FeedLost("gemini", 1, "closed by peer", 1006, script.now_ns))
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


def test_a_sol_price_that_is_too_old_is_a_rejection() -> None:
    limits = Limits(max_sol_price_age_ns=3 * NANOS_PER_SECOND)
    script = started(sol_price_instruments=(COINBASE,), limits=limits)
    for _ in range(4):
        script.wait(NANOS_PER_SECOND)
        for feed in ("coinbase", "gemini"):
            script.send(FeedHeartbeat(feed, None, None, script.now_ns))
    script.book(GEMINI, 148 * E8, 148 * E8 + CENT)
    assert script.of(OpportunityOpened) == []
    assert RejectionReason.SOL_PRICE_STALE in reasons(script)


def test_the_freshest_sol_price_counts_with_its_age() -> None:
    script = started(sol_price_instruments=(COINBASE, GEMINI))
    script.wait(NANOS_PER_SECOND)
    script.book(GEMINI, 148 * E8, 148 * E8 + CENT)
    (opening,) = script.of(OpportunityOpened)
    network = {item.kind: item for item in opening.plan.costs}[CostKind.NETWORK_COST]
    assert (network.age_ns, network.value_usd_e8) == (0, -(105_000 * (148 * E8 + CENT) // 10**9))


def test_unseen_reverts_are_part_of_the_network_cost() -> None:
    assert NetworkCost(5_000, 1, 20_000, "test").lamports == 25_000
    assert NetworkCost(5_000, 1, 20_000, "test", revert_share_millionths=200_000).lamports == 31_250
    assert NetworkCost(5_000, 1, 20_000, "test", revert_share_millionths=70_000).lamports == 26_882


@pytest.mark.parametrize("second", [COINBASE, GEMINI])
def test_while_a_trade_is_on_its_way_its_pool_and_book_side_are_busy(second: str) -> None:
    script = started(taker_fees=(TakerFee(Venue.COINBASE, 4_000, "test"), TakerFee(Venue.GEMINI, 4_000, "test")))
    opened(script)
    script.now_ns += 1_000_000
    script.book(GEMINI, 150 * E8 - CENT, 150 * E8 + CENT)
    script.now_ns += 1_000_000
    script.book(second, 148 * E8, 148 * E8 + CENT)
    assert len(script.of(OpportunityOpened)) == 1
    (view,) = (v for v in script.engine.state.routes if RejectionReason.LEG_BUSY in v.tallies)
    assert view.route.instrument.key == second
    script.wait(2 * NANOS_PER_SECOND)
    script.book(second, 148 * E8, 148 * E8 + CENT)
    assert len(script.of(OpportunityOpened)) == 2


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
    transition, closed, _ = script.send(command)
    assert (transition.current, transition.actor) == (RiskState.PAUSED, "ops")
    assert closed.close_reason is CloseReason.RISK
    assert script.send(command) == []
    script.book(GEMINI, 147 * E8, 147 * E8 + CENT)
    assert RejectionReason.RISK_NOT_ACTIVE in reasons(script)
