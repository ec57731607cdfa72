"""Limits that an operator changes while the engine runs: checked by name and range, all of a command or nothing."""

import msgspec

from streaming_worker.core.controls import HeldLimit
from streaming_worker.core.events import OperatorCommand
from streaming_worker.core.outputs import LimitChange
from streaming_worker.core.risk import ENGINE_ACTOR, held_over
from streaming_worker.core.units import E8, MILLIONTHS, NANOS_PER_DAY, NANOS_PER_MILLISECOND
from streaming_worker.engine.settings import Limits
from streaming_worker.engine.state import ChangedLimit, EngineState, TemporaryLimit

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
    who = (command.command_id, command.actor, command.reason)
    if command.expires_ns is None:
        state.changed |= {name: ChangedLimit(name, *who) for name in named}
        return
    state.temporary += [
        TemporaryLimit(name, value, before.get(name, values[name]), command.expires_ns, *who)
        for name, value in named.items()
    ]


def to_hold_over(state: EngineState) -> tuple[HeldLimit, ...]:
    """Return every limit that operators changed: those for good, then those for a time."""
    configured, now = (msgspec.structs.asdict(one) for one in (state.settings.limits, state.limits))
    now |= {one.name: one.before for one in state.temporary}
    for_good = (
        HeldLimit(one.name, now[one.name], configured[one.name], one.actor, one.reason, one.command_id)
        for one in state.changed.values()
        if now[one.name] != configured[one.name]
    )
    for_a_time = (
        HeldLimit(one.name, one.value, configured[one.name], one.actor, one.reason, one.command_id, one.expires_ns)
        for one in state.temporary
    )
    return (*for_good, *for_a_time)


def hold_over(state: EngineState, held: HeldLimit) -> LimitChange:
    """Put a limit of before a restart back, unless its time is over or the configuration was changed meanwhile."""
    before: dict[str, int] = msgspec.structs.asdict(state.limits)
    refusal = _refusal_of(held.name, held.value) or _overruled(state, held)
    is_over = held.expires_ns is not None and held.expires_ns <= state.now_ns
    change = LimitChange(
        command_id=held.command_id,
        actor=held.actor,
        reason=held_over(held.reason, None),
        name=held.name,
        previous=before.get(held.name),
        requested=held.value,
        refusal=refusal,
        received_ns=state.now_ns,
    )
    if refusal is not None:
        return change
    if is_over:
        over = {"previous": held.value, "requested": before[held.name], "actor": ENGINE_ACTOR}
        over |= {"command_id": f"{held.command_id}-over", "reason": "the time of the change ended before the restart"}
        return msgspec.structs.replace(change, **over)
    if held.expires_ns is None:
        state.changed[held.name] = ChangedLimit(held.name, held.command_id, held.actor, held.reason)
    else:
        who = (held.command_id, held.actor, held.reason)
        state.temporary.append(TemporaryLimit(held.name, held.value, before[held.name], held.expires_ns, *who))
    install(state, msgspec.structs.replace(state.limits, **{held.name: held.value}))
    return change


def _overruled(state: EngineState, held: HeldLimit) -> str | None:
    configured: dict[str, int] = msgspec.structs.asdict(state.settings.limits)
    if configured[held.name] == held.configured:
        return None
    return f"the configuration was changed from {held.configured} to {configured[held.name]}, which holds"


def install(state: EngineState, limits: Limits) -> None:
    """Put limits in force."""
    state.limits = limits
    risk = state.risk
    risk.daily_loss_usd_e8, risk.resume_after_ns = limits.daily_loss_usd_e8, limits.resume_after_ns
    risk.cooldown_ns = limits.cooldown_ns


def _refusal(command: OperatorCommand) -> str | None:
    if command.expires_ns is not None and command.expires_ns <= command.received_ns:
        return f"expected an end after {command.received_ns}, received {command.expires_ns}"
    refusals = (_refusal_of(one.name, one.value) for one in command.limits)
    return next((refusal for refusal in refusals if refusal is not None), None)


def _refusal_of(name: str, value: int) -> str | None:
    if name not in BOUNDS:
        return f"unknown limit {name}; known: {', '.join(BOUNDS)}"
    least, greatest = BOUNDS[name]
    if not least <= value <= greatest:
        return f"{name}: expected {least} to {greatest}, received {value}"
    return None
