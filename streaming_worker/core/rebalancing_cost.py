"""What one trade owes to rebalancing: the expected cost of moving back the drift that it adds or removes.

A trade buys base at one venue and sells it at the other, so base moves towards the buying venue and quote towards
the selling one. For each of the two assets let D = (drift where it moves to) - (drift where it comes from), with drift
= total + what is on its way - target. D / 2 is what a transfer would have to bring back to leave both venues equally
far from target, and its expected cost is

    C(D) = |D| / 2 x rate,    rate = fee_millionths + fixed fee / typical amount

of the cheapest configured transfer in the direction that brings it back. A trade of a size moves D to D + 2 x size
(quote: 2 x notional), and is charged C(D after) - C(D before), base and quote added up:

- a trade that adds drift pays for the way back; one that removes drift earns what that way back would have cost; one
  that crosses the target pays for the part beyond it only;
- the charges of any sequence of trades add up to the cost of the drift they leave behind, so that no drift is paid
  twice and none is free;
- of a credit only ``credit_millionths`` counts (all of it by default; 0 makes a trade that brings back cost nothing).

C is convex: the rate at size 0 is the lowest, so a quick reject at that rate refuses nothing that could pay.
"""

import msgspec

from streaming_worker.core.instrument import Venue
from streaming_worker.core.inventory import Inventory, balance_key
from streaming_worker.core.rebalancing import TransferRoute, Transfers
from streaming_worker.core.route import Route
from streaming_worker.core.units import E8, MILLIONTHS, ceil_div


class Lane(msgspec.Struct, frozen=True, gc=False):
    """One asset between the two venues of a route, as the route's direction moves it.

    Units: ``imbalance_e8`` is D, asset x 1e8; rates are millionths of the amount: ``forth_millionths`` brings back a
    positive D (what this direction adds), ``back_millionths`` a negative one.
    """

    imbalance_e8: int
    forth_millionths: int
    back_millionths: int


class RebalancingTerms(msgspec.Struct, frozen=True, gc=False):
    """Both lanes of a route at one moment, where the rates come from, and how much of a credit counts (millionths)."""

    base: Lane
    quote: Lane
    credit_millionths: int
    source: str


def terms_of(
    route: Route,
    inventory: Inventory,
    transfers: Transfers,
    routes: tuple[TransferRoute, ...],
    *,
    credit_millionths: int = MILLIONTHS,
) -> RebalancingTerms | None:
    """Return what rebalancing a route's trades costs now; None when a way back is not configured for some asset."""
    cex, pool = route.instrument, route.pool
    buyer, seller = (cex, pool) if route.buys_on_cex else (pool, cex)
    moves = (((buyer.venue, buyer.base), (seller.venue, seller.base)),
             ((seller.venue, seller.quote), (buyer.venue, buyer.quote)))  # fmt: skip
    lanes, sources = [], []
    for gains, gives in moves:
        forth, back = _cheapest(routes, gains, gives), _cheapest(routes, gives, gains)
        if forth is None or back is None:
            return None
        imbalance = _drift(inventory, transfers, *gains) - _drift(inventory, transfers, *gives)
        lanes.append(Lane(imbalance, rate_millionths(forth), rate_millionths(back)))
        sources += [forth.terms, back.terms]
    return RebalancingTerms(lanes[0], lanes[1], credit_millionths, "; ".join(dict.fromkeys(sources)))


def rate_millionths(route: TransferRoute) -> int:
    """Return the expected cost of moving one unit, the fixed fee spread over a typical transfer. Rounds: up."""
    return route.fee_millionths + ceil_div(route.fixed_fee_e8 * MILLIONTHS, route.typical_e8)


def lowest_rate_millionths(terms: RebalancingTerms) -> int:
    """Return the charge per notional at size 0, the lowest that any size of this direction pays; negative: a credit.

    Rounds: down, so that it stays a lower bound.
    """
    rates = (_marginal(terms.base), _marginal(terms.quote))
    return sum(rate if rate >= 0 else rate * terms.credit_millionths // MILLIONTHS for rate in rates)


def rebalancing_usd_e8(terms: RebalancingTerms, *, size_e8: int, price_e8: int, notional_usd_e8: int) -> int:
    """Return the rebalancing item of one trade's cost stack: negative when it costs, positive for a credit.

    Units:  ``price_e8`` values the base in USD x 1e8; quote counts at par.
    Rounds: each lane once, against us: a charge up, a credit down.
    """
    base = _charge(terms.base, size_e8) * price_e8
    quote = _charge(terms.quote, notional_usd_e8) * E8
    return sum(_item(charge, terms.credit_millionths) for charge in (base, quote))


def rebalancing_millionths(cost_usd_e8: int, notional_usd_e8: int) -> int:
    """Return an item as signed millionths of the notional. Rounds: down, against us."""
    return cost_usd_e8 * MILLIONTHS // notional_usd_e8


def _cheapest(
    routes: tuple[TransferRoute, ...], source: tuple[Venue, str], destination: tuple[Venue, str]
) -> TransferRoute | None:
    wanted = balance_key(*source), balance_key(*destination)
    candidates = [route for route in routes if (route.source_key, route.destination_key) == wanted]
    return min(candidates, key=lambda route: (rate_millionths(route), route.duration_ns), default=None)


def _drift(inventory: Inventory, transfers: Transfers, venue: Venue, asset: str) -> int:
    balance = inventory.balances.get(balance_key(venue, asset))
    target = 0 if balance is None else balance.target_e8
    return inventory.total_e8(venue, asset) + transfers.arriving_e8(venue, asset) - target


def _marginal(lane: Lane) -> int:
    return lane.forth_millionths if lane.imbalance_e8 >= 0 else -lane.back_millionths


def _charge(lane: Lane, moved_e8: int) -> int:
    """Return C(D after) - C(D before) in asset x 1e8 x 2 x millionths."""
    return _cost(lane, lane.imbalance_e8 + 2 * moved_e8) - _cost(lane, lane.imbalance_e8)


def _cost(lane: Lane, imbalance_e8: int) -> int:
    return imbalance_e8 * lane.forth_millionths if imbalance_e8 >= 0 else -imbalance_e8 * lane.back_millionths


def _item(charge: int, credit_millionths: int) -> int:
    """Turn a charge (x 2 x millionths x 1e8) into a signed cost item."""
    unit = 2 * MILLIONTHS * E8
    if charge >= 0:
        return -ceil_div(charge, unit)
    return -charge * credit_millionths // (unit * MILLIONTHS)
