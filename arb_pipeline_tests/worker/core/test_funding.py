"""What balances can pay for: each leg's own limit, exact needs, and what settled trades moved."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from arb_pipeline_tests.fixtures.market import GEMINI, LOT_E8, Script, pool_state, settings
from streaming_worker.core.amm.pool_state import TickArray, TransferFee, WhirlpoolMarket
from streaming_worker.core.amm.swap import SwapRefusal, SwapRefusalReason
from streaming_worker.core.amm.whirlpool import arrays_around
from streaming_worker.core.book import Book
from streaming_worker.core.funding import FundingTerms, Funds, flows_of, fundable_size, funds_of, needs_of, network_e8
from streaming_worker.core.instrument import Registry, Venue
from streaming_worker.core.inventory import Allocation, Flow, Inventory
from streaming_worker.core.opportunity import CostInputs, price_plan
from streaming_worker.core.outputs import CostKind, Direction, LegStatus, SimulatedTrade, TradePlan
from streaming_worker.core.quote import Legs, Proportional, quote_legs
from streaming_worker.core.route import Route, routes_of
from streaming_worker.core.units import E8, NANOS_PER_SECOND
from streaming_worker.engine.engine import Engine

MADE = settings()
ROUTES = {
    route.direction: route
    for route in routes_of(Registry.of(MADE.instruments, MADE.pools))
    if route.instrument.venue is Venue.GEMINI
}
BUY, SELL = ROUTES[Direction.BUY_CEX_SELL_POOL], ROUTES[Direction.BUY_POOL_SELL_CEX]
TERMS = FundingTerms(taker_millionths=4_000, slack_millionths=1_000, network_lamports=105_000)
NETWORK = 10_500
PLENTY = 10**6 * E8
INPUTS = CostInputs(Proportional(4_000, 100), "fee", "basis", E8 // 100, "network", 0, 0, 0)
BOOK = Book.load([(149 * E8, 3 * E8), (148 * E8, 100 * E8)], [(150 * E8, 3 * E8), (151 * E8, 100 * E8)])


def market(liquidity: int = 2_000_000_000_000) -> WhirlpoolMarket:
    """Return a pool at 150 in one wide range."""
    state = pool_state(150 * E8, liquidity=liquidity)
    return WhirlpoolMarket(state, {start: TickArray(start, ()) for start in arrays_around(state)})


MARKET = market()


def funds(**changes: int) -> Funds:
    """Return more than enough of everything but what is named."""
    names = ("cex_base_e8", "cex_quote_e8", "pool_base_e8", "pool_quote_e8", "network_e8")
    return Funds(**(dict.fromkeys(names, PLENTY) | changes))


def size_of(route: Route, held: Funds, *, size_e8: int = 10 * E8, terms: FundingTerms = TERMS) -> int | SwapRefusal:
    """Return the fundable size on the fixed market."""
    return fundable_size(route, BOOK, MARKET, size_e8=size_e8, funds=held, terms=terms, unix_timestamp=0)


def plan_of(route: Route, size_e8: int) -> TradePlan:
    """Return the plan of a size on the fixed market."""
    legs = quote_legs(route, BOOK, MARKET, size_e8=size_e8, unix_timestamp=0)
    assert isinstance(legs, Legs)
    return price_plan(route, 150 * E8, MARKET, legs, inputs=INPUTS)


def is_covered(route: Route, plan: TradePlan, held: Funds) -> bool:
    """Return whether a fresh inventory of these funds can reserve what the plan needs."""
    cex, pool = route.instrument, route.pool
    amounts = ((cex, cex.base, held.cex_base_e8), (cex, cex.quote, held.cex_quote_e8),
               (pool, pool.base, held.pool_base_e8), (pool, pool.quote, held.pool_quote_e8))  # fmt: skip
    inventory = Inventory.of(Allocation(venue=p.venue, asset=a, initial_e8=e8, target_e8=0) for p, a, e8 in amounts)
    return inventory.reserve("t", needs_of(route, plan, TERMS)) is None


def test_funds_are_the_free_balances_of_the_two_venues() -> None:
    assets = [(Venue.GEMINI, "SOL"), (Venue.GEMINI, "USD"), (Venue.ORCA, "SOL"), (Venue.ORCA, "USDC")]
    inventory = Inventory.of(
        Allocation(venue=venue, asset=asset, initial_e8=(rank + 1) * E8, target_e8=0)
        for rank, (venue, asset) in enumerate(assets)
    )
    inventory.reserve("t", (Flow(Venue.ORCA, "USDC", -1),))
    assert funds_of(inventory, BUY) == Funds(E8, 2 * E8, 3 * E8, 4 * E8 - 1, 3 * E8)


@pytest.mark.parametrize("route", [BUY, SELL])
def test_plenty_pays_for_the_whole_size(route: Route) -> None:
    assert size_of(route, funds()) == 10 * E8


@pytest.mark.parametrize("route", [BUY, SELL])
def test_without_sol_for_the_network_nothing_is_traded(route: Route) -> None:
    assert size_of(route, funds(network_e8=NETWORK - 1)) == 0


def test_a_purchase_takes_fee_and_slack_from_the_same_quote() -> None:
    notional = 3 * 150 + 151
    quote = notional * E8 * 1_004 * 1_001 // 1_000_000
    assert size_of(BUY, funds(cex_quote_e8=quote)) == 4 * E8
    assert size_of(BUY, funds(cex_quote_e8=quote - 1)) == 4 * E8 - LOT_E8


def test_the_pool_sells_what_is_there_less_the_network_cost() -> None:
    assert size_of(BUY, funds(pool_base_e8=2 * E8 + NETWORK, network_e8=2 * E8 + NETWORK)) == 2 * E8
    assert size_of(BUY, funds(pool_base_e8=2 * E8, network_e8=2 * E8)) == 2 * E8 - LOT_E8


def test_the_exchange_sells_what_is_there() -> None:
    assert size_of(SELL, funds(cex_base_e8=E8 + LOT_E8 - 1)) == E8


def test_a_sale_keeps_quote_for_buying_back() -> None:
    needs = {(flow.venue, flow.asset): -flow.delta_e8 for flow in needs_of(SELL, plan_of(SELL, 4 * E8), TERMS)}
    loss = needs[Venue.GEMINI, "USD"]
    assert loss == pytest.approx((3 * 149 + 148) * E8 * 0.009004, rel=1e-9)
    assert size_of(SELL, funds(cex_quote_e8=loss + 4)) == 4 * E8
    assert size_of(SELL, funds(cex_quote_e8=loss - 1)) == 4 * E8 - LOT_E8
    free = FundingTerms(taker_millionths=0, slack_millionths=0, network_lamports=0)
    assert size_of(SELL, funds(cex_quote_e8=0), terms=free) == 10 * E8


def test_the_pool_buys_for_the_quote_that_is_there() -> None:
    cost = -needs_of(SELL, plan_of(SELL, 4 * E8), TERMS)[0].delta_e8
    assert size_of(SELL, funds(pool_quote_e8=cost)) == 4 * E8
    assert size_of(SELL, funds(pool_quote_e8=cost - SELL.quote_scale)) == 4 * E8 - LOT_E8
    assert size_of(SELL, funds(pool_quote_e8=SELL.quote_scale - 1)) == 0
    assert size_of(SELL, funds(cex_base_e8=0)) == 0


def test_a_pool_without_a_quote_is_passed_on() -> None:
    empty = market(0)
    refused = fundable_size(SELL, BOOK, empty, size_e8=E8, funds=funds(pool_quote_e8=E8), terms=TERMS, unix_timestamp=0)
    assert isinstance(refused, SwapRefusal)
    assert refused.reason is SwapRefusalReason.TICK_ARRAYS_EXHAUSTED


def test_a_budget_that_the_token_fee_eats_is_passed_on() -> None:
    taxed = WhirlpoolMarket(MARKET.pool, MARKET.arrays, transfer_fee_b=TransferFee(bps=100, max_fee=10**9))
    held = funds(pool_quote_e8=2 * SELL.quote_scale)
    refused = fundable_size(SELL, BOOK, taxed, size_e8=E8, funds=held, terms=TERMS, unix_timestamp=0)
    assert isinstance(refused, SwapRefusal)
    assert refused.reason is SwapRefusalReason.ZERO_AMOUNT


def test_no_more_than_the_book_holds_is_fundable() -> None:
    assert size_of(BUY, funds(), size_e8=200 * E8) == 103 * E8
    assert size_of(SELL, funds(), size_e8=200 * E8) == 103 * E8


def test_a_base_without_network_role_is_sold_to_the_last_unit() -> None:
    other = settings()
    books = [type(i)(**{f: getattr(i, f) for f in i.__slots__} | {"base": "BONK"}) for i in other.instruments]
    pools = [type(p)(**{f: getattr(p, f) for f in p.__slots__} | {"base": "BONK"}) for p in other.pools]
    route = routes_of(Registry.of(books, pools))[0]
    assert size_of(route, funds(pool_base_e8=2 * E8, network_e8=NETWORK)) == 2 * E8


@hypothesis_settings(max_examples=60, deadline=None)
@given(
    route=st.sampled_from([BUY, SELL]),
    quote=st.integers(0, 1_600 * E8),
    base=st.integers(0, 11 * E8),
    pool_quote=st.integers(0, 1_600 * E8),
    pool_base=st.integers(0, 11 * E8),
    asked=st.integers(1, 10_000),
)
def test_what_is_fundable_can_be_reserved_and_is_the_most(
    route: Route, quote: int, base: int, pool_quote: int, pool_base: int, asked: int
) -> None:
    held = Funds(base, quote, pool_base, pool_quote, pool_base)
    size = size_of(route, held, size_e8=asked * LOT_E8)
    assert isinstance(size, int)
    assert 0 <= size <= asked * LOT_E8
    assert size % LOT_E8 == 0
    if size > 0:
        assert is_covered(route, plan_of(route, size), held)
    more = size + 2 * LOT_E8
    if more <= asked * LOT_E8:
        assert not is_covered(route, plan_of(route, more), held)


def started(price: int) -> Script:
    """Return a market in which a trade on Gemini has just been decided."""
    script = Script(Engine(settings()))
    script.calm()
    script.book(GEMINI, price * E8, price * E8 + E8 // 100)
    return script


def reverted(price: int) -> Script:
    """Return the same, with the pool moving away before the pool leg lands."""
    script = started(price)
    script.pool(price * E8)
    return script


def emptied(price: int) -> Script:
    """Return the same, with the book almost gone before most book legs arrive."""
    script = started(price)
    script.book(GEMINI, price * E8, price * E8 + E8 // 100, size_e8=E8 // 100)
    script.now_ns += NANOS_PER_SECOND
    return script


@pytest.mark.parametrize("price", [148, 152])
@pytest.mark.parametrize("make", [started, reverted, emptied])
def test_what_a_trade_moved_is_what_it_earned(make: Callable[[int], Script], price: int) -> None:
    script = make(price)
    script.wait(4 * NANOS_PER_SECOND)
    trades = [trade for trade in script.of(SimulatedTrade) if isinstance(trade, SimulatedTrade)]
    assert trades
    for trade in trades:
        route = ROUTES[trade.direction]
        flows = flows_of(route, trade, TERMS)
        network = Flow(Venue.ORCA, "SOL", -network_e8(TERMS))
        assert flows[-1] == network
        assert sum(f.delta_e8 for f in flows[:-1] if f.asset == "SOL") == 0
        costs = {item.kind: item.value_usd_e8 for item in trade.costs}
        cash = sum(flow.delta_e8 for flow in flows if flow.asset in ("USD", "USDC"))
        assert cash == trade.realised_net_usd_e8 - costs[CostKind.NETWORK_COST] - costs[CostKind.STABLE_BASIS]
        _assert_reserved_enough(route, trade)


def _assert_reserved_enough(route: Route, trade: SimulatedTrade) -> None:
    """Assert that a trade whose legs filled within the slack settles against its own reservation alone."""
    if any(leg.status is LegStatus.PARTIAL for leg in trade.legs):
        return
    needs = needs_of(route, trade.predicted, TERMS)
    inventory = Inventory()
    inventory.apply(Flow(need.venue, need.asset, -need.delta_e8) for need in needs)
    assert inventory.reserve("t", needs) is None
    assert inventory.settle("t", flows_of(route, trade, TERMS)) is None


def test_a_leg_without_a_fill_moves_nothing() -> None:
    script = reverted(148)
    script.wait(4 * NANOS_PER_SECOND)
    trade = next(t for t in script.of(SimulatedTrade) if t.legs[1].status is LegStatus.REVERTED)
    assert [(flow.venue, flow.asset) for flow in flows_of(BUY, trade, TERMS)] == [
        (Venue.GEMINI, "SOL"), (Venue.GEMINI, "USD"), (Venue.GEMINI, "SOL"), (Venue.GEMINI, "USD"), (Venue.ORCA, "SOL"),
    ]  # fmt: skip
