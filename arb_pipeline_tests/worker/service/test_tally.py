"""What the engine says is counted by kind: refusals with their number, trades by rung and result."""

from arb_pipeline_tests.fixtures.market import COINBASE, POOL
from streaming_worker.core.events import ClockTick
from streaming_worker.core.outputs import (
    CloseReason,
    Direction,
    Opportunity,
    RejectionCount,
    RejectionReason,
    SimulatedTrade,
    TradePlan,
)
from streaming_worker.service.tally import Tally

PLAN = TradePlan(1, 1, 1, 1, 1, (), 1, 1)
ROUTE = {"instrument": COINBASE, "pool": POOL, "direction": Direction.BUY_CEX_SELL_POOL}


def refused(count: int, reason: RejectionReason) -> RejectionCount:
    return RejectionCount(
        **ROUTE, reason=reason, count=count, best_edge_centibps=None, interval_start_ns=0, received_ns=1
    )


def closed(reason: CloseReason) -> Opportunity:
    return Opportunity(
        **ROUTE, opportunity_id="o", opened_ns=0, peaked_ns=0, closed_ns=1, close_reason=reason, opened_slot=1,
        updates=1, opening=PLAN, peak=PLAN, cex_age_ns=None, pool_age_ns=0, received_ns=1,
    )  # fmt: skip


def traded(latency_ms: int, net_usd_e8: int) -> SimulatedTrade:
    return SimulatedTrade(
        **ROUTE, trade_id="t", opportunity_id="o", latency_ns=latency_ms * 1_000_000, decided_ns=0, completed_ns=1,
        size_e8=1, predicted=PLAN, legs=(), costs=(), gross_usd_e8=0, realised_net_usd_e8=net_usd_e8, received_ns=1,
    )  # fmt: skip


def test_everything_is_counted_by_its_kind() -> None:
    tally = Tally()
    tally.observe(1, ClockTick(1, 0), [refused(3, RejectionReason.NO_EDGE), refused(2, RejectionReason.STALE_LEG)])
    tally.observe(2, ClockTick(2, 0), [refused(4, RejectionReason.NO_EDGE), closed(CloseReason.EDGE_GONE)])
    tally.observe(3, ClockTick(3, 0), [traded(250, 5), traded(250, -5), traded(250, 0), traded(0, 1)])
    assert tally.rejections == {"no_edge": 7, "stale_leg": 2}
    assert tally.opportunities == {"edge_gone": 1}
    assert tally.trades == {("250", "gain"): 1, ("250", "loss"): 2, ("0", "gain"): 1}
