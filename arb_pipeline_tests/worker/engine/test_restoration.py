"""A new run begins with what people had set in the one before, says who had set it, and replays to the same."""

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from arb_pipeline_tests.fixtures.controlled import CENT, RUN, SECOND, STEP, command, limit, lose, play, restarted
from arb_pipeline_tests.fixtures.market import GEMINI, START_NS, Script, opened, settings, started
from streaming_worker.core.controls import Controls, HeldHalt, HeldLimit, HeldRisk
from streaming_worker.core.events import ControlsRestored, OperatorCommand
from streaming_worker.core.outputs import (
    HaltChange,
    Keyframe,
    LimitChange,
    OpportunityOpened,
    Output,
    RiskCause,
    RiskState,
    RiskTransition,
    SimulatedTrade,
)
from streaming_worker.core.units import E8, NANOS_PER_DAY
from streaming_worker.engine import keyframe
from streaming_worker.engine.engine import Engine
from streaming_worker.engine.replay import replay
from streaming_worker.engine.restoration import Moves, controls_of, follow
from streaming_worker.engine.settings import Limits


@pytest.mark.parametrize(("kind", "state"), [("pause", RiskState.PAUSED), ("kill", RiskState.KILLED)])
def test_a_pause_and_a_kill_outlive_a_restart_and_say_who_ordered_them(kind: str, state: RiskState) -> None:
    script = started()
    command(script, kind)
    ordered_ns = script.now_ns
    again = restarted(script)
    _, moved = again.outputs
    assert isinstance(moved, RiskTransition)
    assert (moved.previous, moved.current, moved.cause) == (RiskState.ACTIVE, state, RiskCause.OPERATOR)
    assert (moved.actor, moved.reason) == ("ann", f"kept over a restart, set by command {kind}0: maintenance")
    again.calm()
    again.book(GEMINI, 148 * E8, 148 * E8 + CENT)
    again.wait(20 * SECOND)
    assert again.of(OpportunityOpened) == []
    held = restarted(again).engine.state.risk.held
    assert held == HeldRisk(state, RiskCause.OPERATOR, "ann", "maintenance", ordered_ns, f"{kind}0")


def test_a_resume_ends_what_a_restart_kept() -> None:
    script = started()
    command(script, "kill")
    again = restarted(script)
    again.calm()
    command(again, "resume")
    again.wait(SECOND)
    assert opened(again)
    assert restarted(again).of(RiskTransition) == []


def test_a_command_that_was_obeyed_before_the_restart_is_not_obeyed_again() -> None:
    script = started()
    command(script, "pause", 7)
    command(script, "resume", 8)
    again = restarted(script)
    command(again, "pause", 7)
    assert again.engine.state.risk.state is RiskState.ACTIVE


def test_a_pause_for_stale_data_is_left_to_the_data_of_the_new_run() -> None:
    script = started()
    script.wait(20 * SECOND)
    assert script.engine.state.risk.cause is RiskCause.STALE_FEED
    assert restarted(script).of(RiskTransition) == []


def test_a_restart_does_not_give_the_loss_of_the_day_back() -> None:
    script = started()
    lost = lose(script)
    assert lost < -E8
    again = restarted(script)
    assert again.engine.state.risk.daily_net_usd_e8 == lost
    again.wait(SECOND)
    assert again.engine.state.risk.daily_net_usd_e8 == lost
    smaller = restarted(script, limits=Limits(daily_loss_usd_e8=-lost))
    (kill,) = smaller.of(RiskTransition)
    assert isinstance(kill, RiskTransition)
    assert (kill.current, kill.cause) == (RiskState.KILLED, RiskCause.DAILY_LOSS)


def test_a_kill_by_the_loss_of_the_day_outlives_a_restart_but_not_the_day() -> None:
    script = started(limits=Limits(daily_loss_usd_e8=E8))
    lose(script)
    assert script.engine.state.risk.cause is RiskCause.DAILY_LOSS
    again = restarted(script, limits=Limits(daily_loss_usd_e8=E8))
    assert (again.engine.state.risk.state, again.engine.state.risk.cause) == (RiskState.KILLED, RiskCause.DAILY_LOSS)
    next_day = restarted(script, after_s=NANOS_PER_DAY // SECOND, limits=Limits(daily_loss_usd_e8=E8))
    next_day.wait(SECOND)
    moves = [one.cause for one in next_day.of(RiskTransition) if isinstance(one, RiskTransition)]
    assert moves == [RiskCause.DAILY_LOSS, RiskCause.NEW_DAY]
    assert (next_day.engine.state.risk.state, next_day.engine.state.risk.daily_net_usd_e8) == (RiskState.ACTIVE, 0)


def test_limits_for_good_and_for_a_time_go_on_and_end_when_they_were_to_end() -> None:
    script = started()
    limit(script, "threshold_millionths", 2_000, 1)
    limit(script, "threshold_millionths", 3_000, 2, until_s=60)
    limit(script, "max_position_usd_e8", 500 * E8, 3, until_s=5)
    limit(script, "max_lag_ns", 400 * 1_000_000, 4)
    limit(script, "max_lag_ns", Limits().max_lag_ns, 5)
    again = restarted(script)
    said = [(one.name, one.previous, one.requested, one.command_id) for one in changes(again)]
    assert said == [
        ("threshold_millionths", 1_000, 2_000, "set_limits1"),
        ("threshold_millionths", 2_000, 3_000, "set_limits2"),
        ("max_position_usd_e8", 500 * E8, 1_000 * E8, "set_limits3-over"),
    ]
    assert [(one.actor, one.refusal) for one in changes(again)] == [("ann", None), ("ann", None), ("engine", None)]
    assert changes(again)[0].reason == "kept over a restart, set: maintenance"
    assert again.engine.state.limits == Limits(threshold_millionths=3_000)
    again.wait(60 * SECOND)
    assert again.engine.state.limits == Limits(threshold_millionths=2_000)
    assert restarted(again).engine.state.limits == Limits(threshold_millionths=2_000)


def test_a_limit_that_the_configuration_changed_meanwhile_follows_the_configuration() -> None:
    script = started()
    limit(script, "threshold_millionths", 2_000)
    again = restarted(script, limits=Limits(threshold_millionths=1_500))
    (change,) = changes(again)
    assert change.refusal == "the configuration was changed from 1000 to 1500, which holds"
    assert again.engine.state.limits.threshold_millionths == 1_500
    assert restarted(again, limits=Limits(threshold_millionths=1_500)).of(LimitChange) == []


@pytest.mark.parametrize(
    ("name", "value", "refusal"),
    [("spread", 1, "unknown limit spread"), ("max_lag_ns", 0, "max_lag_ns: expected 1000000 to")],
)
def test_a_limit_that_this_version_does_not_take_is_refused_by_name(name: str, value: int, refusal: str) -> None:
    held = HeldLimit(name, value, 1, "ann", "why", "c1")
    script = Script(Engine(settings()))
    script.send(ControlsRestored(Controls(RUN, limits=(held,)), START_NS))
    (change,) = changes(script)
    assert change.refusal is not None
    assert change.refusal.startswith(refusal)
    assert script.engine.state.limits == Limits()


def test_halts_go_on_with_their_beginning_and_one_of_what_is_gone_is_refused() -> None:
    script = started()
    command(script, "halt", scope="venue:gemini")
    since_ns = script.now_ns
    again = restarted(script)
    (change,) = again.of(HaltChange)
    assert isinstance(change, HaltChange)
    assert (change.scope, change.is_halted, change.actor, change.command_id) == ("venue:gemini", True, "ann", "halt0")
    assert again.engine.state.halts["venue:gemini"].since_ns == since_ns
    again.calm()
    again.book(GEMINI, 148 * E8, 148 * E8 + CENT)
    assert again.of(OpportunityOpened) == []
    command(again, "release", scope="venue:gemini")
    assert restarted(again).of(HaltChange) == []
    gone = Script(Engine(settings()))
    gone.send(ControlsRestored(Controls(RUN, halts=(HeldHalt("venue:kraken", "ann", "why", 1),)), START_NS))
    (refused,) = gone.of(HaltChange)
    assert isinstance(refused, HaltChange)
    assert refused.refusal is not None
    assert refused.refusal.startswith("unknown scope venue:kraken; known: pair:SOL/USD")
    assert gone.engine.state.halts == {}


def test_what_is_not_known_begins_paused_until_somebody_has_looked_also_over_further_restarts() -> None:
    script = Script(Engine(settings()))
    script.send(ControlsRestored(Controls(None, problem="no keyframe"), START_NS))
    (moved,) = script.of(RiskTransition)
    assert isinstance(moved, RiskTransition)
    assert (moved.current, moved.cause, moved.actor) == (RiskState.PAUSED, RiskCause.RESTART, "engine")
    assert moved.reason == "what held before the restart is not known (no keyframe): check limits and halts, resume"
    script.calm()
    script.wait(30 * SECOND)
    again = restarted(script)
    assert (again.engine.state.risk.state, again.engine.state.risk.cause) == (RiskState.PAUSED, RiskCause.RESTART)
    command(again, "resume")
    assert again.engine.state.risk.state is RiskState.ACTIVE


def test_a_kill_that_is_known_stays_a_kill_where_something_else_is_not_known() -> None:
    script = started()
    command(script, "kill")
    controls = msgspec.structs.replace(controls_of(script.engine.state, RUN), problem="a damaged file")
    again = Script(Engine(settings()))
    again.send(ControlsRestored(controls, script.now_ns))
    (moved,) = again.of(RiskTransition)
    assert isinstance(moved, RiskTransition)
    assert moved.current is RiskState.KILLED
    assert "maintenance; else what held before the restart is not known (a damaged file)" in moved.reason


def test_a_pause_that_an_older_version_recorded_without_its_actor_is_kept_too() -> None:
    script = started()
    command(script, "pause")
    script.engine.state.risk.held = None
    (moved,) = restarted(script).of(RiskTransition)
    assert isinstance(moved, RiskTransition)
    assert (moved.current, moved.actor, moved.reason) == (RiskState.PAUSED, "", "kept over a restart, set: ")


def changes(script: Script) -> list[LimitChange]:
    """Return every change of limits so far."""
    return [one for one in script.outputs if isinstance(one, LimitChange)]


def as_recorded(script: Script) -> tuple[Controls, Controls]:
    """Return what a run ends with, and what its last keyframe and the rows after it say that it ends with."""
    numbered = list(replay(Engine(script.engine.state.settings), script.events))
    frame = script.of(Keyframe)[-1]
    assert isinstance(frame, Keyframe)
    later: list[tuple[int, Output]] = [one for one in numbered if one[0] > frame.event_count]
    day = script.engine.state.now_ns // NANOS_PER_DAY
    state = keyframe.load(frame.state)
    moved = [(seq, one) for seq, one in later if isinstance(one, RiskTransition)]
    primary_ns = state.settings.simulation.primary_ns
    realised = [
        one.realised_net_usd_e8
        for _, one in later
        if isinstance(one, SimulatedTrade) and one.latency_ns == primary_ns and one.received_ns >= day * NANOS_PER_DAY
    ]
    inputs = [
        (seq, one)
        for seq, one in enumerate(script.events, 1)
        if seq > frame.event_count and isinstance(one, OperatorCommand | ControlsRestored)
    ]
    moves = Moves(
        inputs=tuple(inputs),
        transition=moved[-1] if moved else None,
        day=day,
        realised_usd_e8=sum(realised),
    )
    follow(state, moves)
    return controls_of(script.engine.state, RUN), controls_of(state, RUN)


@hypothesis_settings(max_examples=40, deadline=None)
@given(plan=st.lists(STEP, max_size=14))
@example(plan=[("pause", 0), ("again", 0)])
@example(plan=[("pause", 0), ("again", 0), ("resume", 1), ("limit", 900), ("halt", 0), ("release", 0)])
@example(plan=[("pause", 0), ("resume", 1), ("pause", 0)])
def test_the_end_of_a_run_follows_from_its_last_keyframe_and_the_rows_after_it(plan: list[tuple[str, int]]) -> None:
    script, before = play(plan)
    for one in (*before, script):
        ended, read = as_recorded(one)
        over = one.engine.state.now_ns
        live = [each for each in read.limits if each.expires_ns is None or each.expires_ns > over]
        assert msgspec.structs.replace(read, limits=tuple(live)) == ended


@hypothesis_settings(max_examples=20, deadline=None)
@given(plan=st.lists(STEP, max_size=10))
def test_a_run_that_took_over_replays_from_its_keyframe_to_the_same_digest(plan: list[tuple[str, int]]) -> None:
    script, _ = play([*plan, ("again", 0), ("trade", 0)])
    first = script.of(Keyframe)[0]
    assert isinstance(first, Keyframe)
    second = Engine.resume(first.state)
    outputs = [output for _, output in replay(second, script.events)]
    assert outputs == script.outputs[1:]
    assert second.digest() == script.engine.digest()
