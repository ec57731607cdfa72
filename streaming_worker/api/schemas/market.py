"""Feeds, books, pools, gaps and how complete the record is."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from streaming_worker.api.schemas.base import Exact, Moment, Nanoseconds, Page, Shape
from streaming_worker.core.feed_state import FeedState


class Link(StrEnum):
    """What the API has of the worker: its stream, only its health (it waits for disk space), or nothing."""

    UP = "up"
    STANDBY = "standby"
    DOWN = "down"


class Feed(Shape):
    """One feed. Ages are null where nothing has come yet; ``lag_ms`` and ``offset_ms`` are by the venue's clock.

    ``gaps``: how often books were dropped and built anew. ``slot`` is the newest of the chain's node, ``slot_age_ms``
    for how long it has told no newer one.
    """

    id: str
    venue: str
    venues: list[str]
    state: FeedState
    is_healthy: bool
    detail: str
    transport: FeedState
    host: str
    markets: dict[str, FeedState]
    unsynced: list[str]
    alive_age_ms: int | None
    data_age_ms: int | None
    lag_ms: int | None
    offset_ms: int | None
    retry_in_ms: int | None
    connection: int
    failures: int
    losses: int
    close_code: int | None
    frames: int
    bytes_received: int
    bad_frames: int
    gaps: int | None
    slot: int | None
    slot_age_ms: int | None


class FeedPage(Page[Feed]):
    """Every feed of the worker."""


class BookTop(Shape):
    """The top of one book now. ``spread_bps`` and ``mid`` are null without both sides."""

    id: Annotated[str, Field(examples=["coinbase:SOL-USD"])]
    venue: str
    symbol: str
    base: str
    quote: str
    feed: str
    state: FeedState
    is_synced: bool
    is_crossed: bool
    best_bid: Exact | None
    best_bid_size: Exact | None
    best_ask: Exact | None
    best_ask_size: Exact | None
    mid: Exact | None
    spread_bps: Exact | None
    bids: int
    asks: int
    updates: int
    age_ms: int | None
    lag_ms: int | None
    received_at: Moment | None


class BookTopPage(Page[BookTop]):
    """Every book of the worker."""


class Level(Shape):
    """One price of a book, and what is there up to and with it."""

    price: Exact
    size: Exact
    notional: Exact
    cumulative_size: Exact
    cumulative_notional: Exact


class BookDepth(Shape):
    """One book with its levels, best first."""

    top: BookTop
    bids: list[Level]
    asks: list[Level]
    as_of: Moment


class PoolTop(Shape):
    """One pool now. ``price`` is its marginal price before the fee, in quote."""

    id: str
    venue: str
    address: str
    base: str
    quote: str
    feed: str
    state: FeedState
    is_synced: bool
    price: Exact | None
    sqrt_price_x64: str | None
    tick_current_index: int | None
    liquidity: str | None
    slot: int | None
    updates: int
    age_ms: int | None
    received_at: Moment | None


class PoolTopPage(Page[PoolTop]):
    """Every pool of the worker."""


class PoolTick(Shape):
    """One initialised tick of a pool."""

    tick_index: int
    liquidity_net: str
    liquidity_gross: str


class PoolDepth(Shape):
    """One pool with its initialised ticks, lowest first."""

    top: PoolTop
    ticks: list[PoolTick]
    as_of: Moment


class Gap(Shape):
    """A stretch of time without trustworthy data."""

    id: str
    worker: str
    run_id: str
    feed: str
    instrument: str | None
    cause: str
    close_code: int | None
    started_at: Moment
    started_ns: Nanoseconds
    ended_at: Moment
    ended_ns: Nanoseconds
    duration_ms: int
    expected: int | None
    received: int | None


class GapPage(Page[Gap]):
    """Gaps, newest first."""


class CompletenessHour(Shape):
    """How whole the record of one market is in one closed hour."""

    hour_at: Moment
    worker: str
    feed: str
    market: str
    events: int
    rows_captured: int
    gaps: int
    gap_ms: int
    downtime_ms: int
    dead_letters: int
    longest_silence_ms: int | None
    delay_p50_ms: int | None
    delay_p99_ms: int | None
    clock_offset_ms: int | None
    completeness_percent: Exact


class CompletenessPage(Page[CompletenessHour]):
    """Closed hours, newest first."""
