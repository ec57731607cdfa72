"""Why something was refused, ended or filled only in part: the words that both detectors share."""

from enum import StrEnum


class RejectionReason(StrEnum):
    """The first limit that a candidate failed; the order here is the order of the checks."""

    RISK_NOT_ACTIVE = "risk_not_active"
    WORKER_LATE = "worker_late"
    COOLING_DOWN = "cooling_down"
    HALTED = "halted"
    FEED_NOT_LIVE = "feed_not_live"
    BOOK_NOT_SYNCED = "book_not_synced"
    BOOK_CROSSED = "book_crossed"
    BOOK_EMPTY = "book_empty"
    POOL_NOT_SYNCED = "pool_not_synced"
    POOL_NO_LIQUIDITY = "pool_no_liquidity"
    STALE_LEG = "stale_leg"
    FEE_UNKNOWN = "fee_unknown"
    BASIS_MISSING = "basis_missing"
    BASIS_STALE = "basis_stale"
    REBALANCING_UNKNOWN = "rebalancing_unknown"
    NO_EDGE = "no_edge"
    LEG_BUSY = "leg_busy"
    SOL_PRICE_MISSING = "sol_price_missing"
    SOL_PRICE_STALE = "sol_price_stale"
    PRIORITY_FEE_MISSING = "priority_fee_missing"
    PRIORITY_FEE_STALE = "priority_fee_stale"
    BELOW_MINIMUM_SIZE = "below_minimum_size"
    INSUFFICIENT_INVENTORY = "insufficient_inventory"
    POOL_REFUSED = "pool_refused"
    COSTS_EXCEED_EDGE = "costs_exceed_edge"
    BELOW_THRESHOLD = "below_threshold"


class CloseReason(StrEnum):
    """Why an episode ended."""

    EDGE_GONE = "edge_gone"
    LEG_LOST = "leg_lost"
    STALE_LEG = "stale_leg"
    RISK = "risk"


class LegStatus(StrEnum):
    """How a leg ended."""

    FILLED = "filled"
    PARTIAL = "partial"
    REVERTED = "reverted"
    MISSED = "missed"


class RiskState(StrEnum):
    """What the engine may do: nothing here ever places an order."""

    ACTIVE = "active"
    PAUSED = "paused"
    KILLED = "killed"


class RiskCause(StrEnum):
    """Why the risk state changed."""

    OPERATOR = "operator"
    STALE_FEED = "stale_feed"
    DAILY_LOSS = "daily_loss"
    RECOVERED = "recovered"
    NEW_DAY = "new_day"
    RESTART = "restart"
