"""Samples to Prometheus text, strictly as the catalogue says; a scrape is answered from the loop, in milliseconds."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final, TypeAlias

from prometheus_client.core import CollectorRegistry, CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.metrics_core import Metric as Family
from prometheus_client.registry import Collector
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from streaming_worker.core.histogram import Histogram
from streaming_worker.core.units import NANOS_PER_SECOND
from streaming_worker.service.exposition.catalogue import METRICS, Kind, Metric

Sample: TypeAlias = tuple[str, tuple[str, ...], float]
"""A metric's name, the values of its labels, and its value."""
Source: TypeAlias = Callable[[], Iterable[Sample]]

# From 2 us to 17 s. The bounds are powers of two, where the histogram's own buckets end: the counts are exact.
_POWERS: Final = tuple(range(11, 35))
_BOUNDS: Final = tuple(str(2**power / NANOS_PER_SECOND) for power in _POWERS)


class Exposition(Collector):
    """Asks its sources anew for each scrape."""

    def __init__(self, sources: Sequence[Source], histograms: Mapping[str, Histogram] | None = None) -> None:
        self._sources = sources
        self._histograms = histograms or {}
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(self)

    def collect(self) -> Iterable[Family]:
        """Return every family that has a sample now."""
        families: dict[str, Family] = {}
        for source in self._sources:
            for name, labels, value in source():
                family = families.get(name)
                if family is None:
                    family = families[name] = _family(METRICS[name])
                family.add_metric(labels, value)  # type: ignore[attr-defined]  # both kinds have it, their base not
        for name, histogram in self._histograms.items():
            families[name] = _histogram(METRICS[name], histogram)
        return families.values()

    def text(self) -> bytes:
        """Return the whole exposition."""
        return generate_latest(self._registry)

    def route(self) -> Route:
        """Return the route that answers a scrape."""
        return Route("/metrics", self._answer)

    async def _answer(self, _: Request) -> Response:
        return Response(self.text(), headers={"content-type": CONTENT_TYPE_LATEST})


def _family(metric: Metric) -> Family:
    kind = CounterMetricFamily if metric.kind is Kind.COUNTER else GaugeMetricFamily
    return kind(metric.name, metric.doc, labels=metric.labels)


def _histogram(metric: Metric, histogram: Histogram) -> Family:
    below = zip(_BOUNDS, histogram.counts_below(_POWERS), strict=True)
    buckets = [(bound, float(count)) for bound, count in below]
    buckets.append(("+Inf", float(histogram.count)))
    return HistogramMetricFamily(metric.name, metric.doc, buckets, sum_value=histogram.sum_ns / NANOS_PER_SECOND)
