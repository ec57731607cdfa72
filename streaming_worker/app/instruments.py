"""Ask each venue for the terms of its instruments, within a few seconds before a run and now and then during it.

A run goes by one set of terms: what a venue says later is shown, and comes into force at the next start.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Final

import msgspec
import structlog

from streaming_worker.adapters.clock import Clock
from streaming_worker.adapters.websocket import host_of
from streaming_worker.app.feeds import Tuning
from streaming_worker.config import Config, FeedConfig
from streaming_worker.core.instrument import Instrument, Registry
from streaming_worker.core.units import Nanos
from streaming_worker.errors import FeedFormatError, TransportError
from streaming_worker.protocols.listings import Listed, listing_calls, read_listing
from streaming_worker.service.capture import Edge
from streaming_worker.service.health import replace_file
from streaming_worker.service.instruments import Outcome, differences, load_kept, settle
from streaming_worker.service.metrics import Reading

_LOG: Final = structlog.get_logger("instruments")
RETRY_S: Final = 20.0
LONGEST_RETRY_S: Final = 900.0
RENEW_S: Final = 6 * 3_600.0


class InstrumentWatch:
    """What is known of the instruments while a run goes on. An answer that is missing is asked for again, ever more
    rarely; a whole one is renewed a few times a day. Waits are drawn at random, so that workers do not ask together."""

    def __init__(self, config: Config, way_out: Edge, tuning: Tuning, clock: Clock, random: Random) -> None:
        self._config = config
        self._way_out = way_out
        self._tuning = tuning
        self._clock = clock
        self._random = random
        self._used: dict[str, Instrument] = {}
        self._known = Outcome(terms=())
        self._later: tuple[str, ...] = ()

    async def start(self) -> Outcome:
        """Ask before the run; its terms are the run's."""
        self._known = await instruments_at_start(self._config, self._way_out, self._tuning, self._clock.now_ns())
        self._used = {terms.instrument.key: terms.instrument for terms in self._known.terms}
        self._later = ()
        return self._known

    async def run(self) -> None:
        """Ask again and again until cancelled."""
        tries = 0
        while True:
            tries = tries + 1 if self._known.is_unanswered else 0
            longest_s = min(RETRY_S * 2.0 ** (tries - 1), LONGEST_RETRY_S) if tries else RENEW_S
            await self._clock.sleep(longest_s * self._random.uniform(0.5, 1.0))
            await self.look()

    async def look(self) -> None:
        """Ask once more."""
        known = await instruments_at_start(self._config, self._way_out, self._tuning, self._clock.now_ns())
        if self._known.is_unanswered and not known.is_unanswered:
            _LOG.info("instruments_answered", instruments=len(known.terms))
        self._known, self._later = known, tuple(differences(self._used, known))
        for line in self._later:
            _LOG.warning("instrument_problem", what=line)

    def problems(self) -> list[str]:
        """Return what makes the worker degraded."""
        return [*self._known.problems, *self._later]

    def warnings(self) -> tuple[str, ...]:
        """Return what is only said."""
        return self._known.warnings

    def reading(self) -> Reading:
        """Return whose word each instrument goes by."""
        return self._known.reading()


async def instruments_at_start(config: Config, way_out: Edge, tuning: Tuning, now_ns: Nanos) -> Outcome:
    """Return the terms of every configured instrument, and keep what the venues said. Never fails for a venue."""
    path = instruments_file(config)
    kept = await asyncio.to_thread(load_kept, path)
    registry = Registry.of(config.engine.instruments, ())
    listed: dict[str, list[Listed]] = {}
    failures: dict[str, str] = {}

    async def ask(feed: FeedConfig) -> None:
        instruments = [registry.instruments[key] for key in feed.instruments]
        said, failure = await _ask(feed, instruments, way_out, tuning.listing_s)
        told = {one.symbol.upper() for one in said}
        for instrument in instruments:
            if failure is None or instrument.symbol.upper() in told:
                listed[instrument.key] = said
            else:
                failures[instrument.key] = failure

    async with asyncio.TaskGroup() as group:
        for feed in config.feeds:
            if feed.instruments:
                group.create_task(ask(feed))
    outcome = settle(registry.instruments.values(), listed, failures, kept, now_ns)
    for line in outcome.problems:
        _LOG.warning("instrument_problem", what=line)
    for line in outcome.warnings:
        _LOG.warning("instrument_note", what=line)
    await asyncio.to_thread(_keep, path, outcome)
    return outcome


def instruments_file(config: Config) -> Path:
    """Return where the venues' last answers are kept."""
    return config.paths.state / f"{config.worker.name}-instruments.json"


def with_terms(config: Config, outcome: Outcome) -> Config:
    """Return the configuration with the instruments as they are.

    Raises: ConfigError where a configured instrument is another one's alias.
    """
    instruments = tuple(terms.instrument for terms in outcome.terms)
    Registry.of(instruments, config.engine.pools)
    return replace(config, engine=msgspec.structs.replace(config.engine, instruments=instruments))


async def _ask(
    feed: FeedConfig, instruments: Sequence[Instrument], way_out: Edge, limit_s: float
) -> tuple[list[Listed], str | None]:
    """Ask one feed's venue; returns what it lists, and why that is not all."""
    said: list[Listed] = []
    failure: str | None = None
    try:
        async with asyncio.timeout(limit_s), way_out.open_http((feed.rest_url,)) as caller:
            for call in listing_calls(feed.protocol, [instrument.symbol for instrument in instruments]):
                try:
                    body, _ = await caller.call(call)
                    said += read_listing(instruments[0].venue, body)
                except (TransportError, FeedFormatError) as e:
                    failure = str(e)
    except TimeoutError:
        failure = f"{host_of(feed.rest_url)} gave no listing within {limit_s:g} s"
    return said, failure


def _keep(path: Path, outcome: Outcome) -> None:
    """Write down what the venues said; a disk that does not take it costs only the memory of it. Blocks."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        replace_file(path, msgspec.json.format(msgspec.json.encode(outcome.kept), indent=2))
    except OSError as e:
        _LOG.warning("instruments_not_kept", path=str(path), error=e.strerror or str(e))
