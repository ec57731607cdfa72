"""At start the venues are asked for their terms over real sockets; without them the worker starts all the same."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import replace
from random import Random

import msgspec
import pytest
from starlette.requests import Request
from starlette.responses import Response
from structlog.testing import capture_logs

from arb_pipeline_tests.fixtures.scripted_venue import closed_port, http_venue, until
from streaming_worker.adapters.clock import AnchoredClock, HandClock
from streaming_worker.adapters.http import HttpSettings
from streaming_worker.app.feeds import Tuning, edge
from streaming_worker.app.instruments import (
    LONGEST_RETRY_S,
    RETRY_S,
    InstrumentWatch,
    instruments_at_start,
    instruments_file,
    with_terms,
)
from streaming_worker.config import Config
from streaming_worker.errors import ConfigError
from streaming_worker.sandbox.market.stepper import Market
from streaming_worker.sandbox.server import Sandbox
from streaming_worker.service.instruments import Outcome, Source

Moved = Callable[..., Config]
# A venue that is there answers within the time on any machine; one test alone waits until it is over.
QUICK = Tuning(http=HttpSettings(backoff_base_s=0.01, attempts=2), listing_s=60)
IMPATIENT = replace(QUICK, listing_s=0.5)
HOUR_NS = 3_600 * 10**9


async def _asked(config: Config, tuning: Tuning = QUICK, *, later_ns: int = 0) -> Outcome:
    clock = AnchoredClock()
    return await instruments_at_start(config, edge(clock, tuning, Random(1)), tuning, clock.now_ns() + later_ns)


def _at(config: Config, moved: Moved, url: str) -> Config:
    return moved(config, {feed.name: ("ws://127.0.0.1:1", url) for feed in config.feeds})


async def test_every_venue_of_the_sandbox_tells_and_a_later_start_without_them_goes_by_that(
    config: Config, with_feeds: Moved
) -> None:
    coarse = tuple(replace(instrument, lot_e8=10**6, aliases=()) for instrument in config.engine.instruments)
    config = replace(config, engine=msgspec.structs.replace(config.engine, instruments=coarse))
    clock = AnchoredClock()
    async with Sandbox(
        clock=clock.now_ns, market=Market.start(seed=1, start_ns=clock.now_ns()), base_port=0
    ) as sandbox:
        urls = {feed.name: ("ws://x", sandbox.urls[f"{feed.name}_http"]) for feed in config.feeds}
        outcome = await _asked(with_feeds(config, urls))
    assert {terms.source for terms in outcome.terms} == {Source.VENUE}
    assert outcome.problems == ()
    assert len([line for line in outcome.warnings if ": lot is " in line]) == 2
    used = with_terms(config, outcome)
    assert [instrument.lot_e8 for instrument in used.engine.instruments] == [1, 100]
    assert used.engine.instruments[0].aliases == ("SOL-USDC",)
    dead = _at(config, with_feeds, f"http://127.0.0.1:{closed_port()}")
    again = await _asked(dead, later_ns=2 * HOUR_NS)
    assert {terms.source for terms in again.terms} == {Source.CACHE}
    assert with_terms(dead, again).engine == used.engine
    assert again.problems == ()
    assert [line.endswith("answer of 2.0 hours ago") for line in again.warnings] == [True, True]
    assert all("127.0.0.1" in line for line in again.warnings)


async def test_a_first_start_without_the_venues_goes_by_the_configuration_and_says_so(
    config: Config, with_feeds: Moved
) -> None:
    dead = _at(config, with_feeds, f"http://127.0.0.1:{closed_port()}")
    with capture_logs() as lines:
        outcome = await _asked(dead)
    assert with_terms(dead, outcome).engine == dead.engine
    assert [line.rpartition("; ")[2] for line in outcome.problems] == ["going by the configuration"] * 2
    assert [line["event"] for line in lines] == ["instrument_problem"] * 2


async def test_a_venue_that_does_not_answer_in_time_delays_the_start_no_longer(
    config: Config, with_feeds: Moved
) -> None:
    late = asyncio.Event()

    async def never(_: Request) -> Response:
        await late.wait()
        return Response()

    async with http_venue(never) as url:
        outcome = await _asked(_at(config, with_feeds, url), IMPATIENT)
        late.set()
    assert [line.split("; ")[0] for line in outcome.problems] == [
        "coinbase:SOL-USD: 127.0.0.1 gave no listing within 0.5 s",
        "gemini:SOLUSD: 127.0.0.1 gave no listing within 0.5 s",
    ]


async def test_an_answer_that_is_no_listing_and_a_closed_symbol_are_problems(config: Config, with_feeds: Moved) -> None:
    async def answer(request: Request) -> Response:
        if "details" in request.url.path:
            return Response(json.dumps({"symbol": "SOLUSD", "status": "cancel_only"}))
        return Response("<html>")

    async with http_venue(answer) as url:
        outcome = await _asked(_at(config, with_feeds, url))
    first, second = outcome.problems
    assert "coinbase: expected a listing" in first
    assert second == "gemini:SOLUSD: not open for trading (cancel_only)"


async def test_two_views_of_one_book_cannot_both_be_configured(config: Config, with_feeds: Moved) -> None:
    usd, gemini = config.engine.instruments
    usdc = replace(usd, symbol="SOL-USDC", aliases=())
    both = (replace(usd, aliases=()), usdc, gemini)
    config = replace(config, engine=msgspec.structs.replace(config.engine, instruments=both))
    feeds = tuple(
        replace(feed, instruments=("coinbase:SOL-USD", "coinbase:SOL-USDC")) if feed.name == "coinbase" else feed
        for feed in config.feeds
    )
    config = replace(config, feeds=feeds)

    async def answer(request: Request) -> Response:
        products = [{"product_id": "SOL-USD", "alias_to": ["SOL-USDC"]}, {"product_id": "SOL-USDC"}]
        return Response(json.dumps({"products": products}))

    async with http_venue(answer) as url:
        outcome = await _asked(_at(config, with_feeds, url))
    with pytest.raises(ConfigError, match="same book"):
        with_terms(config, outcome)


async def test_a_disk_that_does_not_take_it_costs_only_the_memory(config: Config, with_feeds: Moved) -> None:
    file = instruments_file(config)
    file.parent.parent.mkdir(parents=True)
    file.parent.write_text("a file where a folder should be")
    with capture_logs() as lines:
        outcome = await _asked(_at(config, with_feeds, f"http://127.0.0.1:{closed_port()}"))
    assert len(outcome.terms) == 2
    assert lines[-1]["event"] == "instruments_not_kept"


class Venue:
    """Lists both symbols, once it answers at all; ``lot`` is what it says of Coinbase's."""

    def __init__(self) -> None:
        self.answers = False
        self.lot = "0.00000001"
        self.asked = 0

    async def answer(self, request: Request) -> Response:
        self.asked += 1
        if not self.answers:
            return Response(status_code=503)
        if "details" in request.url.path:
            return Response(json.dumps({"symbol": "SOLUSD", "status": "open"}))
        return Response(json.dumps({"products": [{"product_id": "SOL-USD", "base_increment": self.lot}]}))


async def test_a_venue_that_was_silent_at_start_is_asked_again_until_it_answers(
    config: Config, with_feeds: Moved
) -> None:
    venue, clock = Venue(), HandClock(HOUR_NS)
    async with http_venue(venue.answer) as url:
        at = AnchoredClock()
        watch = InstrumentWatch(_at(config, with_feeds, url), edge(at, QUICK, Random(1)), QUICK, clock, Random(1))
        outcome = await watch.start()
        assert [line.rpartition("; ")[2] for line in watch.problems()] == ["going by the configuration"] * 2
        running = asyncio.create_task(watch.run())
        waits = []
        for _ in range(9):
            await until(lambda: clock.sleeper_count == 1, "the wait for the next question")
            asked, before_ns, due_ns = venue.asked, clock.now_ns(), clock.next_due_ns
            assert due_ns is not None
            waits.append((due_ns - before_ns) / 10**9)
            clock.advance_to(due_ns)
            await until(lambda asked=asked: venue.asked > asked, "the next question")
        assert RETRY_S / 2 <= waits[0] <= RETRY_S
        assert LONGEST_RETRY_S / 2 <= waits[-1] <= LONGEST_RETRY_S
        venue.answers = True
        await until(lambda: clock.sleeper_count == 1, "the wait for the answer")
        clock.advance(LONGEST_RETRY_S)
        await until(lambda: not watch.problems(), "the answer")
        assert {terms.source for terms in outcome.terms} == {Source.CONFIGURATION}
        assert watch.reading()["source.gemini:SOLUSD"] == "venue"
        running.cancel()
        await asyncio.wait([running])


async def test_terms_that_change_during_a_run_are_named_and_not_taken_over(config: Config, with_feeds: Moved) -> None:
    venue, clock = Venue(), AnchoredClock()
    venue.answers = True
    async with http_venue(venue.answer) as url:
        watch = InstrumentWatch(_at(config, with_feeds, url), edge(clock, QUICK, Random(1)), QUICK, clock, Random(1))
        await watch.start()
        assert watch.problems() == []
        venue.lot = "0.01"
        await watch.look()
        assert watch.problems() == [
            "coinbase:SOL-USD: lot is 0.01, this run goes by 0.00000001; restart the worker to take it over"
        ]
        venue.lot = "0.00000001"
        await watch.look()
        assert watch.problems() == []
