"""When one price leaves the others, by how much and for how long: drawn by seed and written down as the truth."""

import random
from typing import Final

import msgspec

from streaming_worker.sandbox.market.dice import around, stream
from streaming_worker.sandbox.market.spec import COINBASE, DislocationSpec

_NEVER: Final = 2**62
_REMEMBERED: Final = 20_000


class Dislocation(msgspec.Struct, frozen=True):
    """One injected episode: which price moved, how far (signed), and when it was told to come back."""

    number: int
    target: str
    size_bps: int
    start_ns: int
    end_ns: int


class Dislocations(msgspec.Struct):
    """The schedule: at most one dislocation at a time, and the list of all so far."""

    spec: DislocationSpec
    next_ns: int
    active: Dislocation | None
    past: list[Dislocation]
    count: int
    rng: random.Random

    @classmethod
    def start(cls, spec: DislocationSpec, *, seed: int, start_ns: int, name: str = "dislocations") -> "Dislocations":
        """Draw the first waiting time; ``name`` keeps two schedules of one market apart."""
        rng = stream(seed, name)
        first = start_ns + around(rng, spec.mean_interval_ns) if spec.mean_interval_ns else _NEVER
        return cls(spec=spec, next_ns=first, active=None, past=[], count=0, rng=rng)

    def advance(self, now_ns: int) -> None:
        """End the active dislocation, or begin the next one."""
        if self.active is not None:
            self._end(self.active, now_ns)
            return
        self.count += 1
        target = self.rng.choice(self.spec.targets)
        length = self._length()
        self.active = Dislocation(self.count, target, self._size(target), now_ns, now_ns + length)
        self.next_ns = now_ns + length

    def offset_bps(self, target: str) -> int:
        """Return how far ``target`` is moved now, signed; 0 when it is not."""
        active = self.active
        return active.size_bps if active is not None and active.target == target else 0

    def everything(self) -> list[Dislocation]:
        """Return all dislocations so far, the active one last."""
        return [*self.past, *([self.active] if self.active is not None else [])]

    def shift(self, by_ns: int) -> None:
        """Move what lies ahead by ``by_ns``; what has ended keeps its times."""
        if self.next_ns != _NEVER:
            self.next_ns += by_ns
        if self.active is not None:
            self.active = msgspec.structs.replace(self.active, end_ns=self.active.end_ns + by_ns)

    def _end(self, active: Dislocation, now_ns: int) -> None:
        self.past.append(active)
        if len(self.past) > _REMEMBERED:
            del self.past[0]
        self.active = None
        self.next_ns = now_ns + around(self.rng, self.spec.mean_interval_ns)

    def _length(self) -> int:
        # As many between 0.1 and 0.2 s as between 2 and 4 s: many are over before anybody could act on them.
        octaves = (self.spec.most_duration_ns // self.spec.least_duration_ns).bit_length()
        shortest = self.spec.least_duration_ns << self.rng.randrange(octaves)
        return min(shortest + self.rng.randrange(shortest), self.spec.most_duration_ns)

    def _size(self, target: str) -> int:
        # Small sizes are the usual ones, except on Coinbase, whose taker fee hides all but the largest.
        span = self.spec.most_bps - self.spec.least_bps + 1
        size = self.rng.randrange(span)
        if target != COINBASE:
            size = min(size, self.rng.randrange(span))
        return (self.spec.least_bps + size) * self.rng.choice((-1, 1))
