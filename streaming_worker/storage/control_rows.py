"""Rows of commands and of what they changed, and back; the order of the columns stands beside the schema's."""

from collections.abc import Iterator
from typing import Any, Final

import msgspec

from streaming_worker.core.controls import Controls
from streaming_worker.core.events import CommandKind, ControlEvent, ControlsRestored, LimitSetting, OperatorCommand
from streaming_worker.core.outputs import HaltChange, LimitChange, RiskCause, RiskState, RiskTransition
from streaming_worker.core.risk import ENGINE_ACTOR

RESTORE: Final = "restore"


def command_row(seq: int, event: ControlEvent) -> tuple[object, ...]:
    """Return the row of one command, or of what a restart put back."""
    if isinstance(event, ControlsRestored):
        controls = msgspec.json.encode(event.controls).decode()
        before = event.controls.run_id
        who = (f"after-{before}", RESTORE, ENGINE_ACTOR, f"the worker started again after run {before}")
        return (seq, event.received_ns, *who, None, None, None, controls)
    limits = msgspec.json.encode(event.limits).decode() if event.limits else None
    who = (event.command_id, event.kind.value, event.actor, event.reason)
    return (seq, event.received_ns, *who, limits, event.scope, event.expires_ns, None)


def command_events(rows: Iterator[tuple[Any, ...]]) -> Iterator[tuple[int, ControlEvent]]:
    """Return the commands that rows of the table hold, each with its seq."""
    limits_in = msgspec.json.Decoder(tuple[LimitSetting, ...]).decode
    controls_in = msgspec.json.Decoder(Controls).decode
    for seq, received_ns, command_id, kind, actor, reason, limits, scope, expires_ns, controls in rows:
        if kind == RESTORE:
            yield seq, ControlsRestored(controls_in(controls or ""), received_ns)
            continue
        named = () if limits is None else limits_in(limits)
        yield (
            seq,
            OperatorCommand(command_id, CommandKind(kind), actor, reason, received_ns, named, scope, expires_ns),
        )


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


def transition_of(row: tuple[Any, ...]) -> tuple[int, RiskTransition]:
    """Return the change of risk state that a row of ``risk_events`` holds, with its seq."""
    seq, received_ns, previous, current, cause, actor, reason, daily_net_usd_e8, open_loss_usd_e8 = row
    return seq, RiskTransition(
        previous=RiskState(previous),
        current=RiskState(current),
        cause=RiskCause(cause),
        actor=actor,
        reason=reason,
        daily_net_usd_e8=daily_net_usd_e8,
        received_ns=received_ns,
        open_loss_usd_e8=open_loss_usd_e8 or 0,
    )
