"""Ask each venue for the terms of its instruments before a run, within a few seconds, and go by what is known."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

import msgspec
import structlog

from streaming_worker.adapters.websocket import host_of
from streaming_worker.app.feeds import Tuning
from streaming_worker.config import Config, FeedConfig
from streaming_worker.core.instrument import Instrument, Registry
from streaming_worker.core.units import Nanos
from streaming_worker.errors import FeedFormatError, TransportError
from streaming_worker.protocols.listings import Listed, listing_calls, read_listing
from streaming_worker.service.capture import Edge
from streaming_worker.service.health import replace_file
from streaming_worker.service.instruments import Outcome, load_kept, settle

_LOG: Final = structlog.get_logger("instruments")


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
