"""What the running worker exposes: its health report, its engine's state and the counters of its parts."""

from collections.abc import Iterable
from typing import Final

from streaming_worker.core.feed_state import FeedState
from streaming_worker.core.outputs import RiskState
from streaming_worker.core.units import E8, NANOS_PER_SECOND, Nanos
from streaming_worker.engine.engine import Engine
from streaming_worker.engine.exposure import open_usd_e8
from streaming_worker.engine.state import BookView, PoolView
from streaming_worker.service.exposition.text import Sample
from streaming_worker.service.health import FeedHealth, Health, HealthReport, Status
from streaming_worker.service.tally import Tally

_MS: Final = 1_000


def health_samples(health: Health) -> Iterable[Sample]:
    """Yield the worker's status and its feeds'."""
    report = health.report()
    yield "arb_worker_info", (report.worker, report.run_id), 1
    yield from status_samples(report.status)
    yield "arb_worker_complaints", (), len(report.why)
    yield "arb_worker_started_timestamp_seconds", (), report.started_ns / NANOS_PER_SECOND
    for name, feed in report.feeds.items():
        yield from _feed(name, feed, report)


def status_samples(status: Status) -> Iterable[Sample]:
    """Yield one sample per status."""
    for one in Status:
        yield "arb_worker_status", (one.value,), one is status


def _feed(name: str, feed: FeedHealth, report: HealthReport) -> Iterable[Sample]:
    yield "arb_connection_status", (name,), feed.transport is FeedState.SYNCED
    for state in FeedState:
        yield "arb_feed_state", (name, state.value), feed.state is state
    # A feed that never delivered anything is as old as the run.
    silent_ms = feed.alive_age_ms
    if silent_ms is None:
        silent_ms = (report.at_ns - report.started_ns) * _MS // NANOS_PER_SECOND
    yield "arb_ws_staleness_seconds", (name,), max(silent_ms, feed.lag_ms or 0) / _MS
    if feed.lag_ms is not None:
        yield "arb_feed_lag_seconds", (name,), feed.lag_ms / _MS
    yield "arb_feed_frames_total", (name,), feed.frames
    yield "arb_feed_received_bytes_total", (name,), feed.bytes_received
    yield "arb_feed_bad_frames_total", (name,), feed.bad_frames
    yield "arb_feed_losses_total", (name,), feed.losses


def engine_samples(engine: Engine, now_ns: Nanos) -> Iterable[Sample]:
    """Yield books, chains, clocks and risk as the engine sees them."""
    state = engine.state
    yield "arb_events_total", (), state.event_count
    for name, feed in state.feeds.items():
        yield "arb_gaps_total", (name,), feed.gaps
        if feed.clock.offset_ns is not None:
            yield "arb_feed_clock_offset_seconds", (name,), feed.clock.offset_ns / NANOS_PER_SECOND
    for name, chain in state.chains.items():
        if chain.slot is not None and chain.slot_received_ns is not None:
            yield "arb_chain_slot", (name,), chain.slot
            yield "arb_chain_slot_age_seconds", (name,), max(now_ns - chain.slot_received_ns, 0) / NANOS_PER_SECOND
    views: list[BookView | PoolView] = [*state.books.values(), *state.pools.values()]
    for view in views:
        yield "arb_book_synced", (view.key,), view.is_synced
        yield "arb_book_updates_total", (view.key,), view.updates
    for key, book in state.books.items():
        yield "arb_book_crossed_seconds_total", (key,), book.crossed_ns / NANOS_PER_SECOND
    yield "arb_opportunities_open", (), sum(route.episode is not None for route in state.routes)
    yield from _risk(engine)


def _risk(engine: Engine) -> Iterable[Sample]:
    risk = engine.state.risk
    counted_e8 = risk.daily_net_usd_e8 + min(0, open_usd_e8(engine.state))
    yield "arb_risk_paused", (), risk.state is not RiskState.ACTIVE
    for state in RiskState:
        yield "arb_risk_state", (state.value,), risk.state is state
    yield "arb_daily_pnl_usd", (), counted_e8 / E8
    yield "arb_daily_realised_usd", (), risk.daily_net_usd_e8 / E8
    yield "arb_daily_loss_limit_usd", (), risk.daily_loss_usd_e8 / E8


def tally_samples(tally: Tally) -> Iterable[Sample]:
    """Yield what the engine has said in this run."""
    for reason, count in tally.opportunities.items():
        yield "arb_opportunities_total", (reason,), count
    for reason, count in tally.rejections.items():
        yield "arb_rejections_total", (reason,), count
    for labels, count in tally.trades.items():
        yield "arb_simulated_trades_total", labels, count
