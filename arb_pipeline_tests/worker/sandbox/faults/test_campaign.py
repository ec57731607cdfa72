"""A campaign is drawn by seed, covers every kind at every venue, and is quiet when it says so."""

import time
from collections import defaultdict
from itertools import pairwise

import pytest

from streaming_worker.sandbox.faces.roster import VENUES
from streaming_worker.sandbox.faults.campaign import QuietPoint, Round, plan, run_campaign
from streaming_worker.sandbox.faults.recipes import recipes_for
from streaming_worker.sandbox.faults.spec import FaultKind, complaint
from streaming_worker.sandbox.market.dice import stream
from streaming_worker.sandbox.market.stepper import Market
from streaming_worker.sandbox.server import Sandbox

ALL = tuple(sorted(VENUES))
RATE = 40


def test_a_seed_gives_the_same_campaign() -> None:
    assert plan(seed=4, faults=300, venues=ALL) == plan(seed=4, faults=300, venues=ALL)
    assert plan(seed=4, faults=300, venues=ALL) != plan(seed=5, faults=300, venues=ALL)


def test_two_thousand_faults_cover_every_kind_and_every_recipe() -> None:
    faults = [fault for each in plan(seed=2, faults=2_000, venues=ALL) for fault in each.faults]
    assert len(faults) >= 2_000
    assert {fault.spec.kind for fault in faults} == set(FaultKind)
    played = defaultdict(set)
    for fault in faults:
        played[fault.spec.venue].add(fault.recipe)
    for venue in ALL:
        assert played[venue] == {recipe.name for recipe in recipes_for(venue)}


@pytest.mark.parametrize("venue", ALL)
def test_every_recipe_can_be_done(venue: str) -> None:
    rng = stream(1, "recipes")
    for recipe in recipes_for(venue):
        for spec in (spec for _ in range(20) for spec in recipe.specs(rng)):
            assert complaint(spec, VENUES) is None
            assert spec.venue == venue


def test_faults_of_a_venue_follow_one_another() -> None:
    for each in plan(seed=3, faults=400, venues=ALL, per_venue=4, pause_ms=1_000):
        for venue in ALL:
            spans = defaultdict(int)
            for fault in each.faults:
                if fault.spec.venue == venue:
                    spans[fault.spec.at_ms] = max(spans[fault.spec.at_ms], fault.spec.duration_ms)
            assert len(spans) == 4
            ordered = sorted(spans.items())
            assert all(start + length + 1_000 <= later for (start, length), (later, _) in pairwise(ordered))


def test_what_takes_long_to_notice_is_kept_to_rounds_of_its_own() -> None:
    def is_slow(each: Round) -> bool:
        return each.calm_ms > 20_000

    rounds = plan(seed=3, faults=600, venues=ALL, per_venue=4, slow_every=5)
    assert [is_slow(each) for each in rounds] == [number % 5 == 0 for number in range(1, len(rounds) + 1)]
    assert not any(map(is_slow, plan(seed=3, faults=600, venues=ALL, slow_every=0)))


async def test_at_a_quiet_point_no_fault_is_in_force_and_the_market_rests(market: Market, start_ns: int) -> None:
    began = time.monotonic_ns()

    def clock() -> int:
        return start_ns + (time.monotonic_ns() - began) * RATE

    looked: list[int] = []
    points: list[QuietPoint] = []
    async with Sandbox(clock=clock, rate=RATE, market=market, base_port=0) as sandbox:

        async def is_recovered() -> bool:
            looked.append(sandbox.hub.now_ns())
            return len(looked) % 3 == 0

        async def at_quiet(point: QuietPoint) -> None:
            points.append(point)
            assert sandbox.layer.is_quiet
            assert sandbox.hub.is_resting
            update_ids = [book.update_id for book in market.books]
            sandbox.hub.advance(clock() + 1_000_000_000)
            assert update_ids == [book.update_id for book in market.books]

        rounds = plan(seed=1, faults=4, venues=("gemini", "bitstamp"), per_venue=1, slow_every=0)
        await run_campaign(sandbox.hub, sandbox.layer, rounds, at_quiet=at_quiet, is_recovered=is_recovered)
        assert not sandbox.hub.is_resting
    assert [point.round for point in points] == rounds
    for point in points:
        assert point.has_recovered
        assert all(record.ended_ns is not None and record.ended_ns < point.at_ns for _, record in point.done)
        last_ns = max(record.ended_ns or 0 for _, record in point.done)
        assert point.at_ns - last_ns >= point.round.calm_ms * 1_000_000


async def test_readers_that_never_recover_are_not_waited_for_in_vain(market: Market, start_ns: int) -> None:
    began = time.monotonic_ns()

    async def never() -> bool:
        return False

    points: list[QuietPoint] = []

    async def at_quiet(point: QuietPoint) -> None:
        points.append(point)

    async with Sandbox(
        clock=lambda: start_ns + (time.monotonic_ns() - began) * RATE, rate=RATE, market=market, base_port=0
    ) as sandbox:
        rounds = plan(seed=1, faults=1, venues=("gemini",), per_venue=1)
        await run_campaign(
            sandbox.hub, sandbox.layer, rounds, at_quiet=at_quiet, is_recovered=never, most_recovery_ms=2_000
        )
    assert [point.has_recovered for point in points] == [False]
