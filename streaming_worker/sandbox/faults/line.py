"""One connection on its way through the faults, and which effect each kind of fault has on it."""

from collections.abc import Callable, Container, Sequence
from typing import Final

from streaming_worker.core.units import MILLIONTHS, NANOS_PER_MILLISECOND
from streaming_worker.sandbox.faces.session import Output
from streaming_worker.sandbox.faults.damage import cut_short, with_foreign_bytes
from streaming_worker.sandbox.faults.effects import (
    Close,
    Delay,
    Effect,
    HalfOpen,
    Reorder,
    Replace,
    Rewind,
    Stale,
    silence,
)
from streaming_worker.sandbox.faults.frames import read_frame
from streaming_worker.sandbox.faults.levels import with_wrong_value
from streaming_worker.sandbox.faults.memory import Beginning, Memory
from streaming_worker.sandbox.faults.solana_wire import with_other_subscription, with_wrong_account
from streaming_worker.sandbox.faults.spec import FaultKind, Via
from streaming_worker.sandbox.faults.stream import NUMBERING_VENUE, Item, Numbered, Plain
from streaming_worker.sandbox.faults.target import Target
from streaming_worker.sandbox.faults.times import with_times_moved
from streaming_worker.sandbox.hub import Wire

SLOT_NS: Final = 400 * NANOS_PER_MILLISECOND
_RECONNECT: Final = b'{"event":"bts:request_reconnect","channel":"","data":""}'
_Make = Callable[[bytes], Sequence[bytes] | None]


class Line:
    """One connection: what it was told, the effects at work on it in the order of their faults, and its numbers."""

    def __init__(self, venue: str, number: int) -> None:
        self.venue = venue
        self.number = number
        self.memory = Memory()
        self.seen_ns = 0
        self.subscriptions: set[int] = set()
        self._effects: dict[int, Effect] = {}
        self._end = Numbered() if venue == NUMBERING_VENUE else Plain()

    def add(self, fault: int, effect: Effect) -> None:
        """Put an effect at the end of the way."""
        self._effects[fault] = effect

    def carry(self, outputs: Sequence[Output], now_ns: int, active: Container[int]) -> Sequence[Wire]:
        """Return what arrives at the socket now."""
        self.seen_ns = now_ns
        for output in outputs:
            if isinstance(output, bytes):
                self.memory.note(output, read_frame(self.venue, output), now_ns)
        items: list[Item] = list(outputs)
        for fault, effect in tuple(self._effects.items()):
            if fault in active:
                items = effect.carry(items, now_ns)
            else:
                items = [*effect.finish(now_ns), *items]
                del self._effects[fault]
        return self._end.send(items)


def effect_on_open(target: Target, line: Line) -> Effect | None:
    """Return what a fault does to a connection that is open when it begins."""
    spec = target.spec
    match spec.kind:
        case FaultKind.HALF_OPEN:
            return HalfOpen(target)
        case FaultKind.CLOSE | FaultKind.STALE_REPLAY | FaultKind.HEARTBEATS_ONLY:
            return Close(target, is_last=False)
        case FaultKind.REQUEST_RECONNECT:
            return Close(target, is_last=True, farewell=_RECONNECT)
        case FaultKind.RPC_REWIND:
            return Rewind(target, line.memory.since(line.seen_ns - spec.slots * SLOT_NS))
        case _:
            return _lasting_effect(target, line)


def effect_on_new(target: Target, line: Line, beginnings: dict[str | None, Beginning]) -> Effect | None:
    """Return what a fault does to a connection that is opened while it lasts."""
    match target.spec.kind:
        case FaultKind.STALE_REPLAY:
            return Stale(target, beginnings)
        case FaultKind.HEARTBEATS_ONLY:
            return silence(target, has_heartbeats=True)
        case FaultKind.HALF_OPEN | FaultKind.CLOSE | FaultKind.REQUEST_RECONNECT | FaultKind.RPC_REWIND:
            return None
        case _:
            return _lasting_effect(target, line)


def _lasting_effect(target: Target, line: Line) -> Effect | None:
    spec = target.spec
    match spec.kind:
        case FaultKind.RPC_LAG:
            return Delay(target, spec.slots * SLOT_NS)
        case FaultKind.DELAY if spec.via is Via.SOCKET:
            return Delay(target, spec.delay_ms * NANOS_PER_MILLISECOND)
        case FaultKind.REORDER:
            return Reorder(target)
        case FaultKind.BACKLOG | FaultKind.SILENCE:
            return silence(target, has_heartbeats=False)
        case FaultKind.SILENCE_WITH_HEARTBEATS:
            return silence(target, has_heartbeats=True)
        case _:
            make = _maker(target, line) if spec.via is Via.SOCKET else None
            return None if make is None else Replace(target, spec.kind.value, make)


def _maker(target: Target, line: Line) -> _Make | None:
    spec, rng, venue = target.spec, target.rng, target.venue
    makers: dict[FaultKind, _Make] = {
        FaultKind.DROP: lambda _: (),
        FaultKind.DUPLICATE: lambda frame: (frame, frame),
        FaultKind.TRUNCATE: lambda frame: (cut_short(frame, rng),),
        FaultKind.CORRUPT_BYTES: lambda frame: (with_foreign_bytes(frame, rng),),
        FaultKind.CORRUPT_VALUES: lambda frame: _if_changed(with_wrong_value(venue, frame, spec.lie, rng)),
        FaultKind.CLOCK_SKEW: lambda frame: _if_differs(
            frame, with_times_moved(venue, frame, spec.skew_ms * MILLIONTHS)
        ),
        FaultKind.RPC_LIE: lambda frame: _if_changed(with_wrong_account(frame, spec.lie, rng)),
        FaultKind.WRONG_SUBSCRIPTION: lambda frame: _if_changed(
            with_other_subscription(frame, spec.lie, line.subscriptions, rng)
        ),
    }
    return makers.get(spec.kind)


def _if_changed(frame: bytes | None) -> tuple[bytes] | None:
    return None if frame is None else (frame,)


def _if_differs(frame: bytes, changed: bytes) -> tuple[bytes] | None:
    return None if changed == frame else (changed,)
