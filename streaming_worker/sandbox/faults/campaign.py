"""A seeded campaign: rounds of faults on all venues at once, and a quiet point after each.

At a quiet point no fault is in force, every held frame has been given up, readers have had the time that they need to
notice, and the market rests: whatever a reader then holds as right can be compared with the truth, level for level.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final

import msgspec

from streaming_worker.core.units import NANOS_PER_MILLISECOND
from streaming_worker.sandbox.faults.layer import FaultLayer
from streaming_worker.sandbox.faults.log import FaultRecord
from streaming_worker.sandbox.faults.recipes import Recipe, recipes_for
from streaming_worker.sandbox.faults.spec import FaultSpec
from streaming_worker.sandbox.hub import Hub
from streaming_worker.sandbox.market.dice import stream

_SETTLE_MS: Final = 1_200
_LOOK_MS: Final = 100
_SLOW_MS: Final = 20_000


class Planned(msgspec.Struct, frozen=True):
    """A fault of a round: how it is called, and when it begins, counted from the round's start."""

    recipe: str
    spec: FaultSpec


class Round(msgspec.Struct, frozen=True):
    """Faults that may overlap between venues, never at one, and the time that readers have after the last of them."""

    number: int
    faults: tuple[Planned, ...]
    calm_ms: int


class QuietPoint(msgspec.Struct, frozen=True):
    """What was done in a round, as the record says, with the recipe of each fault; ``at_ns`` is the moment.

    ``has_recovered`` says whether readers trusted everything again within the time that they were given.
    """

    round: Round
    done: tuple[tuple[str, FaultRecord], ...]
    at_ns: int
    has_recovered: bool


class _Deck:
    """The recipes of one venue as a shuffled deck: each comes once before any comes again."""

    def __init__(self, recipes: Sequence[Recipe], rng: random.Random) -> None:
        self._recipes = list(recipes)
        self._rng = rng
        self._left: list[Recipe] = []

    def draw(self) -> Recipe:
        """Take the next recipe."""
        if not self._left:
            self._left = self._rng.sample(self._recipes, len(self._recipes))
        return self._left.pop()


def plan(
    *, seed: int, faults: int, venues: Sequence[str], per_venue: int = 4, slow_every: int = 6, pause_ms: int = 2_500
) -> list[Round]:
    """Draw rounds with at least so many faults in all.

    ``per_venue`` faults follow one another at each venue of a round, ``pause_ms`` apart. Only every ``slow_every``-th
    round has faults that take readers long to notice; 0 leaves them out.
    """
    rng = stream(seed, "campaign")
    quick = {venue: [r for r in recipes_for(venue) if r.heals_ms <= _SLOW_MS] for venue in venues}
    slow = {venue: [r for r in recipes_for(venue) if r.heals_ms > _SLOW_MS] or quick[venue] for venue in venues}
    decks = {venue: _Deck(recipes, rng) for venue, recipes in quick.items()}
    slow_decks = {venue: _Deck(recipes, rng) for venue, recipes in slow.items()}
    rounds: list[Round] = []
    count = 0
    while count < faults:
        is_slow = slow_every > 0 and len(rounds) % slow_every == slow_every - 1
        drawn = _round(len(rounds) + 1, slow_decks if is_slow else decks, rng, per_venue=per_venue, pause_ms=pause_ms)
        rounds.append(drawn)
        count += len(drawn.faults)
    return rounds


def _round(number: int, decks: Mapping[str, _Deck], rng: random.Random, *, per_venue: int, pause_ms: int) -> Round:
    planned: list[Planned] = []
    calm_ms = 0
    for deck in decks.values():
        at_ms = rng.randrange(pause_ms)
        for _ in range(per_venue):
            recipe = deck.draw()
            specs = recipe.specs(rng)
            planned += [Planned(recipe.name, msgspec.structs.replace(spec, at_ms=at_ms)) for spec in specs]
            at_ms += max(spec.duration_ms for spec in specs) + pause_ms
            calm_ms = max(calm_ms, recipe.heals_ms)
    planned.sort(key=lambda fault: (fault.spec.at_ms, fault.spec.venue))
    return Round(number, tuple(planned), calm_ms)


async def run_campaign(
    hub: Hub,
    layer: FaultLayer,
    rounds: Sequence[Round],
    *,
    at_quiet: Callable[[QuietPoint], Awaitable[None]],
    is_recovered: Callable[[], Awaitable[bool]],
    most_recovery_ms: int = 120_000,
) -> None:
    """Play the rounds. Before each quiet point wait until ``is_recovered``, at most for ``most_recovery_ms``."""
    for campaign_round in rounds:
        done = await _play(hub, layer, campaign_round)
        await _until(hub, is_recovered, most_recovery_ms)
        await _wait(hub, campaign_round.calm_ms)
        has_recovered = await _until(hub, is_recovered, most_recovery_ms)
        hub.is_resting = True
        await _wait(hub, _SETTLE_MS)
        await at_quiet(QuietPoint(campaign_round, tuple(done), hub.now_ns(), has_recovered))
        hub.is_resting = False


async def _play(hub: Hub, layer: FaultLayer, campaign_round: Round) -> list[tuple[str, FaultRecord]]:
    start_ns = hub.now_ns()
    done: list[tuple[str, FaultRecord]] = []
    for fault in campaign_round.faults:
        due_ns = start_ns + fault.spec.at_ms * NANOS_PER_MILLISECOND
        await asyncio.sleep(hub.wait_s(max(due_ns - hub.now_ns(), 0)))
        done.append((fault.recipe, layer.begin(fault.spec, hub.now_ns())))
    await layer.until_quiet()
    return done


async def _until(hub: Hub, holds: Callable[[], Awaitable[bool]], most_ms: int) -> bool:
    end_ns = hub.now_ns() + most_ms * NANOS_PER_MILLISECOND
    while not await holds():
        if hub.now_ns() >= end_ns:
            return False
        await _wait(hub, _LOOK_MS)
    return True


async def _wait(hub: Hub, milliseconds: int) -> None:
    await asyncio.sleep(hub.wait_s(milliseconds * NANOS_PER_MILLISECOND))
