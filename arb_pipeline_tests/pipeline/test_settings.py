"""What the pipeline is told, and how a wrong value is refused."""

from datetime import time
from pathlib import Path

import pytest

from arb_pipeline.settings import load_settings
from streaming_worker.core.units import NANOS_PER_SECOND
from streaming_worker.errors import ConfigError

NOW_NS = 1_741_478_400 * NANOS_PER_SECOND


def test_a_demo_is_quick_and_begins_the_day_before_yesterday(tmp_path: Path) -> None:
    settings = load_settings({"ARB_PROFILE": "demo", "ARB_DATA_DIR": str(tmp_path)}, now_ns=NOW_NS)
    assert settings.start == "2025-03-07"
    assert settings.compact_seconds == 40
    assert settings.lake == tmp_path / "lake"
    assert settings.warehouse == tmp_path / "warehouse" / "warehouse.duckdb"


def test_live_begins_on_a_fixed_day(tmp_path: Path) -> None:
    settings = load_settings({"ARB_PROFILE": "live", "ARB_DATA_DIR": str(tmp_path)}, now_ns=NOW_NS)
    assert settings.start == "2026-01-01"
    assert settings.grace_seconds == 180


def test_every_variable_is_read() -> None:
    settings = load_settings(
        {
            "ARB_PIPELINE_START": "2024-02-29",
            "ARB_PIPELINE_COMPACT_SECONDS": "7",
            "ARB_PIPELINE_GRACE_SECONDS": "0",
            "ARB_RETENTION_SEGMENT_HOURS": "1",
            "ARB_RETENTION_DAYS": "raw_frames=7, replay=30,reports=400",
            "ARB_BACKUP_FOLDER": "/somewhere/else",
            "ARB_REPORT_TIMEZONE": "Europe/London",
            "ARB_REPORT_TIME": "07:45",
        },
        now_ns=NOW_NS,
    )
    assert (settings.start, settings.compact_seconds, settings.grace_seconds) == ("2024-02-29", 7, 0)
    assert (settings.report_timezone, settings.report_time) == ("Europe/London", time(7, 45))
    assert (settings.keep.segment_hours, settings.keep.report_days, settings.keep.run_days) == (1, 400, None)
    kept = [settings.keep.days_of(table) for table in ("raw_frames", "book_updates", "keyframes", "gaps")]
    assert kept == [7, 30, 30, None]
    assert (settings.backup_folder, settings.backup_keep) == (Path("/somewhere/else"), 14)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ARB_PIPELINE_START", "yesterday"),
        ("ARB_PIPELINE_COMPACT_SECONDS", "-1"),
        ("ARB_PIPELINE_GRACE_SECONDS", "2.5"),
        ("ARB_REPORT_TIMEZONE", "Mars/Olympus"),
        ("ARB_REPORT_TIMEZONE", "../etc/passwd"),
        ("ARB_REPORT_TIME", "25:00"),
        ("ARB_REPORT_CONSOLE_URL", "javascript:x"),
        ("ARB_REPORT_CONSOLE_URL", "console"),
    ],
)
def test_a_wrong_value_is_refused_by_name(name: str, value: str) -> None:
    with pytest.raises(ConfigError, match=f"{name}: expected .* received '{value}'") as refused:
        load_settings({name: value}, now_ns=NOW_NS)
    assert refused.value.key == name
