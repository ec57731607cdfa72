"""Many hours worked by one backfill through a real daemon: its time, and the most memory that a process of it took.

``python -m arb_pipeline_tests.load.bench_backfill [ROWS] [HOURS]``: so many level rows over all hours together. The
assets are those of an hour, the marts and the published file; nobody helps but the daemon.
"""

import json
import sys
import tempfile
from pathlib import Path
from time import monotonic, sleep
from typing import Any, Final

import duckdb

from arb_pipeline_tests.fixtures.daemon import DagsterPrograms, dagster_over
from arb_pipeline_tests.fixtures.platform import platform_at
from arb_pipeline_tests.load.bench_hour import HOUR, make_hour

ROWS: Final = 10_000_000
HOURS: Final = 24
ASSETS: Final = (
    "replayed_outputs", "reconciled_opportunities", "feed_quality", "simulated_trades", "pnl_hourly", "market_minutes",
    "attribution", "lead_lag", "published_database",
)  # fmt: skip
_PATIENCE_SECONDS: Final = 3_000
_LOOK_SECONDS: Final = 0.5
_SHOWN: Final = 6
_OVER: Final = frozenset({"COMPLETED_SUCCESS", "COMPLETED_FAILED", "COMPLETED", "FAILED", "CANCELED"})


def peak_mb(home: Path) -> dict[str, int]:
    """Return the most memory that each living process of a Dagster home has had, in MB, by what it is."""
    found: dict[str, int] = {}
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if f"DAGSTER_HOME={home}".encode() not in (process / "environ").read_bytes():
                continue
            command = (process / "cmdline").read_bytes()
            status = (process / "status").read_text()
        except OSError:
            continue
        peaks = [int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM:")]
        if peaks:
            name = _kind(command)
            found[name] = max(found.get(name, 0), peaks[0] * 1024 // 1_000_000)
    return found


def _kind(command: bytes) -> str:
    kinds = {b"spawn_main": "run", b"dbt": "dbt", b"dagster-daemon": "daemon", b"dagster-webserver": "web"}
    return next((kind for mark, kind in kinds.items() if mark in command), "code server")


def bench(rows: int, hours: int) -> dict[str, Any]:
    """Return the time and the peak memory of a backfill. Raises AssertionError where it does not succeed."""
    with tempfile.TemporaryDirectory(prefix="arb-backfill-") as folder:
        data_dir, home = Path(folder) / "data", Path(folder) / "home"
        events = make_hour(data_dir, rows // hours, hours=hours)
        platform = platform_at(data_dir)
        with platform.instance:
            assert platform.compact().success
        keys = [HOUR.shifted(offset).key for offset in range(hours)]
        marts = [
            spec.key.to_user_string()
            for spec in platform.definitions.resolve_all_asset_specs()
            if spec.group_name in ("reference", "staging", "intermediate", "marts")
        ]
        # With such a grace no hour counts as closed, so that no sensor takes the work away.
        late = {"ARB_PIPELINE_START": HOUR.date, "ARB_PIPELINE_GRACE_SECONDS": "9999999"}
        with dagster_over(data_dir, home, **late) as programs:
            seconds, peaks = _backfilled(programs, home, [*ASSETS, *marts], keys)
            runs = [run for run in programs.runs() if any(tag["key"] == "dagster/backfill" for tag in run["tags"])]
            for run in runs:
                if run["status"] != "SUCCESS":
                    said = programs.messages(run["runId"])
                    sys.stderr.write("\n".join([f"{run['status']}:", *said[-_SHOWN:], ""]))
        published = data_dir / "published" / "arb.duckdb"
        return {
            "hours": hours,
            "level_rows": _level_rows(data_dir),
            "events": events,
            "runs": sorted(run["status"] for run in runs),
            "seconds": round(seconds, 1),
            "seconds_an_hour": round(seconds / hours, 2),
            "peak_mb": peaks,
            "opportunities_published": _count(published, "fct_opportunities"),
            "hours_published": _count(published, "(FROM fct_completeness SELECT DISTINCT hour_at)"),
        }


def _backfilled(
    programs: DagsterPrograms, home: Path, assets: list[str], keys: list[str]
) -> tuple[float, dict[str, int]]:
    started = monotonic()
    backfill = programs.backfill(assets, keys)
    peaks: dict[str, int] = {}
    while (status := programs.backfill_status(backfill)) not in _OVER:
        assert monotonic() - started < _PATIENCE_SECONDS, f"the backfill is still {status}"
        for name, most in peak_mb(home).items():
            peaks[name] = max(peaks.get(name, 0), most)
        sleep(_LOOK_SECONDS)
    assert status == "COMPLETED_SUCCESS", status
    return monotonic() - started, peaks


def _level_rows(data_dir: Path) -> int:
    query = f"FROM read_parquet('{data_dir}/lake/book_updates/*/*/*.parquet') SELECT count(*)"
    return int(duckdb.sql(query).fetchall()[0][0])


def _count(database: Path, table: str) -> int:
    with duckdb.connect(str(database), read_only=True) as connection:
        return int(connection.execute(f"FROM {table} SELECT count(*)").fetchall()[0][0])


def main(arguments: list[str]) -> None:
    """Run the bench."""
    rows, hours = (int(text) for text in (*arguments, *(str(n) for n in (ROWS, HOURS)[len(arguments) :])))
    sys.stdout.write(json.dumps(bench(rows, hours), indent=2) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
