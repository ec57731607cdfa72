"""One opportunity as it was decided, replayed from the record."""

from typing import Annotated

from pydantic import Field

from streaming_worker.api.schemas.base import Exact, Moment, Nanoseconds, Shape
from streaming_worker.api.schemas.trading import Plan
from streaming_worker.core.outputs import CloseReason, CostKind, RejectionReason


class LevelThen(Shape):
    """One price of the book at the decision."""

    price: Exact
    size: Exact
    cumulative_size: Exact


class BookThen(Shape):
    """The order book at the decision; ``age_ms`` since its last message, ``lag_ms`` by the venue's clock."""

    instrument: str
    feed: str
    received_at: Moment
    age_ms: int
    lag_ms: int | None
    bids: list[LevelThen]
    asks: list[LevelThen]
    bid_count: int
    ask_count: int


class PoolThen(Shape):
    """The pool at the decision; prices in its quote token, before and after its fee."""

    pool: str
    feed: str
    received_at: Moment
    age_ms: int
    slot: int
    price: Exact | None
    price_after_fee: Exact | None
    fee_bps: Exact
    liquidity: str
    sqrt_price_x64: str
    tick_index: int


class CostThen(Shape):
    """One signed cost with where its input came from and how old that was."""

    kind: CostKind
    value_usd: Exact
    source: str
    age_ms: int


class SizePoint(Shape):
    """The trade at another size, on the same book and pool; prices are averages over the size, for showing."""

    size: Exact
    notional_usd: Exact
    cex_price: Exact
    pool_price: Exact
    gross_usd: Exact
    net_usd: Exact
    net_edge_bps: Exact
    is_chosen: bool
    is_within_cap: bool


class EndingThen(Shape):
    """What ended the episode: ``reason`` is the first limit that it failed, null where the replay counted none."""

    reason: RejectionReason | None
    close_reason: CloseReason
    at: Moment
    lifetime_ms: int


class FrameThen(Shape):
    """A raw frame that brought a leg's last change; only while raw frames are kept."""

    leg: Annotated[str, Field(examples=["book", "pool"])]
    feed: str
    connection: int
    received_ns: Nanoseconds
    bytes: int
    sha256: str


class OpportunityMoment(Shape):
    """What was known at the opening. ``is_same``: the replay decided the same, to the last unit.

    ``source`` says what it was made from, ``command`` makes it again on the machine of the record.
    """

    opportunity_id: str
    at: Moment
    at_ns: Nanoseconds
    is_same: bool
    source: str
    command: str
    events_replayed: int
    seq: int
    book: BookThen
    pool: PoolThen
    plan: Plan
    costs: list[CostThen]
    max_position_usd: Exact
    threshold_bps: Exact
    curve: list[SizePoint]
    ending: EndingThen | None
    frames: list[FrameThen]
    as_of: Moment
