"""A run cut at any event and resumed from a keyframe says the same, bit for bit; and its accounts always add up."""

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arb_pipeline_tests.fixtures.market import COINBASE, GEMINI, POOL, Script
from arb_pipeline_tests.fixtures.market import settings as engine_settings
from streaming_worker.core.events import CommandKind, FeedConnected, FeedGap, FeedLost, GapCause, OperatorCommand
from streaming_worker.core.outputs import Keyframe, Opportunity, OpportunityOpened, SimulatedTrade
from streaming_worker.core.units import E8, NANOS_PER_HOUR, NANOS_PER_MILLISECOND
from streaming_worker.engine import keyframe
from streaming_worker.engine.engine import Engine
from streaming_worker.engine.replay import replay
from streaming_worker.errors import StorageError

CENT = E8 // 100

steps = st.lists(
    st.one_of(
        st.tuples(st.just("book"), st.sampled_from([COINBASE, GEMINI]), st.integers(146, 154)),
        st.tuples(st.just("delta"), st.sampled_from([COINBASE, GEMINI]), st.integers(145, 155)),
        st.tuples(st.just("pool"), st.just(POOL), st.integers(146, 154)),
        st.tuples(st.just("wait"), st.just(""), st.integers(1, 1_500)),
        st.tuples(st.just("gap"), st.sampled_from([COINBASE, GEMINI]), st.just(0)),
        st.tuples(st.just("lost"), st.sampled_from(["coinbase", "gemini", "solana"]), st.just(0)),
        st.tuples(st.just("command"), st.sampled_from(["pause", "resume", "kill"]), st.integers(0, 3)),
        st.tuples(st.just("hour"), st.just(""), st.just(0)),
    ),
    min_size=1,
    max_size=25,
)


def play(plan: list[tuple[str, str, int]], **options: object) -> Script:
    """Run a scripted market."""
    script = Script(Engine(engine_settings(**options)))
    script.calm()
    for kind, name, value in plan:
        script.now_ns += NANOS_PER_MILLISECOND
        STEPS[kind](script, name, value)
    return script


def lose(script: Script, name: str, _: int) -> None:
    """Lose a connection and make a new one."""
    script.send(FeedLost(name, 1, "test", 1006, script.now_ns))
    script.send(FeedConnected(name, 2, script.now_ns))


def move_pool(script: Script, _: str, price: int) -> None:
    """Move the pool in a new slot."""
    script.advance_slot()
    script.pool(price * E8)


def pass_hour(script: Script, _: str, __: int) -> None:
    """Let an hour pass without any event."""
    script.now_ns += NANOS_PER_HOUR


STEPS: dict[str, Callable[[Script, str, int], object]] = {
    "book": lambda script, name, price: script.book(name, price * E8, price * E8 + CENT),
    "delta": lambda script, name, price: script.delta(
        name, bids=[(price * E8, price * CENT)], asks=[(price * E8 + 3 * CENT, price * CENT)]
    ),
    "pool": move_pool,
    "wait": lambda script, _, millis: script.wait(millis * NANOS_PER_MILLISECOND),
    "gap": lambda script, name, _: script.send(
        FeedGap(name.split(":")[0], name, GapCause.SEQUENCE, 1, 2, script.now_ns)
    ),
    "lost": lose,
    "command": lambda script, name, number: script.send(
        OperatorCommand(f"{name}{number}", CommandKind(name), "ops", "test", script.now_ns)
    ),
    "hour": pass_hour,
}


@settings(max_examples=60, deadline=None)
@given(plan=steps, cut=st.floats(0, 1))
def test_a_run_cut_anywhere_and_resumed_has_the_same_digest_and_outputs(
    plan: list[tuple[str, str, int]], cut: float
) -> None:
    whole = play(plan)
    at = int(len(whole.events) * cut)
    first = Engine(engine_settings())
    outputs = [output for _, output in replay(first, whole.events[:at])]
    second = Engine.resume(keyframe.dump(first.state))
    outputs += [output for _, output in replay(second, whole.events[at:])]
    assert outputs == whole.outputs
    assert second.digest() == whole.engine.digest()
    assert keyframe.dump(second.state) == keyframe.dump(whole.engine.state)


@settings(max_examples=60, deadline=None)
@given(plan=steps)
def test_every_plan_and_trade_adds_up_and_keeps_its_limits(plan: list[tuple[str, str, int]]) -> None:
    script = play(plan)
    cap = script.engine.state.settings.limits.max_position_usd_e8
    plans = [o.plan for o in script.of(OpportunityOpened)] + [o.peak for o in script.of(Opportunity)]
    for each in plans:
        assert each.net_usd_e8 == each.gross_usd_e8 + sum(item.value_usd_e8 for item in each.costs)
        assert 0 < each.cex_notional_usd_e8 <= cap + each.cex_notional_usd_e8 // 1_000
    for trade in script.of(SimulatedTrade):
        assert trade.realised_net_usd_e8 == trade.gross_usd_e8 + sum(item.value_usd_e8 for item in trade.costs)
        bought = sum(leg.size_e8 for leg in trade.legs if leg.cash_usd_e8 < 0)
        assert bought == sum(leg.size_e8 for leg in trade.legs if leg.cash_usd_e8 > 0)


def test_each_hour_replays_alone_from_its_keyframe() -> None:
    script = play([("book", GEMINI, 148), ("wait", "", 900), ("hour", "", 0), ("book", GEMINI, 150), ("wait", "", 900)])
    frames = script.of(Keyframe)
    assert len(frames) == 2
    second = Engine.resume(frames[1].state)
    outputs = [output for _, output in replay(second, script.events[frames[1].event_count :])]
    assert outputs == script.outputs[script.outputs.index(frames[1]) + 1 :]
    assert second.digest() == script.engine.digest()


@pytest.mark.parametrize("content", [b"", b"{}", b'{"format": 1}', b"\xff\x00"])
def test_anything_but_a_keyframe_is_refused_by_name(content: bytes) -> None:
    with pytest.raises(StorageError, match="keyframe"):
        Engine.resume(content)


def test_another_format_is_refused() -> None:
    content = keyframe.dump(Engine(engine_settings()).state).replace(
        b'"format":%d' % keyframe.FORMAT, b'"format":99', 1
    )
    with pytest.raises(StorageError, match="format 99"):
        Engine.resume(content)
