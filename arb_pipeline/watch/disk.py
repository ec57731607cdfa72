"""Is there room for the record: an alert out of the free space under the data folder."""

import shutil
from pathlib import Path
from typing import Final

from streaming_worker.alerts import Alert, Severity
from streaming_worker.config import DiskConfig

MEGABYTE: Final = 1_000_000


def disk_alerts(folder: Path, limits: DiskConfig, *, free_bytes: int | None = None) -> list[Alert]:
    """Return what is wrong with the disk: at most one alert; critical where capture stops."""
    free_mb = (shutil.disk_usage(folder).free if free_bytes is None else free_bytes) // MEGABYTE
    if free_mb >= limits.warn_free_mb:
        return []
    is_stopping = free_mb < limits.capture_free_mb
    consequence = "Capture is stopped." if is_stopping else "Capture goes on for now."
    return [
        Alert(
            kind="disk_low",
            subject="data",
            title=f"{free_mb:,} MB are left for the record",
            detail=f"Less than {limits.warn_free_mb:,} MB are free under the data folder. {consequence}",
            severity=Severity.CRITICAL if is_stopping else Severity.WARNING,
            source="dagster",
            context={"Folder": str(folder), "Capture stops below": f"{limits.capture_free_mb:,} MB"},
        )
    ]
