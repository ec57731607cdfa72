"""Count what the engine says, by kind: follows the pump, keeps totals of this run only."""

from collections import Counter
from collections.abc import Sequence

from streaming_worker.core.events import Event
from streaming_worker.core.outputs import Opportunity, Output, RejectionCount, SimulatedTrade
from streaming_worker.core.units import NANOS_PER_MILLISECOND


class Tally:
    """``opportunities`` by close reason, ``rejections`` by reason, ``trades`` by latency in ms and result."""

    def __init__(self) -> None:
        self.opportunities: Counter[str] = Counter()
        self.rejections: Counter[str] = Counter()
        self.trades: Counter[tuple[str, str]] = Counter()

    def observe(self, _: int, __: Event, outputs: Sequence[Output]) -> None:
        """Follow the pump."""
        for output in outputs:
            match output:
                case RejectionCount():
                    self.rejections[output.reason.value] += output.count
                case Opportunity():
                    self.opportunities[output.close_reason.value] += 1
                case SimulatedTrade():
                    self.trades[_rung(output), _result(output)] += 1
                case _:
                    pass


def _rung(trade: SimulatedTrade) -> str:
    return str(trade.latency_ns // NANOS_PER_MILLISECOND)


def _result(trade: SimulatedTrade) -> str:
    return "gain" if trade.realised_net_usd_e8 > 0 else "loss"
