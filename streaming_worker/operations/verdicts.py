"""What the engine made of each injection, read from its outputs: what it opened, its grade, and why it refused.

The rules look only at what an operator sees: openings, grades, legs and refusals of the interval. An episode is called
real when its grade is A, B or C: both legs filled, with a net above zero, at every latency up to the primary one.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from streaming_worker.core.outputs import (
    Direction,
    EpisodeGrade,
    LegKind,
    OpportunityOpened,
    Output,
    RejectionCount,
    SimulatedTrade,
)
from streaming_worker.core.reasons import LegStatus, RejectionReason
from streaming_worker.sandbox.truth.injections import Injection, Kind
from streaming_worker.sandbox.truth.stage import BOOKS

_APPARENT_CENTIBPS: Final = 3_000
"""A gross edge of 30 bps would look like a trade to anybody who does not count costs."""
_POOL_MOVES: Final = frozenset({Kind.REVERTING_LEG, Kind.ALIAS, Kind.STALE_VIEW, Kind.LATE_BOOK})
"""Kinds in which the pool shows the price that moved; in the others the named book does."""


@dataclass(frozen=True, slots=True)
class Case:
    """One injection, the kind that the engine's outputs say it is, and what they were."""

    injection: Injection
    verdict: Kind | None
    reach_ns: int | None
    is_called_real: bool
    seen: str

    @property
    def is_right(self) -> bool:
        """Whether the verdict is the injected kind, and for a capturable one the latency too."""
        return self.verdict is self.injection.kind and self.reach_ns == self.injection.reach_ns


@dataclass(frozen=True, slots=True)
class Judged:
    """Every case, and how many episodes were called real that nobody injected."""

    cases: tuple[Case, ...]
    others_called_real: int


def judge(plan: Sequence[Injection], outputs: Iterable[Output], *, primary_ns: int) -> Judged:
    """Read the outputs of a whole run against its plan."""
    heard = _Heard(outputs)
    cases = []
    claimed: set[str] = set()
    for injection in plan:
        opened = heard.opened(injection)
        claimed |= {one.opportunity_id for one in opened}
        cases.append(_case(injection, opened, heard, primary_ns))
    others = [grade for name, grade in heard.grades.items() if name not in claimed]
    return Judged(tuple(cases), sum(_is_called_real(grade, primary_ns) for grade in others))


class _Heard:
    """The outputs by what they are about."""

    def __init__(self, outputs: Iterable[Output]) -> None:
        self.openings: list[OpportunityOpened] = []
        self.grades: dict[str, EpisodeGrade] = {}
        self.pool_legs: defaultdict[str, set[LegStatus]] = defaultdict(set)
        self.rejections: list[RejectionCount] = []
        for output in outputs:
            self._take(output)

    def opened(self, injection: Injection) -> list[OpportunityOpened]:
        """Return what was opened on the injected route while the difference stood."""
        return [
            one
            for one in self.openings
            if injection.from_ns <= one.received_ns < injection.to_ns
            and one.instrument == BOOKS[injection.venue]
            and one.direction is _direction(injection)
        ]

    def refused(self, injection: Injection) -> dict[str, dict[RejectionReason, RejectionCount]]:
        """Return the refusals of the injected direction by instrument, in the intervals of the difference.

        Of several intervals the refusal with the best edge stands for its reason.
        """
        found: dict[str, dict[RejectionReason, RejectionCount]] = {}
        for count in self.rejections:
            overlaps = count.interval_start_ns < injection.to_ns and count.received_ns > injection.from_ns
            if overlaps and count.direction is _direction(injection):
                reasons = found.setdefault(count.instrument, {})
                reasons[count.reason] = max(count, reasons.get(count.reason, count), key=_edge)
        return found

    def _take(self, output: Output) -> None:
        match output:
            case OpportunityOpened():
                self.openings.append(output)
            case EpisodeGrade():
                self.grades[output.opportunity_id] = output
            case SimulatedTrade():
                landed = (leg.status for leg in output.legs if leg.kind is LegKind.POOL)
                self.pool_legs[output.opportunity_id] |= set(landed)
            case RejectionCount():
                self.rejections.append(output)
            case _:
                pass


def _direction(injection: Injection) -> Direction:
    """Return where the base is cheap: a pool that stands above the books is sold to."""
    is_pool_dear = injection.is_up if injection.kind in _POOL_MOVES else not injection.is_up
    return Direction.BUY_CEX_SELL_POOL if is_pool_dear else Direction.BUY_POOL_SELL_CEX


def _case(injection: Injection, opened: list[OpportunityOpened], heard: _Heard, primary_ns: int) -> Case:
    grades = [heard.grades[one.opportunity_id] for one in opened if one.opportunity_id in heard.grades]
    if opened:
        first = opened[0].opportunity_id
        grade = heard.grades.get(first)
        reach = None if grade is None else grade.reach_ns
        verdict = _opened_kind(grade, heard.pool_legs[first])
        seen = f"opened {len(opened)}, grade {'none' if grade is None else grade.grade.value}, reach {reach}"
        return Case(injection, verdict, reach, any(_is_called_real(g, primary_ns) for g in grades), seen)
    refused = heard.refused(injection)
    own = refused.get(BOOKS[injection.venue], {})
    seen = ", ".join(sorted(reason.value for reason in own))
    return Case(injection, _refused_kind(own, refused), None, False, seen)


def _is_called_real(grade: EpisodeGrade, primary_ns: int) -> bool:
    return grade.reach_ns is not None and grade.reach_ns >= primary_ns


def _opened_kind(grade: EpisodeGrade | None, pool_legs: set[LegStatus]) -> Kind | None:
    if grade is None:
        return None
    if grade.reach_ns is not None:
        return Kind.CAPTURABLE
    return Kind.REVERTING_LEG if LegStatus.REVERTED in pool_legs else None


def _refused_kind(
    own: dict[RejectionReason, RejectionCount], everywhere: dict[str, dict[RejectionReason, RejectionCount]]
) -> Kind | None:
    """Return the kind that the refusals point to; the first rule that holds."""
    for kind, reasons in _SIGNATURES:
        if reasons & own.keys():
            return kind
    if RejectionReason.STALE_LEG in own:
        others = [reasons for reasons in everywhere.values() if RejectionReason.STALE_LEG in reasons]
        return Kind.DEAD_POOL if len(others) == len(everywhere) else Kind.LATE_BOOK
    if _looks_like_a_trade(own.get(RejectionReason.FEE_UNKNOWN)):
        return Kind.MISSING_COST
    return Kind.ALIAS if _looks_like_a_trade(own.get(RejectionReason.NO_EDGE)) else None


def _looks_like_a_trade(refused: RejectionCount | None) -> bool:
    """Return whether what was refused had an edge before costs that anybody would have seen."""
    return refused is not None and _edge(refused) >= _APPARENT_CENTIBPS


def _edge(count: RejectionCount) -> int:
    """Return the best gross edge among refusals; those without prices come last."""
    return -(2**62) if count.best_edge_centibps is None else count.best_edge_centibps


_SIGNATURES: Final = (
    (Kind.STALE_VIEW, {RejectionReason.RISK_NOT_ACTIVE, RejectionReason.WORKER_LATE, RejectionReason.FEED_NOT_LIVE}),
    (Kind.MISSING_COST, {
        RejectionReason.PRIORITY_FEE_STALE, RejectionReason.PRIORITY_FEE_MISSING, RejectionReason.BASIS_STALE,
        RejectionReason.BASIS_MISSING, RejectionReason.SOL_PRICE_MISSING, RejectionReason.SOL_PRICE_STALE,
    }),
    (Kind.THIN_DEPTH, {RejectionReason.BELOW_MINIMUM_SIZE, RejectionReason.COSTS_EXCEED_EDGE}),
)  # fmt: skip
