"""Which frames a fault may touch on one connection, and the note of each that it did."""

import random
from dataclasses import dataclass
from typing import Final

from streaming_worker.sandbox.faults.frames import Role, Seen, read_frame
from streaming_worker.sandbox.faults.log import FaultRecord
from streaming_worker.sandbox.faults.spec import FaultSpec

_ALL: Final = 100


@dataclass(frozen=True, slots=True)
class Target:
    """One fault on one connection of a venue."""

    record: FaultRecord
    venue: str
    connection: int
    rng: random.Random

    @property
    def spec(self) -> FaultSpec:
        """The fault as it was written down."""
        return self.record.spec

    def read(self, frame: bytes) -> Seen:
        """Return what a frame is."""
        return read_frame(self.venue, frame)

    def chooses(self, frame: bytes) -> bool:
        """Say whether this frame is to be touched: the right book, by chance, and not too many."""
        return self.is_about(frame) and self.happens()

    def happens(self) -> bool:
        """Say whether it is to happen this time: by chance, and not too often."""
        if self.record.is_spent:
            return False
        return self.spec.percent == _ALL or self.rng.randrange(_ALL) < self.spec.percent

    def is_about_path(self, path: str) -> bool:
        """Say whether a call is about the fault's book, if it has one."""
        symbol = self.spec.symbol
        return symbol is None or symbol.replace("-", "").lower() in path.replace("-", "").lower()

    def is_about(self, frame: bytes, without: frozenset[Role] = frozenset()) -> bool:
        """Say whether a frame is about the fault's book, if it has one, and has none of the roles left out."""
        if self.spec.symbol is None and not without:
            return True
        seen = self.read(frame)
        return seen.role not in without and self.spec.symbol in (None, seen.symbol)

    def touch(self, frame: bytes | None, now_ns: int, action: str) -> None:
        """Note that something was done, to a frame or to the connection."""
        seen = None if frame is None or self.connection == 0 else self.read(frame)
        self.record.touch(now_ns, self.connection, seen, action)
