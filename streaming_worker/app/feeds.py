"""From the configured feeds to endpoints with their protocols, and to the edge that reaches them."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from streaming_worker.adapters.clock import Clock
from streaming_worker.adapters.http import HttpSettings, VenueHttp
from streaming_worker.adapters.names import Names
from streaming_worker.adapters.websocket import VenueSocket, WebSocketSettings
from streaming_worker.config import Config, FeedConfig
from streaming_worker.core.feed_state import FeedLimits
from streaming_worker.core.instrument import Registry
from streaming_worker.core.units import NANOS_PER_MILLISECOND, NANOS_PER_SECOND
from streaming_worker.protocols.base import FeedProtocol
from streaming_worker.protocols.build import build_protocol
from streaming_worker.service.capture import Edge, Endpoint, RetrySettings
from streaming_worker.service.connection import ConnectionSettings
from streaming_worker.service.disk_watch import LOOK_INTERVAL_S
from streaming_worker.service.integrity import IntegrityLimits
from streaming_worker.storage.disk import free_bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Tuning:
    """Limits of the service that no operator needs to set; tests tighten them."""

    websocket: WebSocketSettings = field(default_factory=WebSocketSettings)
    http: HttpSettings = field(default_factory=HttpSettings)
    connection: ConnectionSettings = field(default_factory=ConnectionSettings)
    retry: RetrySettings = field(default_factory=RetrySettings)
    feeds: FeedLimits = field(default_factory=FeedLimits)
    bus_capacity: int = 100_000
    drain_s: float = 4.0
    listing_s: float = 5.0
    disk_look_s: float = LOOK_INTERVAL_S
    free_bytes: Callable[[Path], int] = free_bytes


def feed_protocol(feed: FeedConfig, config: Config, *, name: str | None = None) -> FeedProtocol:
    """Return a fresh protocol for a feed; ``name`` is another one than its first."""
    registry = Registry.of(config.engine.instruments, config.engine.pools)
    return build_protocol(
        name or feed.protocol,
        feed=feed.name,
        instruments=[registry.instruments[key] for key in feed.instruments],
        pools=[registry.pools[key] for key in feed.pools],
        accepts_next_id=config.integrity.gemini_accepts_next_id,
        asks_priority_fees=config.engine.network_cost.priority_percentile is not None,
    )


def feed_endpoints(feed: FeedConfig, config: Config) -> tuple[Endpoint, ...]:
    """Return the feed's primary and, where it names another one, its fallback."""
    fallback = feed.fallback
    if fallback is None or (fallback.protocol, fallback.websocket_url) == (feed.protocol, feed.websocket_url):
        return (_endpoint(feed, config, feed.protocol, feed.websocket_url, feed.rest_url),)
    primary_rest, second_rest = [feed.rest_url], [fallback.rest_url]
    if fallback.protocol == feed.protocol and fallback.rest_url != feed.rest_url:
        # The same calls mean the same at both hosts, so one can stand in for the other.
        primary_rest, second_rest = [*primary_rest, *second_rest], [*second_rest, *primary_rest]
    return (
        _endpoint(feed, config, feed.protocol, feed.websocket_url, *primary_rest),
        _endpoint(feed, config, fallback.protocol, fallback.websocket_url, *second_rest),
    )


def _endpoint(feed: FeedConfig, config: Config, protocol: str, websocket_url: str, *rest_urls: str) -> Endpoint:
    return Endpoint(
        websocket_url=websocket_url, rest_urls=rest_urls, protocol=feed_protocol(feed, config, name=protocol)
    )


def integrity_limits(config: Config) -> IntegrityLimits:
    """Return how long a book may be crossed or stand still."""
    integrity = config.integrity
    return IntegrityLimits(
        crossed_ns=integrity.crossed_ms * NANOS_PER_MILLISECOND,
        frozen_ns=integrity.frozen_seconds * NANOS_PER_SECOND,
    )


def edge(clock: Clock, tuning: Tuning, random: Random) -> Edge:
    """Return the way out: sockets and calls with their limits."""
    names = Names()

    def open_socket(url: str) -> VenueSocket:
        return VenueSocket(url, tuning.websocket, clock, names)

    def open_http(bases: tuple[str, ...]) -> VenueHttp:
        return VenueHttp(bases, settings=tuning.http, clock=clock, names=names, random=random)

    return Edge(open_socket=open_socket, open_http=open_http, clock=clock, random=random)
