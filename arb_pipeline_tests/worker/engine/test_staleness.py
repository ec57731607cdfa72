"""What is old, and what is only quiet: by the venue's clock, by the chain's, and by how far behind the worker is."""

import pytest

from arb_pipeline_tests.fixtures.market import COINBASE, GEMINI, SLOT, Script, opened, reasons, started
from streaming_worker.core.events import (
    ChainClock,
    ClockTick,
    FeedConnected,
    FeedGap,
    FeedHeartbeat,
    FeedLost,
    GapCause,
)
from streaming_worker.core.outputs import (
    CloseReason,
    OpportunityOpened,
    RejectionReason,
    RiskCause,
    RiskState,
    RiskTransition,
)
from streaming_worker.core.units import E8, NANOS_PER_MILLISECOND, NANOS_PER_SECOND, TICK_NS
from streaming_worker.engine import keyframe
from streaming_worker.engine.engine import Engine

CENT = E8 // 100
S, MS = NANOS_PER_SECOND, NANOS_PER_MILLISECOND


def _tick(script: Script, *, late_ns: int = 0) -> None:
    script.now_ns = (script.now_ns // TICK_NS + 1) * TICK_NS
    script.send(ClockTick(script.now_ns, late_ns))


def _transitions(script: Script) -> list[tuple[RiskState, RiskCause]]:
    return [(output.current, output.cause) for output in script.of(RiskTransition)]  # type: ignore[attr-defined]


def _beat(script: Script, seconds: int, *feeds: str, old_ns: int | None = None) -> None:
    """Let seconds pass with a heartbeat of each feed in each, and one book that is always so old."""
    for _ in range(seconds):
        script.wait(S)
        for feed in feeds or ("coinbase", "gemini"):
            script.send(FeedHeartbeat(feed, None, None, script.now_ns))
        if old_ns is not None:
            script.book(GEMINI, 150 * E8 - CENT, 150 * E8 + CENT, age_ns=old_ns)


@pytest.mark.parametrize(("late_ms", "opens"), [(0, True), (100, True), (101, False), (5_000, False)])
def test_a_worker_that_is_behind_opens_nothing(late_ms: int, opens: bool) -> None:
    script = started()
    _tick(script, late_ns=late_ms * MS)
    script.book(GEMINI, 148 * E8, 148 * E8 + CENT)
    assert bool(script.of(OpportunityOpened)) == opens
    assert (RejectionReason.WORKER_LATE in reasons(script)) != opens


def test_a_worker_that_falls_behind_closes_what_is_open_and_goes_on_when_it_has_caught_up() -> None:
    script = started()
    opened(script)
    _tick(script, late_ns=300 * MS)
    (closed,) = [output for output in script.outputs if getattr(output, "close_reason", None)]
    assert closed.close_reason is CloseReason.STALE_LEG
    script.wait(3 * S)
    script.book(GEMINI, 148 * E8, 148 * E8 + CENT)
    assert len(script.of(OpportunityOpened)) == 2


def test_a_loud_book_that_delivers_old_prices_pauses_and_fresh_ones_end_the_pause() -> None:
    script = started()
    _beat(script, 12, old_ns=0)
    assert _transitions(script) == []
    _beat(script, 2, old_ns=10 * S)
    assert _transitions(script) == []  # refused as late, but not beyond the limit
    assert RejectionReason.STALE_LEG in reasons(script)
    _beat(script, 2, old_ns=10 * S + MS)
    assert _transitions(script) == [(RiskState.PAUSED, RiskCause.STALE_FEED)]
    assert "gemini" in script.of(RiskTransition)[0].reason  # type: ignore[attr-defined]
    _beat(script, 5, old_ns=0)
    assert len(_transitions(script)) == 1
    _beat(script, 2, old_ns=0)
    assert _transitions(script)[1] == (RiskState.ACTIVE, RiskCause.RECOVERED)


def test_a_quiet_book_on_a_living_transport_never_pauses() -> None:
    script = started()
    _beat(script, 60)
    assert _transitions(script) == []


def test_a_book_that_is_rebuilt_is_no_longer_old() -> None:
    script = started()
    script.book(GEMINI, 150 * E8 - CENT, 150 * E8 + CENT, age_ns=20 * S)
    script.send(FeedGap("gemini", GEMINI, GapCause.CROSS_CHECK, None, None, script.now_ns))
    _beat(script, 2)
    assert _transitions(script) == []


def test_a_new_connection_does_not_make_late_prices_prompt() -> None:
    script = started()
    script.send(FeedLost("gemini", 1, "gone", 1006, script.now_ns))
    script.send(FeedConnected("gemini", 2, script.now_ns))
    script.book(GEMINI, 150 * E8 - CENT, 150 * E8 + CENT, age_ns=3 * S)
    assert script.engine.books[GEMINI].lag_ns == 3 * S


def test_a_node_whose_chain_is_old_pauses_although_its_slots_go_on() -> None:
    script = started()
    chain_s = script.now_ns // S
    for second in range(1, 30):
        _beat(script, 1)
        script.send(ChainClock("solana", SLOT + second, chain_s + min(second, 8), script.now_ns))
    assert script.engine.state.chains["solana"].lag_ns == 21 * S
    assert _transitions(script) == [(RiskState.PAUSED, RiskCause.STALE_FEED)]
    script.book(GEMINI, 148 * E8, 148 * E8 + CENT)
    assert script.of(OpportunityOpened) == []


def test_an_old_chain_refuses_its_leg_before_the_next_tick() -> None:
    script = started()
    script.send(ChainClock("solana", SLOT + 1, script.now_ns // S, script.now_ns))
    script.send(ChainClock("solana", SLOT + 2, script.now_ns // S - 30, script.now_ns))
    script.book(GEMINI, 148 * E8, 148 * E8 + CENT)
    assert RejectionReason.STALE_LEG in reasons(script)


def test_lateness_and_the_venues_clocks_survive_a_keyframe() -> None:
    script = started()
    _tick(script, late_ns=250 * MS)
    script.book(COINBASE, 150 * E8, 151 * E8, age_ns=S)
    content = keyframe.dump(script.engine.state)
    resumed = Engine.resume(content)
    assert resumed.state.late_ns == 250 * MS
    assert resumed.state.feeds["coinbase"].clock == script.engine.state.feeds["coinbase"].clock
    assert keyframe.dump(resumed.state) == content
