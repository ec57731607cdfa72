"""Sizes and plans on hand-made legs: the best size, every named refusal, exact sums."""

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from arb_pipeline_tests.fixtures.market import LOT_E8, pool_state, settings
from streaming_worker.core.amm.pool_state import TickArray, WhirlpoolMarket
from streaming_worker.core.amm.swap import SwapRefusal
from streaming_worker.core.amm.whirlpool import arrays_around
from streaming_worker.core.book import Book
from streaming_worker.core.events import Levels
from streaming_worker.core.fees import NetworkCost, TakerFee, lamports_to_usd_e8, sol_price_in_range, taker_fee_at
from streaming_worker.core.instrument import Registry, Venue
from streaming_worker.core.opportunity import CostInputs, PlanLimits, Refusal, plan_trade
from streaming_worker.core.outputs import Direction, RejectionReason, TradePlan
from streaming_worker.core.quote import Proportional, largest_worthwhile_size, quote_legs
from streaming_worker.core.route import Route, routes_of
from streaming_worker.core.units import E8

MADE = settings()
ROUTES = {
    route.direction: route
    for route in routes_of(Registry.of(MADE.instruments, MADE.pools))
    if route.instrument.venue is Venue.GEMINI
}
BUY, SELL = ROUTES[Direction.BUY_CEX_SELL_POOL], ROUTES[Direction.BUY_POOL_SELL_CEX]
COSTS = Proportional(4_000, 100)
INPUTS = CostInputs(COSTS, "fee", "basis", E8 // 100, "network", 0, 0, 0)
LIMITS = PlanLimits(1_000 * E8, 1_000)


def market(price_e8: int, liquidity: int = 2_000_000_000_000, *, arrays: bool = True) -> WhirlpoolMarket:
    """Return a pool in one wide range."""
    state = pool_state(price_e8, liquidity=liquidity)
    starts = arrays_around(state) if arrays else ()
    return WhirlpoolMarket(state, {start: TickArray(start, ()) for start in starts})


def book(*, bids: Levels = (), asks: Levels = ()) -> Book:
    """Return a book."""
    return Book.load(list(bids), list(asks))


def plan(route: Route, held: Book, pool: WhirlpoolMarket, **changes: object) -> TradePlan | Refusal:
    """Plan with default inputs."""
    return plan_trade(route, held, pool, **{"inputs": INPUTS, "limits": LIMITS, "unix_timestamp": 0} | changes)


def test_a_profitable_depth_is_taken_up_to_where_the_next_unit_earns_nothing() -> None:
    held = book(asks=[(148 * E8, E8), (149 * E8, E8), (150 * E8, 100 * E8)])
    size = largest_worthwhile_size(BUY, held, market(150 * E8), costs=COSTS, cap_usd_e8=10_000 * E8, unix_timestamp=0)
    assert size == 2 * E8


def test_a_shallow_pool_limits_the_size() -> None:
    held = book(asks=[(148 * E8, 1_000 * E8)])
    shallow, deep = (
        largest_worthwhile_size(
            BUY, held, market(150 * E8, liquidity), costs=COSTS, cap_usd_e8=100_000 * E8, unix_timestamp=0
        )
        for liquidity in (50_000_000_000, 500_000_000_000)
    )
    assert 0 < shallow * 9 < deep < shallow * 11
    assert shallow % LOT_E8 == 0


@pytest.mark.parametrize("route", [BUY, SELL])
def test_no_edge_no_size(route: Route) -> None:
    held = book(asks=[(150 * E8, E8)], bids=[(150 * E8, E8)])
    assert (
        largest_worthwhile_size(route, held, market(150 * E8), costs=COSTS, cap_usd_e8=1_000 * E8, unix_timestamp=0)
        == 0
    )


@pytest.mark.parametrize("route", [BUY, SELL])
def test_a_cap_below_one_unit_gives_no_size(route: Route) -> None:
    held = book(asks=[(100 * E8, E8)], bids=[(200 * E8, E8)])
    assert largest_worthwhile_size(route, held, market(150 * E8), costs=COSTS, cap_usd_e8=0, unix_timestamp=0) == 0


@hypothesis_settings(max_examples=80, deadline=None)
@given(
    price=st.integers(14_000, 14_900),
    sizes=st.lists(st.integers(1, 500), min_size=1, max_size=6),
    liquidity=st.integers(10_000_000_000, 4_000_000_000_000),
)
def test_no_neighbouring_size_earns_more(price: int, sizes: list[int], liquidity: int) -> None:
    asks = [((price + 5 * i) * E8 // 100, size * E8 // 100) for i, size in enumerate(sizes)]
    held, pool = book(asks=asks), market(150 * E8, liquidity)
    best = plan(BUY, held, pool, limits=PlanLimits(1_000 * E8, 0))
    if isinstance(best, Refusal):
        return
    for size in (best.size_e8 // 2, best.size_e8 - LOT_E8):
        legs = quote_legs(BUY, held, pool, size_e8=max(size, LOT_E8), unix_timestamp=0)
        if isinstance(legs, SwapRefusal):
            continue
        other = legs.swap.amount_out * 100 - legs.sweep.notional_e8 * 1_004_000 // 1_000_000
        chosen = best.pool_amount_out * 100 - best.cex_notional_usd_e8 * 1_004_000 // 1_000_000
        basis_and_rounding = best.pool_amount_out * 100 // 10_000 + 1_000
        assert other <= chosen + basis_and_rounding


@pytest.mark.parametrize(
    ("route", "held", "pool", "changes", "reason"),
    [
        (BUY, book(), market(150 * E8), {}, RejectionReason.BOOK_EMPTY),
        (SELL, book(), market(150 * E8), {}, RejectionReason.BOOK_EMPTY),
        (BUY, book(asks=[(148 * E8, LOT_E8 // 2)]), market(150 * E8), {}, RejectionReason.BELOW_MINIMUM_SIZE),
        (BUY, book(asks=[(148 * E8, LOT_E8)]), market(150 * E8), {}, RejectionReason.BELOW_MINIMUM_SIZE),
        (BUY, book(asks=[(148 * E8, E8)]), market(150 * E8, arrays=False), {}, RejectionReason.POOL_REFUSED),
        (SELL, book(bids=[(152 * E8, E8)]), market(150 * E8, arrays=False), {}, RejectionReason.POOL_REFUSED),
        (BUY, book(asks=[(149 * E8, E8)]), market(150 * E8), {"limits": PlanLimits(10**11, 9_000)},
         RejectionReason.BELOW_THRESHOLD),
        (BUY, book(asks=[(149 * E8, E8 // 50)]), market(150 * E8),
         {"inputs": CostInputs(COSTS, "f", "b", E8, "n", 0, 0, 0)}, RejectionReason.COSTS_EXCEED_EDGE),
    ],
)  # fmt: skip
def test_the_first_failed_limit_is_named(
    route: Route, held: Book, pool: WhirlpoolMarket, changes: dict[str, object], reason: RejectionReason
) -> None:
    refusal = plan(route, held, pool, **changes)
    assert isinstance(refusal, Refusal)
    assert refusal.reason is reason


def test_a_pool_without_arrays_gives_its_refusal() -> None:
    held = book(asks=[(148 * E8, E8)])
    refusal = quote_legs(BUY, held, market(150 * E8, arrays=False), size_e8=E8, unix_timestamp=0)
    assert isinstance(refusal, SwapRefusal)


def test_the_pairs_own_fee_comes_before_the_venues_and_the_latest_validity_first() -> None:
    schedule = (
        TakerFee(Venue.GEMINI, 4_000, "venue"),
        TakerFee(Venue.GEMINI, 3_000, "venue later", valid_from_ns=100),
        TakerFee(Venue.GEMINI, 2_000, "pair", symbol="SOLUSD", valid_from_ns=50),
    )
    assert taker_fee_at(schedule, venue=Venue.GEMINI, symbol="SOLUSD", now_ns=10).source == "venue"
    assert taker_fee_at(schedule, venue=Venue.GEMINI, symbol="SOLUSD", now_ns=200).source == "pair"
    assert taker_fee_at(schedule, venue=Venue.GEMINI, symbol="ETHUSD", now_ns=200).source == "venue later"
    assert taker_fee_at(schedule, venue=Venue.BITSTAMP, symbol="SOLUSD", now_ns=200) is None


def test_network_cost_is_lamports_at_the_sol_price_rounded_up() -> None:
    cost = NetworkCost(signature_lamports=5_000, signatures=2, priority_lamports=1, source="test")
    assert cost.lamports == 10_001
    assert lamports_to_usd_e8(10_001, 150 * E8) == 150_015
    assert lamports_to_usd_e8(1, 1) == 1


@pytest.mark.parametrize(("price", "usable"), [(None, False), (0, False), (E8 // 100, True), (10**15, False)])
def test_a_sol_price_must_be_plausible(price: int | None, usable: bool) -> None:
    assert sol_price_in_range(price) is usable
