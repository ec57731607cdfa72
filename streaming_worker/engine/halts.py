"""Switches of one venue or one pair: on what is halted nothing opens, and what is open there ends.

A pair is that of an order book; a venue is halted as a book's venue and as a pool's.
"""

from streaming_worker.core.controls import HeldHalt
from streaming_worker.core.events import CommandKind, OperatorCommand
from streaming_worker.core.instrument import Instrument, Pool
from streaming_worker.core.outputs import HaltChange
from streaming_worker.core.risk import held_over
from streaming_worker.engine.state import EngineState


def switch(state: EngineState, command: OperatorCommand) -> list[HaltChange]:
    """Apply a command to halt or release; one without effect changes nothing, an unknown scope is refused by name."""
    scope = command.scope
    is_halting = command.kind is CommandKind.HALT
    refusal = _refusal(state, scope)
    if scope is None or refusal is not None:
        return [_change(state, command, scope or "", is_halting, refusal)]
    if is_halting is (scope in state.halts):
        return []
    if is_halting:
        state.halts[scope] = HeldHalt(scope, command.actor, command.reason, state.now_ns, command.command_id)
    else:
        del state.halts[scope]
    mark(state)
    return [_change(state, command, scope, is_halting, None)]


def hold_over(state: EngineState, halt: HeldHalt) -> HaltChange:
    """Put a halt of before a restart back; one of what is no longer watched is refused by name."""
    refusal = _refusal(state, halt.scope)
    if refusal is None:
        state.halts[halt.scope] = halt
        mark(state)
    return HaltChange(
        command_id=halt.command_id,
        scope=halt.scope,
        is_halted=True,
        actor=halt.actor,
        reason=held_over(halt.reason, None),
        refusal=refusal,
        received_ns=state.now_ns,
    )


def scopes_of(state: EngineState) -> list[str]:
    """Return everything that can be halted, in order."""
    found = {scope for view in state.books.values() for scope in _scopes(view.instrument)}
    found |= {scope for pool in state.settings.pools for scope in _scopes(pool)}
    return sorted(found)


def mark(state: EngineState) -> None:
    """Say on every route and cycle whether it is halted, so that a look at a market costs no search."""
    for view in state.routes:
        route = view.route
        scopes = (*_scopes(route.instrument), _venue(route.pool))
        view.is_halted = any(scope in state.halts for scope in scopes)
    for cycle in state.cycles:
        scopes = tuple(scope for step in cycle.cycle.steps for scope in _scopes(step.instrument))
        cycle.is_halted = any(scope in state.halts for scope in scopes)


def _refusal(state: EngineState, scope: str | None) -> str | None:
    known = scopes_of(state)
    return None if scope in known else f"unknown scope {scope}; known: {', '.join(known)}"


def _venue(market: Instrument | Pool) -> str:
    return f"venue:{market.venue.value}"


def _scopes(market: Instrument | Pool) -> tuple[str, ...]:
    """Return the switches that a market stands under; a pool's tokens are no pair of their own."""
    return (
        (_venue(market), f"pair:{market.base}/{market.quote}") if isinstance(market, Instrument) else (_venue(market),)
    )


def _change(
    state: EngineState, command: OperatorCommand, scope: str, is_halted: bool, refusal: str | None
) -> HaltChange:
    return HaltChange(
        command_id=command.command_id,
        scope=scope,
        is_halted=is_halted,
        actor=command.actor,
        reason=command.reason,
        refusal=refusal,
        received_ns=state.now_ns,
    )
