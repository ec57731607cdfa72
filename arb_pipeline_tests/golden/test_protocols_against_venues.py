"""Every protocol against the local venues, which share no code with it: the books and the pool must come out equal.

Time is the market's own. Frames are lost on purpose where the venue's numbering can show it.
"""

from collections.abc import Sequence
from heapq import heappop
from random import Random

import pytest

from arb_pipeline_tests.fixtures.frames import instrument
from streaming_worker.core.book import Book
from streaming_worker.core.events import (
    BookDelta,
    BookSnapshot,
    Event,
    FeedGap,
    Levels,
    PoolUpdate,
    TickArrayUpdate,
)
from streaming_worker.core.instrument import Pool, Venue
from streaming_worker.core.units import NANOS_PER_SECOND
from streaming_worker.protocols.base import FeedProtocol, HttpRequest
from streaming_worker.protocols.build import build_protocol
from streaming_worker.sandbox.faces.session import HttpCall
from streaming_worker.sandbox.history import History, HistoryFrame, HistoryKind
from streaming_worker.sandbox.market.stepper import Market

START_NS = 1_790_000_000 * NANOS_PER_SECOND
SECONDS = 60
PROTOCOLS = {
    "coinbase": ("coinbase_advanced", Venue.COINBASE, "SOL-USD"),
    "coinbase_exchange": ("coinbase_exchange", Venue.COINBASE, "SOL-USD"),
    "gemini": ("gemini", Venue.GEMINI, "SOLUSD"),
    "gemini_v2": ("gemini_v2", Venue.GEMINI, "SOLUSD"),
    "bitstamp": ("bitstamp", Venue.BITSTAMP, "solusd"),
}


class Client:
    """One protocol on one connection of the past; folds what it says."""

    def __init__(self, feed: str, protocol: FeedProtocol, history: History, loss: float = 0.0) -> None:
        self.feed = feed
        self.protocol = protocol
        self.history = history
        self.book = Book()
        self.events: list[Event] = []
        self._loss = loss
        self._random = Random(11)
        self._asked: list[HttpRequest] = []

    def take(self, frame: HistoryFrame) -> None:
        """Read one frame, unless it is lost, and pass on what the protocol wants."""
        match frame.kind:
            case HistoryKind.CONNECTED:
                self._fold(self.protocol.opened(1, frame.received_ns))
                for message in self.protocol.opening_messages():
                    self.history.send(self.feed, message)
            case HistoryKind.HTTP:
                request = next(one for one in self._asked if one.key == frame.request)
                self._asked.remove(request)
                self._fold(self.protocol.receive_http(request, frame.data, frame.received_ns))
            case _ if self._random.random() >= self._loss:
                self._fold(self.protocol.receive(frame.data, frame.received_ns))
        for message in self.protocol.outgoing():
            self.history.send(self.feed, message)
        for request in self.protocol.http_requests():
            self._asked.append(request)
            call = HttpCall(key=request.key, method=request.method, path=request.path, body=request.body or b"")
            self.history.request(self.feed, call)

    def stop_losing(self) -> None:
        """From here on everything arrives."""
        self._loss = 0.0

    def _fold(self, events: Sequence[Event]) -> None:
        self.events += events
        for event in events:
            if isinstance(event, BookSnapshot):
                self.book.apply_snapshot(event.bids, event.asks)
            elif isinstance(event, BookDelta):
                self.book.apply_delta(event.bids, event.asks)


def _play(feed: str, protocol: FeedProtocol, *, loss: float = 0.0) -> tuple[Client, Market]:
    """Play a minute; in the last ten seconds nothing is lost, and at the end everything under way arrives."""
    market = Market.start(seed=5, start_ns=START_NS)
    history = History(market, end_ns=START_NS + SECONDS * NANOS_PER_SECOND, feeds={feed: "/?snapshot=-1"})
    client = Client(feed, protocol, history, loss)
    for frame in history:
        if market.now_ns > START_NS + (SECONDS - 10) * NANOS_PER_SECOND:
            client.stop_losing()
        client.take(frame)
    history._arrive(feed, history._sessions[feed].on_market((), market.now_ns + NANOS_PER_SECOND))
    while history._arrivals:
        client.take(heappop(history._arrivals)[2])
    return client, market


def _levels(market: Market, venue: str) -> tuple[Levels, Levels]:
    book = market.book(venue, "SOL-USD")
    assert book is not None
    price, size = 10 ** (8 - book.spec.price_decimals), 10 ** (8 - book.spec.size_decimals)
    return tuple(
        [(ticks * price, lots * size) for ticks, lots in side.sorted_levels()] for side in (book.bids, book.asks)
    )  # type: ignore[return-value]


@pytest.mark.parametrize("feed", PROTOCOLS)
def test_a_book_ends_as_the_venue_holds_it(feed: str) -> None:
    name, venue, symbol = PROTOCOLS[feed]
    protocol = build_protocol(name, feed=feed, instruments=[instrument(venue, symbol)])
    client, market = _play(feed, protocol)
    assert sum(isinstance(event, BookDelta) for event in client.events) > 100
    assert not any(isinstance(event, FeedGap) for event in client.events)
    assert client.book.dump() == _levels(market, venue.value)


@pytest.mark.parametrize("feed", ["coinbase", "gemini", "bitstamp"])
def test_a_book_that_lost_frames_is_rebuilt_and_ends_equal(feed: str) -> None:
    name, venue, symbol = PROTOCOLS[feed]
    protocol = build_protocol(name, feed=feed, instruments=[instrument(venue, symbol)])
    client, market = _play(feed, protocol, loss=0.02)
    assert sum(isinstance(event, FeedGap) for event in client.events) > 3
    assert sum(isinstance(event, BookSnapshot) for event in client.events) > 3
    assert client.book.dump() == _levels(market, venue.value)


@pytest.mark.parametrize("loss", [0.0, 0.2])
def test_the_pool_ends_as_the_chain_holds_it(loss: float) -> None:
    address = Market.start(seed=5, start_ns=START_NS).pool.market.pool.address
    pool = Pool(venue=Venue.ORCA, address=address, base="SOL", quote="USDC", base_decimals=9, quote_decimals=6)
    client, market = _play("solana", build_protocol("solana", feed="solana", pools=[pool]), loss=loss)
    states = [event.state for event in client.events if isinstance(event, PoolUpdate)]
    arrays = {
        event.array.start_tick_index: event.array for event in client.events if isinstance(event, TickArrayUpdate)
    }
    held = market.pool.market
    assert len(states) > 20
    assert len(arrays) >= 5
    assert states[-1] == held.pool
    assert {start: array for start, array in arrays.items() if start in held.arrays} == {
        start: array for start, array in held.arrays.items() if start in arrays
    }
