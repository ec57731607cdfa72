"""Shadow balances inside the fold: what trades reserve and move, and what is said about them once a minute.

Only the trades of the primary latency move balances; the other rungs of the ladder are what-ifs. Nothing here decides
whether to trade.
"""

import msgspec

from streaming_worker.core.funding import Funding, FundingTerms, flows_of, funds_of, needs_of
from streaming_worker.core.inventory import Balance, Flow, Inventory
from streaming_worker.core.outputs import (
    InventorySnapshot,
    Output,
    SimulatedTrade,
    TransferMoved,
    TransferStatus,
)
from streaming_worker.core.rebalancing import Recommendation, Transfer, recommend
from streaming_worker.core.rebalancing_cost import RebalancingTerms, terms_of
from streaming_worker.core.route import Route
from streaming_worker.core.simulate import PendingTrade
from streaming_worker.core.units import E8, NANOS_PER_SECOND
from streaming_worker.engine.digest import identity
from streaming_worker.engine.state import EngineState

NANOS_PER_MINUTE = 60 * NANOS_PER_SECOND
MONEY = "USD"


def funding_terms(state: EngineState, taker_millionths: int, network_lamports: int) -> FundingTerms:
    """Return what makes a trade decided now dearer than its plan."""
    return FundingTerms(
        taker_millionths=taker_millionths,
        slack_millionths=state.limits.min_output_tolerance_millionths,
        network_lamports=network_lamports,
    )


def funding_of(state: EngineState, route: Route, taker_millionths: int, network_lamports: int) -> Funding | None:
    """Return what a new trade can draw on; None where no inventory is kept."""
    if state.inventory is None:
        return None
    return Funding(funds_of(state.inventory, route), funding_terms(state, taker_millionths, network_lamports))


def rebalancing_of(state: EngineState, route: Route) -> RebalancingTerms | None:
    """Return what a route's trades owe to rebalancing now; None without inventory, or without a configured way back."""
    if state.inventory is None:
        return None
    return terms_of(route, state.inventory, state.transfers, state.settings.rebalancing.routes)


def reserve(state: EngineState, inventory: Inventory, route: Route, trade: PendingTrade, terms: FundingTerms) -> None:
    """Set aside what a trade may give; its size was chosen so that the free balances cover it."""
    plan = trade.plan
    needs = tuple(needs_of(route, plan, terms))
    shortfall = inventory.reserve(trade.trade_id, needs)
    assert shortfall is None, f"a planned size needs more than is free: {shortfall}"
    trade.funding = terms
    net, notional = plan.net_usd_e8, plan.cex_notional_usd_e8
    state.spending.note(needs, net_usd_e8=net, notional_usd_e8=notional, now_ns=state.now_ns)


def budget_e8(state: EngineState, trade: PendingTrade) -> int | None:
    """Return what a trade can still pay at its exchange, in quote x 1e8; None for one without a reservation."""
    if state.inventory is None or trade.funding is None:
        return None
    instrument = state.books[trade.instrument].instrument
    leg = trade.cex_leg
    moved = 0 if leg is None else leg.cash_usd_e8 + leg.fee_usd_e8
    return state.inventory.spendable_e8(trade.trade_id, instrument.venue, instrument.quote) + moved


def hold(state: EngineState, trade: PendingTrade) -> None:
    """Set aside what the exchange leg took beyond its reservation, so that nobody else spends it until settlement."""
    leg = trade.cex_leg
    if state.inventory is None or trade.funding is None or leg is None:
        return
    instrument = state.books[trade.instrument].instrument
    inventory, own = state.inventory, state.inventory.reservations[trade.trade_id]
    reserved = inventory.spendable_e8(trade.trade_id, instrument.venue, instrument.quote) - inventory.free_e8(
        instrument.venue, instrument.quote
    )
    missing = -(leg.cash_usd_e8 + leg.fee_usd_e8) - reserved
    if missing > 0:
        inventory.release(trade.trade_id)
        inventory.reserve(trade.trade_id, (*own, Flow(instrument.venue, instrument.quote, -missing)))


def book_trade(state: EngineState, route: Route, trade: PendingTrade, done: SimulatedTrade) -> None:
    """Replace a settled trade's reservation by what it moved."""
    if state.inventory is None or trade.funding is None:
        return
    shortfall = state.inventory.settle(trade.trade_id, flows_of(route, done, trade.funding))
    assert shortfall is None, f"a trade moved more than it could pay for: {shortfall}"
    state.holdings_version += 1


def on_tick(state: EngineState, inventory: Inventory) -> list[Output]:
    """Book transfers that have arrived, say which balances became low or recovered, and once a minute say it all."""
    outputs: list[Output] = []
    for transfer in state.transfers.arrive_due(inventory, state.now_ns) if state.transfers.in_flight else ():
        outputs.append(TransferMoved(TransferStatus.ARRIVED, transfer, state.now_ns))
        state.holdings_version += 1
    minute = state.now_ns // NANOS_PER_MINUTE
    if minute == state.inventory_minute and state.alerted_version == state.holdings_version:
        return outputs
    outputs += inventory.alerts(state.now_ns)
    state.alerted_version = state.holdings_version
    if minute != state.inventory_minute:
        state.inventory_minute = minute
        outputs += _report(state, inventory)
    return outputs


def prices_of(state: EngineState) -> dict[str, int]:
    """Return what one unit of each asset is worth, in USD x 1e8: stable coins at par, others at a book's mid.

    Rounds: the mid down. An asset without a synced book in money has no price.
    """
    prices = {MONEY: E8} | {basis.asset: E8 for basis in state.settings.stable_bases if basis.against == MONEY}
    par = set(prices)
    for view in state.books.values():
        bid, ask = view.book.best_bid, view.book.best_ask
        is_priced = view.is_synced and view.instrument.quote in par and view.instrument.base not in prices
        if is_priced and bid is not None and ask is not None:
            prices[view.instrument.base] = (bid[0] + ask[0]) // 2
    return prices


def _report(state: EngineState, inventory: Inventory) -> list[Output]:
    prices = prices_of(state)
    outputs: list[Output] = [_snapshot(state, balance, prices) for balance in inventory.balances.values()]
    rebalancing = state.settings.rebalancing
    demands = state.spending.demands(rebalancing.routes, state.now_ns)
    found = recommend(inventory, state.transfers, rebalancing, prices=prices, demands=demands, now_ns=state.now_ns)
    # What waiting costs moves with every trade; that alone is no new recommendation.
    timeless = tuple(msgspec.structs.replace(one, received_ns=0, cost_of_waiting_usd_e8=None) for one in found)
    if timeless != state.recommended:
        state.recommended = timeless
        outputs += found
    if rebalancing.is_automatic:
        outputs += _depart(state, inventory, found)
    return outputs


def _snapshot(state: EngineState, balance: Balance, prices: dict[str, int]) -> InventorySnapshot:
    return InventorySnapshot(
        venue=balance.venue,
        asset=balance.asset,
        total_e8=balance.total_e8,
        reserved_e8=balance.reserved_e8,
        target_e8=balance.target_e8,
        drift_e8=balance.total_e8 - balance.target_e8,
        arriving_e8=state.transfers.arriving_e8(balance.venue, balance.asset),
        price_usd_e8=prices.get(balance.asset),
        received_ns=state.now_ns,
    )


def _depart(state: EngineState, inventory: Inventory, found: tuple[Recommendation, ...]) -> list[Output]:
    outputs: list[Output] = []
    for proposal in (proposal for one in found for proposal in one.transfers):
        transfer_id = identity("transfer", state.now_ns, len(outputs), msgspec.to_builtins(proposal))
        moved = state.transfers.depart(inventory, proposal, transfer_id=transfer_id, now_ns=state.now_ns)
        assert isinstance(moved, Transfer), f"a recommended transfer cannot be paid: {moved}"
        state.holdings_version += 1
        outputs.append(TransferMoved(TransferStatus.DEPARTED, moved, state.now_ns))
    return outputs
