"""The price that nobody sees: a jump diffusion on an integer grid, pulled gently back to where it began.

The pull keeps a market that runs for weeks inside the tick arrays of its pool; over minutes it is not felt.
"""

import random
from typing import Final

import msgspec

from streaming_worker.core.units import BPS, NANOS_PER_SECOND
from streaming_worker.sandbox.market.dice import BELL_DEVIATION, bell, one_in, stream
from streaming_worker.sandbox.market.spec import GRID_NS, AssetSpec

_KEPT: Final = 3 * NANOS_PER_SECOND // GRID_NS
_PULL: Final = 1_800_000
_E9: Final = 1_000_000_000


class LatentPrice(msgspec.Struct):
    """One asset's fair price and its last three seconds, so that venues can follow late."""

    spec: AssetSpec
    price_e8: int
    next_ns: int
    recent: list[int]
    rng: random.Random

    @classmethod
    def start(cls, spec: AssetSpec, *, seed: int, start_ns: int) -> "LatentPrice":
        """Begin at the configured price."""
        return cls(
            spec=spec,
            price_e8=spec.start_price_e8,
            next_ns=start_ns + GRID_NS,
            recent=[spec.start_price_e8] * _KEPT,
            rng=stream(seed, f"latent:{spec.name}"),
        )

    def advance(self) -> None:
        """Move by one step of the grid."""
        price = self.price_e8
        price += price * bell(self.rng) * self.spec.step_e9 // (BELL_DEVIATION * _E9)
        price += (self.spec.start_price_e8 - price) // _PULL
        if one_in(self.rng, self.spec.jump_every):
            size = 1 + self.rng.randrange(self.spec.jump_bps)
            price += price * size * self.rng.choice((-1, 1)) // BPS
        self.price_e8 = price
        self.recent.append(price)
        if len(self.recent) > 2 * _KEPT:
            del self.recent[:_KEPT]
        self.next_ns += GRID_NS

    def at(self, ns: int) -> int:
        """Return the price at a moment of the last three seconds."""
        back = (self.next_ns - GRID_NS - ns + GRID_NS - 1) // GRID_NS
        return self.recent[-1 - min(max(back, 0), _KEPT - 1)]
