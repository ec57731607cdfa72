"""What a turn of a cycle would have done: three orders one after the other, each on the book as it is when it arrives.

A step trades what the step before really gave. What a step cannot trade stays, and counts at what it could be sold for
at once: nothing is assumed to come back later.
"""

import msgspec

from streaming_worker.core.book import Book
from streaming_worker.core.cycle import Cycle, CycleFees, CyclePlan, Fill, fill_step, value_back, value_on
from streaming_worker.core.cycle_outputs import CycleTrade, CycleTradeLeg
from streaming_worker.core.inventory import Flow
from streaming_worker.core.reasons import LegStatus


class PendingCycle(msgspec.Struct):
    """A simulated turn on its way; part of the keyframe.

    ``due_ns`` is when the next step's order arrives, ``held_e8`` what that step can spend.
    """

    trade_id: str
    opportunity_id: str
    cycle: str
    plan: CyclePlan
    fees: CycleFees
    latency_ns: int
    decided_ns: int
    due_ns: int
    held_e8: int
    is_primary: bool = False
    is_reserved: bool = False
    legs: list[CycleTradeLeg] = msgspec.field(default_factory=list)

    @property
    def is_finished(self) -> bool:
        """Whether every step was tried, or one of them missed."""
        return len(self.legs) == 3 or (bool(self.legs) and self.legs[-1].status is LegStatus.MISSED)


def trade_step(trade: PendingCycle, cycle: Cycle, book: Book | None, now_ns: int) -> None:
    """Trade the next step on the book as it is; without a synced book, or below its minimum, it misses."""
    number = len(trade.legs)
    step, taker = cycle.steps[number], trade.fees.taker_millionths[number]
    instrument = step.instrument
    fill = None if book is None else fill_step(step, book, trade.held_e8, taker, trade.fees.asset, instrument.lot_e8)
    if fill is None or fill.size_e8 < max(1, instrument.min_size_e8) or fill.notional_e8 < instrument.min_notional_e8:
        fill = Fill(0, 0, 0, 0, 0, trade.held_e8)
    trade.legs.append(
        CycleTradeLeg(
            instrument=instrument.key,
            is_buy=step.is_buy,
            status=_status(fill, trade.plan.legs[number].size_e8),
            due_ns=trade.due_ns,
            filled_ns=now_ns,
            size_e8=fill.size_e8,
            notional_e8=fill.notional_e8,
            fee_e8=fill.fee_e8,
            fee_asset=trade.plan.legs[number].fee_asset,
            paid_e8=fill.paid_e8,
            received_e8=fill.received_e8,
            dust_e8=fill.dust_e8 if number else 0,
            dust_value_e8=0,
        )
    )
    trade.held_e8 = fill.received_e8
    trade.due_ns = now_ns + trade.latency_ns


def settle_cycle(trade: PendingCycle, cycle: Cycle, books: tuple[Book | None, ...], now_ns: int) -> CycleTrade:
    """Add up a finished turn; what is left over is valued on the books as they are now, None: at nothing."""
    legs = tuple(
        msgspec.structs.replace(leg, dust_value_e8=_dust_value(trade, cycle, books, number))
        for number, leg in enumerate(trade.legs)
    )
    spent = legs[0].paid_e8
    returned = legs[2].received_e8 if len(legs) == 3 else 0
    dust = sum(leg.dust_value_e8 for leg in legs)
    return CycleTrade(
        trade_id=trade.trade_id,
        opportunity_id=trade.opportunity_id,
        cycle=trade.cycle,
        latency_ns=trade.latency_ns,
        decided_ns=trade.decided_ns,
        completed_ns=now_ns,
        predicted=trade.plan,
        legs=legs,
        spent_e8=spent,
        returned_e8=returned,
        dust_value_e8=dust,
        realised_net_e8=returned + dust - spent,
        received_ns=now_ns,
    )


def flows_of_cycle(cycle: Cycle, done: CycleTrade) -> tuple[Flow, ...]:
    """Return what a turn moved at its venue: home out and back, and what stays of the other two assets."""
    home = Flow(cycle.venue, cycle.home, done.returned_e8 - done.spent_e8)
    left = (Flow(cycle.venue, step.gives, leg.dust_e8) for step, leg in zip(cycle.steps, done.legs, strict=False))
    return home, *(flow for flow in left if flow.delta_e8)


def _status(fill: Fill, planned_e8: int) -> LegStatus:
    if fill.size_e8 == 0:
        return LegStatus.MISSED
    return LegStatus.FILLED if fill.size_e8 >= planned_e8 else LegStatus.PARTIAL


def _dust_value(trade: PendingCycle, cycle: Cycle, books: tuple[Book | None, ...], number: int) -> int:
    """Value what a step could not trade: the second's back the way of the first, the third's on its own book."""
    leg = trade.legs[number]
    first, last = books[0], books[2]
    if number == 1 and first is not None:
        return value_back(cycle, first, leg.dust_e8, trade.fees)
    if number == 2 and last is not None:
        return value_on(cycle, last, held_e8=trade.legs[1].received_e8, dust_e8=leg.dust_e8, filled_e8=leg.received_e8,
                        fees=trade.fees)  # fmt: skip
    return 0
