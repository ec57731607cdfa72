"""What both venues give for one size: the exact legs of a candidate trade, and the largest size worth trading.

Walks the book level by level against the pool's marginal price; amounts come from exact pool arithmetic only.
"""

from collections.abc import Iterator

import msgspec

from streaming_worker.core.amm.pool_state import WhirlpoolMarket
from streaming_worker.core.amm.swap import SwapQuote, SwapRefusal
from streaming_worker.core.amm.whirlpool import quote_exact_in, quote_exact_out
from streaming_worker.core.book import Book, Sweep
from streaming_worker.core.route import Route
from streaming_worker.core.units import E8, MILLIONTHS


class Proportional(msgspec.Struct, frozen=True, gc=False):
    """The costs that grow with size, in millionths: CEX taker fee, and the basis of the pool's quote asset.

    ``rebalancing_millionths`` is what the first unit owes to rebalancing, the least that any unit does; negative: it
    brings balances back.
    """

    taker_millionths: int
    basis_millionths: int
    rebalancing_millionths: int = 0

    @property
    def cex_millionths(self) -> int:
        """What grows with the notional at the exchange."""
        return self.taker_millionths + self.rebalancing_millionths


class Legs(msgspec.Struct, frozen=True, gc=False):
    """Both legs of one candidate at one size; ``swap`` is exact, ``sweep`` complete."""

    size_e8: int
    sweep: Sweep
    swap: SwapQuote[WhirlpoolMarket]


def is_crossing(route: Route, *, cex_price_e8: int, pool_price_e8: int, costs: Proportional) -> bool:
    """Return whether the marginal unit earns anything after proportional costs.

    Units: ``pool_price_e8`` is the pool's marginal price after its fee, rounded against us.
    """
    on_cex = costs.taker_millionths + costs.rebalancing_millionths  # no property: every update comes here
    if route.buys_on_cex:
        pays = cex_price_e8 * (MILLIONTHS + on_cex)
        return pool_price_e8 * (MILLIONTHS - costs.basis_millionths) > pays
    receives = cex_price_e8 * (MILLIONTHS - on_cex)
    return receives > pool_price_e8 * (MILLIONTHS + costs.basis_millionths)


def largest_worthwhile_size(
    route: Route,
    book: Book,
    market: WhirlpoolMarket,
    *,
    costs: Proportional,
    cap_usd_e8: int,
    unix_timestamp: int,
) -> int | SwapRefusal:
    """Return the size, in lots, at which the next unit would stop earning; at most the cap. 0 when none earns.

    Rounds: down to the lot. The pool's reach at each book price is an exact swap with a price limit.
    """
    size = 0
    for price, reach in _reaches(route, book, cap_usd_e8):
        pool_reach = _pool_reach(route, market, price, costs, reach, unix_timestamp)
        if isinstance(pool_reach, SwapRefusal):
            return pool_reach
        if pool_reach <= size:
            break
        size = min(reach, pool_reach)
        if pool_reach < reach:
            break
    return size - size % route.lot_e8


def quote_legs(
    route: Route, book: Book, market: WhirlpoolMarket, *, size_e8: int, unix_timestamp: int
) -> Legs | SwapRefusal:
    """Return both exact legs for a size that the book holds (``largest_worthwhile_size`` gives no more)."""
    sweep = book.sweep_asks(size_e8) if route.buys_on_cex else book.sweep_bids(size_e8)
    swap = swap_base(route, market, size_e8=size_e8, unix_timestamp=unix_timestamp)
    return swap if isinstance(swap, SwapRefusal) else Legs(size_e8, sweep, swap)


def swap_base(
    route: Route, market: WhirlpoolMarket, *, size_e8: int, unix_timestamp: int
) -> SwapQuote[WhirlpoolMarket] | SwapRefusal:
    """Return the pool leg for an exact base size: sell it (exact in) or buy it (exact out)."""
    raw = route.base_to_raw(size_e8)
    if route.buys_on_cex:
        return quote_exact_in(market, amount=raw, a_to_b=True, unix_timestamp=unix_timestamp)
    return quote_exact_out(market, amount=raw, a_to_b=False, unix_timestamp=unix_timestamp)


def pool_price_after_fee(route: Route, market: WhirlpoolMarket) -> int:
    """Return the pool's marginal price after its base fee in quote x 1e8. Rounds: against us."""
    pool = market.pool
    kept = MILLIONTHS - pool.fee_rate
    if route.buys_on_cex:
        return route.pool_value_e8(pool.sqrt_price_x64, E8, round_up=False) * kept // MILLIONTHS
    return -(-route.pool_value_e8(pool.sqrt_price_x64, E8, round_up=True) * MILLIONTHS // kept)


def _reaches(route: Route, book: Book, cap_usd_e8: int) -> Iterator[tuple[int, int]]:
    """Yield (price, cumulative size) per level from the best, the last one cut at the cap."""
    levels = book.asks_from_best() if route.buys_on_cex else book.bids_from_best()
    size, left = 0, cap_usd_e8
    for price, available in levels:
        affordable = left * E8 // price
        if affordable <= available:
            yield price, size + affordable
            return
        size += available
        left -= -(-price * available // E8)
        yield price, size


def _pool_reach(
    route: Route,
    market: WhirlpoolMarket,
    price_e8: int,
    costs: Proportional,
    reach_e8: int,
    unix_timestamp: int,
) -> int | SwapRefusal:
    """Return how much base the pool trades, up to ``reach_e8``, before its marginal price meets the book's."""
    pool = market.pool
    kept = MILLIONTHS - pool.fee_rate
    raw = route.base_to_raw(reach_e8)
    if raw == 0:
        return 0
    if route.buys_on_cex:
        limit = route.sqrt_price_at(
            price_e8 * (MILLIONTHS + costs.cex_millionths) * MILLIONTHS,
            E8 * (MILLIONTHS - costs.basis_millionths) * kept,
        )
        if limit >= pool.sqrt_price_x64:
            return 0
        swap = quote_exact_in(
            market, amount=raw, a_to_b=True, unix_timestamp=unix_timestamp, sqrt_price_limit_x64=limit
        )
        return swap if isinstance(swap, SwapRefusal) else route.raw_to_base(swap.amount_in)
    limit = route.sqrt_price_at(
        price_e8 * (MILLIONTHS - costs.cex_millionths) * kept,
        E8 * (MILLIONTHS + costs.basis_millionths) * MILLIONTHS,
    )
    if limit <= pool.sqrt_price_x64:
        return 0
    swap = quote_exact_out(market, amount=raw, a_to_b=False, unix_timestamp=unix_timestamp, sqrt_price_limit_x64=limit)
    return swap if isinstance(swap, SwapRefusal) else route.raw_to_base(swap.amount_out)
