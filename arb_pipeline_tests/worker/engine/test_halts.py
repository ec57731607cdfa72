"""Switches of a venue or a pair: nothing opens there, what is open ends, and everything else goes on."""

import pytest

from arb_pipeline_tests.fixtures.market import COINBASE, GEMINI, Script, opened, started
from arb_pipeline_tests.fixtures.triangle import CROSS, FAIR_CROSS, Triangle
from streaming_worker.core.cycle_outputs import CycleEpisode, CycleOpened
from streaming_worker.core.events import ClockTick, CommandKind, LimitSetting, OperatorCommand
from streaming_worker.core.outputs import (
    CloseReason,
    HaltChange,
    LimitChange,
    Opportunity,
    OpportunityOpened,
    RejectionReason,
    RiskTransition,
)
from streaming_worker.core.units import E8, NANOS_PER_SECOND
from streaming_worker.engine.engine import Engine
from streaming_worker.engine.halts import scopes_of
from streaming_worker.engine.replay import replay
from streaming_worker.engine.settings import Limits

CENT = E8 // 100
DEAR = FAIR_CROSS * 103 // 100


def command(script: Script | Triangle, kind: CommandKind, scope: str | None, command_id: str = "h1") -> list:
    """Send a command to halt or release."""
    return script.send(OperatorCommand(command_id, kind, "ops", "maintenance", script.now_ns, (), scope))


def for_a_time(script: Script, name: str, value: int, seconds: int | None, command_id: str = "t1") -> list:
    """Send a command that sets one limit, for some seconds or for good."""
    until = None if seconds is None else script.now_ns + seconds * NANOS_PER_SECOND
    named = (LimitSetting(name, value),)
    kind = CommandKind.SET_LIMITS
    return script.send(OperatorCommand(command_id, kind, "ops", "test", script.now_ns, named, None, until))


def cheap(script: Script, key: str) -> list:
    """Make a book two dollars cheap."""
    return script.book(key, 148 * E8, 148 * E8 + CENT)


def test_a_halted_venue_opens_nothing_while_another_does() -> None:
    script = started()
    (change,) = command(script, CommandKind.HALT, "venue:gemini")
    assert isinstance(change, HaltChange)
    assert (change.scope, change.is_halted, change.actor, change.refusal) == ("venue:gemini", True, "ops", None)
    cheap(script, GEMINI)
    assert script.of(OpportunityOpened) == []
    halted = [view for view in script.engine.state.routes if RejectionReason.HALTED in view.tallies]
    assert {view.route.instrument.key for view in halted} == {GEMINI}
    script.book(COINBASE, 145 * E8, 145 * E8 + CENT)
    assert [one.instrument for one in script.of(OpportunityOpened)] == [COINBASE]


@pytest.mark.parametrize("scope", ["venue:gemini", "venue:orca", "pair:SOL/USD"])
def test_what_is_open_ends_at_once_and_release_lets_it_open_again(scope: str) -> None:
    script = started()
    opened(script)
    change, *ended = command(script, CommandKind.HALT, scope)
    assert isinstance(change, HaltChange)
    assert [one.close_reason for one in ended if isinstance(one, Opportunity)] == [CloseReason.RISK]
    assert script.engine.state.halts[scope].reason == "maintenance"
    script.wait(5 * NANOS_PER_SECOND)
    assert len(script.of(OpportunityOpened)) == 1
    (released,) = command(script, CommandKind.RELEASE, scope, "h2")
    assert isinstance(released, HaltChange)
    assert (released.is_halted, script.engine.state.halts) == (False, {})
    assert not any(view.is_halted for view in script.engine.state.routes)
    assert script.of(RiskTransition) == []


def test_a_route_stays_halted_while_one_of_its_switches_is_off() -> None:
    script = started()
    command(script, CommandKind.HALT, "venue:gemini")
    command(script, CommandKind.HALT, "pair:SOL/USD", "h2")
    command(script, CommandKind.RELEASE, "venue:gemini", "h3")
    assert all(view.is_halted for view in script.engine.state.routes)


def test_what_can_be_halted_is_known_and_anything_else_is_refused_by_name() -> None:
    script = started()
    assert scopes_of(script.engine.state) == ["pair:SOL/USD", "venue:coinbase", "venue:gemini", "venue:orca"]
    for number, scope in enumerate(("venue:kraken", None)):
        (refused,) = command(script, CommandKind.HALT, scope, f"x{number}")
        assert isinstance(refused, HaltChange)
        assert refused.refusal is not None
        assert "known: pair:SOL/USD, venue:coinbase" in refused.refusal
    assert script.engine.state.halts == {}


def test_a_command_without_effect_and_a_repeated_one_say_nothing() -> None:
    script = started()
    assert command(script, CommandKind.RELEASE, "venue:gemini", "a") == []
    assert len(command(script, CommandKind.HALT, "venue:gemini", "b")) == 1
    assert command(script, CommandKind.HALT, "venue:gemini", "c") == []
    assert command(script, CommandKind.HALT, "venue:coinbase", "b") == []
    assert list(script.engine.state.halts) == ["venue:gemini"]


def test_a_halt_ends_turns_and_keeps_them_from_opening() -> None:
    triangle = Triangle().calm()
    triangle.flat(CROSS, DEAR)
    assert len(triangle.of(CycleOpened)) == 1
    command(triangle, CommandKind.HALT, "pair:SOL/BTC")
    assert [one.close_reason for one in triangle.of(CycleEpisode)] == [CloseReason.RISK]
    assert RejectionReason.HALTED in triangle.engine.state.cycles[0].tallies
    command(triangle, CommandKind.RELEASE, "pair:SOL/BTC", "h2")
    assert not any(view.is_halted for view in triangle.engine.state.cycles)


@pytest.mark.parametrize("at", [3, 6, 9, 12])
def test_a_run_with_halts_and_limits_for_a_time_cut_anywhere_says_the_same(at: int) -> None:
    script = started()
    before = len(script.events)
    command(script, CommandKind.HALT, "venue:gemini")
    for_a_time(script, "threshold_millionths", 5_000, 1)
    cheap(script, GEMINI)
    command(script, CommandKind.RELEASE, "venue:gemini", "h2")
    cheap(script, GEMINI)
    script.wait(2 * NANOS_PER_SECOND)
    cheap(script, GEMINI)
    first = Engine(script.engine.state.settings)
    outputs = [output for _, output in replay(first, script.events[: before + at])]
    second = Engine.resume(first._keyframe(script.now_ns).state)
    outputs += [output for _, output in replay(second, script.events[before + at :])]
    assert outputs == script.outputs
    assert second.digest() == script.engine.digest()
    assert len(script.of(LimitChange)) == 2


def test_a_limit_for_a_time_becomes_again_what_it_was() -> None:
    script = started()
    for_a_time(script, "threshold_millionths", 9_000, 2)
    script.wait(NANOS_PER_SECOND)
    assert script.engine.state.limits.threshold_millionths == 9_000
    script.wait(2 * NANOS_PER_SECOND)
    assert script.engine.state.limits == Limits()
    _, back = script.of(LimitChange)
    assert (back.actor, back.previous, back.requested, back.command_id) == ("engine", 9_000, 1_000, "t1-over")
    assert script.engine.state.temporary == []


def test_a_change_for_good_ends_one_for_a_time_and_one_for_a_time_goes_back_before_both() -> None:
    script = started()
    for_a_time(script, "threshold_millionths", 9_000, 2)
    for_a_time(script, "threshold_millionths", 8_000, None, "t2")
    script.wait(3 * NANOS_PER_SECOND)
    assert script.engine.state.limits.threshold_millionths == 8_000
    for_a_time(script, "threshold_millionths", 7_000, 1, "t3")
    for_a_time(script, "threshold_millionths", 6_000, 3, "t4")
    for_a_time(script, "max_late_ns", NANOS_PER_SECOND, 9, "t5")
    script.wait(2 * NANOS_PER_SECOND)
    assert script.engine.state.limits.threshold_millionths == 6_000
    script.wait(2 * NANOS_PER_SECOND)
    assert script.engine.state.limits.threshold_millionths == 8_000
    assert script.engine.state.limits.max_late_ns == NANOS_PER_SECOND


def test_an_end_that_is_over_refuses_the_command() -> None:
    script = started()
    (change,) = for_a_time(script, "threshold_millionths", 9_000, 0)
    assert isinstance(change, LimitChange)
    assert change.refusal is not None
    assert "expected an end after" in change.refusal
    script.send(ClockTick(script.now_ns + NANOS_PER_SECOND))
    assert script.engine.state.limits == Limits()
