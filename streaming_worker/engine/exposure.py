"""What the trades on their way would bring if their open positions were closed at market now."""

from streaming_worker.core.outputs import CostKind
from streaming_worker.core.simulate import PendingTrade
from streaming_worker.core.units import E8, ceil_div
from streaming_worker.engine.state import BookView, EngineState


def is_exposed(state: EngineState) -> bool:
    """Return whether a trade that counts has one of its legs done."""
    return any(trade.is_primary and _legs(trade) for trade in state.pending)


def open_usd_e8(state: EngineState) -> int:
    """Return the marked result of every trade that counts and has a leg done, in USD x 1e8."""
    return sum(
        _marked(trade, state.books[trade.instrument]) for trade in state.pending if trade.is_primary and _legs(trade)
    )


def _legs(trade: PendingTrade) -> bool:
    return trade.cex_leg is not None or trade.pool_leg is not None


def _marked(trade: PendingTrade, view: BookView) -> int:
    """Cash and fees so far, the network cost, and the position at the best price against us; without one, as planned.

    Rounds: against us.
    """
    legs = [leg for leg in (trade.cex_leg, trade.pool_leg) if leg is not None]
    cash = sum(leg.cash_usd_e8 + leg.fee_usd_e8 for leg in legs)
    network = sum(item.value_usd_e8 for item in trade.plan.costs if item.kind is CostKind.NETWORK_COST)
    position = trade.position_e8
    best = view.book.best_bid if position > 0 else view.book.best_ask
    if best is not None and view.is_synced:
        return cash + network + position * best[0] // E8
    return cash + network - ceil_div(-position * trade.plan.cex_notional_usd_e8, trade.plan.size_e8)
