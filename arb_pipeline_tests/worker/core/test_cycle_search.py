"""How much to send round a cycle: every named refusal, and no other amount that earns more."""

import pytest
from hypothesis import event, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from streaming_worker.core.book import Book
from streaming_worker.core.cycle import Books, Cycle, CycleFees, CyclePlan, FeeAsset, cycles_of, walk_cycle
from streaming_worker.core.cycle_search import (
    MOST_LEVELS,
    CycleLimits,
    CycleRefusal,
    CycleRefusalReason,
    gains_at_best,
    plan_cycle,
    worthwhile_spend,
)
from streaming_worker.core.events import Levels
from streaming_worker.core.instrument import Instrument, Venue
from streaming_worker.core.units import E8

LIMITS = CycleLimits(cap_e8=10_000 * E8, threshold_millionths=1_000)


def triangle(home: str = "USD", *, sol_btc_lot: int = 1, minimum: int = 1) -> tuple[Cycle, ...]:
    """Return the two directions through SOL, BTC and USD."""
    return cycles_of(
        (
            Instrument(venue=Venue.COINBASE, symbol=f"{base}-{quote}", base=base, quote=quote, price_tick_e8=1,
                       lot_e8=lot, min_size_e8=minimum, min_notional_e8=0)
            for base, quote, lot in (("SOL", "USD", 1), ("BTC", "USD", 1), ("SOL", "BTC", sol_btc_lot))
        ),
        home,
    )  # fmt: skip


def fees(taker: int = 0, asset: FeeAsset = FeeAsset.QUOTE) -> CycleFees:
    """Return one fee for every step."""
    return CycleFees((taker, taker, taker), asset, "test")


FORTH = triangle()[0]


def market(*, sol_asks: Levels = (), sol_btc_bids: Levels = (), btc_bids: Levels = ()) -> Books:
    """Return the books of USD > SOL > BTC > USD; a SOL costs 150 USD and brings 0.00255 BTC of 60,000 USD."""
    return (
        Book.load([], list(sol_asks) or [(150 * E8, 100 * E8)]),
        Book.load(list(sol_btc_bids) or [(255_000, 100 * E8)], []),
        Book.load(list(btc_bids) or [(60_000 * E8, 10 * E8)], []),
    )


def refusal(books: Books, **options: object) -> CycleRefusal:
    """Plan and expect a refusal."""
    usual = {"cycle": FORTH, "fees": fees(), "limits": LIMITS}
    made = usual | options
    plan = plan_cycle(made["cycle"], books, fees=made["fees"], limits=made["limits"])
    assert isinstance(plan, CycleRefusal)
    return plan


@pytest.mark.parametrize("place", range(3))
def test_an_empty_side_is_named(place: int) -> None:
    books = list(market())
    books[place] = Book()
    assert refusal((books[0], books[1], books[2])) == CycleRefusal(CycleRefusalReason.BOOK_EMPTY)


def test_no_edge_at_the_best_prices_is_named() -> None:
    assert refusal(market(sol_btc_bids=[(250_000, E8)])) == CycleRefusal(CycleRefusalReason.NO_EDGE)
    assert refusal(market(), fees=fees(7_000)) == CycleRefusal(CycleRefusalReason.NO_EDGE)


def test_a_size_below_the_minimum_is_named() -> None:
    cycle = triangle(minimum=101 * E8)[0]
    assert refusal(market(), cycle=cycle) == CycleRefusal(CycleRefusalReason.BELOW_MINIMUM_SIZE)
    none = CycleLimits(cap_e8=0, threshold_millionths=0)
    assert refusal(market(), limits=none) == CycleRefusal(CycleRefusalReason.BELOW_MINIMUM_SIZE)


def test_what_lots_eat_is_named_with_its_plan() -> None:
    """Of 9 SOL only 5 fit the lot; the other 4 go back at a bid of 100 USD."""
    _, sol_btc, btc = market()
    sol = Book.load([(100 * E8, 100 * E8)], [(150 * E8, 100 * E8)])
    cycle = triangle(sol_btc_lot=5 * E8)[0]
    eaten = refusal((sol, sol_btc, btc), cycle=cycle, limits=CycleLimits(cap_e8=1_350 * E8, threshold_millionths=0))
    assert eaten.reason is CycleRefusalReason.COSTS_EXCEED_EDGE
    assert eaten.plan is not None
    assert (eaten.plan.net_e8, eaten.plan.gross_e8) == ((765 + 400 - 1_350) * E8, 27 * E8)


def test_an_edge_below_the_threshold_is_named_with_its_plan() -> None:
    short = refusal(market(sol_btc_bids=[(250_249, 100 * E8)]))
    assert short.reason is CycleRefusalReason.BELOW_THRESHOLD
    assert short.plan is not None
    assert 990 < short.plan.net_edge_centibps < 997


def test_the_depth_that_pays_is_taken_and_no_more() -> None:
    books = market(sol_asks=[(150 * E8, 2 * E8), (152 * E8, 3 * E8), (154 * E8, 50 * E8)])
    plan = plan_cycle(FORTH, books, fees=fees(), limits=LIMITS)
    assert isinstance(plan, CyclePlan)
    assert plan.spent_e8 == (300 + 456) * E8
    assert plan.net_e8 == 5 * 153 * E8 - plan.spent_e8


@pytest.mark.parametrize(
    ("books", "spend"),
    [
        (market(sol_asks=[(150 * E8, 7 * E8)]), 1_050),
        (market(sol_btc_bids=[(255_000, 7 * E8)]), 1_050),
        (market(sol_btc_bids=[(255_000, 4 * E8), (254_000, 3 * E8), (240_000, 9 * E8)]), 1_050),
        (market(btc_bids=[(60_000 * E8, 255 * E8 // 10_000)]), 1_500),
        (market(), 10_000),
    ],
    ids=["first", "second", "second-by-levels", "third", "cap"],
)
def test_each_book_and_the_cap_can_be_the_limit(books: Books, spend: int) -> None:
    assert worthwhile_spend(FORTH, books, fees=fees(), cap_e8=10_000 * E8) == spend * E8


def test_a_fee_in_quote_is_part_of_what_a_level_takes() -> None:
    books = market(sol_asks=[(150 * E8, 7 * E8)])
    in_quote, in_received = (fees(1_000, asset) for asset in (FeeAsset.QUOTE, FeeAsset.RECEIVED))
    assert worthwhile_spend(FORTH, books, fees=in_quote, cap_e8=10_000 * E8) == 1_050 * E8 * 1_001 // 1_000
    assert worthwhile_spend(FORTH, books, fees=in_received, cap_e8=10_000 * E8) == 1_050 * E8


def test_the_search_looks_at_a_bounded_number_of_levels() -> None:
    thin = [(150 * E8 + rank, E8 // 100) for rank in range(2 * MOST_LEVELS)]
    spend = worthwhile_spend(FORTH, market(sol_asks=thin), fees=fees(), cap_e8=10_000 * E8)
    assert spend is not None
    assert 0 <= 96 * E8 - spend + sum(rank for rank in range(MOST_LEVELS)) // 100 < MOST_LEVELS


SIZES = st.integers(1, 500)


@st.composite
def gaining(draw: st.DrawFn) -> tuple[Cycle, Books, CycleFees]:
    """Draw a cycle whose books have up to three levels a side and usually an edge of a few per cent."""
    sol, btc = draw(st.integers(100, 200)) * E8, draw(st.integers(40_000, 80_000)) * E8
    skew = draw(st.integers(-6, 6))
    centres = {"SOL-USD": sol, "BTC-USD": btc, "SOL-BTC": sol * E8 * (100 + skew) // (btc * 100)}
    books = {}
    for symbol, centre in centres.items():
        step = max(1, centre // 200)
        sides = [
            [(centre + sign * (rank * step + 1), draw(SIZES) * E8 // 100) for rank in range(draw(st.integers(1, 3)))]
            for sign in (-1, 1)
        ]
        books[symbol] = Book.load(*sides)
    cycle = draw(st.sampled_from([cycle for home in ("USD", "SOL", "BTC") for cycle in triangle(home)]))
    first, second, third = (books[step.instrument.symbol] for step in cycle.steps)
    return cycle, (first, second, third), fees(draw(st.sampled_from([0, 2_500])), draw(st.sampled_from(FeeAsset)))


@hypothesis_settings(max_examples=150, deadline=None)
@given(gaining())
def test_no_other_amount_earns_more(drawn: tuple[Cycle, Books, CycleFees]) -> None:
    cycle, books, costs = drawn
    unit = {"USD": E8, "SOL": E8 // 150, "BTC": E8 // 60_000}[cycle.home]
    cap = 1_000 * unit
    found = plan_cycle(cycle, books, fees=costs, limits=CycleLimits(cap_e8=cap, threshold_millionths=0))
    tried = (walk_cycle(cycle, books, spend_e8=step * unit, fees=costs) for step in range(1, 1_001, 23))
    best = max((plan.net_e8 for plan in tried if plan is not None), default=0)
    # Each step rounds by up to 1e-8 of its asset; of these a BTC's is worth the most, up to 80,000 units of USD.
    event(type(found).__name__)
    rounding = 5 * 80_000 * unit // E8 + 5
    if isinstance(found, CycleRefusal):
        assert best <= rounding
    else:
        assert found.spent_e8 <= cap
        assert found.net_e8 >= best - rounding


def test_the_quick_reject_needs_every_side() -> None:
    (cycle, _) = triangle()
    level = [(E8, E8)]
    full = tuple(Book.load(level, level) for _ in range(3))
    assert not gains_at_best(cycle, full, fees())  # at one price everywhere nothing is gained
    empty = (full[0], Book.load([], level), full[2])
    assert not gains_at_best(cycle, empty, fees())
    dear = (full[0], Book.load([(2 * E8, E8)], [(3 * E8, E8)]), full[2])
    assert gains_at_best(cycle, dear, fees())
