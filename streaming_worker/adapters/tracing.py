"""The way out for traces: spans in batches, on a thread of their own, to one OTLP/HTTP address; nothing without one.

The SDK is imported only when an address is set. Its own environment variables for headers and certificates hold.
"""

from importlib.metadata import version
from typing import TYPE_CHECKING, Final

from opentelemetry.trace import NoOpTracer, Tracer

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SpanExporter

_DISTRIBUTION: Final = "arb-platform"
_FLUSH_MS: Final = 3_000
_EXPORT_S: Final = 5
_QUEUE: Final = 2_048
_BATCH_MS: Final = 1_000


class Tracing:
    """One process's traces. ``close`` sends what is left, within seconds."""

    def __init__(self, endpoint: str | None, service: str) -> None:
        self._provider = None if not endpoint else _provider(service, _exporter(endpoint))

    @property
    def is_on(self) -> bool:
        """Whether anything is exported."""
        return self._provider is not None

    def tracer(self, name: str) -> Tracer:
        """Return a tracer; one that does nothing where nothing is exported."""
        return NoOpTracer() if self._provider is None else self._provider.get_tracer(name)

    def close(self) -> None:
        """Send what is left and end the thread. Blocks, for some seconds at most."""
        if self._provider is not None:
            self._provider.force_flush(_FLUSH_MS)
            self._provider.shutdown()


def _exporter(endpoint: str) -> "SpanExporter":
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

    return OTLPSpanExporter(endpoint=endpoint, timeout=_EXPORT_S)


def _provider(service: str, exporter: "SpanExporter") -> "TracerProvider":
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    resource = Resource.create({"service.name": f"arb-{service}", "service.version": version(_DISTRIBUTION)})
    provider = TracerProvider(resource=resource, shutdown_on_exit=False)
    provider.add_span_processor(
        BatchSpanProcessor(
            exporter, max_queue_size=_QUEUE, schedule_delay_millis=_BATCH_MS, export_timeout_millis=5_000
        )
    )
    return provider
