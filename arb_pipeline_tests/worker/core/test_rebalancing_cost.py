"""What a trade owes to rebalancing: charged on the way out, credited on the way back, nothing twice."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arb_pipeline_tests.fixtures.market import settings
from streaming_worker.core.instrument import Registry, Venue
from streaming_worker.core.inventory import Allocation, Flow, Inventory
from streaming_worker.core.outputs import Direction
from streaming_worker.core.rebalancing import ProposedTransfer, Transfer, TransferRoute, Transfers
from streaming_worker.core.rebalancing_cost import (
    Lane,
    RebalancingTerms,
    lowest_rate_millionths,
    rate_millionths,
    rebalancing_millionths,
    rebalancing_usd_e8,
    terms_of,
)
from streaming_worker.core.route import Route, routes_of
from streaming_worker.core.units import E8, MILLIONTHS

GEMINI, ORCA = Venue.GEMINI, Venue.ORCA
MADE = settings()
ROUTES = {
    route.direction: route
    for route in routes_of(Registry.of(MADE.instruments, MADE.pools))
    if route.instrument.venue is GEMINI
}
BUY, SELL = ROUTES[Direction.BUY_CEX_SELL_POOL], ROUTES[Direction.BUY_POOL_SELL_CEX]
PRICE = 150 * E8


def way(source: Venue, destination: Venue, asset: str, millionths: int, **terms: object) -> TransferRoute:
    """Return a transfer route with a proportional fee."""
    usual = {"fixed_fee_e8": 0, "duration_ns": 1, "minimum_e8": 0, "typical_e8": E8, "terms": f"{asset} {source}"}
    return TransferRoute(source=source, destination=destination, asset=asset, fee_millionths=millionths,
                         **(usual | terms))  # fmt: skip


SOL_OUT, SOL_IN = way(GEMINI, ORCA, "SOL", 100), way(ORCA, GEMINI, "SOL", 40)
USDC_OUT = way(ORCA, GEMINI, "USDC", 7, credited_as="USD")
USD_OUT = way(GEMINI, ORCA, "USD", 1_000, credited_as="USDC")
WAYS = (SOL_OUT, SOL_IN, USDC_OUT, USD_OUT)


def inventory(**drifts: int) -> Inventory:
    """Return 100 units of everything, drifted as told (cex_base, cex_quote, pool_base, pool_quote)."""
    names = {"cex_base": (GEMINI, "SOL"), "cex_quote": (GEMINI, "USD"), "pool_base": (ORCA, "SOL"),
             "pool_quote": (ORCA, "USDC")}  # fmt: skip
    return Inventory.of(
        Allocation(venue=v, asset=a, initial_e8=10**6 * E8 + drifts.get(name, 0), target_e8=10**6 * E8)
        for name, (v, a) in names.items()
    )


def terms(route: Route, held: Inventory, **options: int) -> RebalancingTerms:
    """Return the terms, which must exist."""
    found = terms_of(route, held, Transfers(), WAYS, **options)
    assert found is not None
    return found


def item(terms: RebalancingTerms, size: int) -> int:
    """Return the item of a size in whole SOL."""
    return rebalancing_usd_e8(terms, size_e8=size * E8, price_e8=PRICE, notional_usd_e8=size * PRICE)


def test_the_lanes_are_where_base_and_quote_pile_up() -> None:
    held = inventory(cex_base=3 * E8, pool_base=-E8, cex_quote=-5, pool_quote=7)
    assert terms(BUY, held) == RebalancingTerms(
        Lane(4 * E8, 100, 40), Lane(12, 7, 1_000), MILLIONTHS,
        "SOL gemini; SOL orca; USDC orca; USD gemini",
    )  # fmt: skip
    assert terms(SELL, held) == RebalancingTerms(
        Lane(-4 * E8, 40, 100), Lane(-12, 1_000, 7), MILLIONTHS,
        "SOL orca; SOL gemini; USD gemini; USDC orca",
    )  # fmt: skip


def test_a_trade_that_adds_drift_pays_for_the_way_back() -> None:
    charge = item(terms(BUY, inventory()), 2)
    assert charge == -(2 * PRICE * 107) // MILLIONTHS
    assert rebalancing_millionths(charge, 2 * PRICE) == -107


def test_from_the_target_on_the_lowest_rate_is_a_charge_and_beyond_it_a_credit() -> None:
    assert lowest_rate_millionths(terms(BUY, inventory())) == 107
    assert lowest_rate_millionths(terms(BUY, inventory(cex_base=-1))) == -40 + 7
    assert lowest_rate_millionths(terms(BUY, inventory(cex_base=-1), credit_millionths=100_001)) == -5 + 7


def test_a_trade_that_brings_back_earns_what_the_way_would_have_cost() -> None:
    held = inventory(cex_base=5 * E8, pool_base=-5 * E8, cex_quote=-5 * PRICE, pool_quote=5 * PRICE)
    assert item(terms(SELL, held), 2) == 2 * PRICE * 107 // MILLIONTHS
    assert item(terms(SELL, held, credit_millionths=500_000), 2) == 2 * PRICE * 107 // MILLIONTHS // 2
    assert item(terms(SELL, held, credit_millionths=0), 2) == 0


def test_a_trade_across_the_target_pays_for_the_part_beyond() -> None:
    held = inventory(cex_base=2 * E8, pool_base=-2 * E8, cex_quote=-2 * PRICE, pool_quote=2 * PRICE)
    expected = 2 * PRICE * 107 - 3 * PRICE * 1_040
    assert item(terms(SELL, held), 5) == expected // MILLIONTHS


def test_the_rate_spreads_the_fixed_fee_over_a_typical_transfer() -> None:
    route = way(GEMINI, ORCA, "SOL", 100, fixed_fee_e8=E8 // 1_000, typical_e8=30 * E8)
    assert rate_millionths(route) == 100 + 34


def test_the_cheapest_way_counts_and_at_equal_cost_the_faster() -> None:
    slow = way(GEMINI, ORCA, "SOL", 30, duration_ns=2, terms="slow")
    fast = way(GEMINI, ORCA, "SOL", 30, terms="fast")
    found = terms_of(BUY, inventory(), Transfers(), (slow, *WAYS, fast))
    assert found is not None
    assert found.base.forth_millionths == 30
    assert found.source.startswith("fast; ")


@pytest.mark.parametrize("missing", range(4))
def test_without_a_way_for_each_asset_and_direction_the_cost_is_unknown(missing: int) -> None:
    ways = WAYS[:missing] + WAYS[missing + 1 :]
    assert terms_of(BUY, inventory(), Transfers(), ways) is None
    assert terms_of(SELL, inventory(), Transfers(), ways) is None


def test_what_is_on_its_way_is_no_drift_and_an_unknown_balance_is_all_drift() -> None:
    held = inventory(pool_base=-2 * E8)
    coming = Transfer("x", ProposedTransfer(GEMINI, ORCA, "SOL", "SOL", 2 * E8, 0, 1, "t"), 0, 1)
    found = terms_of(BUY, held, Transfers([coming]), WAYS)
    assert found is not None
    assert found.base.imbalance_e8 == 0
    bare = Inventory()
    bare.apply((Flow(ORCA, "SOL", E8),))
    assert terms(BUY, bare).base.imbalance_e8 == -E8
    bare.balances.clear()
    assert terms(BUY, bare).base.imbalance_e8 == 0


AMOUNT = st.integers(-10 * E8, 10 * E8)


@given(sizes=st.lists(st.integers(1, 5 * E8), min_size=1, max_size=6), start=AMOUNT, quote=AMOUNT)
def test_charges_add_up_to_the_cost_of_the_drift_that_they_leave(sizes: list[int], start: int, quote: int) -> None:
    """Trades in turns of direction; price 1, so that quote moves as base does."""
    held = inventory(cex_base=start, pool_quote=quote)
    first, total = held, 0
    routes = [BUY, SELL]
    for number, size in enumerate(sizes):
        route = routes[number % 2]
        total += rebalancing_usd_e8(terms(route, held), size_e8=size, price_e8=E8, notional_usd_e8=size)
        sign = 1 if route.buys_on_cex else -1
        drift = {d.venue.value + d.asset: d.drift_e8 for d in held.drifts()}
        held = inventory(
            cex_base=drift["geminiSOL"] + sign * size, pool_base=drift["orcaSOL"] - sign * size,
            cex_quote=drift["geminiUSD"] - sign * size, pool_quote=drift["orcaUSDC"] + sign * size,
        )  # fmt: skip
    left, before = (_drift_cost(terms(BUY, inventory)) for inventory in (held, first))
    assert 0 <= (before - left) / (2 * MILLIONTHS) - total < 2 * len(sizes) + 1


def _drift_cost(terms: RebalancingTerms) -> int:
    """Return C of both lanes x 2 x millionths, written out anew."""
    return sum(
        abs(lane.imbalance_e8) * (lane.forth_millionths if lane.imbalance_e8 > 0 else lane.back_millionths)
        for lane in (terms.base, terms.quote)
    )


RATE = st.integers(0, 10_000)
LANES = st.builds(Lane, AMOUNT, RATE, RATE)


@given(
    terms=st.builds(RebalancingTerms, LANES, LANES, st.integers(0, MILLIONTHS), st.just("test")),
    size=st.integers(1, 20 * E8),
)
def test_the_rate_at_size_zero_is_the_lowest(terms: RebalancingTerms, size: int) -> None:
    charged = -rebalancing_usd_e8(terms, size_e8=size, price_e8=E8, notional_usd_e8=size)
    assert charged * MILLIONTHS >= lowest_rate_millionths(terms) * size
