"""The API's own counters, as Prometheus reads them; each application has a registry of its own."""

from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

CONTENT_TYPE: Final = CONTENT_TYPE_LATEST
_SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.5, 1.0, 2.5, 5.0, 10.0)


class ApiMetrics:
    """Counters, gauges and histograms of one application."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "http_requests_total",
            "Requests answered, by method, route and status.",
            ("method", "route", "status"),
            registry=self.registry,
        )
        self.seconds = Histogram(
            "http_request_duration_seconds",
            "Time from the first byte of a request to the last of its answer, by route.",
            ("route",),
            buckets=_SECONDS,
            registry=self.registry,
        )
        self.in_flight = Gauge("http_requests_in_flight", "Requests being answered now.", registry=self.registry)
        self.limited = Counter(
            "http_requests_limited_total",
            "Requests refused by a rate limit, by class.",
            ("kind",),
            registry=self.registry,
        )
        self.logins = Counter("arb_api_logins_total", "Logins, by outcome.", ("outcome",), registry=self.registry)
        self.viewers = Gauge("arb_api_viewers", "Live streams open now.", registry=self.registry)
        self.viewers_cut = Counter(
            "arb_api_viewers_cut_total", "Live streams ended by us, by reason.", ("reason",), registry=self.registry
        )
        self.stream_messages = Counter(
            "arb_api_stream_messages_total", "Messages put out to live streams.", registry=self.registry
        )
        self.worker_up = Gauge("arb_api_worker_up", "1 while the worker's stream comes.", registry=self.registry)
        self.worker_restarts = Counter(
            "arb_api_worker_runs_total", "Runs of the worker that the API has seen.", registry=self.registry
        )
        self.queries = Histogram(
            "arb_api_record_query_seconds", "Time of a query over the record.", buckets=_SECONDS, registry=self.registry
        )

    def text(self) -> bytes:
        """Return everything in Prometheus's text format."""
        return generate_latest(self.registry)
