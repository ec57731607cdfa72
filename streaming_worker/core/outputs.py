"""Everything the engine says, as frozen values; the digest runs over exactly these.

Money is integer USD x 1e8 (``_usd_e8``), positive for what we would earn. Costs are stored as negative
amounts, so that the items of a stack sum to the net.
"""

from enum import StrEnum
from typing import TypeAlias

import msgspec

from streaming_worker.core.cycle_outputs import CycleOutput
from streaming_worker.core.instrument import Venue
from streaming_worker.core.inventory import BalanceAlert
from streaming_worker.core.reasons import CloseReason as CloseReason
from streaming_worker.core.reasons import LegStatus as LegStatus
from streaming_worker.core.reasons import RejectionReason as RejectionReason
from streaming_worker.core.reasons import RiskCause as RiskCause
from streaming_worker.core.reasons import RiskState as RiskState
from streaming_worker.core.rebalancing import Recommendation, Transfer


class Direction(StrEnum):
    """Where the base asset is bought; it is sold on the other leg."""

    BUY_CEX_SELL_POOL = "buy_cex_sell_pool"
    BUY_POOL_SELL_CEX = "buy_pool_sell_cex"


class CostKind(StrEnum):
    """The items of the cost stack, in waterfall order."""

    TAKER_FEE = "taker_fee"
    POOL_FEE = "pool_fee"
    SLIPPAGE = "slippage"
    PRICE_IMPACT = "price_impact"
    NETWORK_COST = "network_cost"
    STABLE_BASIS = "stable_basis"
    REBALANCING = "rebalancing"


class CostItem(msgspec.Struct, frozen=True, gc=False):
    """One signed cost. Units: USD x 1e8, negative when it costs; ``age_ns`` is that of its input at the decision."""

    kind: CostKind
    value_usd_e8: int
    source: str
    age_ns: int


class TradePlan(msgspec.Struct, frozen=True, gc=False):
    """Both legs at the chosen size, and what it would earn.

    ``gross_usd_e8`` is size times the difference of the two reference prices (best price of the book, the pool's
    marginal price before its fee); ``net_usd_e8`` equals gross plus the sum of the cost items, exactly.
    """

    size_e8: int
    cex_notional_usd_e8: int
    pool_amount_in: int
    pool_amount_out: int
    gross_usd_e8: int
    costs: tuple[CostItem, ...]
    net_usd_e8: int
    net_edge_centibps: int


class Opportunity(msgspec.Struct, frozen=True, gc=False, tag="opportunity"):
    """A closed episode: one row from opening to close.

    ``opportunity_id`` is a hash of the opening inputs. Ages are by the venue's clock against its measured offset.
    Edges are hundredths of a basis point of the notional.
    """

    opportunity_id: str
    instrument: str
    pool: str
    direction: Direction
    opened_ns: int
    peaked_ns: int
    closed_ns: int
    close_reason: CloseReason
    opened_slot: int
    updates: int
    opening: TradePlan
    peak: TradePlan
    cex_age_ns: int | None
    pool_age_ns: int
    received_ns: int


class OpportunityOpened(msgspec.Struct, frozen=True, gc=False, tag="opportunity_opened"):
    """An episode began; for the live view. The record row is the closing Opportunity."""

    opportunity_id: str
    instrument: str
    pool: str
    direction: Direction
    plan: TradePlan
    received_ns: int


class OpportunitySample(msgspec.Struct, frozen=True, gc=False, tag="opportunity_sample"):
    """What an episode would have earned at one moment of its life; given out when it closes, oldest first.

    Bounded: the opening and at most 31 more, every one of them, or every 2nd, 4th, 8th ... of a longer life.
    """

    opportunity_id: str
    sampled_ns: int
    size_e8: int
    gross_usd_e8: int
    net_usd_e8: int
    net_edge_centibps: int
    received_ns: int


class RejectionCount(msgspec.Struct, frozen=True, gc=False, tag="rejection_count"):
    """How often one route was refused for one reason in the interval that ends at ``received_ns``.

    ``best_edge_centibps`` is the best gross edge among them where both prices were known; ``best_size_e8`` and
    ``best_net_usd_e8`` are the candidate with the greatest net among those that were priced.
    """

    instrument: str
    pool: str
    direction: Direction
    reason: RejectionReason
    count: int
    best_edge_centibps: int | None
    interval_start_ns: int
    received_ns: int
    best_size_e8: int | None = None
    best_net_usd_e8: int | None = None


class LegKind(StrEnum):
    """Which side of a simulated trade."""

    CEX = "cex"
    POOL = "pool"
    UNWIND = "unwind"


class SimulatedLeg(msgspec.Struct, frozen=True, gc=False):
    """One leg as it would have filled.

    Units: base x 1e8 and USD x 1e8. Cash is signed from our side; ``fee_usd_e8`` is the taker fee (negative). A pool
    takes its fee inside the swap, so its leg's cash is after fee and its ``fee_usd_e8`` is 0.
    """

    kind: LegKind
    status: LegStatus
    due_ns: int
    filled_ns: int
    size_e8: int
    cash_usd_e8: int
    fee_usd_e8: int
    slot: int | None


class LatencyModel(StrEnum):
    """Where a simulated latency comes from: a fixed rung of the ladder, or a draw from measured ones."""

    FIXED = "fixed"
    EMPIRICAL = "empirical"


class SimulatedTrade(msgspec.Struct, frozen=True, gc=False, tag="simulated_trade"):
    """Both legs of one accepted episode at one latency, predicted against realised.

    ``realised_net_usd_e8`` equals the sum of the legs' cash plus fees plus network cost, stable basis
    and rebalancing, exactly.
    """

    trade_id: str
    opportunity_id: str
    instrument: str
    pool: str
    direction: Direction
    latency_ns: int
    decided_ns: int
    completed_ns: int
    size_e8: int
    predicted: TradePlan
    legs: tuple[SimulatedLeg, ...]
    costs: tuple[CostItem, ...]
    gross_usd_e8: int
    realised_net_usd_e8: int
    received_ns: int
    latency_model: LatencyModel = LatencyModel.FIXED


class RiskTransition(msgspec.Struct, frozen=True, gc=False, tag="risk_transition"):
    """A change of risk state, with who or what caused it.

    Units: USD x 1e8: realised today, and the open loss marked at market that counted with it (0 or below).
    """

    previous: RiskState
    current: RiskState
    cause: RiskCause
    actor: str
    reason: str
    daily_net_usd_e8: int
    received_ns: int
    open_loss_usd_e8: int = 0


class LimitChange(msgspec.Struct, frozen=True, gc=False, tag="limit_change"):
    """One limit of a command to set limits; a refusal says why nothing of the command was done.

    Units: those of the limit. ``previous`` is None for a name that no limit has.
    """

    command_id: str
    actor: str
    reason: str
    name: str
    previous: int | None
    requested: int
    refusal: str | None
    received_ns: int


class HaltChange(msgspec.Struct, frozen=True, gc=False, tag="halt_change"):
    """A venue or a pair was halted or released; a refusal says why nothing was done."""

    command_id: str
    scope: str
    is_halted: bool
    actor: str
    reason: str
    refusal: str | None
    received_ns: int


class Grade(StrEnum):
    """The grades, best first; their order is that of the alphabet, so ``max`` of some is the worst."""

    A = "A"
    B = "B"
    C = "C"
    D = "D"
    E = "E"
    F = "F"


class EpisodeGrade(msgspec.Struct, frozen=True, gc=False, tag="episode_grade"):
    """The grade of one episode with what it is made of.

    Units:  ``reach_ns`` None when not even the smallest latency is captured; ``kept_millionths`` of the predicted net
            at the primary latency, signed, None when nothing was predicted.
    Rounds: the kept share down.
    """

    opportunity_id: str
    grade: Grade
    reach_ns: int | None
    kept_millionths: int | None
    captured_rungs: int
    failed_rungs: int
    rungs: int
    received_ns: int


class InventorySnapshot(msgspec.Struct, frozen=True, gc=False, tag="inventory_snapshot"):
    """One shadow balance, once a minute of event time.

    Units: asset x 1e8; ``drift_e8`` is total minus target, ``arriving_e8`` what transfers bring; ``price_usd_e8``
    values one unit, stable coins at par, None without a price.
    """

    venue: Venue
    asset: str
    total_e8: int
    reserved_e8: int
    target_e8: int
    drift_e8: int
    arriving_e8: int
    price_usd_e8: int | None
    received_ns: int


class TransferStatus(StrEnum):
    """Where a simulated transfer is."""

    DEPARTED = "departed"
    ARRIVED = "arrived"


class TransferMoved(msgspec.Struct, frozen=True, gc=False, tag="transfer_moved"):
    """A simulated transfer left its source or reached its destination."""

    status: TransferStatus
    transfer: Transfer
    received_ns: int


class Keyframe(msgspec.Struct, frozen=True, gc=False, tag="keyframe"):
    """The complete engine state before the first event of an hour or of a run; ``state`` is JSON."""

    digest: str
    event_count: int
    state: bytes
    received_ns: int


InventoryOutput: TypeAlias = InventorySnapshot | BalanceAlert | Recommendation | TransferMoved
Output: TypeAlias = (
    OpportunityOpened
    | Opportunity
    | OpportunitySample
    | EpisodeGrade
    | RejectionCount
    | SimulatedTrade
    | RiskTransition
    | LimitChange
    | HaltChange
    | InventoryOutput
    | CycleOutput
    | Keyframe
)
