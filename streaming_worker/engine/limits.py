"""Limits that an operator changes while the engine runs: checked by name and range, all of a command or nothing."""

import msgspec

from streaming_worker.core.events import OperatorCommand
from streaming_worker.core.outputs import LimitChange
from streaming_worker.core.risk import ENGINE_ACTOR
from streaming_worker.core.units import E8, MILLIONTHS, NANOS_PER_DAY, NANOS_PER_MILLISECOND
from streaming_worker.engine.settings import Limits
from streaming_worker.engine.state import EngineState, TemporaryLimit

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
        _remember(state, command)
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


def expire(state: EngineState) -> list[LimitChange]:
    """Put back every limit whose time is over."""
    over = [one for one in state.temporary if one.expires_ns <= state.now_ns]
    if not over:
        return []
    state.temporary = [one for one in state.temporary if one.expires_ns > state.now_ns]
    install(state, msgspec.structs.replace(state.limits, **{one.name: one.before for one in over}))
    state.risk.is_check_due = True
    return [
        LimitChange(
            command_id=f"{one.command_id}-over",
            actor=ENGINE_ACTOR,
            reason="the time of the change is over",
            name=one.name,
            previous=one.value,
            requested=one.before,
            refusal=None,
            received_ns=state.now_ns,
        )
        for one in over
    ]


def _remember(state: EngineState, command: OperatorCommand) -> None:
    """Note what to put back later. A change for good ends one for a time; one for a time keeps what was before both."""
    values = msgspec.structs.asdict(state.limits)
    before = {one.name: one.before for one in state.temporary}
    named = {one.name: one.value for one in command.limits}
    state.temporary = [one for one in state.temporary if one.name not in named]
    if command.expires_ns is None:
        return
    state.temporary += [
        TemporaryLimit(name, value, before.get(name, values[name]), command.expires_ns, command.command_id)
        for name, value in named.items()
    ]


def install(state: EngineState, limits: Limits) -> None:
    """Put limits in force."""
    state.limits = limits
    risk = state.risk
    risk.daily_loss_usd_e8, risk.resume_after_ns = limits.daily_loss_usd_e8, limits.resume_after_ns
    risk.cooldown_ns = limits.cooldown_ns


def _refusal(command: OperatorCommand) -> str | None:
    if command.expires_ns is not None and command.expires_ns <= command.received_ns:
        return f"expected an end after {command.received_ns}, received {command.expires_ns}"
    for one in command.limits:
        if one.name not in BOUNDS:
            return f"unknown limit {one.name}; known: {', '.join(BOUNDS)}"
        least, greatest = BOUNDS[one.name]
        if not least <= one.value <= greatest:
            return f"{one.name}: expected {least} to {greatest}, received {one.value}"
    return None
