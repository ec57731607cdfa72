"""The settings of traces; they are off without an address to send them to."""

from typing import Final

from streaming_worker.config.setting import Kind, Setting

TRACING_SETTINGS: Final[tuple[Setting, ...]] = (
    Setting(
        "tracing.endpoint",
        Kind.URL,
        "where traces go (OTLP over HTTP, as in http://127.0.0.1:4318/v1/traces); without it nothing is traced",
        secret=True,
    ),
    Setting(
        "tracing.every_seconds",
        Kind.INTEGER,
        "one event in this time is traced from its frame to its commit; commands always are",
        default=1,
        minimum=1,
        maximum=3600,
    ),
)
