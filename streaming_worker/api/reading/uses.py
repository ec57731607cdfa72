"""How much of each limit is used now: conditions of the market and of the worker, against what they may be."""

from collections.abc import Sequence

from streaming_worker.api.reading.limits import Use
from streaming_worker.api.worker_link import Row, WorkerView
from streaming_worker.core.outputs import RiskCause, RiskState
from streaming_worker.core.units import MILLIONTHS, NANOS_PER_MILLISECOND, Nanos, ceil_div

_NEWEST = 100
# An edge in hundredths of a basis point is one in millionths.
_Found = tuple[str, int | None, str]


def uses(view: WorkerView, sol_price_instruments: Sequence[str], now_ns: Nanos) -> dict[str, Use]:
    """Return the uses that are known, by the limits' names."""
    openings = _newest(view, "opportunity_openings")
    found: tuple[_Found, ...] = (
        ("max_position_usd", _largest(openings), "largest of the newest openings"),
        ("threshold_bps", _thinnest(openings), "thinnest edge of the newest openings"),
        ("staleness_ms", _longest_silence_ns(view), "longest silence of a feed"),
        ("max_late_ms", _late_ns(view), "99 % of events waited less in the worker"),
        ("max_lag_ms", _slowest_delivery_ns(view), "slowest delivery of a book's last message"),
        ("min_output_tolerance_bps", _shortfall(view), "largest shortfall of the newest swaps"),
        ("max_sol_price_age_ms", _sol_price_age_ns(view, sol_price_instruments, now_ns), "age of the SOL price"),
        *_waits(view, now_ns),
    )
    return {name: Use(value, what) for name, value, what in found if value is not None}


def _newest(view: WorkerView, table: str) -> list[Row]:
    return view.recent(table)[-_NEWEST:]


def _largest(openings: Sequence[Row]) -> int | None:
    return max((row["opening_notional_usd_e8"] for row in openings), default=None)


def _thinnest(openings: Sequence[Row]) -> int | None:
    return min((row["opening_net_edge_centibps"] for row in openings), default=None)


def _waits(view: WorkerView, now_ns: Nanos) -> tuple[_Found, ...]:
    """What an automatic resume waits for, and what is left of the wait after one; nothing while nothing waits."""
    risk = view.risk
    if risk is None or not view.is_up:
        return ()
    waits = risk.state is RiskState.PAUSED and risk.cause == RiskCause.STALE_FEED.value
    since_ns = risk.healthy_since_ns
    healthy_ns = max(0, now_ns - since_ns) if waits and since_ns is not None else 0
    left_ns = max(0, risk.cools_until_ns - now_ns)
    return (
        ("resume_after_ms", healthy_ns, "health so far of the pause" if waits else "no pause waits for it"),
        ("cooldown_ms", left_ns, "what is left of the wait" if left_ns else "nothing waits"),
    )


def _late_ns(view: WorkerView) -> int | None:
    found = [view.metrics.get(name, {}).get("p99_ns") for name in ("queue_age", "loop_lateness")]
    return max((int(value) for value in found if isinstance(value, int | float)), default=None)


def _shortfall(view: WorkerView) -> int | None:
    """Return by how much the pool gave less than was planned, in millionths of the notional. Rounds: up."""
    lost = [
        ceil_div(
            max(0, row["predicted_price_impact_usd_e8"] - row["realised_price_impact_usd_e8"]) * MILLIONTHS,
            row["predicted_notional_usd_e8"],
        )
        for row in _newest(view, "simulated_trades")
        if row["predicted_notional_usd_e8"] > 0
    ]
    return max(lost, default=None)


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
