"""What is injected, when, and what is true of it: drawn by seed, before any event exists.

Real means: seen from the market as it truly is, an order sent at the opening with the primary latency, and a swap that
lands the configured slots later, would both have filled at prices that leave a net above zero after every cost. Each
kind says why it is real, or what makes it look so.
"""

import random
from collections.abc import Iterator
from enum import StrEnum
from typing import Final

import msgspec

from streaming_worker.core.units import NANOS_PER_MILLISECOND, NANOS_PER_SECOND
from streaming_worker.sandbox.market.dice import stream

SLOT_OF_ONE_NS: Final = 30 * NANOS_PER_SECOND
"""Each injection has half a minute of the market to itself, so that nobody can mistake one for another."""
GEMINI: Final = "gemini"
COINBASE: Final = "coinbase"
BITSTAMP: Final = "bitstamp"


class Kind(StrEnum):
    """What an injection is; all but the first look real and are not."""

    CAPTURABLE = "capturable"
    """A book leaves the others and comes back later than some rung of the latency ladder: real from that rung on."""
    STALE_VIEW = "stale_view"
    """Our own view lags while prices move: the worker is behind its queue, or a transport has gone silent."""
    LATE_BOOK = "late_book"
    """A venue delivers seconds late by its own clock while prices move."""
    MISSING_COST = "missing_cost"
    """A price difference whose costs nobody knows: no fee line for the venue, or no recent priority fee."""
    ALIAS = "alias"
    """The coin loses its peg; Coinbase's SOL-USDC is its SOL-USD book, so that the difference is only the peg's."""
    THIN_DEPTH = "thin_depth"
    """A price that holds less than the smallest order, or too little to pay for the transaction."""
    DEAD_POOL = "dead_pool"
    """The node repeats a pool while its slot stands, and the exchanges move on."""
    REVERTING_LEG = "reverting_leg"
    """The pool is back before a swap can land: the swap reverts."""


class Injection(msgspec.Struct, frozen=True, kw_only=True):
    """One injected episode.

    ``is_up``: the named venue's price (the pool's for REVERTING_LEG, DEAD_POOL, ALIAS) stands above the others' while
    it lasts. The difference stands from ``from_ns`` until just before ``to_ns``; the cause from ``cause_ns``.
    ``reach_ns`` is the largest latency of the ladder at which both legs would have filled, None where there is none.
    """

    number: int
    kind: Kind
    variant: str
    venue: str
    is_up: bool
    size_e6: int
    cause_ns: int
    from_ns: int
    to_ns: int
    end_ns: int
    reach_ns: int | None

    def is_real(self, primary_ns: int) -> bool:
        """Return whether it could have been captured at a latency."""
        return self.reach_ns is not None and self.reach_ns >= primary_ns


_VARIANTS: Final = {
    Kind.CAPTURABLE: ("held", "held", "held", "fleeting"),
    Kind.STALE_VIEW: ("worker", "silence"),
    Kind.LATE_BOOK: ("late",),
    Kind.MISSING_COST: ("fee", "priority"),
    Kind.ALIAS: ("peg",),
    Kind.THIN_DEPTH: ("order", "transaction"),
    Kind.DEAD_POOL: ("repeated",),
    Kind.REVERTING_LEG: ("swapped_back",),
}
# How long the cause stands before the difference does: staleness is a limit of 10 s, a priority fee's age one of 15 s.
_LEAD_NS: Final = {
    ("stale_view", "silence"): 10_700 * NANOS_PER_MILLISECOND,
    ("dead_pool", "repeated"): 10_700 * NANOS_PER_MILLISECOND,
    ("missing_cost", "priority"): 16_500 * NANOS_PER_MILLISECOND,
    ("late_book", "late"): 1_500 * NANOS_PER_MILLISECOND,
    ("stale_view", "worker"): 500 * NANOS_PER_MILLISECOND,
}


# Coinbase's fee is the higher one in these runs: what leaves Gemini by so much is nothing there.
_SIZES_E6: Final = {False: (7_000, 1_500), True: (11_000, 3_000)}


def injections(*, seed: int, start_ns: int, minutes: int, ladder_ns: tuple[int, ...]) -> Iterator[Injection]:
    """Yield the injections of a run in order: every kind in turn, shuffled by seed; the last minute is left calm."""
    rng = stream(seed, "injections")
    rounds: list[tuple[Kind, str]] = []
    for number in range(max(0, minutes * 2 - 2)):
        if not rounds:
            rounds = [(kind, variant) for kind, variants in _VARIANTS.items() for variant in variants]
            rng.shuffle(rounds)
        kind, variant = rounds.pop()
        at_ns = start_ns + (number + 1) * SLOT_OF_ONE_NS + rng.randrange(1_500) * NANOS_PER_MILLISECOND
        yield _injection(number + 1, kind, variant, at_ns, ladder_ns, rng)


def _injection(
    number: int, kind: Kind, variant: str, at_ns: int, ladder_ns: tuple[int, ...], rng: random.Random
) -> Injection:
    venue = _venue(kind, variant, rng)
    reach_ns, held_ns = _held(kind, variant, ladder_ns, rng)
    from_ns = at_ns + _LEAD_NS.get((kind.value, variant), 0)
    least, span = _SIZES_E6[venue == COINBASE]
    return Injection(
        number=number,
        kind=kind,
        variant=variant,
        venue=venue,
        is_up=bool(rng.getrandbits(1)),
        size_e6=least + rng.randrange(span),
        cause_ns=at_ns,
        from_ns=from_ns,
        to_ns=from_ns + held_ns,
        end_ns=from_ns + held_ns + NANOS_PER_SECOND,
        reach_ns=reach_ns,
    )


def _venue(kind: Kind, variant: str, rng: random.Random) -> str:
    if kind is Kind.ALIAS:
        return COINBASE
    if (kind, variant) == (Kind.MISSING_COST, "fee"):
        return BITSTAMP
    if kind in (Kind.REVERTING_LEG, Kind.DEAD_POOL) or variant == "priority":
        return GEMINI
    return rng.choice((GEMINI, COINBASE))


def _held(kind: Kind, variant: str, ladder_ns: tuple[int, ...], rng: random.Random) -> tuple[int | None, int]:
    """Return the reach and how long the difference stands: well between two rungs, or well beyond the last."""
    if kind is not Kind.CAPTURABLE:
        return None, (3_000 + rng.randrange(2_000)) * NANOS_PER_MILLISECOND
    rungs = sorted(ladder_ns)
    middle = len(rungs) // 2
    place = rng.randrange(middle, len(rungs)) if variant == "held" else rng.randrange(middle)
    reach = rungs[place]
    after = rungs[place + 1] if place + 1 < len(rungs) else reach + 2 * NANOS_PER_SECOND
    return reach, (reach + after) // 2
