"""Risk states and the kill switch: limits in money and in data age; every change is a transition with a cause.

ACTIVE may open episodes; PAUSED and KILLED may not. A pause for stale data ends by itself after the data has been
healthy for a while, and is followed by a cooldown; an operator's pause and a kill end only by an operator, a
daily-loss kill also at the UTC day roll.
"""

from typing import Final

import msgspec

from streaming_worker.core.controls import Controls, HeldRisk
from streaming_worker.core.events import CommandKind, OperatorCommand
from streaming_worker.core.outputs import RiskCause, RiskState, RiskTransition
from streaming_worker.core.units import NANOS_PER_DAY, format_e8

ENGINE_ACTOR = "engine"
REMEMBERED_COMMANDS = 1_000
# What a pause or a kill by these ended with its run; a stale feed's pause is found anew by the data of the next one.
HELD_OVER: Final = (RiskCause.OPERATOR, RiskCause.DAILY_LOSS, RiskCause.RESTART)


class Risk(msgspec.Struct):
    """The risk state machine; part of the keyframe.

    Units: ``daily_net_usd_e8`` is the realised simulated result of the UTC day ``day``, USD x 1e8. ``has_acted``: the
    present event has already changed the state; a loss that shows on it waits for the next one. ``held`` is who holds
    the present state and why; None while it is active, and where an older version recorded it.
    """

    daily_loss_usd_e8: int
    resume_after_ns: int
    cooldown_ns: int = 0
    state: RiskState = RiskState.ACTIVE
    cause: RiskCause | None = None
    day: int | None = None
    daily_net_usd_e8: int = 0
    healthy_since_ns: int | None = None
    cools_until_ns: int = 0
    has_acted: bool = False
    is_check_due: bool = False
    seen_commands: list[str] = msgspec.field(default_factory=list)
    held: HeldRisk | None = None

    def on_time(self, now_ns: int, stale_feeds: tuple[str, ...]) -> list[RiskTransition]:
        """Apply the day roll and the staleness rule; at most one transition a call."""
        day = now_ns // NANOS_PER_DAY
        if self.day != day:
            is_new_day = self.day is not None
            self.day = day
            self.daily_net_usd_e8 = 0
            if is_new_day and self.cause is RiskCause.DAILY_LOSS:
                return [self._move(RiskState.ACTIVE, RiskCause.NEW_DAY, ENGINE_ACTOR, "UTC day roll", now_ns)]
        if stale_feeds:
            return self._on_stale(stale_feeds, now_ns)
        return self._on_healthy(now_ns)

    def on_realised(self, net_usd_e8: int) -> None:
        """Add a realised result; the loss is checked at the end of the event."""
        self.daily_net_usd_e8 += net_usd_e8
        self.is_check_due = True

    def check_loss(self, open_usd_e8: int, now_ns: int) -> list[RiskTransition]:
        """Kill when the day's realised result and the open loss together reach the limit.

        Units: ``open_usd_e8`` what open positions would bring, marked at market; a gain does not count.
        """
        if self.has_acted:
            return []
        self.is_check_due = False
        open_loss = min(0, open_usd_e8)
        loss = -(self.daily_net_usd_e8 + open_loss)
        if loss < self.daily_loss_usd_e8 or self.state is RiskState.KILLED:
            return []
        reason = f"lost {format_e8(loss)} USD today, {format_e8(-open_loss)} of it open"
        reason += f", limit {format_e8(self.daily_loss_usd_e8)} USD"
        return [
            self._move(RiskState.KILLED, RiskCause.DAILY_LOSS, ENGINE_ACTOR, reason, now_ns, open_loss_usd_e8=open_loss)
        ]

    def is_new(self, command: OperatorCommand) -> bool:
        """Remember a command; whether it was not seen before."""
        if command.command_id in self.seen_commands:
            return False
        self.seen_commands.append(command.command_id)
        del self.seen_commands[:-REMEMBERED_COMMANDS]
        return True

    def on_command(self, command: OperatorCommand, now_ns: int) -> list[RiskTransition]:
        """Apply an operator's command once; a repeated id and a command without effect change nothing."""
        if not self.is_new(command):
            return []
        target = _TARGETS[command.kind]
        is_held_by_operator = self.cause is RiskCause.OPERATOR
        if target is self.state and (target is RiskState.ACTIVE or is_held_by_operator):
            return []
        if target is RiskState.PAUSED and self.state is RiskState.KILLED:
            return []
        who = (command.actor, command.reason)
        return [self._move(target, RiskCause.OPERATOR, *who, now_ns, command_id=command.command_id)]

    def note(self, moved: RiskTransition, command_id: str | None = None) -> None:
        """Keep who brought the state about, and why."""
        self.state = moved.current
        self.cause = None if moved.current is RiskState.ACTIVE else moved.cause
        self.held = None
        if self.cause is not None:
            self.held = HeldRisk(moved.current, self.cause, moved.actor, moved.reason, moved.received_ns, command_id)

    def to_hold_over(self) -> HeldRisk | None:
        """Return what a restart must not end; None where nothing is held, or what holds is seen again by itself."""
        if self.cause is None or self.cause not in HELD_OVER:
            return None
        return self.held or HeldRisk(self.state, self.cause, "", "", 0)

    def hold_over(self, controls: Controls, now_ns: int) -> list[RiskTransition]:
        """Begin with what held before a restart; where that is not known, pause until somebody has looked."""
        self.seen_commands = list(controls.seen_commands)
        self.day, self.daily_net_usd_e8 = controls.day, controls.daily_net_usd_e8
        self.is_check_due = True
        held = controls.risk
        if held is None and controls.problem is None:
            return []
        unknown = f"what held before the restart is not known ({controls.problem}): check limits and halts, resume"
        if held is None:
            return [self._move(RiskState.PAUSED, RiskCause.RESTART, ENGINE_ACTOR, unknown, now_ns)]
        reason = held_over(held.reason, held.command_id) + (f"; else {unknown}" if controls.problem else "")
        moved = self._move(held.state, held.cause, held.actor, reason, now_ns)
        self.held = held
        return [moved]

    def _on_stale(self, stale_feeds: tuple[str, ...], now_ns: int) -> list[RiskTransition]:
        self.healthy_since_ns = None
        if self.state is not RiskState.ACTIVE:
            return []
        reason = f"nothing, or nothing of now, from {', '.join(stale_feeds)}"
        return [self._move(RiskState.PAUSED, RiskCause.STALE_FEED, ENGINE_ACTOR, reason, now_ns)]

    def _on_healthy(self, now_ns: int) -> list[RiskTransition]:
        if self.healthy_since_ns is None:
            self.healthy_since_ns = now_ns
        if self.cause is not RiskCause.STALE_FEED or now_ns - self.healthy_since_ns < self.resume_after_ns:
            return []
        reason = f"every feed alive for {self.resume_after_ns // 1_000_000} ms"
        self.cools_until_ns = now_ns + self.cooldown_ns
        return [self._move(RiskState.ACTIVE, RiskCause.RECOVERED, ENGINE_ACTOR, reason, now_ns)]

    def _move(
        self,
        state: RiskState,
        cause: RiskCause,
        actor: str,
        reason: str,
        now_ns: int,
        *,
        open_loss_usd_e8: int = 0,
        command_id: str | None = None,
    ) -> RiskTransition:
        self.has_acted = True
        transition = RiskTransition(
            previous=self.state,
            current=state,
            cause=cause,
            actor=actor,
            reason=reason,
            daily_net_usd_e8=self.daily_net_usd_e8,
            received_ns=now_ns,
            open_loss_usd_e8=open_loss_usd_e8,
        )
        self.note(transition, command_id)
        return transition


def held_over(reason: str, command_id: str | None) -> str:
    """Return the reason of what a restart kept, with the command that it comes from."""
    source = f" by command {command_id}" if command_id else ""
    return f"kept over a restart, set{source}: {reason}"


_TARGETS: Final = {
    CommandKind.PAUSE: RiskState.PAUSED,
    CommandKind.RESUME: RiskState.ACTIVE,
    CommandKind.KILL: RiskState.KILLED,
}
