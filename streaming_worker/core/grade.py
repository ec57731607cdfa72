"""How capturable an episode was, from what its simulated trades did over the latency ladder.

A rung is *captured* when its trade's realised net is above zero and each of its two legs filled whole: a trade that
reverted, missed, filled in part or had to be unwound was luck at best. *Reach* is the largest latency up to which every
rung of the ladder, from the smallest on, is captured. *Kept* is realised over predicted net at the primary latency. The
first line that holds is the grade:

| grade | rule |
|---|---|
| A | every rung is captured, and at least 90 % is kept |
| B | reach is at least the primary latency, and at least 50 % is kept |
| C | reach is at least the primary latency |
| D | reach is below the primary latency: only faster than we are |
| E | no reach: at the smallest latency both legs filled, and the net was not above zero |
| F | no reach: at the smallest latency a leg failed |
"""

from collections.abc import Iterable

import msgspec

from streaming_worker.core.outputs import EpisodeGrade, Grade, LegKind, LegStatus, SimulatedTrade
from streaming_worker.core.units import MILLIONTHS

A_KEEPS_MILLIONTHS = 900_000
B_KEEPS_MILLIONTHS = 500_000


class Rung(msgspec.Struct, frozen=True, gc=False):
    """What one simulated trade says; all that grading needs of it. Units: ns, USD x 1e8."""

    latency_ns: int
    predicted_net_usd_e8: int
    realised_net_usd_e8: int
    is_filled: bool

    @property
    def is_captured(self) -> bool:
        """Whether both legs filled whole and something was earned."""
        return self.is_filled and self.realised_net_usd_e8 > 0


def rung_of(trade: SimulatedTrade) -> Rung:
    """Return what a simulated trade says about its latency."""
    filled = {leg.kind for leg in trade.legs if leg.status is LegStatus.FILLED}
    return Rung(
        latency_ns=trade.latency_ns,
        predicted_net_usd_e8=trade.predicted.net_usd_e8,
        realised_net_usd_e8=trade.realised_net_usd_e8,
        is_filled=filled == {LegKind.CEX, LegKind.POOL},
    )


def grade_episode(
    opportunity_id: str, rungs: Iterable[Rung], *, ladder_ns: tuple[int, ...], primary_ns: int, now_ns: int
) -> EpisodeGrade | None:
    """Return the grade once every latency of the ladder has its trade; None before. ``primary_ns`` is on the ladder."""
    by_latency = {rung.latency_ns: rung for rung in rungs}
    if any(latency not in by_latency for latency in ladder_ns):
        return None
    ladder = [by_latency[latency] for latency in sorted(ladder_ns)]
    reach, kept = _reach(ladder), _kept(by_latency[primary_ns])
    return EpisodeGrade(
        opportunity_id=opportunity_id,
        grade=_grade(ladder, reach, kept, primary_ns),
        reach_ns=reach,
        kept_millionths=kept,
        captured_rungs=sum(rung.is_captured for rung in ladder),
        failed_rungs=sum(not rung.is_filled for rung in ladder),
        rungs=len(ladder),
        received_ns=now_ns,
    )


def _reach(ladder: list[Rung]) -> int | None:
    reach = None
    for rung in ladder:
        if not rung.is_captured:
            break
        reach = rung.latency_ns
    return reach


def _kept(primary: Rung) -> int | None:
    predicted = primary.predicted_net_usd_e8
    return None if predicted <= 0 else primary.realised_net_usd_e8 * MILLIONTHS // predicted


def _grade(ladder: list[Rung], reach_ns: int | None, kept_millionths: int | None, primary_ns: int) -> Grade:
    if reach_ns is None:
        return Grade.E if ladder[0].is_filled else Grade.F
    if reach_ns < primary_ns:
        return Grade.D
    kept = 0 if kept_millionths is None else kept_millionths
    if reach_ns == ladder[-1].latency_ns and kept >= A_KEEPS_MILLIONTHS:
        return Grade.A
    return Grade.B if kept >= B_KEEPS_MILLIONTHS else Grade.C
