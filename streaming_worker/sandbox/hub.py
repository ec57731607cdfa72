"""Moves the market in real time and hands what the venues say to the open connections.

One task, one order: the market steps, every session speaks, frames wait in each connection's outbox. The only
places where something can be dropped, delayed or changed on its way to a client are ``Outbound`` and ``Answers``.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol, TypeAlias

from streaming_worker.core.units import NANOS_PER_MILLISECOND, NANOS_PER_SECOND
from streaming_worker.sandbox.faces.session import Face, Follower, Hangup, HttpCall, HttpReply, Output, VenueSession
from streaming_worker.sandbox.market.changes import MarketChange
from streaming_worker.sandbox.market.stepper import Market

_SHORTEST_PAUSE_NS: Final = 2 * NANOS_PER_MILLISECOND
_LONGEST_PAUSE_NS: Final = 20 * NANOS_PER_MILLISECOND
_LONGEST_CATCH_UP_NS: Final = 10 * NANOS_PER_SECOND
_PATIENT_BACKLOG: Final = 64
_MOST_BACKLOG: Final = 20_000


@dataclass(frozen=True, slots=True)
class Stall:
    """The server neither reads nor writes any more, and the TCP connection stays open."""


Wire: TypeAlias = Output | Stall
"""What can happen on a socket."""


class Outbound(Protocol):
    """What may come between a session and its socket. Called on every pass, also with nothing to send."""

    def __call__(self, venue: str, connection: int, outputs: Sequence[Output], now_ns: int, /) -> Sequence[Wire]:
        """Return what is really sent now."""
        ...


class Answers(Protocol):
    """What may come between a venue and its HTTP answers."""

    def reply(self, venue: str, call: HttpCall, reply: HttpReply, now_ns: int, /) -> HttpReply:
        """Return what is really answered."""
        ...

    def refusal(self, venue: str, now_ns: int, /) -> HttpReply | None:
        """Return the answer to a client that wants to open a socket and may not; None lets it in."""
        ...


class Connection:
    """One open socket as the hub sees it: a session and what is still to be sent."""

    def __init__(self, venue: str, number: int, session: VenueSession) -> None:
        self.venue = venue
        self.number = number
        self.session = session
        self.frames_sent = 0
        self.is_stalled = False
        self.overrun = asyncio.Event()
        self._outbox: deque[Wire] = deque()
        self._filled = asyncio.Event()

    @property
    def backlog(self) -> int:
        """How many frames wait for the reader."""
        return len(self._outbox)

    def push(self, outputs: Sequence[Wire]) -> None:
        """Queue outputs; a reader that is too far behind is given up."""
        self._outbox.extend(outputs)
        if outputs:
            self._filled.set()
        if not self.session.waits_for_reader and len(self._outbox) > _MOST_BACKLOG:
            self.overrun.set()

    async def take(self) -> Wire:
        """Wait for the next output."""
        while not self._outbox:
            self._filled.clear()
            await self._filled.wait()
        self.frames_sent += 1
        return self._outbox.popleft()


class Hub:
    """The market, the faces and the open connections.

    While ``is_resting`` no price and no level moves; venues still say that they live. ``rate`` is how many seconds of
    the clock pass in one second. ``followers`` see each change before any session speaks of it.
    """

    def __init__(
        self,
        market: Market | None,
        faces: Mapping[str, Face],
        *,
        clock: Callable[[], int],
        rate: int = 1,
        outbound: Outbound | None = None,
        answers: Answers | None = None,
        followers: Sequence[Follower] = (),
    ) -> None:
        self.is_resting = False
        self.rate = rate
        self.market = market
        self.faces = faces
        self.connections: list[Connection] = []
        self.opened: dict[str, int] = dict.fromkeys(faces, 0)
        self._followers = [*followers, *(face for face in faces.values() if isinstance(face, Follower))]
        self._clock = clock
        self._outbound = outbound
        self._answers = answers

    def now_ns(self) -> int:
        """Return the clock's time."""
        return self._clock()

    def answer(self, venue: str, call: HttpCall) -> HttpReply:
        """Answer one HTTP call."""
        now_ns = self._clock()
        reply = self.faces[venue].answer(call, now_ns)
        return reply if self._answers is None else self._answers.reply(venue, call, reply, now_ns)

    def refusal(self, venue: str) -> HttpReply | None:
        """Return the answer to a client that may not open a socket now."""
        return None if self._answers is None else self._answers.refusal(venue, self._clock())

    def open(self, venue: str, path: str, query: Mapping[str, str]) -> Connection:
        """Begin a session for a new socket."""
        self.opened[venue] += 1
        session = self.faces[venue].open(path, query, self._clock())
        connection = Connection(venue, self.opened[venue], session)
        self.connections.append(connection)
        return connection

    def receive(self, connection: Connection, frame: bytes) -> None:
        """Let a session answer a client frame."""
        now_ns = self._clock()
        self._push(connection, connection.session.receive(frame, now_ns), now_ns)

    def close(self, connection: Connection) -> None:
        """Forget a socket that is gone."""
        self.connections.remove(connection)

    def hang_up_all(self) -> None:
        """End every connection as a server that goes down."""
        for connection in self.connections:
            connection.push([Hangup(code=1001, reason="going away")])

    async def run(self) -> None:
        """Move until cancelled."""
        while True:
            now_ns = self._clock()
            self.advance(now_ns)
            await asyncio.sleep(self._pause_ns(now_ns) / NANOS_PER_SECOND)

    def wait_s(self, ns: int) -> float:
        """Return how many seconds ``ns`` of the clock take."""
        return ns / NANOS_PER_SECOND / self.rate

    def advance(self, now_ns: int) -> None:
        """Step the market to ``now_ns`` and let every session speak."""
        changes = self._step(now_ns)
        for follower in self._followers:
            follower.follow(changes, now_ns)
        for connection in tuple(self.connections):
            session = connection.session
            if session.waits_for_reader and connection.backlog > _PATIENT_BACKLOG:
                continue
            self._push(connection, session.on_market(changes, now_ns), now_ns)

    def _step(self, now_ns: int) -> Sequence[MarketChange]:
        market = self.market
        if market is None:
            return ()
        if now_ns - market.now_ns > _LONGEST_CATCH_UP_NS:
            market.skip_to(now_ns)
        return market.rest(now_ns) if self.is_resting else market.step(now_ns)

    def _push(self, connection: Connection, outputs: Sequence[Output], now_ns: int) -> None:
        wires: Sequence[Wire] = outputs
        if self._outbound is not None:
            wires = self._outbound(connection.venue, connection.number, outputs, now_ns)
        connection.push(wires)

    def _pause_ns(self, now_ns: int) -> int:
        moments = [connection.session.due_ns() for connection in self.connections]
        if self.market is not None:
            moments.append(self.market.pool.next_ns if self.is_resting else self.market.next_ns())
        pause = (min(moments, default=now_ns + _LONGEST_PAUSE_NS * self.rate) - now_ns) // self.rate
        return min(max(pause, _SHORTEST_PAUSE_NS), _LONGEST_PAUSE_NS)
