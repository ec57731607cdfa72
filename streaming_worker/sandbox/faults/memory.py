"""What a venue has said before, kept so that it can say it again at the wrong time."""

from collections import deque
from dataclasses import dataclass, field
from typing import Final

from streaming_worker.sandbox.faults.frames import DATA, Role, Seen

_CHANGES_KEPT: Final = 50
_RECENT_KEPT: Final = 512


@dataclass(slots=True)
class Beginning:
    """How the data of one book began on a connection: the first frame and some that followed."""

    first: bytes
    following: list[bytes] = field(default_factory=list)

    @property
    def frames(self) -> list[bytes]:
        """Return all, in order."""
        return [self.first, *self.following]


class Memory:
    """The beginning of each book's data on one connection, and its last frames of any kind with their times."""

    def __init__(self) -> None:
        self.beginnings: dict[str | None, Beginning] = {}
        self._recent: deque[tuple[int, Role, bytes]] = deque(maxlen=_RECENT_KEPT)

    def note(self, frame: bytes, seen: Seen, now_ns: int) -> None:
        """Remember one frame."""
        self._recent.append((now_ns, seen.role, frame))
        if seen.role not in DATA or seen.role is Role.TRADE:
            return
        beginning = self.beginnings.get(seen.symbol)
        if beginning is None or seen.role is Role.SNAPSHOT:
            self.beginnings[seen.symbol] = Beginning(frame)
        elif len(beginning.following) < _CHANGES_KEPT:
            beginning.following.append(frame)

    def since(self, then_ns: int) -> list[bytes]:
        """Return what was pushed from a moment on: data and heartbeats, no replies."""
        return [frame for at_ns, role, frame in self._recent if at_ns >= then_ns and role is not Role.REPLY]
