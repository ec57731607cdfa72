"""Rows of operators' commands and of what they changed; the order of the columns stands beside the schema's."""

import msgspec

from streaming_worker.core.events import OperatorCommand
from streaming_worker.core.outputs import HaltChange, LimitChange, RiskTransition


def command_row(seq: int, event: OperatorCommand) -> tuple[object, ...]:
    """Return the row of one command."""
    limits = msgspec.json.encode(event.limits).decode() if event.limits else None
    who = (event.command_id, event.kind.value, event.actor, event.reason)
    return (seq, event.received_ns, *who, limits, event.scope, event.expires_ns)


def control_row(seq: int, output: LimitChange | RiskTransition | HaltChange) -> tuple[str, tuple[object, ...]]:
    """Return the table and the row of one change of limits, of risk state or of a halt."""
    if isinstance(output, LimitChange):
        return "limit_changes", (seq, output.received_ns, *msgspec.structs.astuple(output)[:-1])
    if isinstance(output, HaltChange):
        return "halt_changes", (seq, output.received_ns, *msgspec.structs.astuple(output)[:-1])
    return "risk_events", (
        seq,
        output.received_ns,
        output.previous.value,
        output.current.value,
        output.cause.value,
        output.actor,
        output.reason,
        output.daily_net_usd_e8,
        output.open_loss_usd_e8,
    )
