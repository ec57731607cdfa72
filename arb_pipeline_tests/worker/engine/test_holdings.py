"""Shadow balances in the fold: they cap sizes, are set aside while a trade is on its way, and move by what it did."""

import msgspec

from arb_pipeline_tests.fixtures.market import COINBASE, GEMINI, Script, allocations, opened, reasons, started
from arb_pipeline_tests.fixtures.transfers import WAYS
from streaming_worker.core.events import FeedGap, GapCause
from streaming_worker.core.instrument import Venue
from streaming_worker.core.inventory import AlertKind, BalanceAlert, Flow, Inventory
from streaming_worker.core.outputs import (
    CostKind,
    InventorySnapshot,
    LegKind,
    LegStatus,
    OpportunityOpened,
    RejectionReason,
    SimulatedTrade,
    TransferMoved,
    TransferStatus,
)
from streaming_worker.core.rebalancing import RebalancingSettings, Recommendation
from streaming_worker.core.units import E8, NANOS_PER_MILLISECOND, NANOS_PER_SECOND
from streaming_worker.engine.holdings import NANOS_PER_MINUTE, prices_of

CENT = E8 // 100
PRIMARY_NS = 250 * NANOS_PER_MILLISECOND


def with_inventory(*, is_automatic: bool = False, **amounts: int) -> Script:
    """Return a calm market with balances and ways between them."""
    rebalancing = RebalancingSettings(routes=WAYS, is_automatic=is_automatic)
    return started(allocations=allocations(**amounts), rebalancing=rebalancing)


def inventory_of(script: Script) -> Inventory:
    """Return the balances now."""
    inventory = script.engine.state.inventory
    assert inventory is not None
    return inventory


def primary(script: Script) -> SimulatedTrade:
    """Return the first settled trade that moved balances."""
    return next(trade for trade in script.of(SimulatedTrade) if trade.latency_ns == PRIMARY_NS)


def test_without_allocations_nothing_is_kept_or_said() -> None:
    script = started()
    opened(script)
    script.wait(2 * NANOS_PER_MINUTE)
    assert script.engine.state.inventory is None
    assert script.of(InventorySnapshot) == []


def test_the_free_balance_caps_the_size() -> None:
    free = opened(with_inventory()).plan
    capped = opened(with_inventory(usd=500)).plan
    assert free.cex_notional_usd_e8 > 990 * E8
    assert 490 * E8 < capped.cex_notional_usd_e8 * 1_005 // 1_000 <= 500 * E8


def test_without_balance_the_reason_has_a_name() -> None:
    script = with_inventory(usd=0)
    script.book(GEMINI, 148 * E8, 148 * E8 + CENT)
    assert script.of(OpportunityOpened) == []
    assert RejectionReason.INSUFFICIENT_INVENTORY in reasons(script)


def test_a_trade_on_its_way_holds_what_it_may_give_and_settles_to_what_it_moved() -> None:
    script = with_inventory()
    before = inventory_of(script).totals()
    plan = opened(script).plan
    held = inventory_of(script)
    reserved = held.total_e8(Venue.GEMINI, "USD") - held.free_e8(Venue.GEMINI, "USD")
    assert plan.cex_notional_usd_e8 * 1_004 // 1_000 <= reserved <= plan.cex_notional_usd_e8 * 1_006 // 1_000
    assert held.totals() == before
    script.wait(2 * NANOS_PER_SECOND)
    trade = primary(script)
    assert held.reservations == {}
    assert held.total_e8(Venue.GEMINI, "SOL") == 100 * E8 + trade.size_e8
    network = 10_500
    assert held.total_e8(Venue.ORCA, "SOL") == 100 * E8 - trade.size_e8 - network
    assert held.total_e8(Venue.GEMINI, "USD") == 10_000 * E8 + trade.legs[0].cash_usd_e8 + trade.legs[0].fee_usd_e8
    assert held.total_e8(Venue.ORCA, "USDC") == 20_000 * E8 + trade.legs[1].cash_usd_e8


def test_an_open_episode_is_not_ended_by_its_own_reservation() -> None:
    script = with_inventory(usd=900)
    opening = opened(script)
    script.now_ns += 1_000_000
    script.book(GEMINI, 147 * E8, 147 * E8 + CENT)
    view = next(view for view in script.engine.state.routes if view.episode is not None)
    assert view.episode is not None
    assert view.episode.opportunity_id == opening.opportunity_id
    assert view.episode.peak.net_usd_e8 > opening.plan.net_usd_e8


def test_a_dearer_fill_takes_from_the_free_balance_and_holds_it() -> None:
    script = with_inventory(usd=1_020)
    opened(script)
    script.now_ns += 200 * NANOS_PER_MILLISECOND
    script.book(GEMINI, 149 * E8 + 50 * CENT, 149 * E8 + 51 * CENT)
    script.wait(100 * NANOS_PER_MILLISECOND)
    held = inventory_of(script)
    (waiting,) = (trade for trade in script.engine.state.pending if trade.latency_ns == PRIMARY_NS)
    assert waiting.cex_leg is not None
    paid = -(waiting.cex_leg.cash_usd_e8 + waiting.cex_leg.fee_usd_e8)
    assert held.total_e8(Venue.GEMINI, "USD") - held.free_e8(Venue.GEMINI, "USD") == paid
    script.wait(2 * NANOS_PER_SECOND)
    assert held.total_e8(Venue.GEMINI, "USD") == 1_020 * E8 - paid


def test_what_the_balance_cannot_pay_is_not_filled_and_waits_for_money() -> None:
    script = with_inventory(usd=400)
    opened(script)
    script.now_ns += 200 * NANOS_PER_MILLISECOND
    script.book(GEMINI, 165 * E8, 165 * E8 + CENT)
    script.wait(2 * NANOS_PER_SECOND)
    (waiting,) = (trade for trade in script.engine.state.pending if trade.latency_ns == PRIMARY_NS)
    assert waiting.cex_leg is not None
    assert waiting.cex_leg.status is LegStatus.PARTIAL
    assert waiting.position_e8 < 0
    inventory_of(script).apply((Flow(Venue.GEMINI, "USD", 100 * E8),))
    script.wait(100 * NANOS_PER_MILLISECOND)
    trade = primary(script)
    assert [leg.kind for leg in trade.legs] == [LegKind.CEX, LegKind.POOL, LegKind.UNWIND]
    assert 0 < inventory_of(script).total_e8(Venue.GEMINI, "USD") < 100 * E8


def test_a_missed_exchange_leg_holds_nothing_more() -> None:
    script = with_inventory()
    opened(script)
    script.send(FeedGap("gemini", GEMINI, GapCause.UPDATE_ID, 1, 3, script.now_ns))
    script.wait(2 * NANOS_PER_SECOND)
    script.book(GEMINI, 149 * E8, 149 * E8 + CENT)
    script.wait(2 * NANOS_PER_SECOND)
    assert primary(script).legs[0].status is LegStatus.MISSED
    assert inventory_of(script).reservations == {}


def test_a_trade_that_adds_drift_pays_for_the_way_back_and_the_next_the_other_way_earns_it() -> None:
    script = with_inventory()
    there = {item.kind: item for item in opened(script).plan.costs}[CostKind.REBALANCING]
    assert (there.source, there.value_usd_e8 < 0) == ("test", True)
    script.wait(2 * NANOS_PER_SECOND)
    assert {item.kind: item for item in primary(script).costs}[CostKind.REBALANCING].value_usd_e8 == there.value_usd_e8
    script.book(GEMINI, 152 * E8, 152 * E8 + CENT)
    opening = script.of(OpportunityOpened)[-1]
    back = {item.kind: item for item in opening.plan.costs}[CostKind.REBALANCING]
    assert back.value_usd_e8 > 0


def test_a_trade_whose_pool_leg_reverted_owes_nothing_to_rebalancing() -> None:
    script = with_inventory()
    opened(script)
    script.pool(148 * E8)
    script.wait(2 * NANOS_PER_SECOND)
    assert {item.kind: item.value_usd_e8 for item in primary(script).costs}[CostKind.REBALANCING] == 0


def test_inventory_without_a_way_back_is_a_rejection_never_free() -> None:
    script = started(allocations=allocations())
    script.book(GEMINI, 148 * E8, 148 * E8 + CENT)
    assert script.of(OpportunityOpened) == []
    assert RejectionReason.REBALANCING_UNKNOWN in reasons(script)


def test_balances_are_said_once_a_minute() -> None:
    script = with_inventory()
    script.wait(3 * NANOS_PER_MINUTE)
    snapshots = script.of(InventorySnapshot)
    assert len(snapshots) == 6 * 4
    first = snapshots[0]
    assert (first.venue, first.asset, first.total_e8, first.price_usd_e8) == (Venue.COINBASE, "USD", 10_000 * E8, E8)
    assert {s.price_usd_e8 for s in snapshots if s.asset == "SOL"} == {150 * E8}
    assert {s.price_usd_e8 for s in snapshots if s.asset == "USDC"} == {E8}


def test_an_asset_without_a_synced_book_in_money_has_no_price() -> None:
    script = with_inventory()
    for feed in ("coinbase", "gemini"):
        script.send(FeedGap(feed, None, GapCause.SEQUENCE, 1, 3, script.now_ns))
    assert "SOL" not in prices_of(script.engine.state)
    script.book(COINBASE, 150 * E8, 150 * E8 + CENT)
    script.delta(COINBASE, bids=[(150 * E8 - CENT * i, 0) for i in range(20)])
    assert "SOL" not in prices_of(script.engine.state)


def test_a_low_balance_is_said_once_and_the_way_back_is_recommended_once() -> None:
    script = with_inventory(sol=5, low=4)
    opened(script)
    script.wait(2 * NANOS_PER_SECOND)
    (alert,) = script.of(BalanceAlert)
    assert (alert.kind, alert.venue, alert.asset) == (AlertKind.LOW_BALANCE, Venue.ORCA, "SOL")
    script.wait(3 * NANOS_PER_MINUTE)
    assert len(script.of(BalanceAlert)) == 1
    found = script.of(Recommendation)
    assert [one.assets for one in found] == [("SOL",)]
    # What trades took lately, until the transfer could arrive, against what is left.
    assert found[0].cost_of_waiting_usd_e8 is not None
    assert found[0].cost_of_waiting_usd_e8 >= 0
    assert script.of(TransferMoved) == []


def test_an_automatic_transfer_leaves_pays_its_fee_and_arrives() -> None:
    script = with_inventory(is_automatic=True, sol=20, low=15)
    before = inventory_of(script).totals()
    opened(script)
    script.wait(2 * NANOS_PER_SECOND)
    after_trade = inventory_of(script).totals()
    script.book(GEMINI, 150 * E8 - CENT, 150 * E8 + CENT)
    script.wait(2 * NANOS_PER_MINUTE)
    moves = script.of(TransferMoved)
    left = [m.transfer for m in moves if m.status is TransferStatus.DEPARTED]
    arrived = [m.transfer for m in moves if m.status is TransferStatus.ARRIVED]
    assert left == arrived != []
    fees = {t.proposal.asset: t.proposal.fee_e8 for t in left}
    assert inventory_of(script).totals()["SOL"] == after_trade["SOL"] - fees["SOL"]
    assert before["SOL"] - after_trade["SOL"] == 10_500
    kinds = [alert.kind for alert in script.of(BalanceAlert)]
    assert kinds == [AlertKind.LOW_BALANCE, AlertKind.RECOVERED]
    assert script.engine.state.transfers.in_flight == []


def test_the_keyframe_carries_balances_reservations_and_transfers() -> None:
    script = with_inventory(is_automatic=True, sol=20)
    opened(script)
    script.wait(NANOS_PER_MINUTE)
    resumed = type(script.engine).resume(script.engine._keyframe(script.now_ns).state).state
    state = script.engine.state
    assert msgspec.json.encode(resumed.inventory) == msgspec.json.encode(state.inventory)
    assert (resumed.transfers.in_flight, resumed.holdings_version) == (
        state.transfers.in_flight,
        state.holdings_version,
    )
