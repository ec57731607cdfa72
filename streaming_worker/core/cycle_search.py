"""How much to send round a triangular cycle: three books in; a plan, or the first named reason against it, out."""

from collections.abc import Iterator
from enum import StrEnum
from itertools import islice

import msgspec

from streaming_worker.core.book import Book
from streaming_worker.core.cycle import (
    Books,
    Cycle,
    CycleFees,
    CyclePlan,
    CycleStep,
    FeeAsset,
    best_level,
    rate_at,
    walk_cycle,
)
from streaming_worker.core.units import E8, MILLIONTHS

MOST_LEVELS = 64


class CycleRefusalReason(StrEnum):
    """The first limit that a cycle failed; the order here is the order of the checks."""

    BOOK_EMPTY = "book_empty"
    NO_EDGE = "no_edge"
    BELOW_MINIMUM_SIZE = "below_minimum_size"
    COSTS_EXCEED_EDGE = "costs_exceed_edge"
    BELOW_THRESHOLD = "below_threshold"


class CycleLimits(msgspec.Struct, frozen=True, gc=False):
    """What a plan must keep to: the most that may be spent (home asset x 1e8), the net edge (millionths of that)."""

    cap_e8: int
    threshold_millionths: int


class CycleRefusal(msgspec.Struct, frozen=True, gc=False):
    """Why there is no plan; the plan itself where one was priced and fell short."""

    reason: CycleRefusalReason
    plan: CyclePlan | None = None


def plan_cycle(cycle: Cycle, books: Books, *, fees: CycleFees, limits: CycleLimits) -> CyclePlan | CycleRefusal:
    """Choose how much to spend, walk the three books exactly, value the dust, and check the limits in order.

    The size is where the next unit would stop earning by marginal prices after fees, found in one walk over at most 64
    levels a book, and at most the cap; what was not seen is not traded.
    """
    if any(best_level(step, book) is None for step, book in zip(cycle.steps, books, strict=True)):
        return CycleRefusal(CycleRefusalReason.BOOK_EMPTY)
    spend = worthwhile_spend(cycle, books, fees=fees, cap_e8=limits.cap_e8)
    if spend is None:
        return CycleRefusal(CycleRefusalReason.NO_EDGE)
    plan = walk_cycle(cycle, books, spend_e8=spend, fees=fees)
    if plan is None:
        return CycleRefusal(CycleRefusalReason.BELOW_MINIMUM_SIZE)
    if plan.net_e8 <= 0:
        return CycleRefusal(CycleRefusalReason.COSTS_EXCEED_EDGE, plan)
    if plan.net_edge_centibps < limits.threshold_millionths:
        return CycleRefusal(CycleRefusalReason.BELOW_THRESHOLD, plan)
    return plan


def gains_at_best(cycle: Cycle, books: Books, fees: CycleFees) -> bool:
    """Return whether a unit sent through the three best levels comes back as more: the quick reject.

    Prices alone, without sizes. False where a side is empty.
    """
    received, given = 1, 1
    for step, book, taker in zip(cycle.steps, books, fees.taker_millionths, strict=True):
        best = best_level(step, book)
        if best is None:
            return False
        numerator, denominator = rate_at(step, best[0], taker, fees.asset)
        received, given = received * numerator, given * denominator
    return received > given


def worthwhile_spend(cycle: Cycle, books: Books, *, fees: CycleFees, cap_e8: int) -> int | None:
    """Return how much to spend until the next unit would earn nothing after fees; None when the first earns nothing.

    Units:  home asset x 1e8, at most the cap and what 64 levels of each book hold.
    Rounds: down at each level.
    """
    ladders = [
        _ladder(step, book, taker, fees.asset)
        for step, book, taker in zip(cycle.steps, books, fees.taker_millionths, strict=True)
    ]
    levels = [next(ladder, None) for ladder in ladders]
    spend: int | None = None
    while (gaining := _gaining(levels)) is not None:
        spend = 0 if spend is None else spend
        reach, first = _reach(gaining)
        if cap_e8 - spend <= reach:
            return cap_e8
        spend += reach
        levels = list(_after(gaining, reach))
        levels[first] = next(ladders[first], None)
    return spend


class _Level(msgspec.Struct, frozen=True, gc=False):
    """One level of a step: ``received`` per ``given`` after the fee, and how much of the given asset it takes."""

    received: int
    given: int
    takes_e8: int


def _ladder(step: CycleStep, book: Book, taker: int, asset: FeeAsset) -> Iterator[_Level]:
    """Yield the levels that a step takes, from the best on. Rounds: what a level takes down."""
    levels = book.asks_from_best() if step.is_buy else book.bids_from_best()
    for price, size in islice(levels, MOST_LEVELS):
        received, given = rate_at(step, price, taker, asset)
        if not step.is_buy:
            takes = size
        else:
            takes = price * size * (MILLIONTHS + taker if asset is FeeAsset.QUOTE else MILLIONTHS) // (E8 * MILLIONTHS)
        yield _Level(received, given, takes)


def _gaining(levels: list[_Level | None]) -> tuple[_Level, _Level, _Level] | None:
    """Return the three levels while a unit sent through them comes back as more; None once it does not."""
    first, second, third = levels
    if first is None or second is None or third is None:
        return None
    received = first.received * second.received * third.received
    given = first.given * second.given * third.given
    return (first, second, third) if received > given else None


def _reach(levels: tuple[_Level, _Level, _Level]) -> tuple[int, int]:
    """Return how much can be sent until a level is used up, and which one that is."""
    reaches = []
    for index, level in enumerate(levels):
        reach = level.takes_e8
        for before in reversed(levels[:index]):
            reach = reach * before.given // before.received
        reaches.append(reach)
    least = min(reaches)
    return least, reaches.index(least)


def _after(levels: tuple[_Level, _Level, _Level], sent_e8: int) -> Iterator[_Level]:
    """Yield what is left of the levels after sending an amount through them."""
    amount = sent_e8
    for level in levels:
        yield _Level(level.received, level.given, level.takes_e8 - amount)
        amount = amount * level.received // level.given
