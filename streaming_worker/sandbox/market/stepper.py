"""The market as a pure stepper: given time, it moves; it has no clock and no tasks.

How the time is cut into steps changes nothing: parts act at their own moments, in one order.
"""

import json

import msgspec

from streaming_worker.core.units import E8
from streaming_worker.sandbox.market.book import BookModel
from streaming_worker.sandbox.market.changes import MarketChange
from streaming_worker.sandbox.market.dice import decode_stream, encode_stream
from streaming_worker.sandbox.market.dislocations import Dislocations
from streaming_worker.sandbox.market.latent import LatentPrice
from streaming_worker.sandbox.market.pool import PoolModel
from streaming_worker.sandbox.market.spec import (
    CROSS,
    LIVE_PACE,
    POOL,
    BookSpec,
    DislocationSpec,
    MarketSpec,
    Pace,
    default_market,
)


class Market(msgspec.Struct):
    """Every moving part, and the moment that it has been stepped to."""

    seed: int
    started_ns: int
    now_ns: int
    pace: Pace
    latents: dict[str, LatentPrice]
    books: list[BookModel]
    pool: PoolModel
    dislocations: Dislocations
    crosses: Dislocations | None = None

    @classmethod
    def start(cls, *, seed: int, start_ns: int, spec: MarketSpec | None = None, pace: Pace = LIVE_PACE) -> "Market":
        """Begin a market at ``start_ns``."""
        spec = spec or default_market()
        latents = {a.name: LatentPrice.start(a, seed=seed, start_ns=start_ns) for a in spec.assets}
        return cls(
            seed=seed,
            started_ns=start_ns,
            now_ns=start_ns,
            pace=pace,
            latents=latents,
            books=[
                BookModel.start(b, seed=seed, start_ns=start_ns, fair_e8=_fair_e8(latents, b, start_ns))
                for b in spec.books
            ],
            pool=PoolModel.start(spec.pool, seed=seed, start_ns=start_ns, fair_e8=latents[spec.pool.asset].price_e8),
            dislocations=Dislocations.start(spec.dislocations, seed=seed, start_ns=start_ns),
            crosses=None
            if spec.cross_dislocations is None
            else Dislocations.start(spec.cross_dislocations, seed=seed, start_ns=start_ns, name="crosses"),
        )

    def next_ns(self) -> int:
        """Return the moment of the next change that anyone could see."""
        return min(self.pool.next_ns, *(book.next_ns for book in self.books))

    def step(self, to_ns: int) -> list[MarketChange]:
        """Move to ``to_ns`` and return what changed, in time order."""
        changes: list[MarketChange] = []
        while True:
            visible_ns = self.next_ns()
            if visible_ns > to_ns:
                break
            self._move_hidden(visible_ns)
            changes.extend(self._act(visible_ns))
        self._move_hidden(to_ns)
        self.now_ns = max(self.now_ns, to_ns)
        return changes

    def book(self, venue: str, symbol: str) -> BookModel | None:
        """Return a book, or None where there is none."""
        return next((book for book in self.books if book.key == (venue, symbol)), None)

    def symbols(self, venue: str) -> list[str]:
        """Return the symbols that a venue trades, in configured order."""
        return [book.spec.symbol for book in self.books if book.spec.venue == venue]

    def skip_to(self, ns: int) -> None:
        """Let the time until ``ns`` pass without a price moving; the chain makes empty blocks meanwhile."""
        by_ns = ns - self.now_ns
        if by_ns <= 0:
            return
        self._shift_prices(by_ns)
        self.pool.skip(by_ns)
        self.now_ns = ns

    def rest(self, to_ns: int) -> list[MarketChange]:
        """Move to ``to_ns`` while nobody quotes and nobody trades: only empty blocks are made."""
        by_ns = to_ns - self.now_ns
        if by_ns <= 0:
            return []
        self._shift_prices(by_ns)
        self.now_ns = to_ns
        return self.pool.idle(to_ns)

    def go_live(self, now_ns: int) -> None:
        """Go on in real time from where a past has ended: same prices, live pace."""
        self.skip_to(now_ns)
        self.pace = LIVE_PACE

    def redraw_dislocations(self, spec: DislocationSpec) -> None:
        """Replace the schedule from now on; what has happened stays on the list."""
        fresh = Dislocations.start(spec, seed=self.seed, start_ns=self.now_ns)
        fresh.past = self.dislocations.everything()
        fresh.count = self.dislocations.count
        self.dislocations = fresh

    def dump(self) -> bytes:
        """Return the whole state, so that another process can go on from here."""
        return json.dumps(msgspec.to_builtins(self, str_keys=True, enc_hook=encode_stream)).encode()

    @classmethod
    def load(cls, data: bytes) -> "Market":
        """Rebuild what ``dump`` gave. Raises ValueError when it is something else."""
        return msgspec.convert(json.loads(data), cls, str_keys=True, dec_hook=decode_stream)

    def _shift_prices(self, by_ns: int) -> None:
        for latent in self.latents.values():
            latent.next_ns += by_ns
        for book in self.books:
            book.next_ns += by_ns
        for schedule in self._schedules():
            schedule.shift(by_ns)

    def _move_hidden(self, to_ns: int) -> None:
        for schedule in self._schedules():
            while schedule.next_ns <= to_ns:
                schedule.advance(schedule.next_ns)
        for latent in self.latents.values():
            while latent.next_ns <= to_ns:
                latent.advance()

    def _schedules(self) -> tuple[Dislocations, ...]:
        return (self.dislocations,) if self.crosses is None else (self.dislocations, self.crosses)

    def _offset_bps(self, spec: BookSpec) -> int:
        if spec.is_cross:
            return 0 if self.crosses is None else self.crosses.offset_bps(CROSS)
        return self.dislocations.offset_bps(spec.venue) if spec.asset == self.pool.spec.asset else 0

    def _act(self, now_ns: int) -> list[MarketChange]:
        changes: list[MarketChange] = []
        for book in self.books:
            if book.next_ns == now_ns:
                spec = book.spec
                fair = _fair_e8(self.latents, spec, now_ns - spec.latency_ns)
                changes.extend(book.advance(now_ns, fair, self._offset_bps(spec), self.pace))
        if self.pool.next_ns == now_ns:
            fair = self.latents[self.pool.spec.asset].price_e8
            changes.append(self.pool.advance(now_ns, fair, self.dislocations.offset_bps(POOL)))
        return changes


def _fair_e8(latents: dict[str, LatentPrice], spec: BookSpec, at_ns: int) -> int:
    price = latents[spec.asset].at(at_ns)
    return price * E8 // latents[spec.quote].at(at_ns) if spec.is_cross else price
