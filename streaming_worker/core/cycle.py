"""Triangular cycles inside one venue: what they are, and what a turn of one gives with lots and dust true.

Everything is exact: each leg takes what the leg before really gave, rounded to the lot it trades in; what does not fit
a lot stays as dust and is valued, never forgotten and never counted at more than it could be sold for at once.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from itertools import permutations

import msgspec

from streaming_worker.core.book import Book
from streaming_worker.core.depth import size_for_notional
from streaming_worker.core.fees import fee_amount
from streaming_worker.core.instrument import Instrument, Venue
from streaming_worker.core.units import E8, E8_DIGITS, MILLIONTHS


class FeeAsset(StrEnum):
    """Which asset a venue takes its taker fee in. Selling, both are the quote."""

    RECEIVED = "received"
    QUOTE = "quote"


@dataclass(frozen=True, slots=True)
class CycleStep:
    """One trade of a cycle: buy the instrument's base with its quote, or sell it."""

    instrument: Instrument
    is_buy: bool

    @property
    def gives(self) -> str:
        """The asset that is spent."""
        return self.instrument.quote if self.is_buy else self.instrument.base

    @property
    def receives(self) -> str:
        """The asset that comes in."""
        return self.instrument.base if self.is_buy else self.instrument.quote


@dataclass(frozen=True, slots=True)
class Cycle:
    """Three steps at one venue that start and end in ``home``."""

    venue: Venue
    home: str
    steps: tuple[CycleStep, CycleStep, CycleStep]

    @property
    def key(self) -> str:
        """The identifier of the cycle: the venue and the assets in order."""
        return f"{self.venue.value}|{'>'.join((*(step.gives for step in self.steps), self.home))}"


class CycleFees(msgspec.Struct, frozen=True, gc=False):
    """The taker fee of each step in millionths, in order, and the asset that the venue takes it in."""

    taker_millionths: tuple[int, int, int]
    asset: FeeAsset
    source: str


class CycleLeg(msgspec.Struct, frozen=True, gc=False):
    """One step as it fills.

    Units: ``size_e8`` base, ``notional_e8`` quote, ``fee_e8`` in ``fee_asset``; ``paid_e8`` leaves in the asset that
    the step gives, ``received_e8`` comes in, both with the fee; ``dust_e8`` is what of the step before could not be
    traded (home that was not spent is none), ``dust_value_e8`` its value in the home asset.
    """

    instrument: str
    is_buy: bool
    size_e8: int
    notional_e8: int
    fee_e8: int
    fee_asset: str
    paid_e8: int
    received_e8: int
    dust_e8: int
    dust_value_e8: int


class CyclePlan(msgspec.Struct, frozen=True, gc=False):
    """A whole turn at the chosen size.

    Units: home asset x 1e8. ``spent_e8`` leaves, ``returned_e8`` comes back, ``dust_value_e8`` is what remains in the
    other two assets. ``gross_e8`` is what the best prices would earn without fees, lots and depth; ``fee_e8`` and
    ``slippage_e8`` (depth, lots and rounding) are negative when they cost. Two exact sums: net = returned + dust -
    spent, and net = gross + fee + slippage.
    """

    legs: tuple[CycleLeg, CycleLeg, CycleLeg]
    spent_e8: int
    returned_e8: int
    dust_value_e8: int
    gross_e8: int
    fee_e8: int
    slippage_e8: int
    net_e8: int
    net_edge_centibps: int


Books = tuple[Book, Book, Book]


def cycles_of(instruments: Iterable[Instrument], home: str) -> tuple[Cycle, ...]:
    """Return every cycle through ``home`` inside one venue, in both directions, in configured order.

    Instruments with sizes finer than 1e-8 take no part: costs are counted in 1e-8.
    """
    listed = [instrument for instrument in instruments if instrument.size_digits == E8_DIGITS]
    found = []
    for trio in permutations(listed, 3):
        steps = _steps(trio, home) if len({instrument.venue for instrument in trio}) == 1 else None
        if steps is not None:
            found.append(Cycle(trio[0].venue, home, steps))
    return tuple(found)


def walk_cycle(cycle: Cycle, books: Books, *, spend_e8: int, fees: CycleFees) -> CyclePlan | None:
    """Return the turn that spends at most ``spend_e8``, each leg on the book as it is.

    None when a side is empty or a leg is below its instrument's minimum size or notional. What a book does not hold
    stays as dust.
    """
    bests = [best_level(step, book) for step, book in zip(cycle.steps, books, strict=True)]
    prices = [best[0] for best in bests if best is not None]
    fills: list[Fill] = []
    held = spend_e8
    for step, book, taker in zip(cycle.steps, books, fees.taker_millionths, strict=True):
        fill = fill_step(step, book, held, taker, fees.asset, step.instrument.lot_e8)
        if fill.size_e8 < max(1, step.instrument.min_size_e8) or fill.notional_e8 < step.instrument.min_notional_e8:
            return None
        fills.append(fill)
        held = fill.received_e8
    return _plan(cycle, books, fills, prices, fees)


def best_level(step: CycleStep, book: Book) -> tuple[int, int] | None:
    """Return the level that a step would take first, as (price_e8, size_e8)."""
    return book.best_ask if step.is_buy else book.best_bid


def rate_at(step: CycleStep, price_e8: int, taker: int, asset: FeeAsset) -> tuple[int, int]:
    """Return what a step gives for what, exactly, at one price, as (received, given)."""
    if not step.is_buy:
        return price_e8 * (MILLIONTHS - taker), E8 * MILLIONTHS
    if asset is FeeAsset.QUOTE:
        return E8 * MILLIONTHS, price_e8 * (MILLIONTHS + taker)
    return E8 * (MILLIONTHS - taker), price_e8 * MILLIONTHS


def value_back(cycle: Cycle, book: Book, dust_e8: int, fees: CycleFees) -> int:
    """Return what the second step's dust is worth in home: it goes back the way of the first."""
    first = cycle.steps[0]
    back = CycleStep(first.instrument, is_buy=not first.is_buy)
    return fill_step(back, book, dust_e8, fees.taker_millionths[0], fees.asset, 1).received_e8


def value_on(cycle: Cycle, book: Book, *, held_e8: int, dust_e8: int, filled_e8: int, fees: CycleFees) -> int:
    """Return what the third step's dust is worth in home.

    It counts as what that step would have given for it without lots, and at most as what the untouched book would give
    for it alone.
    """
    last, taker = cycle.steps[2], fees.taker_millionths[2]
    whole, alone = (fill_step(last, book, held, taker, fees.asset, 1) for held in (held_e8, dust_e8))
    return min(whole.received_e8 - filled_e8, alone.received_e8)


class Fill(msgspec.Struct, frozen=True, gc=False):
    """One step's trade before its dust is valued."""

    size_e8: int
    notional_e8: int
    fee_e8: int
    paid_e8: int
    received_e8: int
    dust_e8: int


def _steps(trio: tuple[Instrument, ...], home: str) -> tuple[CycleStep, CycleStep, CycleStep] | None:
    steps, held = [], home
    for instrument in trio:
        step = CycleStep(instrument, is_buy=instrument.quote == held)
        if step.gives != held:
            return None
        steps.append(step)
        held = step.receives
    return (steps[0], steps[1], steps[2]) if held == home else None


def fill_step(step: CycleStep, book: Book, held_e8: int, taker: int, asset: FeeAsset, lot_e8: int) -> Fill:
    """Trade all of what is held that the lot and the book allow.

    Rounds: each amount against us.
    """
    if not step.is_buy:
        size = min(held_e8, book.sweep_bids(held_e8).filled_e8)
        size -= size % lot_e8
        sweep = book.sweep_bids(size)
        fee = fee_amount(sweep.notional_e8, taker)
        paid, received = size, sweep.notional_e8 - fee
    else:
        budget = held_e8 if asset is FeeAsset.RECEIVED else held_e8 * MILLIONTHS // (MILLIONTHS + taker)
        size = size_for_notional(book.asks_from_best(), budget)
        size -= size % lot_e8
        sweep = book.sweep_asks(size)
        fee = fee_amount(size if asset is FeeAsset.RECEIVED else sweep.notional_e8, taker)
        paid, received = (
            (sweep.notional_e8, size - fee) if asset is FeeAsset.RECEIVED else (sweep.notional_e8 + fee, size)
        )
    return Fill(size, sweep.notional_e8, fee, paid, received, held_e8 - paid)


def _plan(cycle: Cycle, books: Books, fills: list[Fill], prices: list[int], fees: CycleFees) -> CyclePlan:
    spent, returned = fills[0].paid_e8, fills[2].received_e8
    values = _dust_values(cycle, books, fills, fees)
    without_fee = _at_best(cycle, prices, spent, (0, 0, 0), fees.asset)
    with_fee = _at_best(cycle, prices, spent, fees.taker_millionths, fees.asset)
    kept = returned + sum(values)
    dusts = (0, fills[1].dust_e8, fills[2].dust_e8)
    legs = [
        _leg(step, fill, fees.asset, dust_e8=dust, dust_value_e8=value)
        for step, fill, dust, value in zip(cycle.steps, fills, dusts, values, strict=True)
    ]
    return CyclePlan(
        legs=(legs[0], legs[1], legs[2]),
        spent_e8=spent,
        returned_e8=returned,
        dust_value_e8=sum(values),
        gross_e8=without_fee - spent,
        fee_e8=with_fee - without_fee,
        slippage_e8=kept - with_fee,
        net_e8=kept - spent,
        net_edge_centibps=(kept - spent) * MILLIONTHS // spent,
    )


def _dust_values(cycle: Cycle, books: Books, fills: list[Fill], fees: CycleFees) -> tuple[int, int, int]:
    """Value in home what each step could not trade."""
    third = value_on(
        cycle,
        books[2],
        held_e8=fills[1].received_e8,
        dust_e8=fills[2].dust_e8,
        filled_e8=fills[2].received_e8,
        fees=fees,
    )
    return 0, value_back(cycle, books[0], fills[1].dust_e8, fees), third


def _leg(step: CycleStep, fill: Fill, asset: FeeAsset, *, dust_e8: int, dust_value_e8: int) -> CycleLeg:
    return CycleLeg(
        instrument=step.instrument.key,
        is_buy=step.is_buy,
        size_e8=fill.size_e8,
        notional_e8=fill.notional_e8,
        fee_e8=fill.fee_e8,
        fee_asset=step.receives if asset is FeeAsset.RECEIVED else step.instrument.quote,
        paid_e8=fill.paid_e8,
        received_e8=fill.received_e8,
        dust_e8=dust_e8,
        dust_value_e8=dust_value_e8,
    )


def _at_best(cycle: Cycle, prices: list[int], spent_e8: int, takers: tuple[int, int, int], asset: FeeAsset) -> int:
    """Return what the best prices alone would give. Rounds: down, once."""
    received, given = spent_e8, 1
    for step, price, taker in zip(cycle.steps, prices, takers, strict=True):
        numerator, denominator = rate_at(step, price, taker, asset)
        received, given = received * numerator, given * denominator
    return received // given
