"""Frozen settings from a profile, a file and the environment; nothing else reads the environment."""

from streaming_worker.config.load import load_config
from streaming_worker.config.model import (
    AlertChannelConfig,
    AlertsConfig,
    BackupConfig,
    CaptureConfig,
    Config,
    DagsterConfig,
    DiskConfig,
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
    "AlertChannelConfig",
    "AlertsConfig",
    "BackupConfig",
    "CaptureConfig",
    "Config",
    "DagsterConfig",
    "DiskConfig",
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
