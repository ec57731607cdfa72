"""What must hold before anything is judged, for routes and cycles alike, and how an episode ends where it does not."""

from typing import Final

from streaming_worker.core.outputs import RiskState
from streaming_worker.core.reasons import CloseReason, RejectionReason
from streaming_worker.engine.state import BookView, EngineState, FeedStatus

CLOSING: Final = {
    RejectionReason.RISK_NOT_ACTIVE: CloseReason.RISK,
    RejectionReason.HALTED: CloseReason.RISK,
    RejectionReason.WORKER_LATE: CloseReason.STALE_LEG,
    RejectionReason.FEED_NOT_LIVE: CloseReason.LEG_LOST,
    RejectionReason.BOOK_NOT_SYNCED: CloseReason.LEG_LOST,
    RejectionReason.POOL_NOT_SYNCED: CloseReason.LEG_LOST,
    RejectionReason.STALE_LEG: CloseReason.STALE_LEG,
}


def engine_gate(state: EngineState) -> RejectionReason | None:
    """Return why nothing at all may be judged now."""
    if state.risk.state is not RiskState.ACTIVE:
        return RejectionReason.RISK_NOT_ACTIVE
    if state.late_ns > state.limits.max_late_ns:
        return RejectionReason.WORKER_LATE
    if state.now_ns < state.risk.cools_until_ns:
        return RejectionReason.COOLING_DOWN
    return None


def book_gate(book: BookView) -> RejectionReason | None:
    """Return why a book cannot be traded on as it is held."""
    if not book.is_synced:
        return RejectionReason.BOOK_NOT_SYNCED
    if book.crossed_since_ns is not None:
        return RejectionReason.BOOK_CROSSED
    return None


def is_live(state: EngineState, feed: FeedStatus) -> bool:
    """Return whether a feed is connected and showed a sign of life within the staleness limit."""
    alive = feed.last_alive_ns
    return feed.is_connected and alive is not None and state.now_ns - alive <= state.limits.staleness_ns
