"""Count what is odd in a stream of events, per book and in all: nothing is repaired, everything is counted."""

from collections import Counter
from collections.abc import Sequence
from itertools import pairwise

import msgspec

from streaming_worker.core.book import Book
from streaming_worker.core.events import (
    BookDelta,
    BookSnapshot,
    Event,
    FeedGap,
    FeedHeartbeat,
    Levels,
    TradePrint,
)
from streaming_worker.core.outputs import Opportunity, Output, RejectionCount, SimulatedTrade
from streaming_worker.core.units import BPS, Nanos

_FAR = 10
"""A level ten times away from the best price says nothing about the market."""


class BookDirt(msgspec.Struct):
    """Counts of one book. Ages are receive minus venue time, ns; None where the venue gave no time."""

    events: int = 0
    trades: int = 0
    historical_trades: int = 0
    unsorted_events: int = 0
    largest_event_levels: int = 0
    events_without_time: int = 0
    negative_ages: int = 0
    least_age_ns: Nanos | None = None
    greatest_age_ns: Nanos | None = None
    gaps: int = 0


class DirtCount:
    """An observer of the pump: sees every event after the engine did."""

    def __init__(self) -> None:
        self.books: dict[str, BookDirt] = {}
        self.gap_causes: Counter[str] = Counter()
        self.heartbeats = 0
        self.negative_ages = 0
        self.opportunities = 0
        self.simulated_trades = 0
        self.rejections: Counter[str] = Counter()

    def observe(self, _seq: int, event: Event, outputs: Sequence[Output]) -> None:
        """Count one event and what the engine said to it."""
        for output in outputs:
            self._output(output)
        match event:
            case BookDelta() | BookSnapshot():
                self._book_event(event)
            case TradePrint():
                self._trade(event)
            case FeedHeartbeat():
                self.heartbeats += 1
                self.negative_ages += event.exchange_ns is not None and event.received_ns < event.exchange_ns
            case FeedGap():
                self.gap_causes[event.cause.value] += 1
                if event.instrument is not None:
                    self._of(event.instrument).gaps += 1
            case _:
                pass

    def _output(self, output: Output) -> None:
        match output:
            case Opportunity():
                self.opportunities += 1
            case SimulatedTrade():
                self.simulated_trades += 1
            case RejectionCount():
                self.rejections[output.reason.value] += output.count
            case _:
                pass

    def _of(self, key: str) -> BookDirt:
        return self.books.setdefault(key, BookDirt())

    def _book_event(self, event: BookDelta | BookSnapshot) -> None:
        dirt = self._of(event.instrument)
        dirt.events += 1
        dirt.unsorted_events += not (_is_sorted(event.bids) and _is_sorted(event.asks))
        dirt.largest_event_levels = max(dirt.largest_event_levels, len(event.bids) + len(event.asks))
        self._age(dirt, event.received_ns, event.exchange_ns)

    def _trade(self, event: TradePrint) -> None:
        dirt = self._of(event.instrument)
        dirt.events += 1
        if event.is_historical:
            dirt.historical_trades += 1
            return
        dirt.trades += 1
        self._age(dirt, event.received_ns, event.exchange_ns)

    def _age(self, dirt: BookDirt, received_ns: Nanos, exchange_ns: Nanos | None) -> None:
        if exchange_ns is None:
            dirt.events_without_time += 1
            return
        age_ns = received_ns - exchange_ns
        if age_ns < 0:
            dirt.negative_ages += 1
            self.negative_ages += 1
        dirt.least_age_ns = age_ns if dirt.least_age_ns is None else min(dirt.least_age_ns, age_ns)
        dirt.greatest_age_ns = age_ns if dirt.greatest_age_ns is None else max(dirt.greatest_age_ns, age_ns)


def far_levels(book: Book) -> int:
    """Return how many levels are ten times or more away from their side's best price."""
    bids, asks = book.dump()
    far_bids = sum(price * _FAR <= bids[0][0] for price, _ in bids)
    return far_bids + sum(price >= asks[0][0] * _FAR for price, _ in asks)


def spread_bps(book: Book) -> int | None:
    """Return the spread over the mid price, rounded down; None for a one-sided book."""
    if book.best_bid is None or book.best_ask is None:
        return None
    bid, ask = book.best_bid[0], book.best_ask[0]
    return 2 * BPS * (ask - bid) // (ask + bid) if ask + bid else None


def _is_sorted(levels: Levels) -> bool:
    """Whether prices only rise or only fall, as a sorted frame would have them."""
    pairs = list(pairwise(price for price, _ in levels))
    return all(low <= high for low, high in pairs) or all(low >= high for low, high in pairs)
