"""What the engine promises of every decision: a frozen market pays what was predicted, limits hold, risk acts once."""

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from arb_pipeline_tests.fixtures.market import COINBASE, GEMINI, POOL, Script
from arb_pipeline_tests.fixtures.market import settings as engine_settings
from arb_pipeline_tests.fixtures.triangle import BTC, CROSS, FAIR_CROSS, SOL, Triangle
from streaming_worker.core.cycle_outputs import CycleOpened, CycleTrade
from streaming_worker.core.events import ClockTick, CommandKind, Event, FeedGap, GapCause, LimitSetting, OperatorCommand
from streaming_worker.core.fees import TakerFee
from streaming_worker.core.instrument import Venue
from streaming_worker.core.outputs import LimitChange, OpportunityOpened, RiskState, RiskTransition, SimulatedTrade
from streaming_worker.core.units import E8, NANOS_PER_MILLISECOND, NANOS_PER_SECOND
from streaming_worker.engine.engine import Engine
from streaming_worker.engine.settings import Limits

CENT = E8 // 100

frozen = st.tuples(
    st.sampled_from([COINBASE, GEMINI]),
    st.integers(14_000, 16_000),  # price in cents
    st.integers(1, 800),  # hundredths of a SOL a level
    st.integers(10**11, 10**14),  # liquidity of the pool
    st.integers(0, 12_000),  # taker fee
)


@settings(max_examples=80, deadline=None)
@given(market=frozen)
def test_a_frozen_market_pays_exactly_what_was_predicted_line_by_line(market: tuple[str, int, int, int, int]) -> None:
    book, price, size, liquidity, taker = market
    fees = (TakerFee(Venue.COINBASE, taker, "test"), TakerFee(Venue.GEMINI, taker, "test"))
    script = Script(Engine(engine_settings(taker_fees=fees, limits=Limits(threshold_millionths=0))))
    script.calm()
    script.pool(150 * E8, liquidity=liquidity)
    script.book(book, price * CENT, (price + 1) * CENT, size_e8=size * CENT)
    script.wait(4 * NANOS_PER_SECOND)
    for trade in script.of(SimulatedTrade):
        realised = {item.kind: item.value_usd_e8 for item in trade.costs}
        assert realised == {item.kind: item.value_usd_e8 for item in trade.predicted.costs}
        assert trade.realised_net_usd_e8 == trade.predicted.net_usd_e8 > 0
        assert trade.gross_usd_e8 == trade.predicted.gross_usd_e8


def test_the_frozen_markets_do_open_something() -> None:
    script = Script(Engine(engine_settings(limits=Limits(threshold_millionths=0))))
    script.calm()
    script.book(GEMINI, 147 * E8, 147 * E8 + CENT)
    script.wait(4 * NANOS_PER_SECOND)
    assert len(script.of(SimulatedTrade)) == 7


moves = st.lists(
    st.one_of(
        st.tuples(st.just("book"), st.sampled_from([COINBASE, GEMINI]), st.integers(140, 160)),
        st.tuples(st.just("pool"), st.just(POOL), st.integers(144, 156)),
        st.tuples(st.just("wait"), st.just(""), st.sampled_from([50, 300, 900, 2_500, 12_000])),
        st.tuples(st.just("late"), st.just(""), st.sampled_from([0, 101, 5_000])),
        st.tuples(st.just("gap"), st.sampled_from([COINBASE, GEMINI]), st.just(0)),
        st.tuples(st.just("limit"), st.just("max_position_usd_e8"), st.sampled_from([E8, 7 * E8, 333 * E8, 10**11])),
        st.tuples(st.just("limit"), st.just("daily_loss_usd_e8"), st.sampled_from([E8, 10 * E8])),
        st.tuples(st.just("limit"), st.just("threshold_millionths"), st.sampled_from([0, 1_000, 5_000])),
        st.tuples(st.just("command"), st.sampled_from(["pause", "resume", "kill"]), st.integers(0, 5)),
    ),
    min_size=1,
    max_size=25,
)


class Watched(Script):
    """A script that looks at the outputs of every single event."""

    def __init__(self) -> None:
        super().__init__(Engine(engine_settings()))
        self.limits = Limits()

    def send(self, event: Event) -> list[object]:
        """Process one event and hold its outputs against the limits in force."""
        outputs = super().send(event)
        transitions = [output for output in outputs if isinstance(output, RiskTransition)]
        assert len(transitions) <= 1
        for transition in transitions:
            assert transition.previous is not transition.current or transition.current is not RiskState.ACTIVE
        for output in outputs:
            if isinstance(output, LimitChange) and output.refusal is None:
                self.limits = Limits(
                    **{n: getattr(self.limits, n) for n in self.limits.__struct_fields__}
                    | {output.name: output.requested}
                )
            if isinstance(output, OpportunityOpened):
                self.check(output)
        return outputs

    def check(self, opened: OpportunityOpened) -> None:
        """Assert that nothing opens beyond a limit, nor while it may not."""
        state, plan = self.engine.state, opened.plan
        assert 0 < plan.cex_notional_usd_e8 <= self.limits.max_position_usd_e8 + CENT // 10**5
        assert plan.net_edge_centibps >= self.limits.threshold_millionths
        assert plan.net_usd_e8 > 0
        assert state.late_ns <= self.limits.max_late_ns
        assert state.risk.state is RiskState.ACTIVE or state.risk.has_acted
        assert state.books[opened.instrument].is_synced


def limit(script: Watched, name: str, value: int) -> None:
    """Change one limit."""
    named = (LimitSetting(name, value),)
    script.send(OperatorCommand(str(script.now_ns), CommandKind.SET_LIMITS, "ops", "test", script.now_ns, named))


def move(script: Watched, kind: str, name: str, value: int) -> None:
    """Play one step."""
    match kind:
        case "book":
            script.book(name, value * E8, value * E8 + CENT)
        case "pool":
            script.advance_slot()
            script.pool(value * E8)
        case "wait":
            script.wait(value * NANOS_PER_MILLISECOND)
        case "late":
            script.send(ClockTick(script.now_ns, value * NANOS_PER_MILLISECOND))
        case "gap":
            script.send(FeedGap(name.split(":")[0], name, GapCause.SEQUENCE, 1, 2, script.now_ns))
        case "limit":
            limit(script, name, value)
        case _:
            script.send(OperatorCommand(f"{name}{value}", CommandKind(name), "ops", "test", script.now_ns))


@settings(max_examples=80, deadline=None)
@given(plan=moves)
def test_nothing_opens_beyond_a_limit_and_risk_never_acts_twice_on_one_event(plan: list[tuple[str, str, int]]) -> None:
    script = Watched()
    script.calm()
    for kind, name, value in plan:
        script.now_ns += NANOS_PER_MILLISECOND
        move(script, kind, name, value)
    states = [transition.current for transition in script.of(RiskTransition)]
    assert all(before is not after or after is not RiskState.ACTIVE for before, after in pairwise(states))


turns = st.lists(
    st.one_of(
        st.tuples(st.just(CROSS), st.integers(960, 1_040)),
        st.tuples(st.just(BTC), st.integers(985, 1_015)),
        st.tuples(st.just(SOL), st.integers(985, 1_015)),
        st.tuples(st.just("wait"), st.sampled_from([100, 300, 800, 3_500])),
    ),
    max_size=15,
)
FAIR = {SOL: 150 * E8, BTC: 60_000 * E8, CROSS: FAIR_CROSS}
SIZE = {SOL: 20 * E8, BTC: E8 // 50, CROSS: 5 * E8}


@settings(max_examples=40, deadline=None)
@given(plan=turns, usd=st.integers(1, 3_000), lot=st.sampled_from([E8 // 1_000, E8 // 10, E8]))
def test_cycles_conserve_every_asset_add_up_and_never_spend_more_than_there_is(
    plan: list[tuple[str, int]], usd: int, lot: int
) -> None:
    triangle = Triangle(usd=usd, lot_e8=lot).calm()
    for name, value in plan:
        triangle.now_ns += NANOS_PER_MILLISECOND
        if name == "wait":
            triangle.wait(value * NANOS_PER_MILLISECOND)
        else:
            triangle.flat(name, FAIR[name] * value // 1_000, size_e8=SIZE[name])
        balances = triangle.engine.state.inventory.balances.values()
        assert all(0 <= balance.reserved_e8 <= balance.total_e8 for balance in balances)
    triangle.wait(5 * NANOS_PER_SECOND)
    for opened in triangle.of(CycleOpened):
        assert opened.plan.spent_e8 <= 1_000 * E8
        assert opened.plan.net_e8 == opened.plan.gross_e8 + opened.plan.fee_e8 + opened.plan.slippage_e8
    inventory = triangle.engine.state.inventory
    primary = [
        trade for trade in triangle.of(CycleTrade) if trade.latency_ns == triangle.settings.simulation.primary_ns
    ]
    for trade in triangle.of(CycleTrade):
        assert trade.realised_net_e8 == trade.returned_e8 + trade.dust_value_e8 - trade.spent_e8
        assert trade.dust_value_e8 >= 0
    spent = sum(trade.returned_e8 - trade.spent_e8 for trade in primary)
    assert inventory.total_e8(Venue.COINBASE, "USD") == usd * E8 + spent
    for asset, step in (("SOL", SOL), ("BTC", BTC)):
        kept = sum(
            leg.dust_e8
            for trade in primary
            for before, leg in pairwise(trade.legs)
            if received(before.instrument, is_buy=before.is_buy) == asset
        )
        assert inventory.total_e8(Venue.COINBASE, asset) == kept, step
    assert not inventory.reservations


def received(instrument: str, *, is_buy: bool) -> str:
    """Return the asset that a leg brings in."""
    base, quote = instrument.split(":")[1].split("-")
    return base if is_buy else quote
