"""Put an hour into a query: every query of this package is written for one hour."""

from arb_pipeline.hours import Hour
from streaming_worker.core.units import MILLIONTHS, NANOS_PER_HOUR, NANOS_PER_SECOND


def in_hour(query: str, hour: Hour) -> str:
    """Return the query for one hour. Units: ``start_ns`` and ``end_ns`` bound the hour, half-open."""
    return query.format(
        start_ns=hour.start_ns,
        end_ns=hour.end_ns,
        second_ns=NANOS_PER_SECOND,
        seconds=NANOS_PER_HOUR // NANOS_PER_SECOND,
        millionths=MILLIONTHS,
    )
