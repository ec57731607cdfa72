"""What a trade would have done: each leg on the market as it is when the leg arrives, lone legs unwound.

Cash is signed from our side. The realised stack uses the same items as the predicted one, so the two compare line
by line; what a leg lost against the decision's reference prices shows as slippage or price impact.
"""

import msgspec

from streaming_worker.core.amm.pool_state import WhirlpoolMarket
from streaming_worker.core.amm.swap import SwapQuote, SwapRefusal
from streaming_worker.core.book import Book
from streaming_worker.core.fees import fee_amount
from streaming_worker.core.funding import FundingTerms, affordable_size
from streaming_worker.core.opportunity import pool_cash_e8, pool_fee_e8
from streaming_worker.core.outputs import (
    CostItem,
    CostKind,
    Direction,
    LatencyModel,
    LegKind,
    LegStatus,
    SimulatedLeg,
    SimulatedTrade,
    TradePlan,
)
from streaming_worker.core.quote import swap_base
from streaming_worker.core.route import Route
from streaming_worker.core.units import MILLIONTHS


class PendingTrade(msgspec.Struct):
    """A simulated trade on its way; part of the keyframe.

    ``reference_pool_e8`` is what the size was worth at the pool's marginal price when decided. ``unwind_due_ns`` is
    set once both legs are known and leave a position. ``funding`` is set for a trade that has a reservation.
    ``is_primary``: the trade counts for PnL, risk and balances; the others are what-ifs.
    """

    trade_id: str
    opportunity_id: str
    instrument: str
    pool: str
    direction: Direction
    plan: TradePlan
    latency_ns: int
    decided_ns: int
    due_ns: int
    due_slot: int
    reference_pool_e8: int
    taker_millionths: int
    basis_millionths: int
    tolerance_millionths: int
    latency_model: LatencyModel = LatencyModel.FIXED
    is_primary: bool = False
    funding: FundingTerms | None = None
    cex_leg: SimulatedLeg | None = None
    pool_leg: SimulatedLeg | None = None
    pool_fee_e8: int = 0
    unwind_leg: SimulatedLeg | None = None
    unwind_due_ns: int | None = None

    @property
    def buys_on_cex(self) -> bool:
        """Whether the order book is the buying leg."""
        return self.direction is Direction.BUY_CEX_SELL_POOL

    @property
    def position_e8(self) -> int:
        """Return base bought minus base sold over all legs so far."""
        cex_sign = 1 if self.buys_on_cex else -1
        cex = self.cex_leg.size_e8 if self.cex_leg is not None else 0
        pool = self.pool_leg.size_e8 if self.pool_leg is not None else 0
        return cex_sign * (cex - pool)


def fill_cex_leg(trade: PendingTrade, book: Book | None, now_ns: int, *, budget_e8: int | None = None) -> None:
    """Fill the order-book leg on the book as it is; without a synced book the order misses.

    A purchase takes no more than ``budget_e8`` (quote, fee included) pays for; None has no limit.
    """
    size = trade.plan.size_e8
    if book is not None and trade.buys_on_cex and budget_e8 is not None:
        levels, taker = book.asks_from_best(), trade.taker_millionths
        size = affordable_size(levels, size_e8=size, budget_e8=budget_e8, taker_millionths=taker)
    trade.cex_leg = _take(
        LegKind.CEX, book, size, is_buy=trade.buys_on_cex, trade=trade, due_ns=trade.due_ns, now_ns=now_ns
    )


def land_pool_leg(
    trade: PendingTrade, route: Route, market: WhirlpoolMarket, *, slot: int, unix_timestamp: int, now_ns: int
) -> None:
    """Land the pool leg on the pool as it is; it reverts past its minimum output and still pays the network."""
    swap = swap_base(route, market, size_e8=trade.plan.size_e8, unix_timestamp=unix_timestamp)
    if isinstance(swap, SwapRefusal) or _is_past_limit(trade, swap):
        trade.pool_leg = SimulatedLeg(LegKind.POOL, LegStatus.REVERTED, trade.due_ns, now_ns, 0, 0, 0, slot)
        return
    cash = pool_cash_e8(route, swap)
    trade.pool_fee_e8 = pool_fee_e8(route, swap, market)
    trade.pool_leg = SimulatedLeg(
        LegKind.POOL,
        LegStatus.FILLED,
        trade.due_ns,
        now_ns,
        trade.plan.size_e8,
        cash if trade.buys_on_cex else -cash,
        0,
        slot,
    )


def can_unwind(trade: PendingTrade, book: Book, *, budget_e8: int | None = None) -> bool:
    """Return whether the book takes the whole open position now, and the budget (None: any) pays for buying it."""
    position = trade.position_e8
    if position > 0:
        return book.sweep_bids(position).is_complete
    sweep = book.sweep_asks(-position)
    cost = sweep.notional_e8 + fee_amount(sweep.notional_e8, trade.taker_millionths)
    return sweep.is_complete and (budget_e8 is None or cost <= budget_e8)


def unwind(trade: PendingTrade, book: Book, now_ns: int) -> None:
    """Close what the legs left open, at market."""
    position = trade.position_e8
    trade.unwind_leg = _take(
        LegKind.UNWIND,
        book,
        abs(position),
        is_buy=position < 0,
        trade=trade,
        due_ns=trade.unwind_due_ns if trade.unwind_due_ns is not None else now_ns,
        now_ns=now_ns,
    )


def settle(trade: PendingTrade, now_ns: int) -> SimulatedTrade:
    """Add up a finished trade. Gross plus the cost items equals the net, exactly.

    The net is cash, taker fees, network cost, stable basis and rebalancing; the last only where the pool leg landed,
    because nothing else moves anything between venues.
    """
    legs = tuple(leg for leg in (trade.cex_leg, trade.pool_leg, trade.unwind_leg) if leg is not None)
    by_kind = {leg.kind: leg for leg in legs}
    pool = by_kind[LegKind.POOL]
    taker = sum(leg.fee_usd_e8 for leg in legs if leg.kind is not LegKind.POOL)
    planned = {item.kind: item for item in trade.plan.costs}
    network = planned[CostKind.NETWORK_COST].value_usd_e8
    basis = -fee_amount(abs(pool.cash_usd_e8), trade.basis_millionths)
    is_landed = pool.status is LegStatus.FILLED
    rebalancing = planned[CostKind.REBALANCING].value_usd_e8 if is_landed else 0
    net = sum(leg.cash_usd_e8 for leg in legs) + taker + network + basis + rebalancing
    gross = trade.plan.gross_usd_e8 if is_landed else 0
    impact = _price_impact(trade, pool) if is_landed else 0
    slippage = net - gross - taker + trade.pool_fee_e8 - impact - network - basis - rebalancing
    values = (taker, -trade.pool_fee_e8, slippage, impact, network, basis, rebalancing)
    return SimulatedTrade(
        trade_id=trade.trade_id,
        opportunity_id=trade.opportunity_id,
        instrument=trade.instrument,
        pool=trade.pool,
        direction=trade.direction,
        latency_ns=trade.latency_ns,
        decided_ns=trade.decided_ns,
        completed_ns=now_ns,
        size_e8=trade.plan.size_e8,
        predicted=trade.plan,
        legs=legs,
        costs=tuple(CostItem(kind, value, "simulation", 0) for kind, value in zip(CostKind, values, strict=True)),
        gross_usd_e8=gross,
        realised_net_usd_e8=net,
        received_ns=now_ns,
        latency_model=trade.latency_model,
    )


def _price_impact(trade: PendingTrade, pool: SimulatedLeg) -> int:
    """Return what the landed pool leg lost against the decision's marginal price, besides its fee; negative: lost."""
    reference = trade.reference_pool_e8 if trade.buys_on_cex else -trade.reference_pool_e8
    return pool.cash_usd_e8 - reference + trade.pool_fee_e8


def _is_past_limit(trade: PendingTrade, swap: SwapQuote[WhirlpoolMarket]) -> bool:
    if trade.buys_on_cex:
        least = trade.plan.pool_amount_out * (MILLIONTHS - trade.tolerance_millionths) // MILLIONTHS
        return swap.amount_out < least
    most = -(-trade.plan.pool_amount_in * (MILLIONTHS + trade.tolerance_millionths) // MILLIONTHS)
    return swap.amount_in > most


def _take(
    kind: LegKind,
    book: Book | None,
    size_e8: int,
    *,
    is_buy: bool,
    trade: PendingTrade,
    due_ns: int,
    now_ns: int,
) -> SimulatedLeg:
    if book is None:
        return SimulatedLeg(kind, LegStatus.MISSED, due_ns, now_ns, 0, 0, 0, None)
    sweep = book.sweep_asks(size_e8) if is_buy else book.sweep_bids(size_e8)
    is_whole = sweep.is_complete and sweep.filled_e8 == (trade.plan.size_e8 if kind is LegKind.CEX else size_e8)
    status = LegStatus.FILLED if is_whole else LegStatus.PARTIAL
    if sweep.filled_e8 == 0:
        status = LegStatus.MISSED
    cash = -sweep.notional_e8 if is_buy else sweep.notional_e8
    fee = -fee_amount(sweep.notional_e8, trade.taker_millionths)
    return SimulatedLeg(kind, status, due_ns, now_ns, sweep.filled_e8, cash, fee, None)
