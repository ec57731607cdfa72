"""When is an hour closed: when every run that has rows in it has gone past its end, or has fallen silent.

While a run replays history at high speed its hours are passed within seconds; they wait until it has caught up or is
done, so that one run of the pipeline takes them all.
"""

from collections.abc import Iterable

from arb_pipeline.hours import Hour
from arb_pipeline.lake.catalogue import DueHour
from streaming_worker.core.units import NANOS_PER_HOUR

CATCHING_UP_NS = NANOS_PER_HOUR


def closed_hours(due: Iterable[DueHour], *, now_ns: int, grace_ns: int) -> dict[Hour, int]:
    """Return the hours that may be worked on, each with the sum of its versions over the runs that are due."""
    versions: dict[Hour, int] = {}
    still_open: set[Hour] = set()
    for part in due:
        versions[part.hour] = versions.get(part.hour, 0) + part.version
        if not _is_closed(part, now_ns=now_ns, grace_ns=grace_ns):
            still_open.add(part.hour)
    return {hour: version for hour, version in sorted(versions.items()) if hour not in still_open}


def _is_closed(part: DueHour, *, now_ns: int, grace_ns: int) -> bool:
    if now_ns < part.hour.end_ns:
        return False
    is_silent = now_ns - part.recorded_ns >= grace_ns and now_ns >= part.hour.end_ns + grace_ns
    has_passed = part.last_ns >= part.hour.end_ns
    is_catching_up = now_ns - part.last_ns > CATCHING_UP_NS
    return is_silent or (has_passed and not is_catching_up)
