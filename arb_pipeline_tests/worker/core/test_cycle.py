"""Triangular cycles: lots, fees and dust leg by leg against exact fractions; no gain where there is none."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from streaming_worker.core.book import Book
from streaming_worker.core.cycle import (
    Books,
    Cycle,
    CycleFees,
    CycleLeg,
    CyclePlan,
    CycleStep,
    FeeAsset,
    best_level,
    cycles_of,
    rate_at,
    walk_cycle,
)
from streaming_worker.core.events import Levels
from streaming_worker.core.instrument import Instrument, Venue
from streaming_worker.core.units import E8, MILLIONTHS


def instrument(
    symbol: str, *, venue: Venue = Venue.COINBASE, lot: int = 1, minimum: int = 1, notional: int = 0, digits: int = 8
) -> Instrument:
    """Return a book of base-quote."""
    base, quote = symbol.split("-")
    return Instrument(venue=venue, symbol=symbol, base=base, quote=quote, price_tick_e8=1, lot_e8=lot,
                      min_size_e8=minimum, min_notional_e8=notional, size_digits=digits)  # fmt: skip


def triangle(home: str = "USD", **options: int) -> tuple[Cycle, ...]:
    """Return the two directions through SOL, BTC and USD."""
    return cycles_of((instrument(symbol, **options) for symbol in ("SOL-USD", "BTC-USD", "SOL-BTC")), home)


def fees(taker: int = 0, asset: FeeAsset = FeeAsset.QUOTE) -> CycleFees:
    """Return one fee for every step."""
    return CycleFees((taker, taker, taker), asset, "test")


def books(cycle: Cycle, sides: dict[str, tuple[Levels, Levels]]) -> Books:
    """Return the books of a cycle's steps, by symbol."""
    first, second, third = (Book.load(*sides[step.instrument.symbol]) for step in cycle.steps)
    return first, second, third


FORTH, BACK = triangle()
# SOL is 150 USD, BTC 60,000 USD; on SOL-BTC a SOL brings 0.00255 BTC, 2 % more than its 0.0025.
MARKET: dict[str, tuple[Levels, Levels]] = {
    "SOL-USD": ([(150 * E8, 100 * E8)], [(150 * E8, 100 * E8)]),
    "BTC-USD": ([(60_000 * E8, E8)], [(60_000 * E8, E8)]),
    "SOL-BTC": ([(255_000, 100 * E8)], [(256_000, 100 * E8)]),
}


def test_both_directions_of_each_triangle_are_found() -> None:
    assert [cycle.key for cycle in triangle()] == ["coinbase|USD>SOL>BTC>USD", "coinbase|USD>BTC>SOL>USD"]
    assert [[step.is_buy for step in cycle.steps] for cycle in triangle()] == [
        [True, False, False],
        [True, True, False],
    ]
    assert [step.receives for step in FORTH.steps] == ["SOL", "BTC", "USD"]


def test_a_cycle_needs_one_venue_and_a_way_home() -> None:
    assert triangle("ETH") == ()
    elsewhere = instrument("SOL-BTC", venue=Venue.GEMINI)
    assert cycles_of((instrument("SOL-USD"), instrument("BTC-USD"), elsewhere), "USD") == ()
    assert cycles_of((instrument("SOL-USD"), instrument("BTC-USD"), instrument("SOL-EUR")), "USD") == ()
    assert triangle(digits=10) == ()


def test_a_turn_without_lots_or_fees_gives_the_edge() -> None:
    plan = walk_cycle(FORTH, books(FORTH, MARKET), spend_e8=1_500 * E8, fees=fees())
    assert plan is not None
    assert (plan.spent_e8, plan.returned_e8, plan.net_e8, plan.net_edge_centibps) == (
        1_500 * E8, 1_530 * E8, 30 * E8, 20_000,
    )  # fmt: skip
    assert (plan.gross_e8, plan.fee_e8, plan.slippage_e8, plan.dust_value_e8) == (30 * E8, 0, 0, 0)


def test_lots_leave_dust_that_is_valued_not_lost() -> None:
    cycle = triangle(lot=E8 // 100)[0]
    plan = walk_cycle(cycle, books(cycle, MARKET), spend_e8=1_000 * E8, fees=fees())
    assert plan is not None
    first, second, third = plan.legs
    assert (first.size_e8, plan.spent_e8) == (666_000_000, 999 * E8)
    assert (first.dust_e8, second.dust_e8) == (0, 0)
    assert (third.size_e8, third.dust_e8) == (E8 // 100, 6_660_000 * 255 // 1_000 - E8 // 100)
    assert third.dust_value_e8 == third.dust_e8 * 60_000
    assert plan.net_e8 == 999 * E8 * 2 // 100


def test_dust_of_the_second_step_goes_back_the_way_of_the_first() -> None:
    cycle = cycles_of((instrument("SOL-USD"), instrument("BTC-USD"), instrument("SOL-BTC", lot=4 * E8)), "USD")[0]
    sides = MARKET | {"SOL-USD": ([(149 * E8, 100 * E8)], [(150 * E8, 100 * E8)])}
    plan = walk_cycle(cycle, books(cycle, sides), spend_e8=1_500 * E8, fees=fees(10_000))
    assert plan is not None
    second = plan.legs[1]
    received = plan.legs[0].received_e8
    assert (second.size_e8, second.dust_e8) == (8 * E8, received - 8 * E8)
    assert second.dust_value_e8 == pytest.approx(second.dust_e8 * 149 * 0.99, abs=3)


@pytest.mark.parametrize(("asset", "first_fee"), [(FeeAsset.RECEIVED, "SOL"), (FeeAsset.QUOTE, "USD")])
def test_the_fee_is_taken_in_the_configured_asset(asset: FeeAsset, first_fee: str) -> None:
    plan = walk_cycle(FORTH, books(FORTH, MARKET), spend_e8=1_500 * E8, fees=fees(10_000, asset))
    assert plan is not None
    assert [leg.fee_asset for leg in plan.legs] == [first_fee, "BTC", "USD"]
    buy, sell, _ = plan.legs
    assert sell.received_e8 == sell.notional_e8 * 99 // 100
    if asset is FeeAsset.RECEIVED:
        assert (buy.paid_e8, buy.size_e8, buy.received_e8) == (1_500 * E8, 10 * E8, 10 * E8 * 99 // 100)
    else:
        assert (buy.received_e8, buy.notional_e8 + buy.fee_e8) == (buy.size_e8, buy.paid_e8)
        assert buy.size_e8 == 1_500 * E8 * 100 // 101 // 150
    assert plan.fee_e8 < 0 < plan.gross_e8


@pytest.mark.parametrize(
    "options", [{"minimum": 2 * E8}, {"notional": 1_600 * E8}, {"lot": 200 * E8}], ids=["size", "notional", "lot"]
)
def test_a_leg_below_its_minimum_ends_the_walk(options: dict[str, int]) -> None:
    cycle = triangle(**options)[0]
    assert walk_cycle(cycle, books(cycle, MARKET), spend_e8=1_500 * E8, fees=fees()) is None


def test_an_empty_side_ends_the_walk() -> None:
    for symbol in MARKET:
        sides = MARKET | {symbol: ([], [])}
        assert walk_cycle(FORTH, books(FORTH, sides), spend_e8=1_500 * E8, fees=fees()) is None


def test_what_a_book_does_not_hold_stays_as_dust() -> None:
    sides = MARKET | {"BTC-USD": ([(60_000 * E8, E8 // 100)], [])}
    plan = walk_cycle(FORTH, books(FORTH, sides), spend_e8=1_500 * E8, fees=fees())
    assert plan is not None
    assert plan.returned_e8 == 600 * E8
    assert (plan.legs[2].dust_e8, plan.legs[2].dust_value_e8) == (1_550_000, 0)


PRICES = {"SOL-USD": st.integers(100, 200), "BTC-USD": st.integers(40_000, 80_000)}
SIZES = st.integers(1, 500)
TAKER = st.sampled_from([0, 1, 2_500, 12_000])
HOMES = st.sampled_from(["USD", "SOL", "BTC"])


@st.composite
def markets(draw: st.DrawFn, *, is_fair: bool = False) -> dict[str, tuple[Levels, Levels]]:
    """Draw three books of up to three levels a side, in hundredths of an asset; fair ones agree on every price."""
    sol, btc = draw(PRICES["SOL-USD"]) * E8, draw(PRICES["BTC-USD"]) * E8
    skew = 0 if is_fair else draw(st.integers(-30_000, 30_000))
    centres = {"SOL-USD": (sol, 1), "BTC-USD": (btc, 1), "SOL-BTC": (sol * E8 * (MILLIONTHS + skew), btc * MILLIONTHS)}
    sides = {}
    for symbol, (numerator, denominator) in centres.items():
        step = max(1, numerator // denominator // 500)
        bids = [
            (numerator // denominator - rank * step, draw(SIZES) * E8 // 100) for rank in range(draw(st.integers(1, 3)))
        ]
        asks = [
            (-(-numerator // denominator) + rank * step, draw(SIZES) * E8 // 100)
            for rank in range(draw(st.integers(1, 3)))
        ]
        sides[symbol] = (bids, asks)
    return sides


@st.composite
def turns(draw: st.DrawFn, *, is_fair: bool = False) -> tuple[Cycle, Books, CycleFees, int]:
    """Draw a cycle, its books, fees and an amount to spend."""
    cycle = draw(st.sampled_from(triangle(draw(HOMES), lot=draw(st.sampled_from([1, E8 // 1_000, E8 // 100])))))
    taker, asset = draw(TAKER), draw(st.sampled_from(FeeAsset))
    spend = draw(st.integers(1, 2_000)) * (E8 if cycle.home == "USD" else E8 // 100)
    return cycle, books(cycle, draw(markets(is_fair=is_fair))), fees(taker, asset), spend


@given(turns(is_fair=True))
def test_no_cycle_gains_where_all_prices_agree(turn: tuple[Cycle, Books, CycleFees, int]) -> None:
    cycle, held, costs, spend = turn
    plan = walk_cycle(cycle, held, spend_e8=spend, fees=costs)
    assert plan is None or plan.net_e8 <= 0


def _by_lots(
    step: CycleStep, book: Book, held: int, taker: Fraction, asset: FeeAsset
) -> tuple[int, Fraction, Fraction]:
    """Trade one lot after the other in exact fractions; return (size, paid, received)."""
    levels = list(book.asks_from_best() if step.is_buy else book.bids_from_best())
    lot, size, notional = step.instrument.lot_e8, 0, Fraction(0)
    while True:
        more, cost = size + lot, _notional(levels, size + lot)
        if cost is None:
            break
        on_top = cost * taker if asset is FeeAsset.QUOTE else 0
        if (cost + on_top if step.is_buy else more) > held:
            break
        size, notional = more, cost
    if not step.is_buy:
        return size, Fraction(size), notional * (1 - taker)
    if asset is FeeAsset.QUOTE:
        return size, notional * (1 + taker), Fraction(size)
    return size, notional, size * (1 - taker)


def _notional(levels: Levels, size: int) -> Fraction | None:
    """Return what a size costs or brings; None when the levels do not hold it."""
    left, total = size, Fraction(0)
    for price, available in levels:
        taken = min(left, available)
        total += Fraction(price * taken, E8)
        left -= taken
    return total if left == 0 else None


@hypothesis_settings(max_examples=100, deadline=None)
@given(turns())
def test_no_leg_beats_trading_lot_by_lot_in_exact_fractions(turn: tuple[Cycle, Books, CycleFees, int]) -> None:
    cycle, held, costs, spend = turn
    plan = walk_cycle(cycle, held, spend_e8=spend, fees=costs)
    if plan is None:
        return
    given_e8, taker = spend, Fraction(costs.taker_millionths[0], MILLIONTHS)
    for step, book, leg in zip(cycle.steps, held, plan.legs, strict=True):
        if step.instrument.lot_e8 >= E8 // 1_000:
            size, paid, received = _by_lots(step, book, given_e8, taker, costs.asset)
            assert size - step.instrument.lot_e8 <= leg.size_e8 <= size
            if leg.size_e8 == size:
                assert paid <= leg.paid_e8 < paid + 5
                assert received - 5 < leg.received_e8 <= received
        given_e8 = leg.received_e8
    _assert_sums(plan, spend)


@given(turns())
def test_dust_is_never_valued_above_the_best_price(turn: tuple[Cycle, Books, CycleFees, int]) -> None:
    cycle, held, costs, spend = turn
    plan = walk_cycle(cycle, held, spend_e8=spend, fees=costs)
    if plan is None:
        return
    first = cycle.steps[0]
    ways = ((CycleStep(first.instrument, is_buy=not first.is_buy), held[0]), (cycle.steps[2], held[2]))
    for leg, (way, book) in zip(plan.legs[1:], ways, strict=True):
        best = best_level(way, book)
        assert best is not None
        received, given_e8 = rate_at(way, best[0], 0, costs.asset)
        assert leg.dust_value_e8 <= Fraction(leg.dust_e8 * received, given_e8)


def _assert_sums(plan: CyclePlan, spend: int) -> None:
    """Assert both waterfalls and that each asset is paid, kept as dust, or still there."""
    assert plan.net_e8 == plan.returned_e8 + plan.dust_value_e8 - plan.spent_e8
    assert plan.net_e8 == plan.gross_e8 + plan.fee_e8 + plan.slippage_e8
    assert plan.dust_value_e8 == sum(leg.dust_value_e8 for leg in plan.legs)
    assert min(leg.dust_value_e8 for leg in plan.legs) >= 0
    first, second, third = plan.legs
    assert plan.spent_e8 == first.paid_e8 <= spend
    assert first.received_e8 == second.paid_e8 + second.dust_e8
    assert second.received_e8 == third.paid_e8 + third.dust_e8
    assert plan.returned_e8 == third.received_e8
    assert all(_fee_is_where_it_says(leg) for leg in plan.legs)


def _fee_is_where_it_says(leg: CycleLeg) -> bool:
    given_e8, taken = (leg.notional_e8, leg.size_e8) if leg.is_buy else (leg.size_e8, leg.notional_e8)
    return (leg.paid_e8 - given_e8) + (taken - leg.received_e8) == leg.fee_e8 >= 0
