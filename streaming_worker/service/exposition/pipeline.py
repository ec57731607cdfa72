"""What the pipeline last wrote about itself: a small file that a Dagster sensor replaces every minute.

The file's own time is the sign of life of the daemon that runs the sensor. No file, no samples; a file that cannot be
read is logged once by its text and gives none either, so that the alert on a missing heartbeat fires.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Final

import msgspec
import structlog

from streaming_worker.core.units import NANOS_PER_SECOND, Nanos
from streaming_worker.service.exposition.text import Sample

_LOG: Final = structlog.get_logger("metrics")
FILE_NAME: Final = "pipeline-metrics.json"


class PipelineReading(msgspec.Struct, frozen=True):
    """The file's content. ``replay_rows`` by status; a moment is None where nothing was ever sent."""

    written_ns: Nanos
    replay_rows: dict[str, int]
    reports_overdue: int
    report_sent_ns: Nanos | None
    segments_refused: int


class PipelineFile:
    """Reads the file anew for each scrape; it has a few hundred bytes."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._complaint: str | None = None

    def samples(self) -> Iterable[Sample]:
        """Yield the pipeline's metrics."""
        reading = self._read()
        if reading is None:
            return
        yield "arb_pipeline_heartbeat_timestamp_seconds", (), reading.written_ns / NANOS_PER_SECOND
        for status, rows in reading.replay_rows.items():
            yield "arb_replay_rows", (status,), rows
        yield "arb_reports_overdue", (), reading.reports_overdue
        yield "arb_segments_refused", (), reading.segments_refused
        if reading.report_sent_ns is not None:
            yield "arb_report_last_sent_timestamp_seconds", (), reading.report_sent_ns / NANOS_PER_SECOND

    def _read(self) -> PipelineReading | None:
        try:
            return msgspec.json.decode(self._path.read_bytes(), type=PipelineReading)
        except FileNotFoundError:
            return None
        except (OSError, msgspec.DecodeError) as e:
            if str(e) != self._complaint:
                self._complaint = str(e)
                _LOG.warning("pipeline_metrics_unreadable", path=str(self._path), error=str(e))
            return None
