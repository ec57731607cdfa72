"""Checked values to the frozen configuration; references and duplicates are checked here."""

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Final

from streaming_worker.config.costs import cycles, network_cost, stable_bases
from streaming_worker.config.document import Document, Row
from streaming_worker.config.holdings import allocations, rebalancing
from streaming_worker.config.model import FallbackConfig, FeedConfig
from streaming_worker.config.setting import Value
from streaming_worker.core.fees import TakerFee
from streaming_worker.core.instrument import Instrument, Pool, Registry, Venue
from streaming_worker.core.units import NANOS_PER_MILLISECOND, NANOS_PER_SECOND
from streaming_worker.engine.settings import EngineSettings, FeedScope, Limits, Simulation
from streaming_worker.errors import ConfigError

# Source: feeds notes, lowest published tier of each venue's API fee schedule
_LOWEST_TIER_MILLIONTHS: Final = {Venue.COINBASE: 12_000, Venue.GEMINI: 4_000, Venue.BITSTAMP: 4_000}
_VENUE_OF: Final = {
    "coinbase_advanced": Venue.COINBASE,
    "coinbase_exchange": Venue.COINBASE,
    "gemini": Venue.GEMINI,
    "gemini_v2": Venue.GEMINI,
    "bitstamp": Venue.BITSTAMP,
    "solana": Venue.ORCA,
}
# Source: feeds notes, about 30 products per level2 connection of Coinbase
_MOST_BOOKS: Final = {"coinbase_advanced": 30, "coinbase_exchange": 30}
_PLACEHOLDER: Final = re.compile(r"\{([a-z_]+)(?:\+([0-9]{1,2}))?\}")


def text_of(value: Value) -> str:
    """Narrow a checked value that is text by its setting."""
    assert isinstance(value, str)
    return value


def whole_of(value: Value) -> int:
    """Narrow a checked value that is a whole number by its setting."""
    assert isinstance(value, int)
    return value


def texts_of(value: Value) -> tuple[str, ...]:
    """Narrow a checked value that is a list of texts by its setting."""
    assert isinstance(value, tuple)
    return tuple(str(part) for part in value)


def paths_base(document: Document) -> Path:
    """Return the data folder as an absolute path."""
    return Path(document.text("paths.data_dir")).expanduser().absolute()


def engine_settings(document: Document, feeds: tuple[FeedConfig, ...]) -> EngineSettings:
    """Return what the fold depends on. Raises ConfigError for duplicates and references to nothing."""
    instruments = tuple(_instrument(row) for row in document.rows["instruments"])
    pools = tuple(_pool(row) for row in document.rows["pools"])
    registry = Registry.of(instruments, pools)
    _check_feeds(feeds, registry)
    return EngineSettings(
        instruments=instruments,
        pools=pools,
        feeds=tuple(FeedScope(feed.name, feed.instruments, feed.pools) for feed in feeds),
        taker_fees=_taker_fees(document, instruments),
        network_cost=network_cost(document),
        stable_bases=stable_bases(document, registry),
        cycles=cycles(document, instruments),
        limits=_limits(document),
        simulation=_simulation(document),
        allocations=allocations(document),
        rebalancing=rebalancing(document),
        sol_price_instruments=tuple(i.key for i in instruments if (i.base, i.quote) == ("SOL", "USD")),
    )


def fee_warnings(document: Document, engine: EngineSettings) -> tuple[str, ...]:
    """Say for each instrument whose taker fee nobody configured which one is assumed."""
    lines = _fee_lines(document)
    assumed = ((instrument, _assumed(*lines, instrument)) for instrument in engine.instruments)
    return tuple(
        f"fees: no taker fee is set for {instrument.key}{' before its first line' if line.symbol is None else ''}; "
        f"assuming {_percent(instrument.venue)} %, the lowest tier "
        f'(set [[fees]] venue = "{instrument.venue.value}", taker_percent = "...")'
        for instrument, line in assumed
        if line is not None
    )


def feed_configs(document: Document) -> tuple[FeedConfig, ...]:
    """Return the feeds with their URLs filled in. Raises ConfigError for a duplicate name or half a fallback."""
    expand = _expander(document)
    feeds = tuple(part for row in document.rows["feeds"] for part in _connections(_feed(row, expand)))
    names = [feed.name for feed in feeds]
    for name in names:
        if names.count(name) > 1:
            raise ConfigError(
                f"feeds: {name} is configured twice; expected one table for each name", key="feeds[].name"
            )
    return feeds


def _connections(feed: FeedConfig) -> tuple[FeedConfig, ...]:
    """Return a feed as the connections that its venue allows: NAME, NAME-2 and so on."""
    most = min(_MOST_BOOKS.get(protocol, len(feed.instruments) or 1) for protocol in _protocols(feed))
    starts = range(0, max(len(feed.instruments), 1), most)
    return tuple(
        replace(
            feed,
            name=feed.name if number == 1 else f"{feed.name}-{number}",
            instruments=feed.instruments[start : start + most],
        )
        for number, start in enumerate(starts, start=1)
    )


def _protocols(feed: FeedConfig) -> tuple[str, ...]:
    return (feed.protocol,) if feed.fallback is None else (feed.protocol, feed.fallback.protocol)


def _feed(row: Row, expand: Callable[[str], str]) -> FeedConfig:
    return FeedConfig(
        name=text_of(row["name"]),
        protocol=text_of(row["protocol"]),
        websocket_url=expand(text_of(row["websocket_url"])),
        rest_url=expand(text_of(row["rest_url"])),
        instruments=texts_of(row["instruments"]),
        pools=texts_of(row["pools"]),
        fallback=_fallback(row, expand),
    )


def _fallback(row: Row, expand: Callable[[str], str]) -> FallbackConfig | None:
    names = ("fallback_protocol", "fallback_websocket_url", "fallback_rest_url")
    given = [name for name in names if row[name] is not None]
    if not given:
        return None
    for name in names:
        if name not in given:
            key = f"feeds[].{name}"
            raise ConfigError(f"feeds: {row['name']}: missing {name}; expected all of {', '.join(names)}", key=key)
    protocol = text_of(row["fallback_protocol"])
    if _VENUE_OF[protocol] is not _VENUE_OF[text_of(row["protocol"])]:
        raise ConfigError(
            f"feeds: {row['name']}: fallback_protocol {protocol} speaks to another venue than {row['protocol']}",
            key="feeds[].fallback_protocol",
        )
    return FallbackConfig(
        protocol=protocol,
        websocket_url=expand(text_of(row["fallback_websocket_url"])),
        rest_url=expand(text_of(row["fallback_rest_url"])),
    )


def _expander(document: Document) -> Callable[[str], str]:
    rpc_url = document.text("solana.rpc_url")
    if not rpc_url.startswith("http"):
        raise ConfigError("ARB_SOLANA_RPC_URL: expected a URL with http or https", key="solana.rpc_url")
    host, port = document.text("venues.host"), document.integer("venues.port")

    def replace(match: re.Match[str]) -> str:
        name, offset = match.group(1), int(match.group(2) or 0)
        values = {
            "venues": f"{host}:{port + offset}",
            "solana_rpc_url": rpc_url,
            "solana_websocket_url": re.sub(r"^http", "ws", rpc_url),
        }
        if name not in values:
            raise ConfigError(
                f"feeds: unknown {match.group(0)} in a URL; allowed: {{venues+N}}, {{solana_rpc_url}}, "
                "{solana_websocket_url}",
                key="feeds[].websocket_url",
            )
        return values[name]

    return lambda url: _PLACEHOLDER.sub(replace, url)


def _check_feeds(feeds: tuple[FeedConfig, ...], registry: Registry) -> None:
    owner: dict[str, str] = {}
    for feed in feeds:
        known = list(registry.pools if feed.protocol == "solana" else registry.instruments)
        venue = _VENUE_OF[feed.protocol].value
        for key in (*feed.instruments, *feed.pools):
            if key not in known or not key.startswith(f"{venue}:"):
                allowed = ", ".join(name for name in known if name.startswith(f"{venue}:")) or "none is configured"
                raise ConfigError(f"feeds: {feed.name}: unknown {key}; allowed: {allowed}", key="feeds[].instruments")
            if key in owner:
                raise ConfigError(
                    f"feeds: {key} stands in both {owner[key]} and {feed.name}; expected one feed", key=key
                )
            owner[key] = feed.name
    for key in (*registry.instruments, *registry.pools):
        if key not in owner:
            raise ConfigError(f"feeds: no feed carries {key}; expected it in the instruments or pools of one", key=key)


def _instrument(row: Row) -> Instrument:
    instrument = Instrument(
        venue=Venue(text_of(row["venue"])),
        symbol=text_of(row["symbol"]),
        base=text_of(row["base"]),
        quote=text_of(row["quote"]),
        price_tick_e8=whole_of(row["price_tick"]),
        lot_e8=whole_of(row["lot"]),
        min_size_e8=whole_of(row["min_size"]),
        min_notional_e8=whole_of(row["min_notional"]),
        aliases=texts_of(row["aliases"]),
    )
    for name, value in (("price_tick", instrument.price_tick_e8), ("lot", instrument.lot_e8)):
        if value <= 0:
            raise ConfigError(f"instruments: {instrument.key}: {name} must be above 0", key=f"instruments[].{name}")
    return instrument


def _pool(row: Row) -> Pool:
    return Pool(
        venue=Venue(text_of(row["venue"])),
        address=text_of(row["address"]),
        base=text_of(row["base"]),
        quote=text_of(row["quote"]),
        base_decimals=whole_of(row["base_decimals"]),
        quote_decimals=whole_of(row["quote_decimals"]),
    )


def _percent(venue: Venue) -> str:
    return f"{_LOWEST_TIER_MILLIONTHS[venue] // 10_000}.{_LOWEST_TIER_MILLIONTHS[venue] % 10_000 // 100:02d}"


def taker_fee(row: Row) -> TakerFee:
    """Return a checked line of the fee schedule. Raises ConfigError for a day that is none."""
    return TakerFee(
        venue=Venue(text_of(row["venue"])),
        millionths=whole_of(row["taker_percent"]),
        source=text_of(row["source"]),
        symbol=None if row["symbol"] is None else text_of(row["symbol"]),
        valid_from_ns=_day_ns(text_of(row["valid_from"])),
    )


def _taker_fees(document: Document, instruments: tuple[Instrument, ...]) -> tuple[TakerFee, ...]:
    configured, added = _fee_lines(document)
    replaced = {line.key for line in added}
    # Several pairs of a venue may assume the same line.
    assumed = dict.fromkeys(filter(None, (_assumed(configured, added, one) for one in instruments)))
    return (*(line for line in configured if line.key not in replaced), *added, *assumed)


def _fee_lines(document: Document) -> tuple[list[TakerFee], list[TakerFee]]:
    return [taker_fee(row) for row in document.rows["fees"]], [taker_fee(row) for row in document.added_fees]


def _assumed(configured: list[TakerFee], added: list[TakerFee], instrument: Instrument) -> TakerFee | None:
    """Return the lowest tier for a pair that nothing is configured for, unless an added line holds from the beginning.

    It is of the pair, or of the whole venue where lines were added: each of them then comes before it.
    """
    later = [line for line in added if line.is_for(instrument)]
    if any(line.is_for(instrument) for line in configured) or any(line.valid_from_ns <= 0 for line in later):
        return None
    return TakerFee(
        venue=instrument.venue,
        millionths=_LOWEST_TIER_MILLIONTHS[instrument.venue],
        source="assumed: lowest tier",
        symbol=None if later else instrument.symbol,
    )


def _day_ns(text: str) -> int:
    try:
        day = date.fromisoformat(text)
    except ValueError as e:
        key = "fees[].valid_from"
        raise ConfigError(f"fees: valid_from: expected a day as in 2026-01-31, received {text!r}", key=key) from e
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()) * NANOS_PER_SECOND


def _limits(document: Document) -> Limits:
    return Limits(
        max_position_usd_e8=document.integer("limits.max_position_usd"),
        daily_loss_usd_e8=document.integer("limits.daily_loss_usd"),
        threshold_millionths=document.integer("limits.threshold_bps"),
        staleness_ns=document.integer("limits.staleness_seconds") * NANOS_PER_SECOND,
        resume_after_ns=document.integer("limits.resume_after_seconds") * NANOS_PER_SECOND,
        max_late_ns=document.integer("limits.max_late_ms") * NANOS_PER_MILLISECOND,
        max_lag_ns=document.integer("limits.max_lag_ms") * NANOS_PER_MILLISECOND,
        max_sol_price_age_ns=document.integer("limits.max_sol_price_age_seconds") * NANOS_PER_SECOND,
        min_output_tolerance_millionths=document.integer("limits.min_output_tolerance_bps"),
    )


def _simulation(document: Document) -> Simulation:
    ladder, measured = (document.values[f"simulation.{name}"] for name in ("ladder_ms", "empirical_ms"))
    primary = document.integer("simulation.primary_ms")
    assert isinstance(ladder, tuple)
    assert measured is None or isinstance(measured, tuple)
    empirical = tuple(int(step) * NANOS_PER_MILLISECOND for step in measured or ())
    if list(empirical) != sorted(empirical):
        key = "simulation.empirical_ms"
        raise ConfigError(f"{key}: expected latencies from the lowest on, received {measured}", key=key)
    if primary not in ladder:
        steps = ", ".join(str(step) for step in ladder)
        raise ConfigError(
            f"simulation.primary_ms: expected one of simulation.ladder_ms ({steps}), received {primary}",
            key="simulation.primary_ms",
        )
    return Simulation(
        ladder_ns=tuple(int(step) * NANOS_PER_MILLISECOND for step in ladder),
        primary_ns=primary * NANOS_PER_MILLISECOND,
        landing_slots=document.integer("simulation.landing_slots"),
        empirical_ns=empirical,
    )
