"""What a trade asks of the shadow balances, how much of it they can pay for, and what it moved in the end.

The one place that knows which leg takes which asset from which venue. It changes no balance.
"""

from collections.abc import Iterator

import msgspec

from streaming_worker.core.amm.pool_state import WhirlpoolMarket
from streaming_worker.core.amm.swap import SwapRefusal
from streaming_worker.core.amm.whirlpool import quote_exact_in
from streaming_worker.core.book import Book
from streaming_worker.core.depth import size_for_notional
from streaming_worker.core.fees import fee_amount
from streaming_worker.core.inventory import Flow, Inventory
from streaming_worker.core.outputs import LegKind, SimulatedTrade, TradePlan
from streaming_worker.core.quote import swap_base
from streaming_worker.core.route import Route
from streaming_worker.core.units import E8, LAMPORTS_PER_SOL, MILLIONTHS, ceil_div

NETWORK_ASSET = "SOL"
_ROUNDINGS_E8 = 4  # what the two fees and the slack of an unwind can round up, together


class Funds(msgspec.Struct, frozen=True, gc=False):
    """The free balances that a route draws on. Units: asset x 1e8; ``network_e8`` is SOL at the pool's venue."""

    cex_base_e8: int
    cex_quote_e8: int
    pool_base_e8: int
    pool_quote_e8: int
    network_e8: int


class FundingTerms(msgspec.Struct, frozen=True, gc=False):
    """What makes a trade dearer than its plan.

    Units: millionths; ``slack_millionths`` is how much more than planned a leg may take when it arrives (for the pool
    leg the minimum-output tolerance); ``network_lamports`` is the cost of one pool transaction.
    """

    taker_millionths: int
    slack_millionths: int
    network_lamports: int


class Funding(msgspec.Struct, frozen=True, gc=False):
    """What a trade can draw on and what makes it dearer than its plan."""

    funds: Funds
    terms: FundingTerms


def funds_of(inventory: Inventory, route: Route) -> Funds:
    """Return the free balances that a route draws on."""
    cex, pool = route.instrument, route.pool
    return Funds(
        cex_base_e8=inventory.free_e8(cex.venue, cex.base),
        cex_quote_e8=inventory.free_e8(cex.venue, cex.quote),
        pool_base_e8=inventory.free_e8(pool.venue, pool.base),
        pool_quote_e8=inventory.free_e8(pool.venue, pool.quote),
        network_e8=inventory.free_e8(pool.venue, NETWORK_ASSET),
    )


def fundable_size(
    route: Route,
    book: Book,
    market: WhirlpoolMarket,
    *,
    size_e8: int,
    funds: Funds,
    terms: FundingTerms,
    unix_timestamp: int,
) -> int | SwapRefusal:
    """Return the largest size, at most ``size_e8``, whose needs (``needs_of``) the free balances cover.

    Units:  base x 1e8. Each balance limits for itself: quote for buying (taker fee and slack included), base for
            selling, SOL for the network, and on the selling exchange the loss of buying back should the pool revert.
    Rounds: down to the lot. Without enough SOL for the network nothing can be traded.
    """
    network = network_e8(terms)
    if network > funds.network_e8:
        return 0
    if route.buys_on_cex:
        reserved = network if route.pool.base == NETWORK_ASSET else 0
        size = min(size_e8, funds.pool_base_e8 - reserved)
        size = _size_within(book.asks_from_best(), size, _buying_notional(funds.cex_quote_e8, terms))
        return size - size % route.lot_e8
    size = min(size_e8, funds.cex_base_e8)
    size = _size_within(book.bids_from_best(), size, _selling_notional(funds.cex_quote_e8, terms))
    return _pool_size(route, market, size - size % route.lot_e8, funds, terms, unix_timestamp)


def needs_of(route: Route, plan: TradePlan, terms: FundingTerms) -> tuple[Flow, ...]:
    """Return what to reserve for a plan, as outflows. Rounds: up.

    The exchange that sells keeps quote for the case that the pool reverts and the sale is bought back at market.
    """
    cex, pool, notional = route.instrument, route.pool, plan.cex_notional_usd_e8
    network = Flow(pool.venue, NETWORK_ASSET, -network_e8(terms))
    if route.buys_on_cex:
        return (
            Flow(cex.venue, cex.quote, -_cost_of_buying(notional, terms)),
            Flow(pool.venue, pool.base, -plan.size_e8),
            network,
        )
    return (
        Flow(pool.venue, pool.quote, -_with_slack(plan.pool_amount_in, terms) * route.quote_scale),
        Flow(cex.venue, cex.base, -plan.size_e8),
        Flow(cex.venue, cex.quote, -_loss_of_buying_back(notional, terms)),
        network,
    )


def affordable_size(levels: Iterator[tuple[int, int]], *, size_e8: int, budget_e8: int, taker_millionths: int) -> int:
    """Return how much of a size a budget buys from the levels, taker fee included.

    Units: base x 1e8; the budget in quote x 1e8. Rounds: down, so that notional and fee never exceed the budget.
    """
    notional = max(0, budget_e8) * MILLIONTHS // (MILLIONTHS + taker_millionths)
    return size_for_notional(levels, notional, most_e8=size_e8)


def flows_of(route: Route, trade: SimulatedTrade, terms: FundingTerms) -> tuple[Flow, ...]:
    """Return what a settled trade moved: every leg's base, its cash with the taker fee, and the network cost in SOL.

    The stable basis is a valuation and moves nothing. A leg without a fill moves nothing.
    """
    flows: list[Flow] = []
    for leg in trade.legs:
        if leg.size_e8 == 0:
            continue
        place = route.pool if leg.kind is LegKind.POOL else route.instrument
        # A purchase always costs at least one unit, because it rounds up.
        base = leg.size_e8 if leg.cash_usd_e8 < 0 else -leg.size_e8
        flows.append(Flow(place.venue, place.base, base))
        flows.append(Flow(place.venue, place.quote, leg.cash_usd_e8 + leg.fee_usd_e8))
    flows.append(Flow(route.pool.venue, NETWORK_ASSET, -network_e8(terms)))
    return tuple(flows)


def network_e8(terms: FundingTerms) -> int:
    """Return the cost of one pool transaction in SOL x 1e8. Rounds: up, against us."""
    return ceil_div(terms.network_lamports * E8, LAMPORTS_PER_SOL)


def _with_slack(amount: int, terms: FundingTerms) -> int:
    return ceil_div(amount * (MILLIONTHS + terms.slack_millionths), MILLIONTHS)


def _cost_of_buying(notional_e8: int, terms: FundingTerms) -> int:
    return _with_slack(notional_e8 + fee_amount(notional_e8, terms.taker_millionths), terms)


def _loss_of_buying_back(notional_e8: int, terms: FundingTerms) -> int:
    return _cost_of_buying(notional_e8, terms) - (notional_e8 - fee_amount(notional_e8, terms.taker_millionths))


def _buying_notional(quote_e8: int, terms: FundingTerms) -> int:
    """Return the largest notional whose cost of buying fits; exact, because each step undoes one rounding up."""
    before_slack = quote_e8 * MILLIONTHS // (MILLIONTHS + terms.slack_millionths)
    return before_slack * MILLIONTHS // (MILLIONTHS + terms.taker_millionths)


def _selling_notional(quote_e8: int, terms: FundingTerms) -> int | None:
    """Return a notional whose loss of buying back fits, short of the largest by the roundings; None: any fits."""
    taker, slack = terms.taker_millionths, terms.slack_millionths
    rate = (MILLIONTHS + taker) * (MILLIONTHS + slack) - MILLIONTHS * (MILLIONTHS - taker)
    if rate == 0:
        return None
    return max(0, quote_e8 - _ROUNDINGS_E8) * MILLIONTHS * MILLIONTHS // rate


def _size_within(levels: Iterator[tuple[int, int]], size_e8: int, notional_e8: int | None) -> int:
    """Return how much of a size the levels trade for a notional, rounded up once per level; None has no limit."""
    return size_e8 if notional_e8 is None else size_for_notional(levels, notional_e8, most_e8=size_e8)


def _pool_size(
    route: Route, market: WhirlpoolMarket, size_e8: int, funds: Funds, terms: FundingTerms, unix_timestamp: int
) -> int | SwapRefusal:
    """Return how much of a lot-rounded size the pool's quote balance buys."""
    budget = funds.pool_quote_e8 // route.quote_scale * MILLIONTHS // (MILLIONTHS + terms.slack_millionths)
    if size_e8 == 0 or budget == 0:
        return 0
    whole = swap_base(route, market, size_e8=size_e8, unix_timestamp=unix_timestamp)
    if isinstance(whole, SwapRefusal) or whole.amount_in <= budget:
        return whole if isinstance(whole, SwapRefusal) else size_e8
    part = quote_exact_in(market, amount=budget, a_to_b=False, unix_timestamp=unix_timestamp)
    if isinstance(part, SwapRefusal):
        return part
    size = route.raw_to_base(part.amount_out)
    return size - size % route.lot_e8
