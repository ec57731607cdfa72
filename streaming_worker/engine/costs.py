"""What a trade on a route costs now, each item with its source and age; what is missing or old is named, not zero."""

from streaming_worker.core.fees import lamports_to_usd_e8, sol_price_in_range, taker_fee_at
from streaming_worker.core.opportunity import CostInputs
from streaming_worker.core.quote import Proportional
from streaming_worker.core.reasons import RejectionReason
from streaming_worker.core.rebalancing_cost import lowest_rate_millionths
from streaming_worker.core.units import I64_MAX
from streaming_worker.engine import holdings
from streaming_worker.engine.gates import book_gate, is_live
from streaming_worker.engine.state import EngineState, PoolView, Rates, RouteView


def rates_of(state: EngineState, view: RouteView) -> Rates | RejectionReason:
    """Return the proportional costs in force; the reason when one is unknown or old.

    Cached until fees or balances change, or the price of the stable coin does.
    """
    rates = view.rates
    if (
        rates is not None
        and rates.from_ns <= state.now_ns < rates.until_ns
        and rates.holdings_version == state.holdings_version
    ):
        return rates if view.basis_book is None else _live_rates(state, view, rates)
    return _fresh_rates(state, view, None) if view.basis_book is None else _live_rates(state, view, None)


def cost_inputs(state: EngineState, view: RouteView, rates: Rates) -> CostInputs | RejectionReason:
    """Gather what the costs are made of; the reason without a usable SOL price or priority fee."""
    sol = _sol_price(state)
    if sol is None:
        return RejectionReason.SOL_PRICE_MISSING
    sol_price, sol_age = sol
    if sol_age > state.limits.max_sol_price_age_ns:
        return RejectionReason.SOL_PRICE_STALE
    network = _network(state, view.pool)
    if isinstance(network, RejectionReason):
        return network
    lamports, network_age = network
    return CostInputs(
        proportional=rates.proportional,
        taker_source=rates.taker_source,
        basis_source=rates.basis_source,
        basis_age_ns=0 if view.basis_book is None else state.now_ns - view.basis_book.received_ns,
        network_lamports=lamports,
        network_usd_e8=lamports_to_usd_e8(lamports, sol_price),
        network_source=_network_source(state),
        network_age_ns=max(sol_age, network_age),
        pool_age_ns=_pool_age(state, view.pool),
        book_age_ns=state.now_ns - view.book.received_ns,
        rebalancing=rates.rebalancing,
    )


def _live_rates(state: EngineState, view: RouteView, rates: Rates | None) -> Rates | RejectionReason:
    """Return the rates in force where the stable coin has a book of its own, anew whenever its price has moved."""
    basis = _live_basis(state, view)
    if isinstance(basis, RejectionReason):
        return basis
    if rates is not None and rates.proportional.basis_millionths == basis:
        return rates
    return _fresh_rates(state, view, basis)


def _fresh_rates(state: EngineState, view: RouteView, live_basis: int | None) -> Rates | RejectionReason:
    fees, instrument = state.settings.taker_fees, view.route.instrument
    fee = taker_fee_at(fees, venue=instrument.venue, symbol=instrument.symbol, now_ns=state.now_ns)
    basis = _configured_basis(view) if live_basis is None else (live_basis, _basis_source(view))
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


def _configured_basis(view: RouteView) -> tuple[int, str] | None:
    """Return (millionths, source) of turning the pool's quote asset into the book's; None when not configured."""
    basis = view.basis
    if view.route.instrument.quote == view.route.pool.quote:
        return 0, "same asset"
    if basis is None:
        return None
    return basis.receive_millionths if view.route.buys_on_cex else basis.pay_millionths, basis.source


def _live_basis(state: EngineState, view: RouteView) -> int | RejectionReason:
    """Return the millionths that the stable coin's own book gives now; the reason when it cannot be used or is old."""
    basis, book = view.basis, view.basis_book
    assert basis is not None
    assert book is not None
    best = book.book.best_bid if view.route.buys_on_cex else book.book.best_ask
    if best is None or book_gate(book) is not None or not is_live(state, book.feed):
        return RejectionReason.BASIS_MISSING
    if state.now_ns - book.received_ns > basis.max_age_ns:
        return RejectionReason.BASIS_STALE
    return basis.received_at(best[0]) if view.route.buys_on_cex else basis.paid_at(best[0])


def _basis_source(view: RouteView) -> str:
    assert view.basis_book is not None
    return f"book {view.basis_book.key}"


def _network(state: EngineState, pool: PoolView) -> tuple[int, int] | RejectionReason:
    """Return the expected lamports of one pool transaction, and the age of the priority fee that they contain."""
    network = state.settings.network_cost
    if network.priority_percentile is None:
        return network.lamports, 0
    if pool.priority is None:
        return RejectionReason.PRIORITY_FEE_MISSING
    age = state.now_ns - pool.priority.received_ns
    if age > network.max_age_ns:
        return RejectionReason.PRIORITY_FEE_STALE
    return network.lamports_at(network.priority_of(pool.priority.fees, network.priority_percentile)), age


def _network_source(state: EngineState) -> str:
    network = state.settings.network_cost
    return network.source if network.priority_percentile is None else f"p{network.priority_percentile} of recent fees"


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
