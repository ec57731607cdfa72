"""From a changed leg to an episode: gates in the order of RejectionReason, quick reject, plan, open, sample, close.

A refusal guards opening, sampling and closing alike: an open episode whose leg is refused closes with that cause.
"""

from streaming_worker.core.amm.pool_state import WhirlpoolMarket
from streaming_worker.core.events import ClockTick
from streaming_worker.core.fees import NetworkCost, lamports_to_usd_e8, sol_price_in_range, taker_fee_at
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
from streaming_worker.core.quote import Proportional, is_crossing
from streaming_worker.core.rebalancing_cost import lowest_rate_millionths
from streaming_worker.core.units import I64_MAX, MILLIONTHS
from streaming_worker.engine import holdings
from streaming_worker.engine.digest import identity
from streaming_worker.engine.state import BookView, EngineState, Episode, FeedStatus, PoolView, Rates, RouteView, Sample
from streaming_worker.engine.trades import is_busy, schedule

_CLOSING = {
    RejectionReason.RISK_NOT_ACTIVE: CloseReason.RISK,
    RejectionReason.WORKER_LATE: CloseReason.STALE_LEG,
    RejectionReason.FEED_NOT_LIVE: CloseReason.LEG_LOST,
    RejectionReason.BOOK_NOT_SYNCED: CloseReason.LEG_LOST,
    RejectionReason.POOL_NOT_SYNCED: CloseReason.LEG_LOST,
    RejectionReason.STALE_LEG: CloseReason.STALE_LEG,
}


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
    outputs: list[Output] = []
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


def is_live(state: EngineState, feed: FeedStatus) -> bool:
    """Return whether a feed is connected and showed a sign of life within the staleness limit."""
    alive = feed.last_alive_ns
    return feed.is_connected and alive is not None and state.now_ns - alive <= state.limits.staleness_ns


def _price(
    state: EngineState, view: RouteView, market: WhirlpoolMarket, *, edge: int, cex_price_e8: int, pool_price_e8: int
) -> list[Output]:
    """Reject on two numbers; only a crossing pays for the size search."""
    rates = _rates(state, view)
    if isinstance(rates, RejectionReason):
        return _refuse(state, view, rates, edge)
    if not is_crossing(view.route, cex_price_e8=cex_price_e8, pool_price_e8=pool_price_e8, costs=rates.proportional):
        return _refuse(state, view, RejectionReason.NO_EDGE, edge)
    if view.episode is None and is_busy(state, view.route):
        return _refuse(state, view, RejectionReason.LEG_BUSY, edge)
    inputs = _cost_inputs(state, view, rates)
    if isinstance(inputs, RejectionReason):
        return _refuse(state, view, inputs, edge)
    return _plan(state, view, market, inputs, edge)


def _rates(state: EngineState, view: RouteView) -> Rates | RejectionReason:
    """Return the proportional costs in force, cached until fees or balances change; the reason when one is unknown."""
    rates = view.rates
    if (
        rates is not None
        and rates.from_ns <= state.now_ns < rates.until_ns
        and rates.holdings_version == state.holdings_version
    ):
        return rates
    fees, instrument = state.settings.taker_fees, view.route.instrument
    fee = taker_fee_at(fees, venue=instrument.venue, symbol=instrument.symbol, now_ns=state.now_ns)
    basis = _basis(state, view)
    if fee is None or basis is None:
        return RejectionReason.FEE_UNKNOWN
    rebalancing = holdings.rebalancing_of(state, view.route)
    if rebalancing is None and state.inventory is not None:
        return RejectionReason.REBALANCING_UNKNOWN
    changes = [line.valid_from_ns for line in fees if line.valid_from_ns > state.now_ns]
    view.rates = Rates(
        proportional=Proportional(
            fee.millionths, basis[0], 0 if rebalancing is None else lowest_rate_millionths(rebalancing)
        ),
        taker_source=fee.source,
        basis_source=basis[1],
        from_ns=state.now_ns,
        until_ns=min(changes, default=I64_MAX),
        rebalancing=rebalancing,
        holdings_version=state.holdings_version,
    )
    return view.rates


def _cost_inputs(state: EngineState, view: RouteView, rates: Rates) -> CostInputs | RejectionReason:
    """Gather what the costs are made of; the reason without a usable SOL price."""
    sol = _sol_price(state)
    if sol is None:
        return RejectionReason.SOL_PRICE_MISSING
    sol_price, sol_age = sol
    if sol_age > state.limits.max_sol_price_age_ns:
        return RejectionReason.SOL_PRICE_STALE
    network: NetworkCost = state.settings.network_cost
    return CostInputs(
        proportional=rates.proportional,
        taker_source=rates.taker_source,
        basis_source=rates.basis_source,
        network_usd_e8=lamports_to_usd_e8(network.lamports, sol_price),
        network_source=network.source,
        network_age_ns=sol_age,
        pool_age_ns=_pool_age(state, view.pool),
        book_age_ns=state.now_ns - view.book.received_ns,
        rebalancing=rates.rebalancing,
    )


def _gate(state: EngineState, view: RouteView) -> RejectionReason | None:
    book, pool = view.book, view.pool
    if state.risk.state is not RiskState.ACTIVE:
        return RejectionReason.RISK_NOT_ACTIVE
    if state.late_ns > state.limits.max_late_ns:
        return RejectionReason.WORKER_LATE
    if state.now_ns < state.risk.cools_until_ns:
        return RejectionReason.COOLING_DOWN
    if not (is_live(state, book.feed) and is_live(state, pool.feed)):
        return RejectionReason.FEED_NOT_LIVE
    if not book.is_synced:
        return RejectionReason.BOOK_NOT_SYNCED
    if book.crossed_since_ns is not None:
        return RejectionReason.BOOK_CROSSED
    return None


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
    return _close(state, view, view.episode, _CLOSING.get(reason, CloseReason.EDGE_GONE))


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
        funding=holdings.funding_of(state, view.route, taker) if episode is None else None,
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
    schedule(state, view, market, view.episode, inputs.proportional)
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


def _basis(state: EngineState, view: RouteView) -> tuple[int, str] | None:
    """Return (millionths, source) of turning the pool's quote asset into the book's; None when not configured."""
    book_quote, pool_quote = view.route.instrument.quote, view.route.pool.quote
    if book_quote == pool_quote:
        return 0, "same asset"
    for basis in state.settings.stable_bases:
        if basis.asset == pool_quote and basis.against == book_quote:
            return (
                basis.receive_millionths if view.route.buys_on_cex else basis.pay_millionths,
                basis.source,
            )
    return None


def _sol_price(state: EngineState) -> tuple[int, int] | None:
    """Return the SOL ask (against us: we buy it for fees) and its age, from the freshest book configured for it.

    Of books of one age the first in configured order counts.
    """
    freshest: tuple[int, int] | None = None
    for key in state.settings.sol_price_instruments:
        view = state.books[key]
        ask, age = view.book.best_ask, state.now_ns - view.received_ns
        is_usable = view.is_synced and ask is not None and sol_price_in_range(ask[0]) and is_live(state, view.feed)
        if is_usable and ask is not None and (freshest is None or age < freshest[1]):
            freshest = ask[0], age
    return freshest


def _pool_age(state: EngineState, pool: PoolView) -> int:
    """Return the time since the node last reported a slot: until then the pool is known to be as held."""
    received = state.chains[pool.feed.name].slot_received_ns
    return state.now_ns - (received if received is not None else pool.received_ns)
