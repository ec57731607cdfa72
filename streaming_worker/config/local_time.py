"""Time zones by name, and when reports go out: read alike by the pipeline and by the API."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import time
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from streaming_worker.errors import ConfigError


@dataclass(frozen=True, slots=True)
class ReportTime:
    """The time of day ``at`` by the clock on the wall of ``timezone``."""

    at: time
    timezone: str


def report_time(environ: Mapping[str, str]) -> ReportTime:
    """Return when the report of the UTC day before is made and sent. Raises ConfigError."""
    name = "ARB_REPORT_TIME"
    text = environ.get(name) or "06:30"
    try:
        at = time.fromisoformat(text)
    except ValueError as e:
        raise ConfigError(f"{name}: expected a time of day as in 06:30, received {text!r}", key=name) from e
    zone = time_zone(environ.get("ARB_REPORT_TIMEZONE") or "UTC", key="ARB_REPORT_TIMEZONE")
    return ReportTime(at, zone.key)


def time_zone(name: str, *, key: str) -> ZoneInfo:
    """Return a zone by its name. Raises ConfigError."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as e:
        raise ConfigError(f"{key}: expected a time zone as in Europe/London, received {name!r}", key=key) from e
