"""What each fault did, when, and to what: kept so that a reader can be told afterwards what was wrong at any moment."""

from typing import Any, Final

import msgspec

from streaming_worker.sandbox.faults.frames import Seen
from streaming_worker.sandbox.faults.spec import FaultSpec

_TOUCHES_KEPT: Final = 40
_RECORDS_KEPT: Final = 20_000


class Touch(msgspec.Struct, frozen=True):
    """One frame or answer that was interfered with; ``connection`` is 0 for an answer to a call.

    ``role`` is what the frame was at its venue, None where it was none.
    """

    at_ns: int
    connection: int
    symbol: str | None
    role: str | None
    action: str


class FaultRecord(msgspec.Struct):
    """One fault from its start on; ``ended_ns`` is None while it lasts. The first touches are kept, all are counted."""

    number: int
    spec: FaultSpec
    started_ns: int
    ended_ns: int | None = None
    affected: int = 0
    first_ns: int | None = None
    last_ns: int | None = None
    connections: list[int] = []
    symbols: list[str] = []
    roles: list[str] = []
    touches: list[Touch] = []

    @property
    def is_spent(self) -> bool:
        """Whether it has touched as many frames as it may."""
        return self.spec.most is not None and self.affected >= self.spec.most

    def touch(self, at_ns: int, connection: int, seen: Seen | None, action: str) -> None:
        """Note one interference."""
        self.affected += 1
        self.first_ns = at_ns if self.first_ns is None else self.first_ns
        self.last_ns = at_ns
        symbol, role = (None, None) if seen is None else (seen.symbol, seen.role.value)
        _add(self.connections, connection or None)
        _add(self.symbols, symbol)
        _add(self.roles, role)
        if len(self.touches) < _TOUCHES_KEPT:
            self.touches.append(Touch(at_ns, connection, symbol, role, action))

    def was_active(self, at_ns: int) -> bool:
        """Whether it was in force at a moment."""
        return self.started_ns <= at_ns and (self.ended_ns is None or at_ns <= self.ended_ns)


class FaultLog:
    """All faults so far, the oldest forgotten in the end."""

    def __init__(self) -> None:
        self._records: dict[int, FaultRecord] = {}
        self._count = 0

    def open(self, spec: FaultSpec, now_ns: int) -> FaultRecord:
        """Begin a record."""
        self._count += 1
        record = self._records[self._count] = FaultRecord(number=self._count, spec=spec, started_ns=now_ns)
        if len(self._records) > _RECORDS_KEPT:
            del self._records[next(iter(self._records))]
        return record

    def get(self, number: int) -> FaultRecord | None:
        """Return one record."""
        return self._records.get(number)

    def everything(self) -> list[FaultRecord]:
        """Return all records, oldest first."""
        return list(self._records.values())

    def active_at(self, at_ns: int) -> list[FaultRecord]:
        """Return the faults that were in force at a moment."""
        return [record for record in self._records.values() if record.was_active(at_ns)]


def _add(known: list[Any], value: object) -> None:
    if value is not None and value not in known:
        known.append(value)
