"""What faults do to the stream of one connection. Each keeps only what it holds back, and gives it up in the end."""

from collections import deque
from collections.abc import Callable, Sequence
from typing import Final, Protocol

from streaming_worker.sandbox.faces.session import Hangup
from streaming_worker.sandbox.faults.frames import DATA, Role
from streaming_worker.sandbox.faults.memory import Beginning
from streaming_worker.sandbox.faults.spec import Ending
from streaming_worker.sandbox.faults.stream import Gone, Inserted, Item, frame_of, replaced
from streaming_worker.sandbox.faults.target import Target
from streaming_worker.sandbox.hub import Stall

_NO_HANDSHAKE: Final = 1006
_ALIVE: Final = frozenset({Role.HEARTBEAT, Role.REPLY})
_NOTHING: Final[frozenset[Role]] = frozenset()


class Effect(Protocol):
    """One fault on one connection."""

    def carry(self, items: Sequence[Item], now_ns: int, /) -> list[Item]:
        """Return what goes on now; called on every pass, also with nothing to carry."""
        ...

    def finish(self, now_ns: int, /) -> list[Item]:
        """End the fault and return what it still held."""
        ...


class Replace:
    """Put other frames, or none, in the place of chosen ones. ``make`` returns None to leave one alone."""

    def __init__(self, target: Target, action: str, make: Callable[[bytes], Sequence[bytes] | None]) -> None:
        self._target = target
        self._action = action
        self._make = make

    def carry(self, items: Sequence[Item], now_ns: int) -> list[Item]:
        """Replace what is chosen."""
        carried: list[Item] = []
        for item in items:
            frame = frame_of(item)
            frames = self._make(frame) if frame is not None and self._target.chooses(frame) else None
            if frames is None:
                carried.append(item)
            else:
                self._target.touch(frame, now_ns, self._action)
                carried += replaced(item, frames)
        return carried

    def finish(self, _now_ns: int) -> list[Item]:
        """Hold nothing."""
        return []


class Reorder:
    """Let a chosen frame go after the one behind it."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._held: Item | None = None

    def carry(self, items: Sequence[Item], now_ns: int) -> list[Item]:
        """Swap chosen frames with their followers."""
        carried: list[Item] = []
        for item in items:
            frame = frame_of(item)
            if self._held is not None:
                carried += [item, self._held]
                self._held = None
            elif frame is not None and self._target.chooses(frame):
                self._target.touch(frame, now_ns, "sent after the next frame")
                self._held = item
            else:
                carried.append(item)
        return carried

    def finish(self, _now_ns: int) -> list[Item]:
        """Let go of a frame that nothing followed."""
        held, self._held = self._held, None
        return [] if held is None else [held]


class Delay:
    """Let everything come later by a fixed time, in order."""

    def __init__(self, target: Target, by_ns: int) -> None:
        self._target = target
        self._by_ns = by_ns
        self._waiting: deque[tuple[int, Item]] = deque()

    def carry(self, items: Sequence[Item], now_ns: int) -> list[Item]:
        """Queue what comes, return what is due."""
        for item in items:
            frame = frame_of(item)
            if frame is not None:
                self._target.touch(frame, now_ns, f"late by {self._by_ns} ns")
            self._waiting.append((now_ns + self._by_ns, item))
        carried: list[Item] = []
        while self._waiting and self._waiting[0][0] <= now_ns:
            carried.append(self._waiting.popleft()[1])
        return carried

    def finish(self, _now_ns: int) -> list[Item]:
        """Let everything go at once."""
        left = [item for _, item in self._waiting]
        self._waiting.clear()
        return left


class Withhold:
    """Keep frames back. What passes meanwhile is numbered as if nothing were missing, unless the rest is lost."""

    def __init__(self, target: Target, passing: frozenset[Role]) -> None:
        self._target = target
        self._passing = passing
        self._hides = bool(passing) and target.spec.ending is not Ending.LOST
        self._held: list[bytes] = []

    def carry(self, items: Sequence[Item], now_ns: int) -> list[Item]:
        """Let through what may pass."""
        carried: list[Item] = []
        for item in items:
            frame = frame_of(item)
            if frame is None or self._target.record.is_spent or not self._target.is_about(frame, self._passing):
                carried.append(item)
                continue
            self._target.touch(frame, now_ns, "held back")
            self._held.append(frame)
            if self._hides:
                carried.append(Gone())
        return carried

    def finish(self, _now_ns: int) -> list[Item]:
        """Send late, lose or close, as the fault says."""
        held, self._held = self._held, []
        match self._target.spec.ending:
            case Ending.LATE:
                return [Inserted(frame) for frame in held] if self._hides else list(held)
            case Ending.CLOSE:
                return [hangup(self._target.spec.close_code)]
            case _:
                return []


class Close:
    """Close the connection, at once or when the fault ends; ``farewell`` is said before."""

    def __init__(self, target: Target, *, is_last: bool, farewell: bytes | None = None) -> None:
        self._target = target
        self._is_last = is_last
        self._farewell = farewell
        self._is_done = False

    def carry(self, items: Sequence[Item], now_ns: int) -> list[Item]:
        """Say the farewell and, if it is time, close."""
        if self._is_done:
            return list(items) if self._is_last else []
        self._is_done = True
        code = self._target.spec.close_code
        said: list[Item] = [] if self._farewell is None else [self._farewell]
        self._target.touch(None, now_ns, f"closed with {code}" if self._farewell is None else "told to reconnect")
        return [*items, *said] if self._is_last else [*said, hangup(code)]

    def finish(self, _now_ns: int) -> list[Item]:
        """Close now where it was to be the last thing."""
        return [hangup(self._target.spec.close_code)] if self._is_last else []


class HalfOpen:
    """The machine behind the connection is gone, and nobody has said so; in the end the connection breaks."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._has_stalled = False

    def carry(self, items: Sequence[Item], now_ns: int) -> list[Item]:
        """Send nothing, ever."""
        if items:
            self._target.touch(None, now_ns, "never sent")
        if self._has_stalled:
            return []
        self._has_stalled = True
        self._target.touch(None, now_ns, "half open")
        return [Stall()]

    def finish(self, _now_ns: int) -> list[Item]:
        """Break the connection."""
        return [hangup(_NO_HANDSHAKE)]


class Stale:
    """Begin a connection with what an earlier one was told first; then the truth, or at once its changes."""

    def __init__(self, target: Target, beginnings: dict[str | None, Beginning]) -> None:
        self._target = target
        self._left = dict(beginnings)

    def carry(self, items: Sequence[Item], now_ns: int) -> list[Item]:
        """Put the old beginning before the new one of each book."""
        carried: list[Item] = []
        for item in items:
            carried += self._old(item, now_ns)
            frame = frame_of(item)
            is_lost = frame is not None and self._is_replaced(frame, carried)
            carried.append(Gone() if is_lost else item)
        return carried

    def finish(self, _now_ns: int) -> list[Item]:
        """Hold nothing."""
        return []

    def _old(self, item: Item, now_ns: int) -> list[Item]:
        frame = frame_of(item)
        seen = None if frame is None else self._target.read(frame)
        if seen is None or seen.role not in DATA or seen.role is Role.TRADE or seen.symbol not in self._left:
            return []
        beginning = self._left.pop(seen.symbol)
        for old in beginning.frames:
            self._target.touch(old, now_ns, "said again")
        return [Inserted(old) for old in beginning.frames]

    def _is_replaced(self, frame: bytes, carried: list[Item]) -> bool:
        # Only the snapshot right behind its old version is left out.
        if self._target.spec.ending is not Ending.LOST or not carried or not isinstance(carried[-1], Inserted):
            return False
        return self._target.read(frame).role is Role.SNAPSHOT


class Rewind:
    """Say again, once, what was said lately."""

    def __init__(self, target: Target, frames: Sequence[bytes]) -> None:
        self._target = target
        self._frames = list(frames)

    def carry(self, items: Sequence[Item], now_ns: int) -> list[Item]:
        """Put the old frames before the new ones."""
        frames, self._frames = self._frames, []
        for frame in frames:
            self._target.touch(frame, now_ns, "said again")
        return [*(Inserted(frame) for frame in frames), *items]

    def finish(self, _now_ns: int) -> list[Item]:
        """Hold nothing."""
        return []


def silence(target: Target, *, has_heartbeats: bool) -> Withhold:
    """Return an effect that keeps all frames back, or only the data."""
    return Withhold(target, _ALIVE if has_heartbeats else _NOTHING)


def hangup(code: int) -> Hangup:
    """Return the end of a connection as a close code means it."""
    return Hangup(code=None if code == _NO_HANDSHAKE else code, reason="" if code == _NO_HANDSHAKE else "fault")
