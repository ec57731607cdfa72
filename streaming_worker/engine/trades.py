"""The queue of simulated trades: schedule on opening, fill legs when due, settle, tell risk.

Order-book legs fill on the book as it stood when they were due (before the next event is applied); pool legs land when
the chain reaches their slot.
"""

from streaming_worker.core.amm.pool_state import WhirlpoolMarket
from streaming_worker.core.grade import grade_episode, rung_of
from streaming_worker.core.opportunity import CostInputs
from streaming_worker.core.outputs import EpisodeGrade, LatencyModel, Output, SimulatedTrade
from streaming_worker.core.route import Route
from streaming_worker.core.simulate import (
    PendingTrade,
    can_unwind,
    fill_cex_leg,
    land_pool_leg,
    settle,
    unwind,
)
from streaming_worker.engine import holdings
from streaming_worker.engine.digest import identity
from streaming_worker.engine.latency import rungs_of
from streaming_worker.engine.state import BookView, EngineState, Episode, RouteView


def schedule(
    state: EngineState, view: RouteView, market: WhirlpoolMarket, episode: Episode, inputs: CostInputs
) -> None:
    """Queue one simulated trade per latency of the ladder."""
    costs = inputs.proportional
    settings, route, plan = state.settings, view.route, episode.opening
    reference = route.pool_value_e8(market.pool.sqrt_price_x64, plan.size_e8, round_up=not route.buys_on_cex)
    chain_slot = state.chains[view.pool.feed.name].slot
    slot = view.pool.slot if chain_slot is None else max(chain_slot, view.pool.slot)
    for model, latency_ns in rungs_of(settings.simulation, episode.opportunity_id):
        is_fixed = model is LatencyModel.FIXED
        trade = PendingTrade(
            trade_id=identity(episode.opportunity_id, latency_ns if is_fixed else model.value),
            opportunity_id=episode.opportunity_id,
            instrument=route.instrument.key,
            pool=route.pool.key,
            direction=route.direction,
            plan=plan,
            latency_ns=latency_ns,
            decided_ns=state.now_ns,
            due_ns=state.now_ns + latency_ns,
            due_slot=slot + settings.simulation.landing_slots,
            reference_pool_e8=reference,
            taker_millionths=costs.taker_millionths,
            basis_millionths=costs.basis_millionths,
            tolerance_millionths=state.limits.min_output_tolerance_millionths,
            latency_model=model,
            is_primary=is_fixed and latency_ns == settings.simulation.primary_ns,
        )
        if state.inventory is not None and trade.is_primary:
            terms = holdings.funding_terms(state, costs.taker_millionths, inputs.network_lamports)
            holdings.reserve(state, state.inventory, route, trade, terms)
        state.pending.append(trade)


def is_busy(state: EngineState, route: Route) -> bool:
    """Return whether a trade that counts is on its way on the same side of the book or in the same pool.

    Its fills do not show in the recorded market, so a second trade would be filled from the same liquidity again.
    """
    is_pending = any(
        trade.pool == route.pool.key
        or (trade.instrument == route.instrument.key and trade.direction is route.direction)
        for trade in state.pending
        if trade.is_primary
    )
    return is_pending or is_in_cycle(state, route.instrument.key, is_buy=route.buys_on_cex)


def is_in_cycle(state: EngineState, instrument: str, *, is_buy: bool) -> bool:
    """Return whether a turn of a cycle that counts is on its way over one side of a book."""
    return any(
        leg.instrument == instrument and leg.is_buy is is_buy
        for pending in state.pending_cycles
        if pending.is_primary
        for leg in pending.plan.legs
    )


def advance(state: EngineState, now_ns: int) -> list[Output]:
    """Move every pending trade as far as the present state allows; settled ones are given out in queue order."""
    outputs: list[Output] = []
    remaining: list[PendingTrade] = []
    for trade in state.pending:
        _fill_due_legs(state, trade, now_ns)
        if _is_finished(state, trade, now_ns):
            outputs += _settle(state, trade, now_ns)
        else:
            remaining.append(trade)
    state.pending = remaining
    return outputs


def _fill_due_legs(state: EngineState, trade: PendingTrade, now_ns: int) -> None:
    if trade.cex_leg is None and now_ns >= trade.due_ns:
        view = state.books[trade.instrument]
        book = view.book if view.is_synced else None
        fill_cex_leg(trade, book, now_ns, budget_e8=holdings.budget_e8(state, trade))
        holdings.hold(state, trade)
    if trade.pool_leg is None and now_ns >= trade.due_ns:
        _land_when_reached(state, trade, now_ns)


def _land_when_reached(state: EngineState, trade: PendingTrade, now_ns: int) -> None:
    pool = state.pools[trade.pool]
    chain = state.chains[pool.feed.name]
    if chain.slot is None or chain.slot < trade.due_slot or pool.market is None:
        return
    land_pool_leg(
        trade,
        _route_of(state, trade),
        pool.market,
        slot=chain.slot,
        unix_timestamp=chain.unix_timestamp if chain.unix_timestamp is not None else 0,
        now_ns=now_ns,
    )


def _route_of(state: EngineState, trade: PendingTrade) -> Route:
    routes = (view.route for view in state.pools[trade.pool].routes)
    return next(r for r in routes if r.instrument.key == trade.instrument and r.direction is trade.direction)


def _is_finished(state: EngineState, trade: PendingTrade, now_ns: int) -> bool:
    if trade.cex_leg is None or trade.pool_leg is None:
        return False
    if trade.position_e8 == 0:
        return True
    if trade.unwind_due_ns is None:
        trade.unwind_due_ns = now_ns + trade.latency_ns
    book = state.books[trade.instrument]
    if now_ns < trade.unwind_due_ns or not book.is_synced or not _can_unwind(state, trade, book):
        return False
    unwind(trade, book.book, now_ns)
    return True


def _can_unwind(state: EngineState, trade: PendingTrade, book: BookView) -> bool:
    """A position that cannot be bought back stays open, marked at market, until its exchange holds enough."""
    return can_unwind(trade, book.book, budget_e8=holdings.budget_e8(state, trade))


def _settle(state: EngineState, trade: PendingTrade, now_ns: int) -> list[Output]:
    done = settle(trade, now_ns)
    holdings.book_trade(state, _route_of(state, trade), trade, done)
    outputs: list[Output] = [done]
    outputs += _grade(state, done)
    if trade.is_primary:
        state.risk.on_realised(done.realised_net_usd_e8)
    return outputs


def _grade(state: EngineState, done: SimulatedTrade) -> list[EpisodeGrade]:
    """Grade the episode of a settled trade once its whole ladder has settled; draws do not count."""
    if done.latency_model is not LatencyModel.FIXED:
        return []
    simulation, rungs = state.settings.simulation, state.rungs.setdefault(done.opportunity_id, [])
    rungs.append(rung_of(done))
    ladder, primary = simulation.ladder_ns, simulation.primary_ns
    grade = grade_episode(done.opportunity_id, rungs, ladder_ns=ladder, primary_ns=primary, now_ns=state.now_ns)
    if grade is None:
        return []
    del state.rungs[done.opportunity_id]
    return [grade]
