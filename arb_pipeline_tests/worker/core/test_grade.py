"""The capturability grade, line by line of its table."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from arb_pipeline_tests.fixtures.market import GEMINI, Script, started
from streaming_worker.core.grade import Rung, grade_episode, rung_of
from streaming_worker.core.outputs import EpisodeGrade, Grade, LegStatus, SimulatedTrade
from streaming_worker.core.units import E8, NANOS_PER_SECOND

MS = 1_000_000
LADDER = (0, 100 * MS, 250 * MS, 1_000 * MS)
PRIMARY = 250 * MS
NOW = 1_790_000_000_000_000_000


def graded(*nets: int | None, predicted: int = 1_000) -> EpisodeGrade:
    """Grade an episode from the realised nets along the ladder; None is a leg that failed, with a gain from luck."""
    rungs = [
        Rung(latency, predicted, 500 if net is None else net, is_filled=net is not None)
        for latency, net in zip(LADDER, nets, strict=True)
    ]
    found = grade_episode("o", reversed(rungs), ladder_ns=LADDER, primary_ns=PRIMARY, now_ns=NOW)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("nets", "grade", "reach_ms"),
    [
        ((1_000, 1_000, 900, 1), Grade.A, 1_000),
        ((1_000, 1_000, 899, 1), Grade.B, 1_000),
        ((1_000, 1_000, 1_100, 0), Grade.B, 250),
        ((1_000, 1_000, 500, None), Grade.B, 250),
        ((1_000, 1_000, 499, 400), Grade.C, 1_000),
        ((1, 1, 1, -5), Grade.C, 250),
        ((1_000, 1_000, 0, 1_000), Grade.D, 100),
        ((1_000, None, 1_000, 1_000), Grade.D, 0),
        ((0, 1_000, 1_000, 1_000), Grade.E, None),
        ((-1, None, None, None), Grade.E, None),
        ((None, 1_000, 1_000, 1_000), Grade.F, None),
        ((None, None, None, None), Grade.F, None),
    ],
)
def test_the_first_line_of_the_table_that_holds_is_the_grade(
    nets: tuple[int | None, ...], grade: Grade, reach_ms: int | None
) -> None:
    found = graded(*nets)
    assert found.grade is grade
    assert found.reach_ns == (None if reach_ms is None else reach_ms * MS)
    assert found.captured_rungs == sum(net is not None and net > 0 for net in nets)
    assert (found.failed_rungs, found.rungs) == (nets.count(None), 4)


def test_the_kept_share_is_signed_and_rounded_down() -> None:
    assert graded(1, 1, 1, 1, predicted=3).kept_millionths == 333_333
    assert graded(1, 1, -1, 1, predicted=3).kept_millionths == -333_334
    assert graded(1, 1, 1, 1, predicted=0) == EpisodeGrade("o", Grade.C, 1_000 * MS, None, 4, 0, 4, NOW)


def test_an_episode_waits_for_its_whole_ladder() -> None:
    rungs = [Rung(latency, 1_000, 1_000, is_filled=True) for latency in LADDER[:-1]]
    assert grade_episode("o", rungs, ladder_ns=LADDER, primary_ns=PRIMARY, now_ns=NOW) is None


def test_grades_are_ordered_best_first() -> None:
    assert sorted(Grade, key=str) == list(Grade)
    assert max(Grade.B, Grade.D) is Grade.D


NETS = st.lists(st.one_of(st.none(), st.integers(-2_000, 2_000)), min_size=4, max_size=4)


@given(NETS, st.integers(0, 3), st.integers(1, 1_000))
def test_earning_more_on_a_rung_never_lowers_the_grade(nets: list[int | None], rung: int, more: int) -> None:
    better = list(nets)
    before = better[rung]
    better[rung] = more if before is None else before + more
    assert graded(*better).grade <= graded(*nets).grade


def trades(script: Script) -> list[SimulatedTrade]:
    """Let everything land; return the trades of the first episode."""
    script.wait(6 * NANOS_PER_SECOND)
    found = [trade for trade in script.of(SimulatedTrade) if isinstance(trade, SimulatedTrade)]
    return [trade for trade in found if trade.opportunity_id == found[0].opportunity_id]


def test_a_frozen_market_is_an_a_and_a_pool_that_moves_away_an_f() -> None:
    for moved_to, grade in ((None, Grade.A), (148, Grade.F)):
        script = started()
        script.book(GEMINI, 148 * E8, 148 * E8 + E8 // 100)
        if moved_to is not None:
            script.pool(moved_to * E8)
        done = trades(script)
        ladder = script.engine.state.settings.simulation
        rungs = msgspec.json.decode(msgspec.json.encode([rung_of(trade) for trade in done]), type=list[Rung])
        found = grade_episode("o", rungs, ladder_ns=ladder.ladder_ns, primary_ns=ladder.primary_ns, now_ns=NOW)
        assert found is not None
        assert found.grade is grade
        assert found.kept_millionths is not None
        assert all(
            rung.is_filled == (trade.legs[1].status is LegStatus.FILLED)
            for rung, trade in zip(rungs, done, strict=True)
        )
