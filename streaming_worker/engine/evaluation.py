"""From a changed leg to an episode: gates in the order of RejectionReason, quick reject, plan, open, sample, close.

A refusal guards opening, sampling and closing alike: an open episode whose leg is refused closes with that cause.
"""

from streaming_worker.core.amm.pool_state import WhirlpoolMarket
from streaming_worker.core.events import ClockTick
from streaming_worker.core.opportunity import CostInputs, PlanLimits, Refusal, plan_trade
from streaming_worker.core.outputs import (
    CloseReason,
    Opportunity,
    OpportunityOpened,
    OpportunitySample,
    Output,
    RejectionCount,
    RejectionReason,
    RiskState,
    TradePlan,
)
from streaming_worker.core.quote import is_crossing
from streaming_worker.core.units import MILLIONTHS
from streaming_worker.engine import cycles, holdings
from streaming_worker.engine.costs import cost_inputs, rates_of
from streaming_worker.engine.digest import identity
from streaming_worker.engine.gates import CLOSING, is_live
from streaming_worker.engine.state import BookView, EngineState, Episode, PoolView, RouteView, Sample
from streaming_worker.engine.trades import is_busy, schedule


def evaluate(state: EngineState, view: RouteView) -> list[Output]:
    """Judge one route after one of its legs changed."""
    reason = _gate(state, view)
    if reason is not None:
        return _refuse(state, view, reason, None)
    best = view.book.book.best_ask if view.route.buys_on_cex else view.book.book.best_bid
    if best is None:
        return _refuse(state, view, RejectionReason.BOOK_EMPTY, None)
    market = view.pool.market
    if market is None:
        return _refuse(state, view, RejectionReason.POOL_NOT_SYNCED, None)
    if view.pool_price_e8 is None or view.pool_mid_e8 is None:
        return _refuse(state, view, RejectionReason.POOL_NO_LIQUIDITY, None)
    if _is_late(state, view.book, view.pool):
        return _refuse(state, view, RejectionReason.STALE_LEG, None)
    edge = gross_edge(buys_on_cex=view.route.buys_on_cex, cex_price_e8=best[0], pool_mid_e8=view.pool_mid_e8)
    return _price(state, view, market, edge=edge, cex_price_e8=best[0], pool_price_e8=view.pool_price_e8)


def flush_rejections(state: EngineState, tick: ClockTick) -> list[Output]:
    """Give out the interval's refusals, one row per route and reason, and start a new interval."""
    started = state.rejections_since_ns
    if started is None:
        state.rejections_since_ns = tick.received_ns
        return []
    if tick.received_ns - started < state.settings.rejection_interval_ns:
        return []
    state.rejections_since_ns = tick.received_ns
    outputs: list[Output] = cycles.flush_rejections(state, started, tick.received_ns) if state.cycles else []
    for view in state.routes:
        for reason, tally in view.tallies.items():
            outputs.append(
                RejectionCount(
                    instrument=view.route.instrument.key,
                    pool=view.route.pool.key,
                    direction=view.route.direction,
                    reason=reason,
                    count=tally.count,
                    best_edge_centibps=tally.best_edge_centibps,
                    interval_start_ns=started,
                    received_ns=tick.received_ns,
                    best_size_e8=tally.best_size_e8,
                    best_net_usd_e8=tally.best_net_usd_e8,
                )
            )
        view.tallies.clear()
    return outputs


def gross_edge(*, buys_on_cex: bool, cex_price_e8: int, pool_mid_e8: int) -> int:
    """Return the edge between the two reference prices over the CEX price, in hundredths of a basis point, floored."""
    difference = pool_mid_e8 - cex_price_e8 if buys_on_cex else cex_price_e8 - pool_mid_e8
    return difference * MILLIONTHS // cex_price_e8


def _price(
    state: EngineState, view: RouteView, market: WhirlpoolMarket, *, edge: int, cex_price_e8: int, pool_price_e8: int
) -> list[Output]:
    """Reject on two numbers; only a crossing pays for the size search."""
    rates = rates_of(state, view)
    if isinstance(rates, RejectionReason):
        return _refuse(state, view, rates, edge)
    if not is_crossing(view.route, cex_price_e8=cex_price_e8, pool_price_e8=pool_price_e8, costs=rates.proportional):
        return _refuse(state, view, RejectionReason.NO_EDGE, edge)
    if view.episode is None and is_busy(state, view.route):
        return _refuse(state, view, RejectionReason.LEG_BUSY, edge)
    inputs = cost_inputs(state, view, rates)
    if isinstance(inputs, RejectionReason):
        return _refuse(state, view, inputs, edge)
    return _plan(state, view, market, inputs, edge)


def _gate(state: EngineState, view: RouteView) -> RejectionReason | None:
    """Return the first gate that is shut; those of ``gates``, written out because every update comes here."""
    risk, book = state.risk, view.book
    if risk.state is not RiskState.ACTIVE:
        return RejectionReason.RISK_NOT_ACTIVE
    if state.late_ns > state.limits.max_late_ns:
        return RejectionReason.WORKER_LATE
    if state.now_ns < risk.cools_until_ns:
        return RejectionReason.COOLING_DOWN
    if view.is_halted:
        return RejectionReason.HALTED
    if not (is_live(state, book.feed) and is_live(state, view.pool.feed)):
        return RejectionReason.FEED_NOT_LIVE
    if not book.is_synced:
        return RejectionReason.BOOK_NOT_SYNCED
    return None if book.crossed_since_ns is None else RejectionReason.BOOK_CROSSED


def _is_late(state: EngineState, book: BookView, pool: PoolView) -> bool:
    """Return whether a leg is old: the book's last message came late by its venue's clock, or the chain stands.

    The chain's own clock has whole seconds and wanders, so that only the limit for old data is held against it.
    """
    limits = state.limits
    if book.lag_ns is not None and book.lag_ns > limits.max_lag_ns:
        return True
    chain = state.chains[pool.feed.name]
    if chain.lag_ns is not None and chain.lag_ns > limits.staleness_ns:
        return True
    return chain.slot_received_ns is None or state.now_ns - chain.slot_received_ns > limits.staleness_ns


def _refuse(
    state: EngineState, view: RouteView, reason: RejectionReason, edge: int | None, plan: TradePlan | None = None
) -> list[Output]:
    view.refuse(reason, edge, plan)
    if view.episode is None:
        return []
    return _close(state, view, view.episode, CLOSING.get(reason, CloseReason.EDGE_GONE))


def _plan(state: EngineState, view: RouteView, market: WhirlpoolMarket, inputs: CostInputs, edge: int) -> list[Output]:
    limits = state.limits
    chain, episode = state.chains[view.pool.feed.name], view.episode
    # Balances bind the opening: its own reservation must not end an episode, nor shrink its samples.
    taker = inputs.proportional.taker_millionths
    plan = plan_trade(
        view.route,
        view.book.book,
        market,
        inputs=inputs,
        limits=PlanLimits(limits.max_position_usd_e8, limits.threshold_millionths),
        funding=holdings.funding_of(state, view.route, taker, inputs.network_lamports) if episode is None else None,
        unix_timestamp=chain.unix_timestamp if chain.unix_timestamp is not None else 0,
    )
    if isinstance(plan, Refusal):
        if episode is not None and plan.reason is RejectionReason.BELOW_THRESHOLD and plan.plan is not None:
            view.refuse(plan.reason, edge, plan.plan)
            return _sample(state, episode, plan.plan)
        return _refuse(state, view, plan.reason, edge, plan.plan)
    if episode is not None:
        return _sample(state, episode, plan)
    return _open(state, view, market, plan, inputs)


def _open(
    state: EngineState, view: RouteView, market: WhirlpoolMarket, plan: TradePlan, inputs: CostInputs
) -> list[Output]:
    route, pool = view.route, view.pool
    opportunity_id = identity(
        route.key, state.now_ns, pool.slot, plan.size_e8, plan.cex_notional_usd_e8, plan.pool_amount_in,
        plan.pool_amount_out,
    )  # fmt: skip
    view.episode = Episode(
        opportunity_id=opportunity_id,
        opened_ns=state.now_ns,
        opened_slot=pool.slot,
        opening=plan,
        peak=plan,
        peaked_ns=state.now_ns,
        cex_age_ns=view.book.lag_ns,
        pool_age_ns=inputs.pool_age_ns,
    )
    view.episode.sample(plan, state.now_ns)
    schedule(state, view, market, view.episode, inputs)
    return [
        OpportunityOpened(
            opportunity_id=opportunity_id,
            instrument=route.instrument.key,
            pool=route.pool.key,
            direction=route.direction,
            plan=plan,
            received_ns=state.now_ns,
        )
    ]


def _sample(state: EngineState, episode: Episode, plan: TradePlan) -> list[Output]:
    episode.updates += 1
    if plan.net_usd_e8 > episode.peak.net_usd_e8:
        episode.peak, episode.peaked_ns = plan, state.now_ns
    episode.sample(plan, state.now_ns)
    return []


def _close(state: EngineState, view: RouteView, episode: Episode, reason: CloseReason) -> list[Output]:
    """End an episode: its row, then its samples."""
    view.episode = None
    closed = Opportunity(
        opportunity_id=episode.opportunity_id,
        instrument=view.route.instrument.key,
        pool=view.route.pool.key,
        direction=view.route.direction,
        opened_ns=episode.opened_ns,
        peaked_ns=episode.peaked_ns,
        closed_ns=state.now_ns,
        close_reason=reason,
        opened_slot=episode.opened_slot,
        updates=episode.updates,
        opening=episode.opening,
        peak=episode.peak,
        cex_age_ns=episode.cex_age_ns,
        pool_age_ns=episode.pool_age_ns,
        received_ns=state.now_ns,
    )
    return [closed, *(_sampled(episode, sample, state.now_ns) for sample in episode.samples)]


def _sampled(episode: Episode, sample: Sample, now_ns: int) -> OpportunitySample:
    return OpportunitySample(
        opportunity_id=episode.opportunity_id,
        sampled_ns=sample.sampled_ns,
        size_e8=sample.size_e8,
        gross_usd_e8=sample.gross_usd_e8,
        net_usd_e8=sample.net_usd_e8,
        net_edge_centibps=sample.net_edge_centibps,
        received_ns=now_ns,
    )
