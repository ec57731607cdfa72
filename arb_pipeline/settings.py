"""What the pipeline is told from outside: the platform's configuration, and its own few variables.

| variable | default | meaning |
|---|---|---|
| ARB_PIPELINE_START | demo: two days ago; live: 2026-01-01 | first UTC day that has partitions |
| ARB_PIPELINE_COMPACT_SECONDS | demo: 40, live: 180 | least time between two compactions |
| ARB_PIPELINE_GRACE_SECONDS | demo: 20, live: 180 | silence after which a run's last hour counts as closed |
| ARB_REPORT_TIMEZONE | UTC | time zone of ARB_REPORT_TIME |
| ARB_REPORT_CONSOLE_URL | the API's own address | where a report's links to the console go |
| ARB_REPORT_TIME | 06:30 | when the report of the UTC day before is made and sent |
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, time
from pathlib import Path

from arb_pipeline.hours import day_of
from streaming_worker.config import Config, SmtpConfig, load_config
from streaming_worker.config.local_time import report_time
from streaming_worker.config.settings import FILE_ENV
from streaming_worker.core.units import NANOS_PER_DAY
from streaming_worker.errors import ConfigError
from streaming_worker.storage.disk import MEGABYTE
from streaming_worker.storage.retention import KeepRules, rules_of

_LIVE_START = "2026-01-01"
_DEMO_DAYS = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class PipelineSettings:
    """Everything the code location is built from. ``raw_frames_free``: bytes below which old raw frames go early."""

    platform: Config
    data_dir: Path
    segments: Path
    lake: Path
    warehouse: Path
    published: Path
    reports: Path
    state: Path
    smtp: SmtpConfig
    start: str
    compact_seconds: int
    grace_seconds: int
    keep: KeepRules
    raw_frames_free: int
    backup_folder: Path | None
    backup_keep: int
    settings_file: Path | None
    report_timezone: str
    report_time: time
    dagster_url: str
    console_url: str


def load_settings(environ: Mapping[str, str], *, now_ns: int) -> PipelineSettings:
    """Return the settings in force. Raises ConfigError naming the variable and what it takes."""
    config = load_config(None, environ)
    is_demo = config.profile == "demo"
    paths = config.paths
    report = report_time(environ)
    return PipelineSettings(
        platform=config,
        data_dir=paths.data_dir.absolute(),
        segments=paths.segments.parent.absolute(),
        lake=paths.lake.absolute(),
        warehouse=paths.warehouse.absolute() / "warehouse.duckdb",
        published=paths.published.absolute() / "arb.duckdb",
        reports=paths.reports.absolute(),
        state=paths.state.absolute(),
        smtp=config.smtp,
        start=_day(environ, "ARB_PIPELINE_START", _default_start(config, now_ns)),
        compact_seconds=_seconds(environ, "ARB_PIPELINE_COMPACT_SECONDS", 40 if is_demo else 180),
        grace_seconds=_seconds(environ, "ARB_PIPELINE_GRACE_SECONDS", 20 if is_demo else 180),
        keep=rules_of(config.retention.segment_hours, config.retention.days),
        raw_frames_free=config.disk.raw_frames_free_mb * MEGABYTE,
        backup_folder=config.backup.folder,
        backup_keep=config.backup.keep,
        settings_file=Path(file) if (file := environ.get(FILE_ENV)) else None,
        report_timezone=report.timezone,
        report_time=report.at,
        console_url=_url(environ, "ARB_REPORT_CONSOLE_URL", f"http://{config.api.host}:{config.api.port}"),
        dagster_url=f"http://{config.dagster.host}:{config.dagster.port}",
    )


def _default_start(config: Config, now_ns: int) -> str:
    return day_of(now_ns - _DEMO_DAYS * NANOS_PER_DAY) if config.profile == "demo" else _LIVE_START


def _seconds(environ: Mapping[str, str], name: str, default: int) -> int:
    text = environ.get(name) or str(default)
    if not text.isdigit() or len(text) > 7:
        raise ConfigError(f"{name}: expected a whole number of at least 0, received {text!r}", key=name)
    return int(text)


def _day(environ: Mapping[str, str], name: str, default: str) -> str:
    text = environ.get(name) or default
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError as e:
        raise ConfigError(f"{name}: expected a day as in 2026-01-31, received {text!r}", key=name) from e


def _url(environ: Mapping[str, str], name: str, default: str) -> str:
    text = (environ.get(name) or default).rstrip("/")
    if not text.startswith(("http://", "https://")) or not text.isprintable() or " " in text:
        raise ConfigError(f"{name}: expected an address as in https://console.example, received {text!r}", key=name)
    return text
