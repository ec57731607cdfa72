"""Turn events and outputs into rows of the record; ``inputs`` is the exact inverse for events.

One function per table, so that the order of the columns stands beside the schema's. Nothing is rounded, and every
value goes in as it came; the unions are closed, so a new event type fails the build and not the night.
"""

from collections.abc import Iterable
from enum import StrEnum
from typing import Final, TypeAlias, assert_never

import msgspec

from streaming_worker.core.cycle_outputs import CycleEpisode, CycleOpened, CycleRejectionCount, CycleTrade
from streaming_worker.core.events import (
    BookDelta,
    BookEvent,
    BookSnapshot,
    ChainClock,
    ChainEvent,
    ClockTick,
    ControlsRestored,
    Event,
    FeedConnected,
    FeedEvent,
    FeedGap,
    FeedHeartbeat,
    FeedLost,
    OperatorCommand,
    OracleUpdate,
    PoolEvent,
    PoolUpdate,
    PriorityFees,
    SlotAdvanced,
    TickArrayUpdate,
    TradePrint,
)
from streaming_worker.core.inventory import BalanceAlert
from streaming_worker.core.outputs import (
    CostItem,
    EpisodeGrade,
    HaltChange,
    InventorySnapshot,
    Keyframe,
    LimitChange,
    Opportunity,
    OpportunityOpened,
    OpportunitySample,
    Output,
    RejectionCount,
    RiskTransition,
    SimulatedTrade,
    TradePlan,
    TransferMoved,
)
from streaming_worker.core.rebalancing import Recommendation
from streaming_worker.storage.control_rows import command_row, control_row
from streaming_worker.storage.cycle_rows import cycle_rows
from streaming_worker.storage.holding_rows import holding_row
from streaming_worker.storage.schema import COST_KINDS

Row: TypeAlias = tuple[object, ...]
TableRow: TypeAlias = tuple[str, Row]
"""(table name, values in the order of the table's columns)."""

BID: Final = "bid"
ASK: Final = "ask"
NO_SIDE: Final = "none"


class FeedKind(StrEnum):
    """What a row of ``feed_events`` tells."""

    CONNECTED = "connected"
    LOST = "lost"
    GAP = "gap"
    HEARTBEAT = "heartbeat"


def event_rows(seq: int, event: Event) -> list[TableRow]:
    """Return the rows of one input event."""
    match event:
        case BookDelta() | BookSnapshot():
            return _book_rows(seq, event)
        case TradePrint():
            return [("trade_prints", _trade_row(seq, event))]
        case ClockTick():
            return [("clock_ticks", (seq, event.received_ns, event.late_ns))]
        case PoolUpdate() | TickArrayUpdate() | OracleUpdate() | PriorityFees():
            return _pool_rows(seq, event)
        case ChainClock() | SlotAdvanced():
            return [("chain_clocks", _chain_row(seq, event))]
        case OperatorCommand() | ControlsRestored():
            return [("commands", command_row(seq, event))]
        case FeedConnected() | FeedLost() | FeedGap() | FeedHeartbeat():
            return [("feed_events", _feed_row(seq, event))]
        case _:
            assert_never(event)


def output_rows(seq: int, output: Output) -> list[TableRow]:
    """Return the rows of one output; a keyframe is stored under its own event count."""
    match output:
        case OpportunityOpened() | Opportunity() | OpportunitySample() | EpisodeGrade():
            return _episode_rows(seq, output)
        case CycleOpened() | CycleEpisode() | CycleRejectionCount() | CycleTrade():
            return cycle_rows(seq, output)
        case RejectionCount():
            return [("rejections", _rejection_row(seq, output))]
        case SimulatedTrade():
            return [("simulated_trades", _simulated_row(seq, output)), *_leg_rows(seq, output)]
        case LimitChange() | RiskTransition() | HaltChange():
            return [control_row(seq, output)]
        case InventorySnapshot() | BalanceAlert() | Recommendation() | TransferMoved():
            return [holding_row(seq, output)]
        case Keyframe():
            return [("keyframes", (output.event_count, output.received_ns, output.digest, output.state))]
        case _:
            assert_never(output)


def _book_rows(seq: int, event: BookEvent) -> list[TableRow]:
    head = (seq, event.received_ns, event.exchange_ns, event.instrument, isinstance(event, BookSnapshot))
    number = event.sequence
    bids, asks = event.bids, event.asks
    if not bids and not asks:
        return [("book_updates", (*head, NO_SIDE, 0, 0, number, 0))]
    rows: list[TableRow] = [
        ("book_updates", (*head, BID, price, size, number, position)) for position, (price, size) in enumerate(bids)
    ]
    rows.extend(
        ("book_updates", (*head, ASK, price, size, number, position))
        for position, (price, size) in enumerate(asks, len(bids))
    )
    return rows


def _trade_row(seq: int, event: TradePrint) -> Row:
    return (
        seq,
        event.received_ns,
        event.exchange_ns,
        event.instrument,
        event.trade_id,
        event.price_e8,
        event.size_e8,
        event.taker_side.value,
        event.is_historical,
    )


def _pool_rows(seq: int, event: PoolEvent) -> list[TableRow]:
    head = (seq, event.received_ns, event.pool, event.slot)
    match event:
        case PoolUpdate():
            return [("pool_states", (*head, *_pool_values(event)))]
        case TickArrayUpdate():
            return _tick_rows(head, event)
        case OracleUpdate():
            return [("oracle_states", (*head, msgspec.json.encode(event.state).decode()))]
        case PriorityFees():
            return [("priority_fees", (*head, msgspec.json.encode(event.fees).decode()))]
        case _:
            assert_never(event)


def _pool_values(event: PoolUpdate) -> Row:
    state = event.state
    return (
        state.address,
        state.tick_spacing,
        state.fee_tier_index,
        state.fee_rate,
        state.protocol_fee_rate,
        str(state.liquidity),
        str(state.sqrt_price_x64),
        state.tick_current_index,
        str(state.protocol_fee_owed_a),
        str(state.protocol_fee_owed_b),
        state.token_mint_a,
        state.token_vault_a,
        str(state.fee_growth_global_a_x64),
        state.token_mint_b,
        state.token_vault_b,
        str(state.fee_growth_global_b_x64),
    )


def _tick_rows(head: Row, event: TickArrayUpdate) -> list[TableRow]:
    start = event.array.start_tick_index
    if not event.array.ticks:
        return [("tick_arrays", (*head, start, None, None, None))]
    return [
        ("tick_arrays", (*head, start, tick.tick_index, str(tick.liquidity_net), str(tick.liquidity_gross)))
        for tick in event.array.ticks
    ]


def _chain_row(seq: int, event: ChainEvent) -> Row:
    unix_timestamp = event.unix_timestamp if isinstance(event, ChainClock) else None
    return (seq, event.received_ns, event.venue, event.slot, unix_timestamp)


def _feed_row(seq: int, event: FeedEvent) -> Row:
    """After the feed: kind, connection, instrument, cause, close code, expected, received, venue time, counter."""
    head = (seq, event.received_ns, event.feed)
    match event:
        case FeedConnected():
            return (*head, FeedKind.CONNECTED.value, event.connection, None, None, None, None, None, None, None)
        case FeedLost():
            return (
                *head,
                FeedKind.LOST.value,
                event.connection,
                None,
                event.reason,
                event.close_code,
                None,
                None,
                None,
                None,
            )
        case FeedGap():
            loss = (event.cause.value, None, event.expected, event.received)
            return (*head, FeedKind.GAP.value, None, event.instrument, *loss, None, None)
        case FeedHeartbeat():
            return (
                *head,
                FeedKind.HEARTBEAT.value,
                None,
                None,
                None,
                None,
                None,
                None,
                event.exchange_ns,
                event.counter,
            )
        case _:
            assert_never(event)


def _cost_values(costs: Iterable[CostItem]) -> Row:
    """Return one signed sum per kind, in the schema's order; a kind without an item cost nothing."""
    sums = dict.fromkeys(COST_KINDS, 0)
    for item in costs:
        sums[item.kind.value] += item.value_usd_e8
    return tuple(sums.values())


def _plan_values(plan: TradePlan) -> Row:
    return (
        plan.size_e8,
        plan.cex_notional_usd_e8,
        plan.pool_amount_in,
        plan.pool_amount_out,
        plan.gross_usd_e8,
        *_cost_values(plan.costs),
        plan.net_usd_e8,
        plan.net_edge_centibps,
    )


def _route(output: OpportunityOpened | Opportunity | RejectionCount | SimulatedTrade) -> Row:
    return (output.instrument, output.pool, output.direction.value)


def _opening_row(seq: int, output: OpportunityOpened) -> Row:
    return (seq, output.received_ns, output.opportunity_id, *_route(output), *_plan_values(output.plan))


def _opportunity_row(seq: int, output: Opportunity) -> Row:
    return (
        seq,
        output.received_ns,
        output.opportunity_id,
        *_route(output),
        output.opened_ns,
        output.peaked_ns,
        output.closed_ns,
        output.close_reason.value,
        output.opened_slot,
        output.updates,
        *_plan_values(output.opening),
        *_plan_values(output.peak),
        output.cex_age_ns,
        output.pool_age_ns,
    )


def _episode_rows(
    seq: int, output: OpportunityOpened | Opportunity | OpportunitySample | EpisodeGrade
) -> list[TableRow]:
    head = (seq, output.received_ns, output.opportunity_id)
    match output:
        case OpportunityOpened():
            opening = ("opportunity_openings", _opening_row(seq, output))
            return [opening, *_cost_rows(head, "opening", output.plan.costs)]
        case Opportunity():
            closed = ("opportunities", _opportunity_row(seq, output))
            return [closed, *_cost_rows(head, "peak", output.peak.costs)]
        case OpportunitySample():
            return [("opportunity_samples", (*head, *msgspec.structs.astuple(output)[1:-1]))]
        case EpisodeGrade():
            return [("episode_grades", (*head, *_grade_values(output)))]
        case _:
            assert_never(output)


def _grade_values(output: EpisodeGrade) -> Row:
    counts = (output.captured_rungs, output.failed_rungs, output.rungs)
    return (output.grade.value, output.reach_ns, output.kept_millionths, *counts)


def _cost_rows(head: Row, stage: str, costs: Iterable[CostItem]) -> list[TableRow]:
    """Return one row per cost item with where it comes from, in waterfall order."""
    return [
        ("opportunity_costs", (*head, stage, item.kind.value, item.value_usd_e8, item.source, item.age_ns))
        for item in costs
    ]


def _rejection_row(seq: int, output: RejectionCount) -> Row:
    return (
        seq,
        output.received_ns,
        *_route(output),
        output.reason.value,
        output.count,
        output.best_edge_centibps,
        output.interval_start_ns,
        output.best_size_e8,
        output.best_net_usd_e8,
    )


def _simulated_row(seq: int, output: SimulatedTrade) -> Row:
    return (
        seq,
        output.received_ns,
        output.trade_id,
        output.opportunity_id,
        *_route(output),
        output.latency_ns,
        output.decided_ns,
        output.completed_ns,
        output.size_e8,
        *_plan_values(output.predicted),
        output.gross_usd_e8,
        *_cost_values(output.costs),
        output.realised_net_usd_e8,
        output.latency_model.value,
    )


def _leg_rows(seq: int, output: SimulatedTrade) -> list[TableRow]:
    return [
        (
            "simulated_legs",
            (
                seq,
                output.received_ns,
                output.trade_id,
                position,
                leg.kind.value,
                leg.status.value,
                leg.due_ns,
                leg.filled_ns,
                leg.size_e8,
                leg.cash_usd_e8,
                leg.fee_usd_e8,
                leg.slot,
            ),
        )
        for position, leg in enumerate(output.legs)
    ]
