"""Is a day over and worked on: only then is its report final."""

from typing import Final

from arb_pipeline.hours import day_start_ns
from arb_pipeline.lake.catalogue import Catalogue
from arb_pipeline.report.period import Period
from streaming_worker.core.units import NANOS_PER_DAY, NANOS_PER_HOUR

_WAIT_FOR_HOURS_NS: Final = 6 * NANOS_PER_HOUR


def is_day_over(catalogue: Catalogue, day: str, *, at_ns: int) -> bool:
    """Return whether a day has ended and no hour of it waits; an hour that is stuck does not hold it up for ever."""
    ended_ns = day_start_ns(day) + NANOS_PER_DAY
    if at_ns < ended_ns:
        return False
    return at_ns >= ended_ns + _WAIT_FOR_HOURS_NS or all(part.hour.date != day for part in catalogue.due_hours())


def is_period_over(catalogue: Catalogue, period: Period, *, at_ns: int) -> bool:
    """Return whether every day of a period is over."""
    return all(is_day_over(catalogue, day, at_ns=at_ns) for day in reversed(period.keys))
