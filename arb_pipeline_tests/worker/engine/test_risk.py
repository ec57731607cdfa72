"""Risk in the fold: limits set while it runs, losses still open, the cooldown, and one change an event at most."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arb_pipeline_tests.fixtures.market import GEMINI, Script, opened, reasons, started
from arb_pipeline_tests.properties.test_engine_resume import play, steps
from streaming_worker.core.events import CommandKind, FeedGap, FeedHeartbeat, GapCause, LimitSetting, OperatorCommand
from streaming_worker.core.outputs import (
    LimitChange,
    Opportunity,
    OpportunityOpened,
    RejectionReason,
    RiskCause,
    RiskState,
    RiskTransition,
)
from streaming_worker.core.units import E8, NANOS_PER_MILLISECOND, NANOS_PER_SECOND
from streaming_worker.engine.engine import Engine
from streaming_worker.engine.exposure import is_exposed, open_usd_e8
from streaming_worker.engine.limits import BOUNDS
from streaming_worker.engine.settings import Limits

CENT = E8 // 100


def set_limits(script: Script, *named: tuple[str, int], command_id: str = "l1") -> list:
    """Send a command to set limits."""
    limits = tuple(LimitSetting(name, value) for name, value in named)
    return script.send(OperatorCommand(command_id, CommandKind.SET_LIMITS, "ops", "test", script.now_ns, limits))


def alive(script: Script, nanos: int) -> None:
    """Let time pass with every feed alive."""
    for _ in range(nanos // NANOS_PER_SECOND):
        script.wait(NANOS_PER_SECOND)
        for feed in ("coinbase", "gemini"):
            script.send(FeedHeartbeat(feed, None, None, script.now_ns))


def test_every_limit_has_bounds_that_hold_its_default() -> None:
    assert set(BOUNDS) == set(Limits.__struct_fields__)
    for name, (least, greatest) in BOUNDS.items():
        assert least <= getattr(Limits(), name) <= greatest


def test_limits_change_at_once_with_who_and_why_and_survive_a_keyframe() -> None:
    script = started()
    changes = set_limits(script, ("max_position_usd_e8", 100 * E8), ("threshold_millionths", 2_000))
    assert [(c.name, c.previous, c.requested, c.refusal, c.actor, c.reason) for c in changes] == [
        ("max_position_usd_e8", 1_000 * E8, 100 * E8, None, "ops", "test"),
        ("threshold_millionths", 1_000, 2_000, None, "ops", "test"),
    ]
    assert opened(script).plan.cex_notional_usd_e8 <= 100 * E8
    resumed = Engine.resume(script.engine._keyframe(script.now_ns).state)
    assert resumed.state.limits == script.engine.state.limits != Limits()


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("speed", 1, "unknown limit speed"),
        ("daily_loss_usd_e8", 0, "expected 100000000 to"),
        ("staleness_ns", -1, "expected"),
    ],
)
def test_a_wrong_limit_refuses_the_whole_command_by_name(name: str, value: int, words: str) -> None:
    script = started()
    changes = set_limits(script, ("threshold_millionths", 5), (name, value))
    assert all(change.refusal is not None and words in change.refusal for change in changes)
    assert [change.previous is None for change in changes] == [False, name == "speed"]
    assert script.engine.state.limits == Limits()


def test_a_repeated_command_changes_limits_once() -> None:
    script = started()
    set_limits(script, ("threshold_millionths", 5))
    assert set_limits(script, ("threshold_millionths", 6)) == []
    assert script.engine.state.limits.threshold_millionths == 5


def test_a_lower_loss_limit_kills_at_once_and_a_higher_one_lets_an_operator_resume() -> None:
    script = started()
    opened(script)
    script.pool(148 * E8)
    script.wait(2 * NANOS_PER_SECOND)
    assert script.of(RiskTransition) == []
    lost = -script.engine.state.risk.daily_net_usd_e8
    assert lost > E8
    change, kill, *_ = set_limits(script, ("daily_loss_usd_e8", E8))
    assert isinstance(change, LimitChange)
    assert (kill.current, kill.cause) == (RiskState.KILLED, RiskCause.DAILY_LOSS)
    set_limits(script, ("daily_loss_usd_e8", 500 * E8), command_id="l2")
    script.send(OperatorCommand("r", CommandKind.RESUME, "ops", "checked", script.now_ns))
    alive(script, 3 * NANOS_PER_SECOND)
    assert script.engine.state.risk.state is RiskState.ACTIVE


def test_an_open_position_is_marked_at_market_and_can_kill() -> None:
    script = started(limits=Limits(daily_loss_usd_e8=50 * E8))
    opened(script)
    assert not is_exposed(script.engine.state)
    script.wait(300 * NANOS_PER_MILLISECOND)
    assert is_exposed(script.engine.state)
    (trade,) = (t for t in script.engine.state.pending if t.is_primary)
    assert trade.cex_leg is not None
    marked = trade.cex_leg.cash_usd_e8 + trade.cex_leg.fee_usd_e8 + trade.position_e8 * 148
    assert marked - 2 * E8 < open_usd_e8(script.engine.state) < marked
    assert script.of(RiskTransition) == []
    script.book(GEMINI, 130 * E8, 130 * E8 + CENT)
    script.now_ns += 50 * NANOS_PER_MILLISECOND
    script.wait(100 * NANOS_PER_MILLISECOND)
    (kill,) = script.of(RiskTransition)
    assert kill.cause is RiskCause.DAILY_LOSS
    assert kill.open_loss_usd_e8 < -50 * E8
    assert kill.daily_net_usd_e8 == 0


def test_a_position_without_a_book_is_valued_as_planned() -> None:
    script = started()
    opened(script)
    script.wait(300 * NANOS_PER_MILLISECOND)
    script.send(FeedGap("gemini", GEMINI, GapCause.UPDATE_ID, 1, 3, script.now_ns))
    assert -10 * E8 < open_usd_e8(script.engine.state) < 0


def test_after_an_automatic_resume_nothing_opens_until_the_cooldown_is_over() -> None:
    script = started(limits=Limits(cooldown_ns=3 * NANOS_PER_SECOND))
    script.wait(11 * NANOS_PER_SECOND)
    while script.engine.state.risk.state is not RiskState.ACTIVE:
        alive(script, NANOS_PER_SECOND)
    script.book(GEMINI, 148 * E8, 148 * E8 + CENT)
    assert script.of(OpportunityOpened) == []
    assert {r for view in script.engine.state.routes for r in view.tallies} >= {RejectionReason.COOLING_DOWN}
    alive(script, 4 * NANOS_PER_SECOND)
    script.book(GEMINI, 148 * E8, 148 * E8 + CENT)
    assert len(script.of(OpportunityOpened)) == 1


def test_an_operator_resume_needs_no_cooldown() -> None:
    script = started(limits=Limits(cooldown_ns=3 * NANOS_PER_SECOND))
    for number, kind in enumerate((CommandKind.PAUSE, CommandKind.RESUME)):
        script.send(OperatorCommand(f"c{number}", kind, "ops", "test", script.now_ns))
    opened(script)
    assert RejectionReason.COOLING_DOWN not in reasons(script)


@settings(max_examples=60, deadline=None)
@given(plan=steps, loss=st.integers(1, 20))
def test_risk_acts_at_most_once_on_an_event_and_nothing_opens_unless_active(plan: list, loss: int) -> None:
    script = play(plan, limits=Limits(daily_loss_usd_e8=loss * E8))
    engine = Engine(script.engine.state.settings)
    state = RiskState.ACTIVE
    for event in script.events:
        outputs = engine.process(event)
        changes = [output for output in outputs if isinstance(output, RiskTransition)]
        assert len(changes) <= 1
        assert [change.previous for change in changes] == [state] * len(changes)
        assert state is RiskState.ACTIVE or changes or not [o for o in outputs if isinstance(o, OpportunityOpened)]
        state = changes[0].current if changes else state
        if state is not RiskState.ACTIVE:
            assert all(view.episode is None for view in engine.state.routes)
    assert all(o.closed_ns >= o.opened_ns for o in script.of(Opportunity))
