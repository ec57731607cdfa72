"""What every price truly is at every moment of a run: a fair price that drifts, and the injections' offsets.

Everything is a function of time and seed; nothing here knows what a reader makes of it.
"""

from collections.abc import Sequence
from typing import Final

from streaming_worker.core.units import MILLIONTHS, NANOS_PER_MILLISECOND, NANOS_PER_SECOND
from streaming_worker.sandbox.market.dice import bell, stream
from streaming_worker.sandbox.truth.injections import Injection, Kind

STEP_NS: Final = 100 * NANOS_PER_MILLISECOND
RAMP_NS: Final = 3 * NANOS_PER_SECOND
"""A drift takes so long that honest views, refreshed every 100 ms, are never apart by more than 3 bps."""
_DRIFTING: Final = frozenset({Kind.STALE_VIEW, Kind.LATE_BOOK, Kind.DEAD_POOL})
_NOISE_E6: Final = 20
_START_E8: Final = 150_00000000


class Prices:
    """The fair price in USD, the peg of the coin, and what each venue shows."""

    def __init__(self, seed: int, start_ns: int, plan: Sequence[Injection]) -> None:
        self._rng = stream(seed, "prices")
        self._start_ns = start_ns
        self._plan = plan
        self._noise: dict[tuple[str, int], int] = {}

    def fair_e8(self, at_ns: int) -> int:
        """Return USD per SOL: it drifts away and back with each injection of a kind that is about moving prices."""
        moved = sum(_ramp_e6(one, at_ns) for one in self._near(at_ns) if one.kind in _DRIFTING)
        return _START_E8 * (MILLIONTHS + moved) // MILLIONTHS

    def coin_e8(self, at_ns: int) -> int:
        """Return USD per USDC: at par but while a peg is lost."""
        moved = sum(_ramp_e6(one, at_ns) for one in self._near(at_ns) if one.kind is Kind.ALIAS)
        return 100_000_000 * (MILLIONTHS - moved) // MILLIONTHS

    def offset_e6(self, venue: str, at_ns: int) -> int:
        """Return by how many millionths a venue stands away from the fair price, its small own noise included."""
        held = [one for one in self._near(at_ns) if one.venue == venue and one.from_ns <= at_ns < one.to_ns]
        signs = [(1 if one.is_up else -1) * one.size_e6 for one in held if one.kind in _LEAVING]
        return sum(signs) + self._noise_e6(venue, at_ns)

    def pool_e8(self, at_ns: int) -> int:
        """Return USDC per SOL in the pool."""
        value = self.fair_e8(at_ns) * 100_000_000 // self.coin_e8(at_ns)
        return value * (MILLIONTHS + self._noise_e6("pool", at_ns)) // MILLIONTHS

    def _near(self, at_ns: int) -> list[Injection]:
        """Return the injections of the half minutes around a moment."""
        number = (at_ns - self._start_ns) // (30 * NANOS_PER_SECOND)
        return list(self._plan[max(0, number - 2) : number + 1])

    def _noise_e6(self, name: str, at_ns: int) -> int:
        """Draw each venue's noise once a second; it never reaches a tenth of what a trade costs."""
        key = name, at_ns // NANOS_PER_SECOND
        if key not in self._noise:
            self._noise[key] = max(-60, min(60, bell(self._rng) * _NOISE_E6 // 4))
        return self._noise[key]


_LEAVING: Final = frozenset({Kind.CAPTURABLE, Kind.MISSING_COST, Kind.THIN_DEPTH})


def _ramp_e6(one: Injection, at_ns: int) -> int:
    """Return how far a drift has come: up from ``from_ns``, whole until ``to_ns``, and back after it, slowly."""
    if one.kind is Kind.ALIAS:
        start_ns, full_ns = one.from_ns, one.to_ns + RAMP_NS
    else:
        start_ns, full_ns = one.from_ns, one.to_ns
    gone = min(max(at_ns - start_ns, 0), RAMP_NS) - min(max(at_ns - full_ns, 0), RAMP_NS)
    return (1 if one.is_up else -1) * one.size_e6 * gone // RAMP_NS
