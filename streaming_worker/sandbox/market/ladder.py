"""One side of a synthetic book: levels by tick, the best level, and how they come and go.

Works on whole ticks and lots. ``depth`` is the distance from the best level, in ticks, away from the other side.
"""

import random
from typing import Final

import msgspec

from streaming_worker.sandbox.market.changes import Level
from streaming_worker.sandbox.market.dice import one_in
from streaming_worker.sandbox.market.spec import BookSpec

_ROUND_PARTS: Final = (1, 2, 5, 10, 20, 50)
_REFILL: Final = 6
_REMOVED_PERCENT: Final = 45
_SEARCH: Final = 64


class Ladder(msgspec.Struct):
    """Bids (``sign`` 1, better is higher) or asks (``sign`` -1, better is lower)."""

    spec: BookSpec
    sign: int
    best: int
    levels: dict[int, int]
    changed: dict[int, int]

    @classmethod
    def start(cls, spec: BookSpec, rng: random.Random, *, sign: int, best: int) -> "Ladder":
        """Fill a side: dense at the top, thinner below, and a few orders that nobody should take seriously."""
        ladder = cls(spec=spec, sign=sign, best=best, levels={}, changed={})
        depth = 0
        widest = max(1, spec.depth_ticks * 2 // spec.levels)
        for _ in range(spec.levels):
            ladder._put(best - sign * depth, rng)
            depth += 1 + rng.randrange(widest)
        for price in _far_away(spec, best, sign):
            ladder.levels[price] = 1 + rng.randrange(spec.typical_lots)
        ladder.changed.clear()
        return ladder

    def sorted_levels(self) -> list[Level]:
        """Return all levels, best first."""
        return sorted(self.levels.items(), reverse=self.sign > 0)

    @property
    def top(self) -> Level:
        """The best level."""
        return self.best, self.levels[self.best]

    def requote(self, best: int, rng: random.Random) -> None:
        """Move the best level to ``best``: drop what is better, fill in when there is a wide gap behind it."""
        for price in range(self.best, best, -self.sign):
            if price in self.levels:
                self._drop(price)
        gap = (best - self.best) * self.sign
        self.best = best
        if best not in self.levels:
            self._put(best, rng)
        if gap > _REFILL:
            for _ in range(_REFILL):
                self._put(best - self.sign * (1 + rng.randrange(gap)), rng)

    def churn(self, rng: random.Random) -> None:
        """Change one level behind the best, near the top more often than deep: add, resize or remove."""
        span = self.spec.depth_ticks
        depth = 1 + rng.randrange(span) * rng.randrange(span) // span
        price = self.best - self.sign * depth
        if price not in self.levels and len(self.levels) >= self.spec.levels:
            price = self._nearest_behind(price)
        if price in self.levels and price != self.best and rng.randrange(100) < _REMOVED_PERCENT:
            self._drop(price)
        else:
            self._put(price, rng)

    def resize_best(self, rng: random.Random) -> None:
        """Give the best level another size."""
        self._put(self.best, rng)

    def take(self, lots: int) -> None:
        """Let a taker have part of the best level."""
        self.levels[self.best] -= lots
        self.changed[self.best] = self.levels[self.best]

    def prune(self) -> None:
        """Remove what the market has left far behind; the absurd orders at the ends stay."""
        nearest = 2 * self.spec.depth_ticks
        farthest = 12 * self.spec.depth_ticks
        for price in [p for p in self.levels if nearest < (self.best - p) * self.sign < farthest]:
            self._drop(price)

    def repeat_or_remove_absent(self, rng: random.Random) -> None:
        """Add the dirt that venues send: a level repeated as it is, or the removal of one that is not there."""
        price = self.best - self.sign * (1 + rng.randrange(self.spec.depth_ticks))
        self.changed.setdefault(price, self.levels.get(price, 0))

    def drain(self) -> tuple[Level, ...]:
        """Return and forget the changed levels, in the order of their first change."""
        changed = tuple(self.changed.items())
        self.changed.clear()
        return changed

    def _nearest_behind(self, price: int) -> int:
        for candidate in range(price, price - self.sign * _SEARCH, -self.sign):
            if candidate in self.levels:
                return candidate
        return self.best

    def _put(self, price: int, rng: random.Random) -> None:
        lots = self._lots(rng, (self.best - price) * self.sign)
        self.levels[price] = lots
        self.changed[price] = lots

    def _drop(self, price: int) -> None:
        del self.levels[price]
        self.changed[price] = 0

    def _lots(self, rng: random.Random, depth: int) -> int:
        # Deep levels are larger. A third of the sizes are round, as people and grid robots type them.
        typical = self.spec.typical_lots
        if one_in(rng, 3):
            return typical * rng.choice(_ROUND_PARTS) // 5
        scale = 100 + min(400, 400 * depth // self.spec.depth_ticks)
        return typical // 4 + rng.randrange(typical * 3 // 2) * scale // 100


def _far_away(spec: BookSpec, best: int, sign: int) -> tuple[int, int]:
    if spec.is_cross:
        return (max(best // 100, 1), max(best // 10, 1)) if sign > 0 else (best * 10, best * 100)
    one = 10**spec.price_decimals
    return (max(one // 10, 1), one) if sign > 0 else (1_000_000 * one, 100_000_000 * one)
