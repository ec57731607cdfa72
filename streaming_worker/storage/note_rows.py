"""Rows that the service notes about itself."""

import msgspec

from streaming_worker.core.histogram import Histogram
from streaming_worker.core.units import Nanos
from streaming_worker.storage.rows import Row


def latency_row(received_ns: Nanos, stage: str, since_ns: Nanos, counted: Histogram) -> Row:
    """Return the row of a histogram that counted something."""
    shares = [counted.percentile_ns(percent) for percent in (50, 95, 99)]
    buckets = msgspec.json.encode(counted.bounds()).decode()
    return (received_ns, stage, since_ns, counted.count, *shares, counted.max_ns, counted.sum_ns, buckets)
