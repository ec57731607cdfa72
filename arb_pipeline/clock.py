"""The pipeline's one wall clock; everything else is told the time."""

import time


def now_ns() -> int:
    """Return UTC wall time in nanoseconds."""
    return time.time_ns()  # noqa: TID251  (the pipeline's one reading of the clock)
