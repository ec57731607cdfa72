"""The past at high speed: the frames that the venues would have sent, with the time each would have arrived.

No sockets and no clock. The generator is lazy and listens: what the client sends or asks between two frames is
answered by the same sessions as on a live connection, and arrives in its turn.
"""

import heapq
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import count
from typing import Final

from streaming_worker.core.units import NANOS_PER_MILLISECOND
from streaming_worker.sandbox.faces.roster import market_faces
from streaming_worker.sandbox.faces.session import Follower, Hangup, HttpCall, Output, VenueSession
from streaming_worker.sandbox.faces.wire import split_target
from streaming_worker.sandbox.market.dice import stream
from streaming_worker.sandbox.market.spec import HISTORY_PACE, MarketSpec, Pace
from streaming_worker.sandbox.market.stepper import Market

HISTORY_FEEDS: Final = {"coinbase": "/", "gemini": "/?snapshot=-1", "solana": "/"}
"""Feed and the target that its connection is opened at."""

_LATENCY_NS: Final = {
    "coinbase": (12 * NANOS_PER_MILLISECOND, 30 * NANOS_PER_MILLISECOND),
    "coinbase_exchange": (12 * NANOS_PER_MILLISECOND, 30 * NANOS_PER_MILLISECOND),
    "gemini": (20 * NANOS_PER_MILLISECOND, 50 * NANOS_PER_MILLISECOND),
    "gemini_v2": (20 * NANOS_PER_MILLISECOND, 50 * NANOS_PER_MILLISECOND),
    "bitstamp": (30 * NANOS_PER_MILLISECOND, 70 * NANOS_PER_MILLISECOND),
    "solana": (60 * NANOS_PER_MILLISECOND, 120 * NANOS_PER_MILLISECOND),
}


class HistoryKind(StrEnum):
    """What a history frame is: a connection opened, a frame on it, an answer to a call, or the venue hung up."""

    CONNECTED = "connected"
    FRAME = "frame"
    HTTP = "http"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class HistoryFrame:
    """One thing that arrived. ``request`` is the key of the call that an HTTP body answers, else None."""

    received_ns: int
    feed: str
    kind: HistoryKind
    request: str | None
    data: bytes


class History:
    """Frames of all feeds from the market's present up to ``end_ns``, in the order of their arrival."""

    def __init__(self, market: Market, *, end_ns: int, feeds: Mapping[str, str] = HISTORY_FEEDS) -> None:
        self._market = market
        self._end_ns = end_ns
        self._faces = market_faces(market)
        self._followers = [face for face in self._faces.values() if isinstance(face, Follower)]
        self._sessions: dict[str, VenueSession] = {}
        self._arrivals: list[tuple[int, int, HistoryFrame]] = []
        self._numbers = count()
        self._latest: dict[str, int] = {}
        self._rng = stream(market.seed, f"history:{market.now_ns}")
        for feed, target in feeds.items():
            self._sessions[feed] = self._faces[feed].open(*split_target(target), market.now_ns)
            self._latest[feed] = market.now_ns
            self._queue(HistoryFrame(market.now_ns, feed, HistoryKind.CONNECTED, None, b""))

    @property
    def market(self) -> Market:
        """The market, at the end of what has been played; live servers can go on from it."""
        return self._market

    def send(self, feed: str, frame: bytes) -> None:
        """Let the client of ``feed`` send a frame now."""
        self._arrive(feed, self._sessions[feed].receive(frame, self._market.now_ns))

    def request(self, feed: str, call: HttpCall) -> None:
        """Let the client of ``feed`` make a call now. A refused call arrives as its error body."""
        reply = self._faces[feed].answer(call, self._market.now_ns)
        self._queue(HistoryFrame(self._arrival_ns(feed), feed, HistoryKind.HTTP, call.key, reply.body))

    def __iter__(self) -> Iterator[HistoryFrame]:
        """Yield frames while the market moves on; stop at the end."""
        while True:
            while self._arrivals and self._arrivals[0][0] <= self._market.now_ns:
                yield heapq.heappop(self._arrivals)[2]
            if self._market.now_ns >= self._end_ns:
                return
            self._advance()

    def _advance(self) -> None:
        due = min(session.due_ns() for session in self._sessions.values())
        waiting = self._arrivals[0][0] if self._arrivals else self._end_ns
        now_ns = max(self._market.now_ns, min(self._market.next_ns(), due, waiting, self._end_ns))
        changes = self._market.step(now_ns)
        for follower in self._followers:
            follower.follow(changes, now_ns)
        for feed, session in self._sessions.items():
            self._arrive(feed, session.on_market(changes, now_ns))

    def _arrive(self, feed: str, outputs: Sequence[Output]) -> None:
        for output in outputs:
            if isinstance(output, Hangup):
                frame = HistoryFrame(self._arrival_ns(feed), feed, HistoryKind.CLOSED, None, output.reason.encode())
            else:
                frame = HistoryFrame(self._arrival_ns(feed), feed, HistoryKind.FRAME, None, output)
            self._queue(frame)

    def _arrival_ns(self, feed: str) -> int:
        # A connection delivers in order: a late frame holds up those behind it.
        least, spread = _LATENCY_NS[feed]
        at_ns = self._market.now_ns + least + self._rng.randrange(spread)
        self._latest[feed] = max(self._latest[feed] + 1, at_ns)
        return self._latest[feed]

    def _queue(self, frame: HistoryFrame) -> None:
        heapq.heappush(self._arrivals, (frame.received_ns, next(self._numbers), frame))


def iter_history(
    *,
    seed: int,
    start_ns: int,
    end_ns: int,
    client_frames: Mapping[str, Sequence[bytes]],
    http_requests: Mapping[str, Sequence[HttpCall]] | None = None,
    pace: Pace = HISTORY_PACE,
    spec: MarketSpec | None = None,
    feeds: Mapping[str, str] = HISTORY_FEEDS,
) -> Iterator[HistoryFrame]:
    """Yield a seeded past whose clients send the given frames and calls when they connect, and nothing later."""
    market = Market.start(seed=seed, start_ns=start_ns, spec=spec, pace=pace)
    history = History(market, end_ns=end_ns, feeds=feeds)
    calls = http_requests or {}
    for frame in history:
        yield frame
        if frame.kind is HistoryKind.CONNECTED:
            for data in client_frames.get(frame.feed, ()):
                history.send(frame.feed, data)
            for call in calls.get(frame.feed, ()):
                history.request(frame.feed, call)
