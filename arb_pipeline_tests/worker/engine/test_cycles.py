"""Triangular cycles in the fold: the gates, episodes, simulated turns and balances of the second detector."""

import pytest

from arb_pipeline_tests.fixtures.triangle import BTC, CROSS, FAIR_CROSS, FORTH, LADDER, SOL, Triangle
from streaming_worker.core.cycle_outputs import CycleEpisode, CycleOpened, CycleRejectionCount, CycleTrade
from streaming_worker.core.events import ClockTick, CommandKind, FeedGap, FeedHeartbeat, GapCause, OperatorCommand
from streaming_worker.core.fees import TakerFee
from streaming_worker.core.instrument import Venue
from streaming_worker.core.reasons import CloseReason, LegStatus, RejectionReason
from streaming_worker.core.units import E8, NANOS_PER_MILLISECOND, NANOS_PER_SECOND
from streaming_worker.engine import keyframe
from streaming_worker.engine.engine import Engine
from streaming_worker.engine.replay import replay
from streaming_worker.engine.settings import Limits

DEAR_CROSS = FAIR_CROSS * 102 // 100
"""A SOL brings 2 % more BTC than it should."""


def opened(**options: object) -> tuple[Triangle, CycleOpened]:
    """Return a triangle whose forward turn has just opened."""
    triangle = Triangle(**options).calm()
    (opening,) = (o for o in triangle.flat(CROSS, DEAR_CROSS) if isinstance(o, CycleOpened))
    return triangle, opening


def reasons(triangle: Triangle) -> set[RejectionReason]:
    """Return the reasons counted until now."""
    triangle.outputs.clear()
    triangle.wait(11 * NANOS_PER_SECOND)
    return {count.reason for count in triangle.of(CycleRejectionCount)}


def test_a_calm_triangle_is_refused_for_want_of_an_edge_and_says_so_once_an_interval() -> None:
    triangle = Triangle().calm()
    counts = triangle.wait(11 * NANOS_PER_SECOND)
    found = [o for o in counts if isinstance(o, CycleRejectionCount)]
    assert {count.cycle for count in found} == {FORTH, "coinbase|USD>BTC>SOL>USD"}
    assert {count.reason for count in found} == {RejectionReason.BOOK_NOT_SYNCED, RejectionReason.NO_EDGE}
    assert not triangle.of(CycleOpened)


def test_an_edge_opens_an_episode_whose_sums_are_exact_within_the_position_limit() -> None:
    triangle, opening = opened()
    plan = opening.plan
    assert opening.cycle == FORTH
    assert 990 * E8 < plan.spent_e8 <= 1_000 * E8
    assert plan.net_e8 == plan.returned_e8 + plan.dust_value_e8 - plan.spent_e8
    assert plan.net_e8 == plan.gross_e8 + plan.fee_e8 + plan.slippage_e8
    assert 15 * E8 < plan.net_e8 < 20 * E8
    assert len(triangle.engine.state.pending_cycles) == len(LADDER) - 1, "the one without latency is done"


def test_realised_equals_predicted_at_every_latency_while_nothing_moves() -> None:
    triangle, opening = opened()
    triangle.wait(4 * NANOS_PER_SECOND)
    trades = triangle.of(CycleTrade)
    assert [trade.latency_ns for trade in trades] == list(LADDER)
    for trade in trades:
        assert trade.realised_net_e8 == trade.predicted.net_e8 == opening.plan.net_e8
        assert [leg.status for leg in trade.legs] == [LegStatus.FILLED] * 3
        gaps = [after.due_ns - before.filled_ns for before, after in zip(trade.legs, trade.legs[1:], strict=False)]
        assert gaps == [trade.latency_ns] * 2
        assert trade.legs[0].due_ns == trade.decided_ns + trade.latency_ns


def test_a_cross_that_comes_back_before_the_second_leg_costs_money() -> None:
    triangle, _ = opened()
    triangle.wait(300 * NANOS_PER_MILLISECOND)
    closed = [o for o in triangle.flat(CROSS, FAIR_CROSS) if isinstance(o, CycleEpisode)]
    assert closed[0].close_reason is CloseReason.EDGE_GONE
    triangle.wait(4 * NANOS_PER_SECOND)
    fast, primary, slow = triangle.of(CycleTrade)
    assert fast.realised_net_e8 > 0
    assert primary.realised_net_e8 < 0
    assert slow.realised_net_e8 < 0
    day = triangle.engine.state.risk.daily_net_usd_e8
    assert day == primary.realised_net_e8


def test_a_middle_leg_without_its_book_misses_and_what_is_held_goes_back() -> None:
    triangle, _ = opened()
    triangle.wait(300 * NANOS_PER_MILLISECOND)
    triangle.send(FeedGap("coinbase", CROSS, GapCause.SEQUENCE, 1, 2, triangle.now_ns))
    assert triangle.of(CycleEpisode)[0].close_reason is CloseReason.LEG_LOST
    triangle.wait(4 * NANOS_PER_SECOND)
    primary = triangle.of(CycleTrade)[1]
    assert [leg.status for leg in primary.legs] == [LegStatus.FILLED, LegStatus.MISSED]
    assert primary.returned_e8 == 0
    assert primary.dust_value_e8 == primary.legs[1].dust_value_e8 > 0
    assert -4 * E8 < primary.realised_net_e8 < -E8


def test_a_last_leg_without_its_book_leaves_what_cannot_be_valued_at_nothing() -> None:
    triangle, _ = opened()
    triangle.wait(600 * NANOS_PER_MILLISECOND)
    triangle.send(FeedGap("coinbase", BTC, GapCause.SEQUENCE, 1, 2, triangle.now_ns))
    triangle.wait(4 * NANOS_PER_SECOND)
    primary = triangle.of(CycleTrade)[1]
    assert [leg.status for leg in primary.legs][-1] is LegStatus.MISSED
    assert primary.realised_net_e8 == -primary.spent_e8


def test_a_first_leg_without_its_book_spends_nothing() -> None:
    triangle, _ = opened()
    triangle.send(FeedGap("coinbase", SOL, GapCause.SEQUENCE, 1, 2, triangle.now_ns + 1))
    triangle.wait(4 * NANOS_PER_SECOND)
    primary = triangle.of(CycleTrade)[1]
    assert (primary.spent_e8, primary.realised_net_e8, len(primary.legs)) == (0, 0, 1)


def test_a_thinner_middle_book_fills_in_part_and_the_rest_is_dust_with_a_value() -> None:
    triangle, opening = opened()
    triangle.wait(300 * NANOS_PER_MILLISECOND)
    triangle.book(CROSS, [(DEAR_CROSS, 2 * E8)], [(DEAR_CROSS * 2, E8)])
    triangle.wait(4 * NANOS_PER_SECOND)
    primary = triangle.of(CycleTrade)[1]
    assert primary.legs[1].status is LegStatus.PARTIAL
    assert primary.legs[1].dust_e8 == primary.legs[0].received_e8 - 2 * E8
    assert 0 < primary.realised_net_e8 < opening.plan.net_e8


def test_the_balance_of_home_caps_a_turn_and_dust_stays_at_the_venue() -> None:
    triangle, opening = opened(usd=300, lot_e8=E8 // 10)
    assert opening.plan.spent_e8 <= 300 * E8
    inventory = triangle.engine.state.inventory
    assert inventory.balances["coinbase:USD"].reserved_e8 == opening.plan.spent_e8
    triangle.wait(4 * NANOS_PER_SECOND)
    primary = triangle.of(CycleTrade)[1]
    assert inventory.balances["coinbase:USD"].reserved_e8 == 0
    assert inventory.total_e8(Venue.COINBASE, "USD") == 300 * E8 - primary.spent_e8 + primary.returned_e8
    assert inventory.total_e8(Venue.COINBASE, "SOL") == primary.legs[1].dust_e8
    assert inventory.total_e8(Venue.COINBASE, "BTC") == primary.legs[2].dust_e8


def test_a_turn_on_its_way_blocks_the_next_one_and_an_empty_balance_too() -> None:
    triangle, _ = opened(usd=300)
    triangle.flat(CROSS, FAIR_CROSS)
    triangle.flat(CROSS, DEAR_CROSS)
    assert len(triangle.of(CycleOpened)) == 1
    assert RejectionReason.LEG_BUSY in reasons(triangle)
    triangle.engine.state.inventory.balances["coinbase:USD"].total_e8 = 0
    triangle.flat(CROSS, FAIR_CROSS)
    triangle.flat(CROSS, DEAR_CROSS)
    assert RejectionReason.INSUFFICIENT_INVENTORY in reasons(triangle)


def test_a_growing_edge_moves_the_peak_and_one_below_the_threshold_keeps_the_episode() -> None:
    triangle, opening = opened()
    triangle.flat(CROSS, FAIR_CROSS * 103 // 100)
    triangle.flat(CROSS, FAIR_CROSS * 10_038 // 10_000)
    assert not triangle.of(CycleEpisode)
    triangle.flat(CROSS, FAIR_CROSS)
    (episode,) = triangle.of(CycleEpisode)
    assert episode.peak.net_e8 > opening.plan.net_e8
    assert (episode.updates, episode.opening) == (3, opening.plan)


@pytest.mark.parametrize(
    ("cross", "reason"),
    [(FAIR_CROSS * 10_038 // 10_000, RejectionReason.BELOW_THRESHOLD), (FAIR_CROSS, RejectionReason.NO_EDGE)],
)
def test_what_falls_short_is_named(cross: int, reason: RejectionReason) -> None:
    triangle = Triangle().calm()
    triangle.flat(CROSS, cross)
    assert not triangle.of(CycleOpened)
    assert reason in reasons(triangle)
    if reason is RejectionReason.BELOW_THRESHOLD:
        best = max(c.best_net_e8 for c in triangle.of(CycleRejectionCount) if c.best_net_e8 is not None)
        assert 0 < best < E8


def test_every_gate_of_the_books_is_named() -> None:
    triangle, _ = opened()
    triangle.send(OperatorCommand("p", CommandKind.PAUSE, "ops", "test", triangle.now_ns))
    assert triangle.of(CycleEpisode)[0].close_reason is CloseReason.RISK
    triangle.flat(CROSS, DEAR_CROSS)
    assert RejectionReason.RISK_NOT_ACTIVE in reasons(triangle)
    triangle.send(OperatorCommand("r", CommandKind.RESUME, "ops", "test", triangle.now_ns))
    triangle.book(CROSS, [(DEAR_CROSS, E8)], [(DEAR_CROSS - 5, E8)])
    assert RejectionReason.BOOK_CROSSED in reasons(triangle)
    triangle.book(CROSS, [], [(DEAR_CROSS, E8)])
    assert RejectionReason.BOOK_EMPTY in reasons(triangle)
    for _ in range(4):
        triangle.flat(CROSS, FAIR_CROSS)
    triangle.book(CROSS, [(DEAR_CROSS, E8)], [(DEAR_CROSS + 5, E8)], age_ns=600 * NANOS_PER_MILLISECOND)
    assert RejectionReason.STALE_LEG in reasons(triangle)


def test_silence_of_the_venue_refuses() -> None:
    triangle = Triangle(limits=Limits(resume_after_ns=NANOS_PER_MILLISECOND, cooldown_ns=0)).calm()
    triangle.now_ns += 60 * NANOS_PER_SECOND
    triangle.send(ClockTick(triangle.now_ns))
    triangle.send(OperatorCommand("r", CommandKind.RESUME, "ops", "test", triangle.now_ns))
    view = triangle.engine.state.cycles[0]
    triangle.send(FeedGap("coinbase", CROSS, GapCause.SEQUENCE, 1, 2, triangle.now_ns))
    assert RejectionReason.FEED_NOT_LIVE in view.tallies


def test_an_unknown_fee_refuses_and_a_new_one_counts_from_its_day() -> None:
    unknown = Triangle(fees=(TakerFee(Venue.COINBASE, 0, "test", symbol="SOL-USD"),)).calm()
    assert RejectionReason.FEE_UNKNOWN in reasons(unknown)
    start = unknown.now_ns
    fees = (TakerFee(Venue.COINBASE, 0, "free"), TakerFee(Venue.COINBASE, 90_000, "dear", valid_from_ns=start))
    dated = Triangle(fees=fees).calm()
    dated.flat(CROSS, DEAR_CROSS)
    assert dated.of(CycleOpened)
    dated.now_ns = start + 1
    dated.send(FeedHeartbeat("coinbase", None, None, dated.now_ns))
    dated.flat(CROSS, DEAR_CROSS)
    assert dated.of(CycleEpisode)[0].close_reason is CloseReason.EDGE_GONE


def test_a_route_and_a_cycle_do_not_use_one_side_of_a_book_twice() -> None:
    from arb_pipeline_tests.fixtures.market import GEMINI, started
    from streaming_worker.engine.trades import is_in_cycle

    triangle, _ = opened()
    assert is_in_cycle(triangle.engine.state, SOL, is_buy=True)
    assert not is_in_cycle(triangle.engine.state, SOL, is_buy=False)
    assert not is_in_cycle(started().engine.state, GEMINI, is_buy=True)


@pytest.mark.parametrize("share", [0.3, 0.5, 0.6, 0.75, 0.9])
def test_a_run_with_open_turns_cut_anywhere_and_resumed_says_the_same(share: float) -> None:
    triangle, _ = opened(usd=5_000)
    triangle.wait(300 * NANOS_PER_MILLISECOND)
    triangle.flat(CROSS, FAIR_CROSS)
    triangle.wait(900 * NANOS_PER_MILLISECOND)
    at = round(len(triangle.events) * share)
    first = Engine(triangle.settings)
    outputs = [output for _, output in replay(first, triangle.events[:at])]
    second = Engine.resume(keyframe.dump(first.state))
    outputs += [output for _, output in replay(second, triangle.events[at:])]
    assert outputs == triangle.outputs
    assert second.digest() == triangle.engine.digest()


def test_a_keyframe_of_the_format_before_resumes_without_cycles() -> None:
    script = Triangle().calm()
    plain = Engine(keyframe.msgspec.structs.replace(script.settings, cycles=()))
    for event in script.events:
        plain.process(event)
    content = keyframe.dump(plain.state)
    old = keyframe.msgspec.json.decode(content)
    old["format"] = 5
    for name in ("cycles", "pending_cycles"):
        del old[name]
    resumed = Engine.resume(keyframe.msgspec.json.encode(old))
    assert keyframe.dump(resumed.state) == content


def test_a_worker_that_is_behind_and_one_that_has_just_resumed_turn_nothing() -> None:
    triangle = Triangle().calm()
    triangle.send(ClockTick(triangle.now_ns + 1, 200 * NANOS_PER_MILLISECOND))
    triangle.flat(CROSS, DEAR_CROSS)
    forth = triangle.engine.state.cycles[0]
    assert RejectionReason.WORKER_LATE in forth.tallies
    triangle.send(ClockTick(triangle.now_ns + 2, 0))
    triangle.engine.state.risk.cools_until_ns = triangle.now_ns + NANOS_PER_SECOND
    triangle.flat(CROSS, DEAR_CROSS)
    assert RejectionReason.COOLING_DOWN in forth.tallies
    assert not triangle.of(CycleOpened)
