"""Staleness on real sockets: silence of a dead transport and old prices pause, a quiet feed that lives does not.

Every moment that is asserted is one of the record, in event time, so that a busy machine changes nothing: where it
stands still for so long that feeds really were silent, they may pause.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from arb_pipeline_tests.failure.fault_arena import SECONDS, Arena, arena
from streaming_worker.sandbox.faults.spec import Ending, FaultKind, FaultSpec
from streaming_worker.service.connection import ConnectionSettings
from streaming_worker.storage.reader import open_range

RATE = 3
LIMIT_NS = 10 * SECONDS
RESUME_NS = 5 * SECONDS
GRID_NS = SECONDS // 10
BOUND_S = 120.0
PAUSED, RESUMED = ("active", "paused", "stale_feed"), ("paused", "active", "recovered")


@asynccontextmanager
async def calm(folder: Path) -> AsyncIterator[Arena]:
    """Run everything as in production: a socket may be silent for longer than the engine's limit."""
    async with arena(folder, rate=RATE, seed=3, connection=ConnectionSettings(silence_s=25.0)) as field:
        await field.until_recovered()
        await until(field, lambda seen: seen["risk"]["state"] == "active")
        yield field


async def until(field: Arena, holds: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    """Return the first health report for which it holds."""
    deadline = asyncio.get_running_loop().time() + BOUND_S
    while not holds(seen := await field.get("/health")):
        assert asyncio.get_running_loop().time() < deadline, f"it did not come true: {seen['why']}"
        await field.clock.sleep(0.1)
    return seen


async def wait(field: Arena, seconds: int) -> None:
    """Let the arena's time pass."""
    until_ns = field.clock.now_ns() + seconds * SECONDS
    while field.clock.now_ns() < until_ns:
        await field.clock.sleep(0.5)


Change = tuple[int, tuple[str, str, str], str]


def transitions(field: Arena, venue: str) -> list[Change]:
    """Return when the sealed record says that the risk state changed, why and for whom, once the venue was part of it.

    What came before is a machine that stood still.
    """
    with open_range(field.config.paths.data_dir) as reader:
        rows = reader.query(
            "SELECT received_ns, previous, current, cause, reason FROM risk_events ORDER BY received_ns"
        ).fetchall()
    changes = [(at_ns, (previous, current, cause), reason) for at_ns, previous, current, cause, reason in rows]
    first = next((number for number, (_, _, reason) in enumerate(changes) if is_named(venue, reason)), len(changes))
    return changes[first:]


def is_named(feed: str, reason: str) -> bool:
    """Say whether a reason names a feed; one name may be the beginning of another."""
    return feed in reason.replace(",", "").split()


def moments(field: Arena, question: str) -> list[int]:
    """Return the times that a question to the sealed record gives."""
    with open_range(field.config.paths.data_dir) as reader:
        return [at_ns for (at_ns,) in reader.query(question).fetchall()]


def signs_of_life(field: Arena, feed: str) -> list[int]:
    """Return when something of a feed came, in order."""
    return moments(
        field,
        f"SELECT received_ns FROM raw_frames WHERE feed = '{feed}' AND kind = 'recv'"
        f" UNION SELECT received_ns FROM feed_events WHERE feed = '{feed}' AND kind = 'connected' ORDER BY 1",
    )


async def test_a_feed_that_is_silent_beyond_ten_seconds_pauses_until_it_has_been_well_for_a_while(
    tmp_path: Path,
) -> None:
    async with calm(tmp_path) as field:
        half_open = FaultSpec(kind=FaultKind.HALF_OPEN, venue="coinbase", duration_ms=18_000)
        field.sandbox.layer.begin(half_open, field.clock.now_ns())
        seen = await until(field, lambda seen: seen["risk"]["state"] == "paused")
        assert seen["risk"]["cause"] == "stale_feed"
        assert seen["feeds"]["coinbase"]["state"] == seen["feeds"]["coinbase"]["transport"] == "dead"
        states = (await field.get("/state"))["metrics"]["feed_states"]
        assert (states["feed.coinbase"], states["book.coinbase:SOL-USD"]) == ("dead", "dead")
        assert states["feed.gemini"] != "dead"
        await until(field, lambda seen: seen["risk"]["state"] == "active")
    (paused_ns, why, _), (resumed_ns, ended, _) = transitions(field, "coinbase")[:2]
    assert (why, ended) == (PAUSED, RESUMED)
    alive = signs_of_life(field, "coinbase")
    last_ns = max(at_ns for at_ns in alive if at_ns < paused_ns)
    back_ns = min(at_ns for at_ns in alive if at_ns > paused_ns)
    assert LIMIT_NS < paused_ns - last_ns <= LIMIT_NS + GRID_NS
    assert resumed_ns - back_ns >= RESUME_NS


async def test_a_quiet_feed_that_lives_does_not_pause(tmp_path: Path) -> None:
    async with calm(tmp_path) as field:
        for venue in ("coinbase", "gemini"):
            quiet = FaultSpec(
                kind=FaultKind.SILENCE_WITH_HEARTBEATS, venue=venue, duration_ms=30_000, ending=Ending.CLOSE
            )
            field.sandbox.layer.begin(quiet, field.clock.now_ns())
        seen = await until(
            field, lambda seen: {seen["feeds"][name]["state"] for name in ("coinbase", "gemini")} == {"quiet"}
        )
        assert seen["feeds"]["coinbase"]["data_age_ms"] > 10_000
        await wait(field, 5)
    for feed in ("coinbase", "gemini"):
        alive = signs_of_life(field, feed)
        is_silent = max(later - earlier for earlier, later in pairwise(alive)) > LIMIT_NS
        assert is_silent or transitions(field, feed) == []


@pytest.mark.parametrize("venue", ["coinbase", "gemini"])
async def test_a_loud_feed_that_delivers_old_prices_pauses(tmp_path: Path, venue: str) -> None:
    async with calm(tmp_path) as field:
        # Enough prompt messages first, for lateness is held against them.
        await wait(field, 5)
        old = FaultSpec(kind=FaultKind.CLOCK_SKEW, venue=venue, skew_ms=-13_000, duration_ms=12_000)
        field.sandbox.layer.begin(old, field.clock.now_ns())
        seen = await until(field, lambda seen: seen["risk"]["state"] == "paused")
        assert seen["risk"]["cause"] == "stale_feed"
        assert seen["feeds"][venue]["transport"] == "synced"
        await until(field, lambda seen: seen["risk"]["state"] == "active")
    (paused_ns, why, _), (resumed_ns, ended, _) = transitions(field, venue)[:2]
    assert (why, ended) == (PAUSED, RESUMED)
    assert resumed_ns - paused_ns >= RESUME_NS
    assert paused_ns - max(at_ns for at_ns in signs_of_life(field, venue) if at_ns < paused_ns) < LIMIT_NS
