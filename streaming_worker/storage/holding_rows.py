"""Turn what the engine says about shadow balances into rows of the record; columns stand in the schema's order."""

from typing import assert_never

import msgspec

from streaming_worker.core.inventory import BalanceAlert
from streaming_worker.core.outputs import InventoryOutput, InventorySnapshot, TransferMoved
from streaming_worker.core.rebalancing import Recommendation


def holding_row(seq: int, output: InventoryOutput) -> tuple[str, tuple[object, ...]]:
    """Return the table and the row of one output."""
    head = (seq, output.received_ns)
    match output:
        case InventorySnapshot():
            return "inventory_snapshots", (*head, *_snapshot(output))
        case BalanceAlert():
            balance = (output.venue.value, output.asset, output.total_e8, output.low_e8)
            return "balance_alerts", (*head, output.kind.value, *balance)
        case Recommendation():
            return "rebalancing_recommendations", (*head, *_recommendation(output))
        case TransferMoved():
            return "transfers", (*head, output.status.value, *_transfer(output))
        case _:
            assert_never(output)


def _snapshot(output: InventorySnapshot) -> tuple[object, ...]:
    return (
        output.venue.value,
        output.asset,
        output.total_e8,
        output.reserved_e8,
        output.target_e8,
        output.drift_e8,
        output.arriving_e8,
        output.price_usd_e8,
    )


def _recommendation(output: Recommendation) -> tuple[object, ...]:
    return (
        ",".join(output.assets),
        len(output.transfers),
        msgspec.json.encode(output.transfers).decode(),
        output.fee_e8,
        output.uncovered_e8,
        output.duration_ns,
        output.cost_usd_e8,
        output.cost_of_waiting_usd_e8,
    )


def _transfer(output: TransferMoved) -> tuple[object, ...]:
    transfer, proposal = output.transfer, output.transfer.proposal
    return (
        transfer.transfer_id,
        proposal.source.value,
        proposal.destination.value,
        proposal.asset,
        proposal.received_asset,
        proposal.amount_e8,
        proposal.fee_e8,
        transfer.departed_ns,
        transfer.arrives_ns,
        proposal.terms,
    )
