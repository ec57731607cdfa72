"""Time ranges of a query: half open, in UTC, the last 24 hours where nothing is said."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Final

from fastapi import Query, Request

from streaming_worker.core.units import NANOS_PER_DAY, NANOS_PER_SECOND, Nanos
from streaming_worker.errors import RequestRefused

LONGEST_NS: Final = 400 * NANOS_PER_DAY
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MOMENT: Final = {"examples": ["2026-01-31T12:00:00Z"]}


@dataclass(frozen=True, slots=True)
class Range:
    """``[from_ns, to_ns)``, ns UTC. An end that was not given is now, rounded up to the second."""

    from_ns: Nanos
    to_ns: Nanos

    def holds(self, column: str) -> str:
        """Return the condition that a column of ns lies in it."""
        return f"{column} >= {self.from_ns} AND {column} < {self.to_ns}"


def wanted_range(
    request: Request,
    from_: Annotated[
        str | None, Query(alias="from", max_length=40, description="first moment, UTC; 24 hours ago", **_MOMENT)
    ] = None,
    to: Annotated[str | None, Query(max_length=40, description="first moment after it, UTC; now", **_MOMENT)] = None,
) -> Range:
    """Read a range from a query. Raises RequestRefused."""
    now_ns = request.app.state.services.clock.now_ns()
    to_ns = (now_ns // NANOS_PER_SECOND + 2) * NANOS_PER_SECOND if to is None else parsed(to, "to")
    from_ns = to_ns - NANOS_PER_DAY if from_ is None else parsed(from_, "from")
    if from_ns > to_ns:
        raise RequestRefused(422, "bad_range", "from lies after to")
    if to_ns - from_ns > LONGEST_NS:
        raise RequestRefused(422, "bad_range", "a range has at most 400 days")
    return Range(from_ns, to_ns)


def parsed(text: str, name: str) -> Nanos:
    """Return an ISO 8601 moment as ns UTC; without a zone it is UTC. Raises RequestRefused."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError as e:
        raise RequestRefused(422, "bad_time", f"{name}: expected a time such as 2026-01-31T12:00:00Z") from e
    at = at.replace(tzinfo=UTC) if at.tzinfo is None else at
    if not 1970 <= at.year <= 2200:
        raise RequestRefused(422, "bad_time", f"{name}: expected a year from 1970 to 2200")
    elapsed = at - _EPOCH
    nanos = (elapsed.days * 86_400 + elapsed.seconds) * NANOS_PER_SECOND + elapsed.microseconds * 1_000
    if nanos < 0:
        raise RequestRefused(422, "bad_time", f"{name}: expected a time from 1970 on")
    return nanos
