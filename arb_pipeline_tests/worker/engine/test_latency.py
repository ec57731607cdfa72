"""Latencies: the fixed ladder, one draw from measured quantiles that a replay repeats, and the grade of the ladder."""

from hypothesis import given
from hypothesis import strategies as st

from arb_pipeline_tests.fixtures.market import GEMINI, opened, started
from streaming_worker.core.events import FeedGap, GapCause
from streaming_worker.core.outputs import EpisodeGrade, Grade, LatencyModel, SimulatedTrade
from streaming_worker.core.units import NANOS_PER_MILLISECOND, NANOS_PER_SECOND
from streaming_worker.engine.latency import drawn_ns, rungs_of
from streaming_worker.engine.settings import Simulation

MEASURED = tuple(ms * NANOS_PER_MILLISECOND for ms in (40, 55, 60, 80, 400))


@given(st.lists(st.integers(0, 10**10), min_size=1, max_size=20).map(sorted).map(tuple), st.text(max_size=20))
def test_a_draw_stays_between_its_quantiles_and_is_the_same_each_time(quantiles: tuple, opportunity: str) -> None:
    drawn = drawn_ns(quantiles, opportunity)
    assert quantiles[0] <= drawn <= quantiles[-1]
    assert drawn_ns(quantiles, opportunity) == drawn


def test_draws_follow_the_table() -> None:
    draws = sorted(drawn_ns(MEASURED, f"o{number}") for number in range(4_000))
    for quarter, expected in enumerate(MEASURED[1:4], start=1):
        found = draws[quarter * 1_000]
        assert abs(found - expected) < expected // 10


def test_one_more_trade_draws_its_latency_and_counts_for_nothing() -> None:
    script = started(simulation=Simulation(empirical_ns=MEASURED))
    opportunity = opened(script).opportunity_id
    script.wait(4 * NANOS_PER_SECOND)
    trades = script.of(SimulatedTrade)
    assert [t.latency_model for t in trades].count(LatencyModel.EMPIRICAL) == 1
    (drawn,) = (t for t in trades if t.latency_model is LatencyModel.EMPIRICAL)
    assert drawn.latency_ns == drawn_ns(MEASURED, opportunity)
    assert len({t.trade_id for t in trades}) == len(Simulation().ladder_ns) + 1
    (primary,) = (t for t in trades if t.latency_ns == Simulation().primary_ns)
    assert script.engine.state.risk.daily_net_usd_e8 == primary.realised_net_usd_e8


def test_without_a_table_there_is_only_the_ladder() -> None:
    ladder = Simulation().ladder_ns
    assert list(rungs_of(Simulation(), "o")) == [(LatencyModel.FIXED, latency) for latency in ladder]


def test_an_episode_is_graded_once_when_its_whole_ladder_has_settled() -> None:
    script = started(simulation=Simulation(empirical_ns=MEASURED))
    opportunity = opened(script).opportunity_id
    script.wait(1_900 * NANOS_PER_MILLISECOND)
    assert script.of(EpisodeGrade) == []
    script.wait(2 * NANOS_PER_SECOND)
    (grade,) = script.of(EpisodeGrade)
    assert (grade.opportunity_id, grade.grade, grade.rungs) == (opportunity, Grade.A, len(Simulation().ladder_ns))
    assert script.engine.state.rungs == {}


def test_a_book_that_is_lost_while_the_orders_fly_fails_the_later_rungs() -> None:
    script = started()
    opened(script)
    script.wait(300 * NANOS_PER_MILLISECOND)
    script.send(FeedGap("gemini", GEMINI, GapCause.UPDATE_ID, 1, 3, script.now_ns))
    script.wait(4 * NANOS_PER_SECOND)
    script.book(GEMINI, 149 * 10**8, 149 * 10**8 + 10**6)
    script.wait(4 * NANOS_PER_SECOND)
    grade = script.of(EpisodeGrade)[0]
    assert (grade.reach_ns, grade.failed_rungs) == (250 * NANOS_PER_MILLISECOND, 3)
