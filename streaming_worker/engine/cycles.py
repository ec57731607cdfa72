"""The second detector: triangular cycles inside one venue, by the same gates, episodes and simulation as the routes.

A turn that counts (the primary latency) reserves and moves shadow balances and counts for the day; home is at par with
money. Nothing here runs where no cycle is configured.
"""

from streaming_worker.core.cycle import Books, CycleFees, CyclePlan
from streaming_worker.core.cycle_outputs import CycleEpisode, CycleOpened, CycleOutput, CycleRejectionCount
from streaming_worker.core.cycle_search import CycleLimits, CycleRefusal, gains_at_best, plan_cycle
from streaming_worker.core.cycle_simulate import PendingCycle, flows_of_cycle, settle_cycle, trade_step
from streaming_worker.core.fees import taker_fee_at
from streaming_worker.core.inventory import Flow
from streaming_worker.core.outputs import Output
from streaming_worker.core.reasons import CloseReason, RejectionReason
from streaming_worker.core.units import I64_MAX
from streaming_worker.engine.digest import identity
from streaming_worker.engine.gates import CLOSING, book_gate, engine_gate, is_live
from streaming_worker.engine.state import BookView, CycleView, EngineState, OpenCycle


def evaluate_cycle(state: EngineState, view: CycleView) -> list[Output]:
    """Judge one cycle after one of its books changed."""
    reason = _gate(state, view)
    if reason is not None:
        return _refuse(state, view, reason, None)
    fees = _fees(state, view)
    if fees is None:
        return _refuse(state, view, RejectionReason.FEE_UNKNOWN, None)
    if not gains_at_best(view.cycle, _books(view), fees):
        return _refuse(state, view, RejectionReason.NO_EDGE, None)
    if view.episode is None and _is_busy(state, view):
        return _refuse(state, view, RejectionReason.LEG_BUSY, None)
    return _plan(state, view, fees)


def advance(state: EngineState, now_ns: int) -> list[Output]:
    """Trade every step that is due; finished turns are given out in queue order."""
    outputs: list[Output] = []
    remaining: list[PendingCycle] = []
    views = {view.cycle.key: view for view in state.cycles}
    for trade in state.pending_cycles:
        view = views[trade.cycle]
        while not trade.is_finished and now_ns >= trade.due_ns:
            book = view.books[len(trade.legs)]
            trade_step(trade, view.cycle, book.book if book.is_synced else None, now_ns)
        if trade.is_finished:
            outputs.append(_settle(state, view, trade, now_ns))
        else:
            remaining.append(trade)
    state.pending_cycles = remaining
    return outputs


def flush_rejections(state: EngineState, started_ns: int, now_ns: int) -> list[Output]:
    """Give out the interval's refusals, one row per cycle and reason."""
    outputs: list[Output] = []
    for view in state.cycles:
        for reason, tally in view.tallies.items():
            outputs.append(
                CycleRejectionCount(view.cycle.key, reason, tally.count, tally.best_net_e8, started_ns, now_ns)
            )
        view.tallies.clear()
    return outputs


def _gate(state: EngineState, view: CycleView) -> RejectionReason | None:
    reason = engine_gate(state)
    if reason is None and view.is_halted:
        reason = RejectionReason.HALTED
    for book in view.books:
        if reason is not None:
            return reason
        reason = _book_reason(state, book)
    return reason


def _book_reason(state: EngineState, book: BookView) -> RejectionReason | None:
    if not is_live(state, book.feed):
        return RejectionReason.FEED_NOT_LIVE
    reason = book_gate(book)
    if reason is not None:
        return reason
    if book.book.best_bid is None or book.book.best_ask is None:
        return RejectionReason.BOOK_EMPTY
    return RejectionReason.STALE_LEG if (book.lag_ns or 0) > state.limits.max_lag_ns else None


def _fees(state: EngineState, view: CycleView) -> CycleFees | None:
    """Return the taker fees of the three steps, held until one of them changes; None when one is unknown."""
    if view.fees is not None and state.now_ns < view.fees_until_ns:
        return view.fees
    schedule, venue = state.settings.taker_fees, view.cycle.venue
    lines = [
        taker_fee_at(schedule, venue=venue, symbol=step.instrument.symbol, now_ns=state.now_ns)
        for step in view.cycle.steps
    ]
    first, second, third = lines
    if first is None or second is None or third is None:
        return None
    view.fees = CycleFees(
        (first.millionths, second.millionths, third.millionths), view.settings.fee_asset, first.source
    )
    changes = [line.valid_from_ns for line in schedule if line.valid_from_ns > state.now_ns]
    view.fees_until_ns = min(changes, default=I64_MAX)
    return view.fees


def _is_busy(state: EngineState, view: CycleView) -> bool:
    """Return whether a trade that counts is on its way over a side of a book that this cycle needs."""
    taken = {(leg.instrument, leg.is_buy) for turn in state.pending_cycles if turn.is_primary for leg in turn.plan.legs}
    taken |= {(trade.instrument, trade.buys_on_cex) for trade in state.pending if trade.is_primary}
    return any((step.instrument.key, step.is_buy) in taken for step in view.cycle.steps)


def _plan(state: EngineState, view: CycleView, fees: CycleFees) -> list[Output]:
    cap = state.limits.max_position_usd_e8
    if state.inventory is not None and view.episode is None:
        cap = min(cap, state.inventory.free_e8(view.cycle.venue, view.cycle.home))
        if cap == 0:
            return _refuse(state, view, RejectionReason.INSUFFICIENT_INVENTORY, None)
    found = plan_cycle(view.cycle, _books(view), fees=fees, limits=CycleLimits(cap, state.limits.threshold_millionths))
    if isinstance(found, CycleRefusal):
        reason = RejectionReason(found.reason.value)
        if view.episode is not None and reason is RejectionReason.BELOW_THRESHOLD and found.plan is not None:
            view.refuse(reason, found.plan)
            return _sample(state, view.episode, found.plan)
        return _refuse(state, view, reason, found.plan)
    if view.episode is not None:
        return _sample(state, view.episode, found)
    return _open(state, view, found, fees)


def _open(state: EngineState, view: CycleView, plan: CyclePlan, fees: CycleFees) -> list[Output]:
    key = view.cycle.key
    opportunity_id = identity(key, state.now_ns, plan.spent_e8, plan.returned_e8, plan.dust_value_e8)
    view.episode = OpenCycle(opportunity_id, state.now_ns, plan, plan, state.now_ns)
    simulation = state.settings.simulation
    for latency_ns in simulation.ladder_ns:
        trade = PendingCycle(
            trade_id=identity(opportunity_id, latency_ns),
            opportunity_id=opportunity_id,
            cycle=key,
            plan=plan,
            fees=fees,
            latency_ns=latency_ns,
            decided_ns=state.now_ns,
            due_ns=state.now_ns + latency_ns,
            held_e8=plan.spent_e8,
            is_primary=latency_ns == simulation.primary_ns,
        )
        if state.inventory is not None and trade.is_primary:
            _reserve(state, view, trade)
        state.pending_cycles.append(trade)
    return [CycleOpened(opportunity_id, key, plan, state.now_ns)]


def _reserve(state: EngineState, view: CycleView, trade: PendingCycle) -> None:
    assert state.inventory is not None
    need = Flow(view.cycle.venue, view.cycle.home, -trade.plan.spent_e8)
    shortfall = state.inventory.reserve(trade.trade_id, (need,))
    assert shortfall is None, f"a planned turn needs more than is free: {shortfall}"
    trade.is_reserved = True


def _settle(state: EngineState, view: CycleView, trade: PendingCycle, now_ns: int) -> CycleOutput:
    first, second, third = (book.book if book.is_synced else None for book in view.books)
    done = settle_cycle(trade, view.cycle, (first, second, third), now_ns)
    if state.inventory is not None and trade.is_reserved:
        shortfall = state.inventory.settle(trade.trade_id, flows_of_cycle(view.cycle, done))
        assert shortfall is None, f"a turn moved more than it could pay for: {shortfall}"
        state.holdings_version += 1
    if trade.is_primary:
        state.risk.on_realised(done.realised_net_e8)
    return done


def _sample(state: EngineState, episode: OpenCycle, plan: CyclePlan) -> list[Output]:
    episode.updates += 1
    if plan.net_e8 > episode.peak.net_e8:
        episode.peak, episode.peaked_ns = plan, state.now_ns
    return []


def _refuse(state: EngineState, view: CycleView, reason: RejectionReason, plan: CyclePlan | None) -> list[Output]:
    view.refuse(reason, plan)
    episode = view.episode
    if episode is None:
        return []
    view.episode = None
    return [
        CycleEpisode(
            opportunity_id=episode.opportunity_id,
            cycle=view.cycle.key,
            opened_ns=episode.opened_ns,
            peaked_ns=episode.peaked_ns,
            closed_ns=state.now_ns,
            close_reason=CLOSING.get(reason, CloseReason.EDGE_GONE),
            updates=episode.updates,
            opening=episode.opening,
            peak=episode.peak,
            received_ns=state.now_ns,
        )
    ]


def _books(view: CycleView) -> Books:
    first, second, third = view.books
    return first.book, second.book, third.book
