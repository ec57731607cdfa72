"""Turn what the engine says about triangular cycles into rows of the record; columns stand in the schema's order."""

from typing import assert_never

import msgspec

from streaming_worker.core.cycle import CyclePlan
from streaming_worker.core.cycle_outputs import (
    CycleEpisode,
    CycleOpened,
    CycleOutput,
    CycleRejectionCount,
    CycleTrade,
)


def cycle_rows(seq: int, output: CycleOutput) -> list[tuple[str, tuple[object, ...]]]:
    """Return the tables and the rows of one output."""
    head = (seq, output.received_ns)
    match output:
        case CycleOpened():
            return [("cycle_openings", (*head, output.opportunity_id, output.cycle, *_turn(output.plan)))]
        case CycleEpisode():
            return [("cycle_opportunities", (*head, *_episode(output)))]
        case CycleRejectionCount():
            counted = (output.reason.value, output.count, output.best_net_e8, output.interval_start_ns)
            return [("cycle_rejections", (*head, output.cycle, *counted))]
        case CycleTrade():
            return [("cycle_trades", (*head, *_trade(output))), *_legs(seq, output)]
        case _:
            assert_never(output)


def _turn(plan: CyclePlan) -> tuple[object, ...]:
    return (
        plan.spent_e8,
        plan.returned_e8,
        plan.dust_value_e8,
        plan.gross_e8,
        plan.fee_e8,
        plan.slippage_e8,
        plan.net_e8,
        plan.net_edge_centibps,
        msgspec.json.encode(plan.legs).decode(),
    )


def _episode(output: CycleEpisode) -> tuple[object, ...]:
    return (
        output.opportunity_id,
        output.cycle,
        output.opened_ns,
        output.peaked_ns,
        output.closed_ns,
        output.close_reason.value,
        output.updates,
        *_turn(output.opening),
        *_turn(output.peak),
    )


def _trade(output: CycleTrade) -> tuple[object, ...]:
    return (
        output.trade_id,
        output.opportunity_id,
        output.cycle,
        output.latency_ns,
        output.decided_ns,
        output.completed_ns,
        *_turn(output.predicted),
        output.spent_e8,
        output.returned_e8,
        output.dust_value_e8,
        output.realised_net_e8,
    )


def _legs(seq: int, output: CycleTrade) -> list[tuple[str, tuple[object, ...]]]:
    rows: list[tuple[str, tuple[object, ...]]] = []
    for position, leg in enumerate(output.legs):
        values = msgspec.structs.astuple(msgspec.structs.replace(leg, status=leg.status.value))
        rows.append(("cycle_legs", (seq, output.received_ns, output.trade_id, position, *values)))
    return rows
