"""What one run hands to the next: taken from the state of the one, put into that of the other by an event.

The end of a run is not written down, since a run may be killed. It follows from the last keyframe and the few recorded
rows that moved the controls since; books and prices are not needed for it.
"""

import msgspec

from streaming_worker.core.controls import Controls
from streaming_worker.core.events import CommandKind, ControlEvent, ControlsRestored
from streaming_worker.core.outputs import Output, RiskTransition
from streaming_worker.engine import halts, limits
from streaming_worker.engine.state import EngineState


class Moves(msgspec.Struct, frozen=True, kw_only=True):
    """What moved the controls after a keyframe, as recorded.

    Units: ``realised_usd_e8`` is the result of the trades that count since the keyframe, of the UTC day ``day`` alone.
    ``inputs`` and ``transition``, the last one, have the number of their event.
    """

    inputs: tuple[tuple[int, ControlEvent], ...]
    transition: tuple[int, RiskTransition] | None
    day: int
    realised_usd_e8: int


def follow(state: EngineState, moves: Moves) -> None:
    """Move the controls of a keyframe to where the run ended; nothing else of the state is touched."""
    for _, event in moves.inputs:
        state.now_ns = max(state.now_ns, event.received_ns)
        _take(state, event)
    risk = state.risk
    if moves.transition is not None:
        seq, transition = moves.transition
        ids = {number: one.command_id for number, one in moves.inputs if not isinstance(one, ControlsRestored)}
        if not any(number == seq and isinstance(one, ControlsRestored) for number, one in moves.inputs):
            risk.note(transition, ids.get(seq))
    if risk.day != moves.day:
        risk.day, risk.daily_net_usd_e8 = moves.day, 0
    risk.daily_net_usd_e8 += moves.realised_usd_e8


def controls_of(state: EngineState, run_id: str) -> Controls:
    """Return what the next run takes over from this state."""
    return Controls(
        run_id=run_id,
        risk=state.risk.to_hold_over(),
        limits=limits.to_hold_over(state),
        halts=tuple(state.halts.values()),
        day=state.risk.day,
        daily_net_usd_e8=state.risk.daily_net_usd_e8,
        seen_commands=tuple(state.risk.seen_commands),
    )


def restore(state: EngineState, controls: Controls) -> list[Output]:
    """Begin with what the run before had; each thing that is put back is said, with who had ordered it."""
    outputs: list[Output] = [limits.hold_over(state, one) for one in controls.limits]
    outputs += [halts.hold_over(state, one) for one in controls.halts]
    outputs += state.risk.hold_over(controls, state.now_ns)
    return outputs


def _take(state: EngineState, event: ControlEvent) -> None:
    """Apply one recorded input as the run did; what moved the state of risk is in its transitions."""
    if isinstance(event, ControlsRestored):
        restore(state, event.controls)
    elif state.risk.is_new(event):
        if event.kind is CommandKind.SET_LIMITS:
            limits.set_limits(state, event)
        elif event.kind in (CommandKind.HALT, CommandKind.RELEASE):
            halts.switch(state, event)
