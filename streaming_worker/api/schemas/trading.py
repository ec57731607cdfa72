"""Opportunities, rejections, simulated trades and what they came to."""

from typing import Annotated

from pydantic import Field

from streaming_worker.api.schemas.base import Exact, Moment, Nanoseconds, Page, Shape
from streaming_worker.core.outputs import (
    CloseReason,
    CostKind,
    Direction,
    Grade,
    LatencyModel,
    LegKind,
    LegStatus,
    RejectionReason,
)


class CostLine(Shape):
    """One signed cost: negative when it costs."""

    kind: CostKind
    value_usd: Exact


class Stack(Shape):
    """From gross to net, every item signed; net is gross plus the sum of the costs, exactly."""

    gross_usd: Exact
    costs: list[CostLine]
    net_usd: Exact


class Plan(Shape):
    """Both legs at the chosen size and what they would earn; pool amounts in the token's smallest unit."""

    size: Exact
    notional_usd: Exact
    pool_amount_in: str
    pool_amount_out: str
    stack: Stack
    net_edge_bps: Exact


class Opportunity(Shape):
    """One episode, open or closed. Edges and money at the top are those of its opening.

    ``grade`` is null until its latency ladder has settled, ``realised_net_usd`` until its primary trade has, and
    ``reconciliation`` until its hour was replayed. An open episode has no end and no peak yet, and its plan
    only where it is asked for alone; one whose run ended before it did has no lifetime either.
    """

    id: Annotated[str, Field(examples=["5f0c"])]
    worker: str
    run_id: str
    is_open: bool
    instrument: str
    pool: str
    pair: Annotated[str, Field(examples=["SOL/USD"])]
    direction: Direction
    cex_venue: str
    pool_venue: str
    buy_venue: str
    sell_venue: str
    opened_at: Moment
    opened_ns: Nanoseconds
    peaked_at: Moment | None
    closed_at: Moment | None
    closed_ns: Nanoseconds | None
    lifetime_ms: int | None
    close_reason: CloseReason | None
    updates: int
    size: Exact | None
    notional_usd: Exact | None
    gross_edge_bps: Exact | None
    net_edge_bps: Exact
    net_usd: Exact
    peak_net_edge_bps: Exact
    peak_net_usd: Exact
    realised_net_usd: Exact | None
    cex_age_ms: int | None
    pool_age_ms: int | None
    opened_slot: int | None
    grade: Grade | None
    reach_ms: int | None
    kept_percent: Exact | None
    captured_rungs: int | None
    failed_rungs: int | None
    rungs: int | None
    reconciliation: str | None
    opening: Plan | None
    peak: Plan | None
    recorded_at: Moment | None


class OpportunityPage(Page[Opportunity]):
    """Episodes, newest first."""


class Sample(Shape):
    """The edge of an episode at one moment of its life."""

    at: Moment
    at_ns: Nanoseconds
    size: Exact
    gross_usd: Exact
    net_usd: Exact
    net_edge_bps: Exact


class Leg(Shape):
    """One leg as it would have filled; cash is signed from our side."""

    position: int
    kind: LegKind
    venue: str
    status: LegStatus
    due_at: Moment
    filled_at: Moment
    delay_ms: int
    size: Exact
    cash_usd: Exact
    fee_usd: Exact
    slot: int | None


class Trade(Shape):
    """What an episode would have earned at one latency, predicted against realised."""

    id: str
    opportunity_id: str
    worker: str
    run_id: str
    instrument: str
    pool: str
    pair: str
    direction: Direction
    cex_venue: str
    pool_venue: str
    buy_venue: str
    sell_venue: str
    latency_ms: int
    latency_model: LatencyModel
    is_primary: bool
    decided_at: Moment
    decided_ns: Nanoseconds
    completed_at: Moment
    size: Exact
    notional_usd: Exact
    predicted: Stack
    realised: Stack
    predicted_net_usd: Exact
    realised_net_usd: Exact
    difference_usd: Exact
    realised_net_bps: Exact | None
    has_won: bool
    statuses: list[LegStatus]
    is_unwound: bool
    grade: Grade | None
    recorded_at: Moment


class TradePage(Page[Trade]):
    """Simulated trades, newest first."""


class TradeDetail(Shape):
    """One simulated trade with its legs, and its siblings on the latency ladder."""

    trade: Trade
    legs: list[Leg]
    ladder: list[Trade]


class OpportunityDetail(Shape):
    """One episode with its kept samples and the trades of its latency ladder."""

    opportunity: Opportunity
    samples: list[Sample]
    trades: list[TradeDetail]


class TradeTotals(Shape):
    """Sums over the whole filter, not over a page."""

    trades: int
    opportunities: int
    winning_trades: int
    unwound_trades: int
    notional_usd: Exact
    predicted: Stack
    realised: Stack
    predicted_net_usd: Exact
    realised_net_usd: Exact
    as_of: Moment


class Rejection(Shape):
    """How often one route was refused for one reason in one interval, with the best candidate among them."""

    id: str
    worker: str
    run_id: str
    instrument: str
    pool: str
    pair: str
    direction: Direction
    cex_venue: str
    pool_venue: str
    buy_venue: str
    sell_venue: str
    reason: RejectionReason
    count: int
    best_edge_bps: Exact | None
    best_size: Exact | None
    best_net_usd: Exact | None
    interval_started_at: Moment
    recorded_at: Moment
    recorded_ns: Nanoseconds


class RejectionPage(Page[Rejection]):
    """Rejections, newest first."""


class RejectionShare(Shape):
    """One reason over the whole filter; ``best`` is its best priced candidate."""

    reason: RejectionReason
    count: int
    share_percent: Exact
    best_edge_bps: Exact | None
    best: Rejection | None


class RejectionSummary(Shape):
    """Reasons with their counts, most frequent first, and the best refused candidates with the limit each failed."""

    evaluations: int
    reasons: list[RejectionShare]
    best: list[Rejection]
    as_of: Moment


class PnlGroup(Shape):
    """The primary latency's trades of one group. Cumulative figures run in the order of the groups of time."""

    group: Annotated[str, Field(examples=["2026-01-31T12:00:00.000000Z", "coinbase", "edge_gone"])]
    trades: int
    winning_trades: int
    notional_usd: Exact
    predicted: Stack
    realised: Stack
    predicted_net_usd: Exact
    realised_net_usd: Exact
    cumulative_net_usd: Exact | None
    peak_usd: Exact | None
    drawdown_usd: Exact | None


class Pnl(Shape):
    """Profit and loss of the range; ``max_drawdown_usd`` is over trades in their order, 0 or below."""

    group_by: str
    from_at: Moment
    to_at: Moment
    latency_ms: int
    trades: int
    winning_trades: int
    notional_usd: Exact
    predicted: Stack
    realised: Stack
    realised_net_usd: Exact
    max_drawdown_usd: Exact
    groups: list[PnlGroup]
    as_of: Moment


class SlippageGroup(Shape):
    """Price movement that was predicted against what happened, by market, direction, latency and size."""

    instrument: str
    pool: str
    direction: Direction
    latency_ms: int
    bucket: Annotated[str, Field(examples=["300_to_1000"])]
    trades: int
    notional_usd: Exact
    predicted_slippage_usd: Exact
    realised_slippage_usd: Exact
    predicted_price_impact_usd: Exact
    realised_price_impact_usd: Exact
    unexpected_usd: Exact
    predicted_bps: Exact | None
    realised_bps: Exact | None


class SlippagePage(Page[SlippageGroup]):
    """Groups of the range."""
