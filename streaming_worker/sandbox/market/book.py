"""A venue's book: follows the latent price late, with its own noise, and prints trades."""

import random
from typing import Final

import msgspec

from streaming_worker.core.units import BPS, E8, MILLIONTHS, NANOS_PER_SECOND
from streaming_worker.sandbox.market.changes import LevelsChanged, MarketChange, Trade, Traded
from streaming_worker.sandbox.market.dice import BELL_DEVIATION, around, bell, one_in, stream
from streaming_worker.sandbox.market.ladder import Ladder
from streaming_worker.sandbox.market.spec import BookSpec, Pace

_TRADES_KEPT: Final = 100
_FIRST_UPDATE: Final = 1_764_559_653_000_000
_FIRST_TRADE: Final = 833_140_000
_PRUNE_EVERY: Final = 64
_DIRT_EVERY: Final = 40
_NOISE_MEMORY: Final = 16


class BookModel(msgspec.Struct):
    """The book of one pair at one venue."""

    spec: BookSpec
    bids: Ladder
    asks: Ladder
    quoted_e8: int
    noise_e6: int
    update_id: int
    changed_ns: int
    next_ns: int
    trades: list[Trade]
    rng: random.Random

    @classmethod
    def start(cls, spec: BookSpec, *, seed: int, start_ns: int, fair_e8: int) -> "BookModel":
        """Build the book around ``fair_e8`` with a hundred trades behind it."""
        rng = stream(seed, f"book:{spec.venue}:{spec.asset}")
        bid, ask = _quotes(spec, fair_e8, rng)
        book = cls(
            spec=spec,
            bids=Ladder.start(spec, rng, sign=1, best=bid),
            asks=Ladder.start(spec, rng, sign=-1, best=ask),
            quoted_e8=fair_e8,
            noise_e6=0,
            update_id=_FIRST_UPDATE + rng.randrange(1_000_000),
            changed_ns=start_ns,
            next_ns=start_ns + 1 + rng.randrange(NANOS_PER_SECOND // 10),
            trades=[],
            rng=rng,
        )
        book._invent_past_trades(start_ns)
        return book

    @property
    def key(self) -> tuple[str, str]:
        """Venue and symbol."""
        return self.spec.venue, self.spec.symbol

    def advance(self, now_ns: int, fair_e8: int, offset_bps: int, pace: Pace) -> list[MarketChange]:
        """Make one batch; ``offset_bps`` is the dislocation in force."""
        self.next_ns = now_ns + around(self.rng, pace.batch_ns * 100 // self.spec.activity_percent)
        self._follow(fair_e8, offset_bps)
        for _ in range(
            1 + self.rng.randrange(pace.most_levels) * self.rng.randrange(pace.most_levels) // pace.most_levels
        ):
            side = self.bids if self.rng.getrandbits(1) else self.asks
            side.churn(self.rng)
        traded = self._trade(now_ns) if one_in(self.rng, pace.batches_per_trade) else []
        self._housekeeping()
        return [*traded, self._batch(now_ns)]

    def _follow(self, fair_e8: int, offset_bps: int) -> None:
        self.noise_e6 += bell(self.rng) * self.spec.noise_e6 // (BELL_DEVIATION * 4) - self.noise_e6 // _NOISE_MEMORY
        mid_e8 = fair_e8 + fair_e8 * self.noise_e6 // MILLIONTHS + fair_e8 * offset_bps // BPS
        if abs(mid_e8 - self.quoted_e8) * MILLIONTHS > self.spec.requote_e6 * self.quoted_e8:
            self.quoted_e8 = mid_e8
            bid, ask = _quotes(self.spec, mid_e8, self.rng)
            self.bids.requote(bid, self.rng)
            self.asks.requote(ask, self.rng)
        elif one_in(self.rng, 4):
            (self.bids if self.rng.getrandbits(1) else self.asks).resize_best(self.rng)

    def _trade(self, now_ns: int) -> list[MarketChange]:
        taker_buys = bool(self.rng.getrandbits(1))
        side = self.asks if taker_buys else self.bids
        price, available = side.top
        if available < 2:
            return []
        lots = 1 + self.rng.randrange(available - 1) * self.rng.randrange(100) // 100
        side.take(lots)
        trade = Trade(self.trades[-1].trade_id + 1 + self.rng.randrange(2), now_ns, price, lots, taker_buys)
        self.trades.append(trade)
        del self.trades[:-_TRADES_KEPT]
        return [Traded(self.spec.venue, self.spec.symbol, trade)]

    def _housekeeping(self) -> None:
        if one_in(self.rng, _PRUNE_EVERY):
            self.bids.prune()
            self.asks.prune()
        if one_in(self.rng, _DIRT_EVERY):
            (self.bids if self.rng.getrandbits(1) else self.asks).repeat_or_remove_absent(self.rng)

    def _batch(self, now_ns: int) -> LevelsChanged:
        bids = self.bids.drain()
        asks = self.asks.drain()
        self.update_id += len(bids) + len(asks) + self.rng.randrange(20)
        self.changed_ns = now_ns
        return LevelsChanged(
            self.spec.venue, self.spec.symbol, now_ns, self.update_id, bids, asks, self.bids.top, self.asks.top
        )

    def _invent_past_trades(self, start_ns: int) -> None:
        at_ns = start_ns - NANOS_PER_SECOND
        trade_id = _FIRST_TRADE + self.rng.randrange(1_000_000)
        for _ in range(_TRADES_KEPT):
            taker_buys = bool(self.rng.getrandbits(1))
            price = self.asks.best if taker_buys else self.bids.best
            lots = 1 + self.rng.randrange(self.spec.typical_lots)
            self.trades.append(Trade(trade_id, at_ns, price, lots, taker_buys))
            trade_id -= 1 + self.rng.randrange(2)
            at_ns -= 1 + self.rng.randrange(2 * NANOS_PER_SECOND)
        self.trades.reverse()


def _quotes(spec: BookSpec, mid_e8: int, rng: random.Random) -> tuple[int, int]:
    # A spread between half and three halves of the usual one, never less than one tick.
    half_e8 = mid_e8 * (spec.half_spread_e6 // 2 + rng.randrange(spec.half_spread_e6 + 1)) // MILLIONTHS
    tick_e8 = E8 // 10**spec.price_decimals
    bid = (mid_e8 - half_e8) // tick_e8
    ask = -(-(mid_e8 + half_e8) // tick_e8)
    return bid, max(ask, bid + 1)
