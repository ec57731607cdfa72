"""The latencies that an opportunity is simulated at: the fixed ladder, and one draw from measured quantiles.

The draw is a pure function of the opportunity, so that a replay draws the same.
"""

from collections.abc import Iterator

from streaming_worker.core.outputs import LatencyModel
from streaming_worker.engine.digest import identity
from streaming_worker.engine.settings import Simulation

_DRAW_BITS = 32


def rungs_of(simulation: Simulation, opportunity_id: str) -> Iterator[tuple[LatencyModel, int]]:
    """Yield (model, latency in ns), the ladder first."""
    for latency_ns in simulation.ladder_ns:
        yield LatencyModel.FIXED, latency_ns
    if simulation.empirical_ns:
        yield LatencyModel.EMPIRICAL, drawn_ns(simulation.empirical_ns, opportunity_id)


def drawn_ns(quantiles_ns: tuple[int, ...], opportunity_id: str) -> int:
    """Return the latency at a quantile picked by hash, between two given ones by straight line. Rounds: up."""
    draw = int(identity("latency", opportunity_id), 16) % (1 << _DRAW_BITS)
    index, part = divmod(draw * (len(quantiles_ns) - 1), 1 << _DRAW_BITS)
    low, high = quantiles_ns[index], quantiles_ns[min(index + 1, len(quantiles_ns) - 1)]
    return low - (-(high - low) * part >> _DRAW_BITS)
