"""Every metric of the worker and the pipeline, named once: what may be exposed, and what docs/METRICS.md lists."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Kind(StrEnum):
    """Prometheus types."""

    GAUGE = "gauge"
    COUNTER = "counter"
    HISTOGRAM = "histogram"


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric; ``doc`` is its help text, units included."""

    name: str
    kind: Kind
    doc: str
    labels: tuple[str, ...] = ()


_FEED: Final = ("feed",)
_BOOK: Final = ("instrument",)


def _gauge(name: str, doc: str, labels: tuple[str, ...] = ()) -> Metric:
    return Metric(name, Kind.GAUGE, doc, labels)


def _count(name: str, doc: str, labels: tuple[str, ...] = ()) -> Metric:
    return Metric(name, Kind.COUNTER, doc, labels)


def _times(name: str, doc: str) -> Metric:
    return Metric(name, Kind.HISTOGRAM, doc)


_WORKER: Final = (
    _gauge("arb_worker_info", "1; which worker and run answer", ("worker", "run")),
    _gauge("arb_worker_status", "1 for the status that holds: ok, degraded or down; 0 for the others", ("status",)),
    _gauge("arb_worker_complaints", "lines under why in the health report"),
    _gauge("arb_worker_started_timestamp_seconds", "when this run began, Unix time"),
    _count("arb_events_total", "inputs that the engine has processed in this run"),
    _count("arb_outputs_total", "outputs of the engine in this run"),
)
_FEEDS: Final = (
    _gauge("arb_connection_status", "1 while the connection stands and shows signs of life, else 0", _FEED),
    _gauge(
        "arb_ws_staleness_seconds",
        "how old what the feed delivers is: time since its last sign of life, or its delay by the venue's own clock, "
        "whichever is more",
        _FEED,
    ),
    _gauge("arb_feed_state", "1 for the state that holds, 0 for the others", ("feed", "state")),
    _gauge("arb_feed_lag_seconds", "delay of the latest book by the venue's own clock", _FEED),
    _gauge("arb_feed_clock_offset_seconds", "our clock minus the venue's, with the shortest way of a message", _FEED),
    _count("arb_feed_frames_total", "frames received", _FEED),
    _count("arb_feed_received_bytes_total", "bytes received", _FEED),
    _count("arb_feed_bad_frames_total", "frames that could not be used and are kept as dead letters", _FEED),
    _count("arb_feed_losses_total", "connections that were lost", _FEED),
    _count("arb_feed_defects_total", "connections that a defect of the worker ended", _FEED),
    _count("arb_gaps_total", "losses of messages that the protocol saw, on a standing connection", _FEED),
    _gauge("arb_gaps_open", "books and pools that wait for a full state"),
    _count("arb_rpc_calls_total", "REST and RPC calls that were answered", _FEED),
    _count("arb_rpc_failed_calls_total", "REST and RPC calls that no attempt got an answer to", _FEED),
    _count("arb_rpc_retries_total", "attempts of calls after the first", _FEED),
    _count("arb_rpc_limited_total", "calls that the venue refused for their rate", _FEED),
    _gauge("arb_chain_slot", "newest slot that the node reported", _FEED),
    _gauge("arb_chain_slot_age_seconds", "time since the node reported a newer slot", _FEED),
    _gauge("arb_book_synced", "1 while the book or pool is whole, else 0", _BOOK),
    _count("arb_book_updates_total", "changes applied to the book or pool", _BOOK),
    _count("arb_book_crossed_seconds_total", "time that the book stood crossed", _BOOK),
)
_DECISIONS: Final = (
    _gauge("arb_opportunities_open", "episodes that are open now"),
    _count("arb_opportunities_total", "episodes that were closed, by reason", ("reason",)),
    _count("arb_rejections_total", "candidates refused, by the first limit that they failed", ("reason",)),
    _count("arb_simulated_trades_total", "simulated trades, by latency and result", ("latency_ms", "result")),
    _gauge("arb_risk_paused", "1 while the engine is paused or killed, else 0"),
    _gauge("arb_risk_state", "1 for the state that holds, 0 for the others", ("state",)),
    _gauge(
        "arb_daily_pnl_usd",
        "simulated result of the UTC day as the loss limit counts it: realised, and losses of what is open",
    ),
    _gauge("arb_daily_realised_usd", "realised simulated result of the UTC day"),
    _gauge("arb_daily_loss_limit_usd", "loss of a UTC day at which the engine is killed, above 0"),
)
_SPEED: Final = (
    _times("arb_frame_to_decision_seconds", "from a frame's receipt until the engine has decided on its event"),
    _times("arb_frame_to_commit_seconds", "of each commit, from its first event's receipt until that is durable"),
    _times("arb_decision_seconds", "the engine's own work on one event"),
    _times("arb_queue_age_seconds", "how long an event waited for the engine"),
    _times("arb_loop_lateness_seconds", "how late the event loop woke a sleeper on the 100 ms grid"),
    _gauge("arb_queue_depth", "events that wait for the engine"),
    _gauge("arb_queue_capacity", "events that may wait for the engine"),
    _gauge("arb_queue_high_water", "most events that ever waited in this run"),
    _count("arb_queue_dropped_total", "events of frames that did not fit; their feed starts over", _FEED),
)
_RECORD: Final = (
    _gauge("arb_sink_queue_depth", "items that wait for the writer"),
    _gauge("arb_sink_unacknowledged_events", "events decided on and not yet durable"),
    _gauge("arb_sink_last_commit_timestamp_seconds", "when the writer last committed, Unix time"),
    _gauge("arb_sink_commit_seconds", "duration of the latest commits", ("quantile",)),
    _count("arb_sink_commits_total", "commits"),
    _count("arb_sink_rows_total", "rows committed"),
    _count("arb_sink_saturated_total", "puts that found the queue full; nothing is dropped"),
    _count("arb_sink_pauses_total", "times that the engine waited for the writer"),
    _gauge("arb_sink_failed", "1 once the record could not be written, else 0"),
    _count("arb_segments_sealed_total", "segments sealed in this run"),
    _count("arb_segments_recovered_total", "segments that this start recovered from a killed run"),
    _gauge("arb_segment_live_rows", "rows in the file being written"),
    _gauge("arb_disk_free_bytes", "free space under the data folder"),
    _gauge("arb_disk_level", "0 plenty, 1 low, 2 raw frames are not kept, 3 capture is stopped"),
    _count("arb_raw_frames_held_back_total", "raw frames not kept for want of room"),
    _gauge("arb_clock_offset_seconds", "the machine's clock minus the record's, which never steps"),
)
_PIPELINE: Final = (
    _gauge("arb_pipeline_heartbeat_timestamp_seconds", "when the Dagster daemon last ran the measuring sensor"),
    _gauge("arb_replay_rows", "outputs of the last day's reconciled hours, by what the replay said", ("status",)),
    _gauge("arb_reports_overdue", "closed days of the last three with data whose final report is late"),
    _gauge("arb_report_last_sent_timestamp_seconds", "when a report was last sent, Unix time"),
    _gauge("arb_segments_refused", "segments that the compaction refused and nobody has looked at"),
)

METRICS: Final[dict[str, Metric]] = {
    metric.name: metric for metric in (*_WORKER, *_FEEDS, *_DECISIONS, *_SPEED, *_RECORD, *_PIPELINE)
}
"""Every metric by its name."""
