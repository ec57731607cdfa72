"""Bringing balances back: the cheapest plan against every plan, transfers on their way, what waiting costs."""

from collections.abc import Iterator
from itertools import product

import msgspec
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from streaming_worker.core.instrument import Venue
from streaming_worker.core.inventory import Allocation, Flow, Inventory, Shortfall
from streaming_worker.core.rebalancing import (
    Demand,
    ProposedTransfer,
    RebalancingSettings,
    Recommendation,
    Transfer,
    TransferRoute,
    Transfers,
    check_routes,
    recommend,
    transfer_fee_e8,
)
from streaming_worker.core.units import E8
from streaming_worker.errors import ConfigError

COINBASE, GEMINI, BITSTAMP, ORCA = Venue.COINBASE, Venue.GEMINI, Venue.BITSTAMP, Venue.ORCA
MINUTE = 60_000_000_000
NOW = 1_790_000_000_000_000_000


def way(source: Venue, destination: Venue, asset: str = "SOL", **terms: object) -> TransferRoute:
    """Return a transfer route that is free and takes a minute unless told otherwise."""
    usual = {"fixed_fee_e8": 0, "fee_millionths": 0, "duration_ns": MINUTE, "minimum_e8": 0, "typical_e8": 100 * E8,
             "terms": "test"}  # fmt: skip
    return TransferRoute(source=source, destination=destination, asset=asset, **(usual | terms))


def held(*lines: tuple[Venue, str, int, int]) -> Inventory:
    """Return balances as (venue, asset, total, target)."""
    return Inventory.of(
        Allocation(venue=v, asset=a, initial_e8=total, target_e8=target) for v, a, total, target in lines
    )


def advise(
    inventory: Inventory,
    *routes: TransferRoute,
    transfers: Transfers | None = None,
    prices: dict[str, int] | None = None,
    demands: tuple[Demand, ...] = (),
    band: int = 0,
) -> tuple[Recommendation, ...]:
    """Recommend with SOL at 150 USD."""
    return recommend(
        inventory,
        Transfers() if transfers is None else transfers,
        RebalancingSettings(routes=routes, band_millionths=band),
        prices={"SOL": 150 * E8, "USD": E8, "USDC": E8} if prices is None else prices,
        demands=demands,
        now_ns=NOW,
    )


def moves(advice: Recommendation) -> list[tuple[Venue, Venue, int, int]]:
    """Return the transfers as (source, destination, amount, fee)."""
    return [(t.source, t.destination, t.amount_e8, t.fee_e8) for t in advice.transfers]


def test_the_cheapest_of_two_ways_depends_on_the_amount() -> None:
    flat = way(GEMINI, ORCA, fixed_fee_e8=E8 // 100, terms="flat")
    share = way(GEMINI, ORCA, fee_millionths=1_000, duration_ns=2 * MINUTE, terms="share")
    for amount, terms, fee in ((5, "share", 500_000), (20, "flat", 1_000_000)):
        (advice,) = advise(held((GEMINI, "SOL", 100 * E8, 0), (ORCA, "SOL", 0, amount * E8)), flat, share)
        (transfer,) = advice.transfers
        assert (transfer.terms, transfer.amount_e8, transfer.fee_e8) == (terms, amount * E8, fee)
        assert advice.cost_usd_e8 == 150 * fee
        assert advice.duration_ns == (MINUTE if terms == "flat" else 2 * MINUTE)
        assert advice.uncovered_e8 == 0


def test_at_equal_cost_the_faster_way_wins_and_then_the_first() -> None:
    inventory = held((GEMINI, "SOL", 9 * E8, 4 * E8), (ORCA, "SOL", 0, 5 * E8))
    slow, fast = way(GEMINI, ORCA, duration_ns=9 * MINUTE, terms="slow"), way(GEMINI, ORCA, terms="fast")
    again = way(GEMINI, ORCA, terms="again")
    (advice,) = advise(inventory, slow, fast, again)
    assert [transfer.terms for transfer in advice.transfers] == ["fast"]


def test_a_source_pays_the_fee_out_of_what_it_can_spare() -> None:
    route = way(GEMINI, ORCA, fixed_fee_e8=E8, fee_millionths=10_000)
    (advice,) = advise(held((GEMINI, "SOL", 12 * E8, E8), (ORCA, "SOL", 0, 50 * E8)), route)
    ((_, _, amount, fee),) = moves(advice)
    assert amount == 10 * E8 * 1_000_000 // 1_010_000
    assert 11 * E8 - 2 < amount + fee <= 11 * E8
    assert advice.uncovered_e8 == 50 * E8 - amount


def test_a_reservation_is_not_sent_away() -> None:
    inventory = held((GEMINI, "SOL", 12 * E8, E8), (ORCA, "SOL", 0, 50 * E8))
    inventory.reserve("t", (Flow(GEMINI, "SOL", -9 * E8),))
    (advice,) = advise(inventory, way(GEMINI, ORCA))
    assert moves(advice) == [(GEMINI, ORCA, 3 * E8, 0)]


def test_what_is_on_its_way_counts_as_arrived() -> None:
    inventory = held((GEMINI, "SOL", 12 * E8, E8), (ORCA, "SOL", 0, 8 * E8))
    transfers = Transfers()
    (advice,) = advise(inventory, way(GEMINI, ORCA))
    transfers.depart(inventory, advice.transfers[0], transfer_id="x", now_ns=NOW)
    assert advise(inventory, way(GEMINI, ORCA), transfers=transfers) == ()


@pytest.mark.parametrize(("band", "count"), [(99_999, 1), (100_000, 0)])
def test_a_balance_within_the_band_is_left_alone(band: int, count: int) -> None:
    inventory = held((GEMINI, "SOL", 12 * E8, 10 * E8), (ORCA, "SOL", 9 * E8, 10 * E8))
    assert len(advise(inventory, way(GEMINI, ORCA), band=band)) == count


def test_a_minimum_can_make_a_small_gap_unfillable() -> None:
    inventory = held((GEMINI, "SOL", 12 * E8, 0), (ORCA, "SOL", 0, E8))
    (advice,) = advise(inventory, way(GEMINI, ORCA, minimum_e8=E8 + 1))
    assert advice == Recommendation(("SOL",), (), 0, E8, 0, 0, None, NOW)


def test_sending_only_the_minimum_can_cover_more() -> None:
    inventory = held((GEMINI, "SOL", 10, 0), (COINBASE, "SOL", 10, 0), (ORCA, "SOL", 0, 15))
    (advice,) = advise(inventory, way(GEMINI, ORCA, minimum_e8=6), way(COINBASE, ORCA, minimum_e8=6))
    assert sorted(t.amount_e8 for t in advice.transfers) == [6, 9]


def test_usdc_that_arrives_as_usd_covers_a_lack_of_usd() -> None:
    inventory = held(
        (GEMINI, "USD", 0, 100 * E8), (ORCA, "USDC", 150 * E8, 50 * E8), (GEMINI, "SOL", 0, E8), (ORCA, "SOL", E8, E8)
    )  # fmt: skip
    route = way(ORCA, GEMINI, "USDC", credited_as="USD", fee_millionths=100)
    dollars, sol = advise(inventory, route)
    assert dollars.assets == ("USD", "USDC")
    assert [t.received_asset for t in dollars.transfers] == ["USD"]
    assert (sol.assets, sol.transfers, sol.uncovered_e8) == (("SOL",), (), E8)


def test_without_a_price_the_cost_is_unknown_not_zero() -> None:
    inventory = held((GEMINI, "SOL", 9 * E8, 0), (ORCA, "SOL", 0, E8))
    demand = Demand(ORCA, "SOL", 5 * E8, 2_000)
    (advice,) = advise(inventory, way(GEMINI, ORCA), prices={}, demands=(demand,))
    assert advice.cost_usd_e8 is None
    assert advice.cost_of_waiting_usd_e8 is None
    assert advice.fee_e8 == 0


def test_waiting_costs_what_the_missing_part_would_earn() -> None:
    inventory = held((GEMINI, "SOL", 9 * E8, 0), (ORCA, "SOL", E8, 2 * E8), (GEMINI, "USD", 0, 0))
    transfers = Transfers([Transfer("x", ProposedTransfer(GEMINI, ORCA, "SOL", "SOL", E8, 0, 1, "t"), NOW, NOW + 1)])
    demands = (Demand(ORCA, "SOL", 5 * E8, 2_000), Demand(GEMINI, "SOL", E8, 9_000), Demand(GEMINI, "USD", E8, 1))
    inventory.balances["orca:SOL"].target_e8 = 20 * E8
    (advice,) = advise(inventory, way(GEMINI, ORCA), transfers=transfers, demands=demands)
    assert advice.cost_of_waiting_usd_e8 == 3 * 150 * E8 * 2_000 // 1_000_000
    (unknown,) = advise(inventory, way(GEMINI, ORCA), transfers=transfers)
    assert unknown.cost_of_waiting_usd_e8 is None


def test_a_transfer_leaves_at_once_and_arrives_when_due() -> None:
    inventory = held((GEMINI, "USDC", 10 * E8, 0), (ORCA, "USDC", 0, 9 * E8))
    transfers = Transfers()
    late = ProposedTransfer(GEMINI, ORCA, "USDC", "USDC", 2 * E8, E8, 5 * MINUTE, "late")
    soon = ProposedTransfer(GEMINI, ORCA, "USDC", "USD", 3 * E8, 0, MINUTE, "soon")
    first = transfers.depart(inventory, late, transfer_id="a", now_ns=NOW)
    second = transfers.depart(inventory, soon, transfer_id="b", now_ns=NOW)
    assert isinstance(first, Transfer)
    assert inventory.total_e8(GEMINI, "USDC") == 4 * E8
    assert (transfers.arriving_e8(ORCA, "USDC"), transfers.arriving_e8(ORCA, "USD")) == (2 * E8, 3 * E8)
    assert transfers.arrive_due(inventory, NOW + MINUTE - 1) == []
    assert transfers.arrive_due(inventory, NOW + 5 * MINUTE) == [second, first]
    assert (inventory.total_e8(ORCA, "USDC"), inventory.total_e8(ORCA, "USD")) == (2 * E8, 3 * E8)
    assert transfers.in_flight == []


def test_a_transfer_beyond_the_free_balance_does_not_leave() -> None:
    inventory, transfers = held((GEMINI, "SOL", 3 * E8, 0)), Transfers()
    proposal = ProposedTransfer(GEMINI, ORCA, "SOL", "SOL", 3 * E8, 1, MINUTE, "test")
    refused = transfers.depart(inventory, proposal, transfer_id="a", now_ns=NOW)
    assert refused == Shortfall(GEMINI, "SOL", needed_e8=3 * E8 + 1, free_e8=3 * E8)
    assert transfers == Transfers()


def test_a_keyframe_holds_the_transfers() -> None:
    inventory, transfers = held((GEMINI, "SOL", 9 * E8, 0), (ORCA, "SOL", 0, E8)), Transfers()
    (advice,) = advise(inventory, way(GEMINI, ORCA))
    transfers.depart(inventory, advice.transfers[0], transfer_id="a", now_ns=NOW)
    assert msgspec.json.decode(msgspec.json.encode(transfers), type=Transfers) == transfers


@pytest.mark.parametrize(
    ("route", "message"),
    [
        (way(GEMINI, GEMINI), "two different balances"),
        (way(GEMINI, ORCA, fixed_fee_e8=-1), "at least 0"),
        (way(GEMINI, ORCA, fee_millionths=-1), "at least 0"),
        (way(GEMINI, ORCA, duration_ns=-1), "at least 0"),
        (way(GEMINI, ORCA, minimum_e8=-1), "at least 0"),
        (way(GEMINI, ORCA, typical_e8=0), "typical amount"),
        (way(GEMINI, ORCA, typical_e8=5, minimum_e8=6), "typical amount"),
    ],
)
def test_a_route_that_cannot_be_is_refused_by_name(route: TransferRoute, message: str) -> None:
    check_routes((way(GEMINI, ORCA), way(GEMINI, GEMINI, "USDC", credited_as="USD")))
    with pytest.raises(ConfigError, match=message):
        check_routes((way(GEMINI, ORCA), route))


SOURCES, DESTINATIONS = (COINBASE, GEMINI), (BITSTAMP, ORCA)
SMALL = st.integers(0, 7)


def _all_plans(spare: list[int], missing: list[int], routes: list[TransferRoute]) -> Iterator[tuple[int, int]]:
    """Yield (uncovered, fee) of every plan of at most three transfers in whole units."""
    for amounts in product(*(range(8) for _ in routes)):
        used = [(route, amount) for route, amount in zip(routes, amounts, strict=True) if amount]
        if len(used) > 3 or any(amount < route.minimum_e8 for route, amount in used):
            continue
        left, gap = dict(zip(SOURCES, spare, strict=True)), dict(zip(DESTINATIONS, missing, strict=True))
        for route, amount in used:
            left[route.source] -= amount + transfer_fee_e8(route, amount)
            gap[route.destination] -= amount
        if min(*left.values(), *gap.values()) >= 0:
            yield sum(gap.values()), sum(transfer_fee_e8(route, amount) for route, amount in used)


@hypothesis_settings(max_examples=60, deadline=None)
@given(
    spare=st.lists(SMALL, min_size=2, max_size=2),
    missing=st.lists(SMALL, min_size=2, max_size=2),
    fees=st.lists(st.integers(0, 2), min_size=4, max_size=4),
    minimums=st.lists(st.integers(0, 3), min_size=4, max_size=4),
)
def test_no_plan_covers_more_and_none_covers_it_cheaper(
    spare: list[int], missing: list[int], fees: list[int], minimums: list[int]
) -> None:
    pairs = list(product(SOURCES, DESTINATIONS))
    routes = [
        way(s, d, fixed_fee_e8=fee, minimum_e8=minimum)
        for (s, d), fee, minimum in zip(pairs, fees, minimums, strict=True)
    ]
    inventory = held(
        *((venue, "SOL", 10 + extra, 10) for venue, extra in zip(SOURCES, spare, strict=True)),
        *((venue, "SOL", 10 - short, 10) for venue, short in zip(DESTINATIONS, missing, strict=True)),
    )
    advice = advise(inventory, *routes)
    best = min(_all_plans(spare, missing, routes))
    if sum(missing) == 0:
        assert advice == ()
    else:
        assert (advice[0].uncovered_e8, advice[0].fee_e8) == best


@given(
    totals=st.lists(st.integers(0, 20 * E8), min_size=4, max_size=4),
    targets=st.lists(st.integers(0, 20 * E8), min_size=4, max_size=4),
    fee=st.integers(0, E8),
    share=st.integers(0, 100_000),
)
@hypothesis_settings(max_examples=60, deadline=None)
def test_transfers_conserve_assets_and_no_balance_crosses_its_target(
    totals: list[int], targets: list[int], fee: int, share: int
) -> None:
    venues = (COINBASE, GEMINI, BITSTAMP, ORCA)
    inventory = held(*((v, "SOL", total, target) for v, total, target in zip(venues, totals, targets, strict=True)))
    routes = [way(s, d, fixed_fee_e8=fee, fee_millionths=share) for s in venues for d in venues if s != d]
    before = {drift.venue: drift.drift_e8 for drift in inventory.drifts()}
    transfers, paid = Transfers(), 0
    for advice in advise(inventory, *routes):
        for number, proposal in enumerate(advice.transfers):
            departed = transfers.depart(inventory, proposal, transfer_id=str(number), now_ns=NOW)
            assert isinstance(departed, Transfer)
            paid += proposal.fee_e8
            on_its_way = sum(t.proposal.amount_e8 for t in transfers.in_flight)
            assert inventory.totals()["SOL"] + on_its_way + paid == sum(totals)
    transfers.arrive_due(inventory, NOW + MINUTE)
    assert inventory.totals()["SOL"] + paid == sum(totals)
    for drift in inventory.drifts():
        assert abs(drift.drift_e8) <= abs(before[drift.venue])
        assert drift.drift_e8 * before[drift.venue] >= 0
