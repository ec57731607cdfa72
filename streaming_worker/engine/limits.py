"""Limits that an operator changes while the engine runs: checked by name and range, all of a command or nothing."""

import msgspec

from streaming_worker.core.events import OperatorCommand
from streaming_worker.core.outputs import LimitChange
from streaming_worker.core.units import E8, MILLIONTHS, NANOS_PER_DAY, NANOS_PER_MILLISECOND
from streaming_worker.engine.settings import Limits
from streaming_worker.engine.state import EngineState

_DURATION = (NANOS_PER_MILLISECOND, NANOS_PER_DAY)
BOUNDS: dict[str, tuple[int, int]] = {
    "max_position_usd_e8": (E8, 1_000_000 * E8),
    "daily_loss_usd_e8": (E8, 1_000_000 * E8),
    "threshold_millionths": (0, MILLIONTHS),
    "staleness_ns": _DURATION,
    "resume_after_ns": _DURATION,
    "cooldown_ns": (0, NANOS_PER_DAY),
    "max_late_ns": _DURATION,
    "max_lag_ns": _DURATION,
    "min_output_tolerance_millionths": (0, MILLIONTHS),
    "max_sol_price_age_ns": _DURATION,
}
"""Least and greatest value of every limit, in its unit."""


def set_limits(state: EngineState, command: OperatorCommand) -> list[LimitChange]:
    """Apply a command to set limits; each named limit gets its row, with the refusal where the command was refused."""
    refusal = _refusal(command)
    before = msgspec.structs.asdict(state.limits)
    if refusal is None:
        install(state, msgspec.structs.replace(state.limits, **{one.name: one.value for one in command.limits}))
        state.risk.is_check_due = True
    return [
        LimitChange(
            command_id=command.command_id,
            actor=command.actor,
            reason=command.reason,
            name=one.name,
            previous=before.get(one.name),
            requested=one.value,
            refusal=refusal,
            received_ns=state.now_ns,
        )
        for one in command.limits
    ]


def install(state: EngineState, limits: Limits) -> None:
    """Put limits in force."""
    state.limits = limits
    risk = state.risk
    risk.daily_loss_usd_e8, risk.resume_after_ns = limits.daily_loss_usd_e8, limits.resume_after_ns
    risk.cooldown_ns = limits.cooldown_ns


def _refusal(command: OperatorCommand) -> str | None:
    for one in command.limits:
        if one.name not in BOUNDS:
            return f"unknown limit {one.name}; known: {', '.join(BOUNDS)}"
        least, greatest = BOUNDS[one.name]
        if not least <= one.value <= greatest:
            return f"{one.name}: expected {least} to {greatest}, received {one.value}"
    return None
