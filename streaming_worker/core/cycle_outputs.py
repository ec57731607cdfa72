"""What the second detector says: triangular cycles inside one venue, as frozen values beside those of the routes.

Amounts are in the cycle's home asset x 1e8 (``_e8``), positive for what we would earn; home is money or a stable coin
at par with it.
"""

from typing import TypeAlias

import msgspec

from streaming_worker.core.cycle import CyclePlan
from streaming_worker.core.reasons import CloseReason, LegStatus, RejectionReason


class CycleOpened(msgspec.Struct, frozen=True, gc=False, tag="cycle_opened"):
    """An episode of a cycle began; for the live view. The record row is the closing CycleEpisode."""

    opportunity_id: str
    cycle: str
    plan: CyclePlan
    received_ns: int


class CycleEpisode(msgspec.Struct, frozen=True, gc=False, tag="cycle_episode"):
    """A closed episode of a cycle; ``opportunity_id`` is a hash of the opening inputs."""

    opportunity_id: str
    cycle: str
    opened_ns: int
    peaked_ns: int
    closed_ns: int
    close_reason: CloseReason
    updates: int
    opening: CyclePlan
    peak: CyclePlan
    received_ns: int


class CycleRejectionCount(msgspec.Struct, frozen=True, gc=False, tag="cycle_rejection_count"):
    """How often a cycle was refused for one reason in the interval that ends at ``received_ns``.

    ``best_net_e8`` is the greatest net among the turns that were priced.
    """

    cycle: str
    reason: RejectionReason
    count: int
    best_net_e8: int | None
    interval_start_ns: int
    received_ns: int


class CycleTradeLeg(msgspec.Struct, frozen=True, gc=False):
    """One step of a simulated turn, each ordered one latency after the step before filled.

    Units: as in CycleLeg; ``due_ns`` is when its order arrives, ``filled_ns`` the event that it was filled at.
    """

    instrument: str
    is_buy: bool
    status: LegStatus
    due_ns: int
    filled_ns: int
    size_e8: int
    notional_e8: int
    fee_e8: int
    fee_asset: str
    paid_e8: int
    received_e8: int
    dust_e8: int
    dust_value_e8: int


class CycleTrade(msgspec.Struct, frozen=True, gc=False, tag="cycle_trade"):
    """One turn of a cycle at one latency a leg, predicted against realised.

    Exact: ``realised_net_e8`` = returned + value of what was left over - spent.
    """

    trade_id: str
    opportunity_id: str
    cycle: str
    latency_ns: int
    decided_ns: int
    completed_ns: int
    predicted: CyclePlan
    legs: tuple[CycleTradeLeg, ...]
    spent_e8: int
    returned_e8: int
    dust_value_e8: int
    realised_net_e8: int
    received_ns: int


CycleOutput: TypeAlias = CycleOpened | CycleEpisode | CycleRejectionCount | CycleTrade
