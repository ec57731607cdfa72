"""Assets are conserved: balances change by what trades and transfers moved, to the last unit, and never go below 0."""

from hypothesis import given, settings
from hypothesis import strategies as st

from arb_pipeline_tests.fixtures.market import COINBASE, GEMINI, POOL, Script, allocations
from arb_pipeline_tests.fixtures.market import settings as engine_settings
from arb_pipeline_tests.fixtures.transfers import WAYS
from streaming_worker.core.outputs import CostKind, SimulatedTrade, TransferMoved, TransferStatus
from streaming_worker.core.rebalancing import RebalancingSettings
from streaming_worker.core.units import E8, NANOS_PER_MILLISECOND
from streaming_worker.engine import keyframe
from streaming_worker.engine.engine import Engine
from streaming_worker.engine.replay import replay

CENT = E8 // 100
PRIMARY_NS = 250 * NANOS_PER_MILLISECOND
NETWORK_E8 = 10_500

steps = st.lists(
    st.one_of(
        st.tuples(st.just("book"), st.sampled_from([COINBASE, GEMINI]), st.integers(144, 156)),
        st.tuples(st.just("pool"), st.just(POOL), st.integers(144, 156)),
        st.tuples(st.just("wait"), st.just(""), st.sampled_from([50, 200, 300, 900, 2_500, 70_000])),
    ),
    min_size=1,
    max_size=20,
)
balances = st.builds(
    allocations, usd=st.integers(0, 2_500), usdc=st.integers(0, 2_500), sol=st.integers(0, 12), low=st.integers(0, 5)
)


def play(plan: list[tuple[str, str, int]], held: tuple) -> Script:
    """Run a scripted market with balances and automatic transfers."""
    rebalancing = RebalancingSettings(routes=WAYS, is_automatic=True)
    script = Script(Engine(engine_settings(allocations=held, rebalancing=rebalancing)))
    script.calm()
    for kind, name, value in plan:
        script.now_ns += NANOS_PER_MILLISECOND
        if kind == "book":
            script.book(name, value * E8, value * E8 + CENT)
        elif kind == "pool":
            script.advance_slot()
            script.pool(value * E8)
        else:
            script.wait(value * NANOS_PER_MILLISECOND)
        check(script)
    return script


def check(script: Script) -> None:
    """Assert that no balance is below its reservations and none of these below 0."""
    inventory = script.engine.state.inventory
    assert inventory is not None
    assert all(0 <= balance.reserved_e8 <= balance.total_e8 for balance in inventory.balances.values())
    pending = {t.trade_id for t in script.engine.state.pending if t.latency_ns == PRIMARY_NS}
    assert set(inventory.reservations) == pending


def transferred(script: Script, asset: str) -> int:
    """Return what transfers added to an asset's balances so far; fees and what is on its way are negative."""
    change = 0
    for move in script.of(TransferMoved):
        proposal = move.transfer.proposal
        if move.status is TransferStatus.DEPARTED and proposal.asset == asset:
            change -= proposal.amount_e8 + proposal.fee_e8
        if move.status is TransferStatus.ARRIVED and proposal.received_asset == asset:
            change += proposal.amount_e8
    return change


def money(script: Script) -> int:
    """Return the money at par over all venues."""
    inventory = script.engine.state.inventory
    assert inventory is not None
    return inventory.totals()["USD"] + inventory.totals()["USDC"]


@settings(max_examples=60, deadline=None)
@given(plan=steps, held=balances)
def test_pnl_is_the_change_of_the_marked_inventory_minus_what_moves_nothing(plan: list, held: tuple) -> None:
    script = play(plan, held)
    trades = [trade for trade in script.of(SimulatedTrade) if trade.latency_ns == PRIMARY_NS]
    inventory = script.engine.state.inventory
    assert inventory is not None
    before_sol = sum(line.initial_e8 for line in held if line.asset == "SOL")
    before_money = sum(line.initial_e8 for line in held if line.asset != "SOL")
    moved_money = transferred(script, "USD") + transferred(script, "USDC")
    earned = 0
    for trade in trades:
        costs = {item.kind: item.value_usd_e8 for item in trade.costs}
        moves_nothing = (CostKind.NETWORK_COST, CostKind.STABLE_BASIS, CostKind.REBALANCING)
        earned += trade.realised_net_usd_e8 - sum(costs[kind] for kind in moves_nothing)
    assert money(script) == before_money + moved_money + earned
    assert inventory.totals()["SOL"] == before_sol + transferred(script, "SOL") - NETWORK_E8 * len(trades)


@settings(max_examples=30, deadline=None)
@given(plan=steps, held=balances, cut=st.floats(0, 1))
def test_a_run_with_inventory_cut_anywhere_and_resumed_says_the_same(plan: list, held: tuple, cut: float) -> None:
    whole = play(plan, held)
    at = int(len(whole.events) * cut)
    first = Engine(whole.engine.state.settings)
    outputs = [output for _, output in replay(first, whole.events[:at])]
    second = Engine.resume(keyframe.dump(first.state))
    outputs += [output for _, output in replay(second, whole.events[at:])]
    assert outputs == whole.outputs
    assert keyframe.dump(second.state) == keyframe.dump(whole.engine.state)
