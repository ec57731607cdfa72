"""Two legs in; a trade plan with every cost, or the first named reason against it, out."""

import msgspec

from streaming_worker.core.amm.pool_state import WhirlpoolMarket
from streaming_worker.core.amm.swap import SwapQuote, SwapRefusal
from streaming_worker.core.book import Book
from streaming_worker.core.fees import fee_amount
from streaming_worker.core.funding import Funding, fundable_size
from streaming_worker.core.outputs import CostItem, CostKind, RejectionReason, TradePlan
from streaming_worker.core.quote import Legs, Proportional, largest_worthwhile_size, quote_legs
from streaming_worker.core.rebalancing_cost import RebalancingTerms, rebalancing_usd_e8
from streaming_worker.core.route import Route
from streaming_worker.core.units import E8, MILLIONTHS, notional_e8_ceil, notional_e8_floor


class CostInputs(msgspec.Struct, frozen=True, gc=False):
    """What the costs are made of, each with its source and its age at the decision.

    Units: millionths of the notional; ``network_usd_e8`` one pool transaction in USD x 1e8,
    ``network_lamports`` the same. ``rebalancing`` None: no
    inventory is kept, so nothing has to be brought back.
    """

    proportional: Proportional
    taker_source: str
    basis_source: str
    network_usd_e8: int
    network_source: str
    network_age_ns: int
    pool_age_ns: int
    book_age_ns: int
    rebalancing: RebalancingTerms | None = None
    basis_age_ns: int = 0
    network_lamports: int = 0


class PlanLimits(msgspec.Struct, frozen=True, gc=False):
    """What a plan must keep to: the position cap (USD x 1e8) and the net edge threshold (millionths)."""

    cap_usd_e8: int
    threshold_millionths: int


class Refusal(msgspec.Struct, frozen=True, gc=False):
    """Why there is no plan; the plan itself where one was priced and fell short."""

    reason: RejectionReason
    plan: TradePlan | None = None


def plan_trade(
    route: Route,
    book: Book,
    market: WhirlpoolMarket,
    *,
    inputs: CostInputs,
    limits: PlanLimits,
    funding: Funding | None = None,
    unix_timestamp: int,
) -> TradePlan | Refusal:
    """Choose the size, price both legs exactly, subtract every cost, and check the limits in order.

    ``funding`` None: no balance limits the size.
    """
    best = book.best_ask if route.buys_on_cex else book.best_bid
    if best is None:
        return Refusal(RejectionReason.BOOK_EMPTY)
    size = largest_worthwhile_size(
        route,
        book,
        market,
        costs=inputs.proportional,
        cap_usd_e8=limits.cap_usd_e8,
        unix_timestamp=unix_timestamp,
    )
    if not isinstance(size, SwapRefusal) and size < _least_size(route):
        return Refusal(RejectionReason.BELOW_MINIMUM_SIZE)
    if funding is not None and not isinstance(size, SwapRefusal):
        size = fundable_size(
            route,
            book,
            market,
            size_e8=size,
            funds=funding.funds,
            terms=funding.terms,
            unix_timestamp=unix_timestamp,
        )
        if not isinstance(size, SwapRefusal) and size < _least_size(route):
            return Refusal(RejectionReason.INSUFFICIENT_INVENTORY)
    return _price_size(route, book, market, size, best[0], inputs=inputs, limits=limits, unix_timestamp=unix_timestamp)


def _least_size(route: Route) -> int:
    return max(route.lot_e8, route.instrument.min_size_e8)


def _price_size(
    route: Route,
    book: Book,
    market: WhirlpoolMarket,
    size: int | SwapRefusal,
    best_price_e8: int,
    *,
    inputs: CostInputs,
    limits: PlanLimits,
    unix_timestamp: int,
) -> TradePlan | Refusal:
    legs = (
        size
        if isinstance(size, SwapRefusal)
        else quote_legs(route, book, market, size_e8=size, unix_timestamp=unix_timestamp)
    )
    if isinstance(legs, SwapRefusal):
        return Refusal(RejectionReason.POOL_REFUSED)
    if legs.sweep.notional_e8 < route.instrument.min_notional_e8:
        return Refusal(RejectionReason.BELOW_MINIMUM_SIZE)
    return _judge(price_plan(route, best_price_e8, market, legs, inputs=inputs), limits)


def _judge(plan: TradePlan, limits: PlanLimits) -> TradePlan | Refusal:
    if plan.net_usd_e8 <= 0:
        return Refusal(RejectionReason.COSTS_EXCEED_EDGE, plan)
    if plan.net_edge_centibps < limits.threshold_millionths:
        return Refusal(RejectionReason.BELOW_THRESHOLD, plan)
    return plan


def price_plan(
    route: Route, best_price_e8: int, market: WhirlpoolMarket, legs: Legs, *, inputs: CostInputs
) -> TradePlan:
    """Itemise a candidate. Gross plus the items equals the net exactly.

    Slippage and price impact are what remains of each leg against its reference price: the best level of the book, and
    the pool's marginal price before its fee.
    """
    reference_cex, reference_pool = reference_values(route, best_price_e8, market, legs.size_e8)
    cex_value = legs.sweep.notional_e8
    pool_value = pool_cash_e8(route, legs.swap)
    pool_fee = pool_fee_e8(route, legs.swap, market)
    proportional = inputs.proportional
    sign = 1 if route.buys_on_cex else -1
    items = (
        CostItem(
            CostKind.TAKER_FEE,
            -fee_amount(cex_value, proportional.taker_millionths),
            inputs.taker_source,
            0,
        ),
        CostItem(CostKind.POOL_FEE, -pool_fee, "pool", inputs.pool_age_ns),
        CostItem(CostKind.SLIPPAGE, sign * (reference_cex - cex_value), "book", inputs.book_age_ns),
        CostItem(CostKind.PRICE_IMPACT, sign * (pool_value - reference_pool) + pool_fee, "pool", inputs.pool_age_ns),
        CostItem(CostKind.NETWORK_COST, -inputs.network_usd_e8, inputs.network_source, inputs.network_age_ns),
        CostItem(
            CostKind.STABLE_BASIS,
            -fee_amount(pool_value, proportional.basis_millionths),
            inputs.basis_source,
            inputs.basis_age_ns,
        ),
        _rebalancing(inputs.rebalancing, legs.size_e8, best_price_e8, cex_value),
    )
    gross = sign * (reference_pool - reference_cex)
    net = gross + sum(item.value_usd_e8 for item in items)
    return TradePlan(
        size_e8=legs.size_e8,
        cex_notional_usd_e8=cex_value,
        pool_amount_in=legs.swap.amount_in,
        pool_amount_out=legs.swap.amount_out,
        gross_usd_e8=gross,
        costs=items,
        net_usd_e8=net,
        net_edge_centibps=net * MILLIONTHS // cex_value,
    )


def _rebalancing(terms: RebalancingTerms | None, size_e8: int, price_e8: int, notional_usd_e8: int) -> CostItem:
    if terms is None:
        return CostItem(CostKind.REBALANCING, 0, "no inventory kept", 0)
    value = rebalancing_usd_e8(terms, size_e8=size_e8, price_e8=price_e8, notional_usd_e8=notional_usd_e8)
    return CostItem(CostKind.REBALANCING, value, terms.source, 0)


def reference_values(route: Route, best_price_e8: int, market: WhirlpoolMarket, size_e8: int) -> tuple[int, int]:
    """Return what the size is worth at the best level of the book and at the pool's marginal price.

    Rounds: each against us (bought up, sold down).
    """
    sqrt_price = market.pool.sqrt_price_x64
    if route.buys_on_cex:
        return notional_e8_ceil(best_price_e8, size_e8), route.pool_value_e8(sqrt_price, size_e8, round_up=False)
    return notional_e8_floor(best_price_e8, size_e8), route.pool_value_e8(sqrt_price, size_e8, round_up=True)


def pool_cash_e8(route: Route, swap: SwapQuote[WhirlpoolMarket]) -> int:
    """Return the quote side of the pool leg in quote x 1e8: received when selling base, paid when buying it."""
    return (swap.amount_out if route.buys_on_cex else swap.amount_in) * route.quote_scale


def pool_fee_e8(route: Route, swap: SwapQuote[WhirlpoolMarket], market: WhirlpoolMarket) -> int:
    """Return the pool's trade fee in quote x 1e8; a fee in base is valued at the marginal price. Rounds: up."""
    if not route.buys_on_cex:
        return swap.fee_amount * route.quote_scale
    one = route.pool_value_e8(market.pool.sqrt_price_x64, E8, round_up=True)
    numerator, denominator = route.base_scale
    return -(-swap.fee_amount * denominator * one // (numerator * E8))
