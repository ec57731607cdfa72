"""The shape of a loaded configuration: plain frozen values, no reading and no checking.

URLs may carry a key (private RPC endpoints do), so they never appear in a ``repr``.
"""

from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from streaming_worker.engine.settings import EngineSettings


def without_secrets(url: str) -> str:
    """Return scheme, host and port of a URL: what a log line may show."""
    parts = urlsplit(url)
    port = f":{parts.port}" if parts.port else ""
    return f"{parts.scheme}://{parts.hostname}{port}"


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerConfig:
    """Who captures: the name is part of every file name and row."""

    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PathsConfig:
    """Where everything is kept: one folder a purpose under ``data_dir``."""

    data_dir: Path
    worker: str

    @property
    def live(self) -> Path:
        """Files being written; only the worker opens them."""
        return self.data_dir / "live"

    @property
    def segments(self) -> Path:
        """Sealed, immutable files of this worker; anyone reads."""
        return self.data_dir / "segments" / self.worker

    @property
    def lake(self) -> Path:
        """Compacted Parquet hours."""
        return self.data_dir / "lake"

    @property
    def warehouse(self) -> Path:
        """The pipeline's own database folder."""
        return self.data_dir / "warehouse"

    @property
    def published(self) -> Path:
        """What analysts open."""
        return self.data_dir / "published"

    @property
    def reports(self) -> Path:
        """One folder a day."""
        return self.data_dir / "reports"

    @property
    def state(self) -> Path:
        """Process state: Dagster home, supervisor, logs, the demo's mail."""
        return self.data_dir / "state"

    @property
    def logs(self) -> Path:
        """The one log folder."""
        return self.state / "logs"


@dataclass(frozen=True, slots=True, kw_only=True)
class FallbackConfig:
    """Where a feed turns when its first endpoint fails; it may speak another protocol of the same venue."""

    protocol: str
    websocket_url: str = field(repr=False)
    rest_url: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedConfig:
    """One connection to one venue. ``instruments`` and ``pools`` are registry keys."""

    name: str
    protocol: str
    websocket_url: str = field(repr=False)
    rest_url: str = field(repr=False)
    instruments: tuple[str, ...]
    pools: tuple[str, ...]
    fallback: FallbackConfig | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CaptureConfig:
    """How the record is written. Units: milliseconds, seconds, rows as named."""

    raw_frames: bool
    rotate_seconds: int
    rotate_rows: int
    commit_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DiskConfig:
    """How much must be free, in MB (1,000,000 bytes), for capture to go on as it is; 0 never minds."""

    warn_free_mb: int
    raw_frames_free_mb: int
    capture_free_mb: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RetentionConfig:
    """How long what is kept. ``days`` is by name: tables, and the words replay, other, reports and runs."""

    segment_hours: int
    days: dict[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class BackupConfig:
    """Where the scheduled backup goes, None: nowhere; and how many are kept there."""

    folder: Path | None
    keep: int


@dataclass(frozen=True, slots=True, kw_only=True)
class IntegrityConfig:
    """What is done about books in doubt: a crossed one, one that stands still while it matters, Gemini's ids."""

    crossed_ms: int
    frozen_seconds: int
    gemini_accepts_next_id: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayConfig:
    """The worker's loopback door."""

    host: str
    port: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiConfig:
    """The API process. Limits are requests a minute; ``console_dir`` None is the console that ships."""

    host: str
    port: int
    database_url: str | None = field(repr=False)
    redis_url: str | None = field(repr=False)
    general_per_minute: int
    controls_per_minute: int
    status_per_minute: int
    streams_per_ip: int
    trusted_proxies: tuple[str, ...]
    allowed_origins: tuple[str, ...]
    console_dir: Path | None
    docs: bool
    secure_cookies: bool
    two_person_limits: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class VenuesConfig:
    """The local venues of the demo: ``port`` is the first of eleven; the market follows from ``seed``."""

    enabled: bool
    host: str
    port: int
    seed: int
    extra_books: bool
    history_hours: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DagsterConfig:
    """Where the pipeline's web interface answers."""

    host: str
    port: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SmtpConfig:
    """The way out for mail. ``sink`` starts a local server that keeps every mail as a file (demo)."""

    host: str
    port: int
    tls: str
    sender: str
    recipients: tuple[str, ...]
    user: str | None
    password: str | None = field(repr=False)
    sink: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class TracingConfig:
    """Where traces go, None: nowhere; and how often an event is traced. The address may hold a key."""

    endpoint: str | None = field(repr=False)
    every_seconds: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertChannelConfig:
    """One way to reach people. ``url`` is an apprise channel's, and a secret; ``recipients`` are an email channel's."""

    name: str
    kind: str
    min_severity: str
    quiet: bool
    recipients: tuple[str, ...]
    url: str | None = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertsConfig:
    """When alerts are told, and to whom."""

    quiet_hours: str | None
    timezone: str
    reminder_hours: int
    runbook_url: str
    watch_dagster: bool
    left_to_others: tuple[str, ...]
    channels: tuple[AlertChannelConfig, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """Everything a process needs to know; ``warnings`` are lines to show once at start."""

    profile: str
    worker: WorkerConfig
    paths: PathsConfig
    capture: CaptureConfig
    disk: DiskConfig
    retention: RetentionConfig
    backup: BackupConfig
    integrity: IntegrityConfig
    gateway: GatewayConfig
    api: ApiConfig
    venues: VenuesConfig
    dagster: DagsterConfig
    smtp: SmtpConfig
    tracing: TracingConfig
    alerts: AlertsConfig
    feeds: tuple[FeedConfig, ...]
    engine: EngineSettings
    warnings: tuple[str, ...]
