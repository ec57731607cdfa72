"""What the pipeline wrote is shown; without a file, or with a torn one, there is no heartbeat."""

from pathlib import Path

import msgspec
import pytest
from structlog.testing import capture_logs

from streaming_worker.service.exposition.pipeline import PipelineFile, PipelineReading

READING = PipelineReading(
    written_ns=5_000_000_000,
    replay_rows={"matched": 7, "missing": 1},
    reports_overdue=2,
    report_sent_ns=4_000_000_000,
    segments_refused=3,
)


def test_what_the_pipeline_wrote_is_shown(tmp_path: Path) -> None:
    path = tmp_path / "pipeline-metrics.json"
    path.write_bytes(msgspec.json.encode(READING))
    assert list(PipelineFile(path).samples()) == [
        ("arb_pipeline_heartbeat_timestamp_seconds", (), 5.0),
        ("arb_replay_rows", ("matched",), 7),
        ("arb_replay_rows", ("missing",), 1),
        ("arb_reports_overdue", (), 2),
        ("arb_segments_refused", (), 3),
        ("arb_report_last_sent_timestamp_seconds", (), 4.0),
    ]


def test_a_report_that_was_never_sent_has_no_time(tmp_path: Path) -> None:
    path = tmp_path / "pipeline-metrics.json"
    path.write_bytes(msgspec.json.encode(msgspec.structs.replace(READING, report_sent_ns=None)))
    assert "arb_report_last_sent_timestamp_seconds" not in [name for name, _, _ in PipelineFile(path).samples()]


@pytest.mark.parametrize("content", [b"", b"{", b'{"written_ns": "soon"}'])
def test_a_file_that_cannot_be_read_gives_nothing_and_is_logged_once(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "pipeline-metrics.json"
    file = PipelineFile(path)
    assert list(file.samples()) == []
    path.write_bytes(content)
    with capture_logs() as logs:
        assert list(file.samples()) == []
        assert list(file.samples()) == []
    assert [line["event"] for line in logs] == ["pipeline_metrics_unreadable"]
