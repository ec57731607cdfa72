"""How much of each limit is used now: conditions of the market and of the worker, against what they may be."""

from collections.abc import Sequence

from streaming_worker.api.reading.limits import Use
from streaming_worker.api.worker_link import WorkerView
from streaming_worker.core.units import NANOS_PER_MILLISECOND, Nanos


def uses(view: WorkerView, sol_price_instruments: Sequence[str], now_ns: Nanos) -> dict[str, Use]:
    """Return the uses that are known, by the limits' names."""
    found = (
        ("max_position_usd", _largest_opening_e8(view), "largest of the newest openings"),
        ("staleness_ms", _longest_silence_ns(view), "longest silence of a feed"),
        ("max_lag_ms", _slowest_delivery_ns(view), "slowest delivery of a book's last message"),
        ("max_sol_price_age_ms", _sol_price_age_ns(view, sol_price_instruments, now_ns), "age of the SOL price"),
    )
    return {name: Use(value, what) for name, value, what in found if value is not None}


def _largest_opening_e8(view: WorkerView) -> int | None:
    return max((row["opening_notional_usd_e8"] for row in view.recent("opportunity_openings")), default=None)


def _longest_silence_ns(view: WorkerView) -> int | None:
    feeds = () if view.health is None else view.health.feeds.values()
    ages = [feed.alive_age_ms for feed in feeds if feed.alive_age_ms is not None]
    return max(ages) * NANOS_PER_MILLISECOND if ages else None


def _slowest_delivery_ns(view: WorkerView) -> int | None:
    return max(
        (book.lag_ns for book in view.books.values() if book.is_synced and book.lag_ns is not None), default=None
    )


def _sol_price_age_ns(view: WorkerView, instruments: Sequence[str], now_ns: Nanos) -> int | None:
    """The freshest of the books that may price it."""
    books = [view.books[key] for key in instruments if key in view.books]
    return min((max(0, now_ns - book.received_ns) for book in books if book.is_synced), default=None)
