"""Frozen settings from a profile, a file and the environment; nothing else reads the environment."""

from streaming_worker.config.load import load_config
from streaming_worker.config.model import (
    BackupConfig,
    CaptureConfig,
    Config,
    DagsterConfig,
    FallbackConfig,
    FeedConfig,
    GatewayConfig,
    PathsConfig,
    RetentionConfig,
    SmtpConfig,
    TracingConfig,
    VenuesConfig,
    WorkerConfig,
)

__all__ = [
    "BackupConfig",
    "CaptureConfig",
    "Config",
    "DagsterConfig",
    "FallbackConfig",
    "FeedConfig",
    "GatewayConfig",
    "PathsConfig",
    "RetentionConfig",
    "SmtpConfig",
    "TracingConfig",
    "VenuesConfig",
    "WorkerConfig",
    "load_config",
]
