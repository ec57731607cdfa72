"""The pool slot by slot: noise traders, an arbitrageur who is sometimes late, liquidity that comes and goes.

Every move of the price is a swap through the exact arithmetic of core; nothing sets a price.
"""

import random
from typing import Final

import msgspec

from streaming_worker.core.amm.pool_state import WhirlpoolMarket
from streaming_worker.core.amm.swap import SwapQuote
from streaming_worker.core.amm.whirlpool import quote_exact_in
from streaming_worker.core.units import BPS, E8, LAMPORTS_PER_SOL, MILLIONTHS, NANOS_PER_MILLISECOND, NANOS_PER_SECOND
from streaming_worker.sandbox.market.changes import MarketChange, SlotAdvanced
from streaming_worker.sandbox.market.dice import one_in, stream
from streaming_worker.sandbox.market.genesis import draw_position, start_market
from streaming_worker.sandbox.market.pool_price import price_e8_at, sqrt_price_at
from streaming_worker.sandbox.market.positions import Position, with_position
from streaming_worker.sandbox.market.spec import PoolSpec

_SKIPPED_SLOT_EVERY: Final = 50
_NOISE_PERCENT: Final = 60
_ARBITRAGE_PERCENT: Final = 75
_LIQUIDITY_EVERY: Final = 75
_SLOT_JITTER_NS: Final = 30 * NANOS_PER_MILLISECOND
_ROOT_LAG: Final = 32
_USDC: Final = 1_000_000
_WHALE: Final = 2**60


class PoolModel(msgspec.Struct):
    """The pool, its positions, and the chain's slot."""

    spec: PoolSpec
    market: WhirlpoolMarket
    positions: list[Position]
    slot: int
    slot_ns: int
    next_ns: int
    rng: random.Random

    @classmethod
    def start(cls, spec: PoolSpec, *, seed: int, start_ns: int, fair_e8: int) -> "PoolModel":
        """Build the pool at the latent price."""
        rng = stream(seed, "pool")
        market, positions = start_market(spec, price_e8=fair_e8, rng=rng)
        return cls(
            spec=spec,
            market=market,
            positions=positions,
            slot=spec.first_slot,
            slot_ns=start_ns,
            next_ns=start_ns + 1 + rng.randrange(spec.slot_ns),
            rng=rng,
        )

    @property
    def price_e8(self) -> int:
        """The pool's marginal price in USD x 1e8."""
        return price_e8_at(self.market.pool.sqrt_price_x64)

    def advance(self, now_ns: int, fair_e8: int, offset_bps: int) -> SlotAdvanced:
        """Make the next block; ``offset_bps`` is the dislocation in force, held until it ends."""
        parent = self._next_slot(now_ns)
        before = self.market.pool
        arrays = self._change_liquidity() if one_in(self.rng, _LIQUIDITY_EVERY) else ()
        self._trade_noise(now_ns)
        self._trade_to_value(now_ns, fair_e8, offset_bps)
        written = self.market.pool != before
        return SlotAdvanced(now_ns, self.slot, parent, self.slot - _ROOT_LAG, self.market, written, arrays)

    def idle(self, to_ns: int) -> list[MarketChange]:
        """Make the blocks up to ``to_ns`` without a transaction in them."""
        blocks: list[MarketChange] = []
        while self.next_ns <= to_ns:
            now_ns = self.next_ns
            parent = self._next_slot(now_ns)
            blocks.append(SlotAdvanced(now_ns, self.slot, parent, self.slot - _ROOT_LAG, self.market, False, ()))
        return blocks

    def skip(self, by_ns: int) -> None:
        """Let time pass in which nobody trades: slots go by, so that a chain never goes back after a restart."""
        self.slot += by_ns // self.spec.slot_ns
        self.slot_ns += by_ns
        self.next_ns += by_ns

    def _next_slot(self, now_ns: int) -> int:
        parent = self.slot
        self.slot += 2 if one_in(self.rng, _SKIPPED_SLOT_EVERY) else 1
        self.slot_ns = now_ns
        self.next_ns = now_ns + self.spec.slot_ns - _SLOT_JITTER_NS + self.rng.randrange(2 * _SLOT_JITTER_NS)
        return parent

    def _trade_noise(self, now_ns: int) -> None:
        if self.rng.randrange(100) >= _NOISE_PERCENT:
            return
        usd = (20 << self.rng.randrange(10)) + self.rng.randrange(100)
        if self.rng.getrandbits(1):
            self._swap(now_ns, usd * LAMPORTS_PER_SOL * E8 // self.price_e8, a_to_b=True)
        else:
            self._swap(now_ns, usd * _USDC, a_to_b=False)

    def _trade_to_value(self, now_ns: int, fair_e8: int, offset_bps: int) -> None:
        value_e8 = fair_e8 + fair_e8 * offset_bps // BPS
        off_e6 = (self.price_e8 - value_e8) * MILLIONTHS // value_e8
        if abs(off_e6) <= self.spec.fee_rate + self.spec.arbitrage_threshold_e6:
            return
        if offset_bps == 0 and self.rng.randrange(100) >= _ARBITRAGE_PERCENT:
            return
        # An arbitrageur stops where the last unit earns no more than the fee.
        edge_e6 = self.spec.fee_rate if off_e6 > 0 else -self.spec.fee_rate
        target_x64 = sqrt_price_at(value_e8 + value_e8 * edge_e6 // MILLIONTHS)
        self._swap(now_ns, _WHALE, a_to_b=off_e6 > 0, limit_x64=target_x64)

    def _swap(self, now_ns: int, amount: int, *, a_to_b: bool, limit_x64: int | None = None) -> None:
        quote = quote_exact_in(
            self.market,
            amount=amount,
            a_to_b=a_to_b,
            unix_timestamp=now_ns // NANOS_PER_SECOND,
            sqrt_price_limit_x64=limit_x64,
        )
        if isinstance(quote, SwapQuote):
            self.market = quote.end_state

    def _change_liquidity(self) -> tuple[int, ...]:
        # The first position spans everything and stays; of the others, one leaves for each that comes.
        tick = self.market.pool.tick_current_index
        index = 1 + self.rng.randrange(len(self.positions) - 1)
        widest = self.rng.choice((160, 1_200))
        fresh = draw_position(self.spec, tick, widest=widest, arrays=set(self.market.arrays), rng=self.rng)
        if fresh is None:
            return ()
        self.market, left = with_position(self.market, self.positions[index], sign=-1)
        self.market, entered = with_position(self.market, fresh, sign=1)
        self.positions[index] = fresh
        return tuple(sorted({*left, *entered}))
