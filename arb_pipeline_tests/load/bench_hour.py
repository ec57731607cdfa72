"""One hour of 10 million level rows through every hourly asset, beside a bare DuckDB query of the same data.

``python -m arb_pipeline_tests.load.bench_hour [ROWS]``. Each contestant runs in a process of its own, so that its peak
memory is its own; the seconds are of the work, without loading code. A bare query does the least that
could be called the same: it reads what the asset reads, and sorts, joins or groups it once; beside dbt stand the
statements that dbt ran, tests included.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from graphlib import TopologicalSorter
from pathlib import Path
from time import monotonic, sleep
from typing import Any, Final

import duckdb

from arb_pipeline.dbt_files import project_folder
from arb_pipeline.hours import Hour
from arb_pipeline.lake.connection import open_hours, open_memory, quoted
from arb_pipeline.lake.layout import LakeLayout
from arb_pipeline_tests.fixtures.market import COINBASE, GEMINI, SLOT, Script, settings
from arb_pipeline_tests.fixtures.recorded import CENT, CapturingEngine
from streaming_worker.adapters.clock import AnchoredClock
from streaming_worker.core.events import ClockTick, FeedHeartbeat
from streaming_worker.core.units import E8, NANOS_PER_HOUR, NANOS_PER_SECOND, TICK_NS
from streaming_worker.engine.engine import Engine
from streaming_worker.storage.live_file import WorkerRun
from streaming_worker.storage.schema import TABLE, TABLES, Role
from streaming_worker.storage.segments import list_segments
from streaming_worker.storage.sink import Sink, SinkSettings

ROWS: Final = 10_000_000
HOUR: Final = Hour.from_key("2025-03-08-21:00")
_LEVELS: Final = 5
_EPISODE_TICKS: Final = 600
_SHOWN_LOG: Final = 6_000
_INPUTS: Final = tuple(table.name for table in TABLES if table.role is Role.INPUT)
_ORDER: Final = ("worker", "run_id", "seq", "position", "tick_index")
Facts = dict[str, float]
Work = Callable[[], bool]
# What is given a data folder and returns the work that is timed: code is loaded before the clock starts.
Contestant = Callable[[Path], Work]


def make_hour(data_dir: Path, rows: int, *, hours: int = 1) -> int:
    """Capture an hour with so many level rows by the production engine and sink; return the number of events.

    With ``hours`` as many in a row, each with so many rows.

    Every 100 ms a tick and a burst of deltas, five levels each, one in eight of them at the best price; a slot every
    400 ms; every minute Gemini is 2 USD cheap for three seconds.
    """
    run = WorkerRun(worker="main", run_id="bench", version="test", settings="{}")
    sink = Sink(data_dir, run, AnchoredClock(), SinkSettings(rotate_rows=1_000_000, rotate_seconds=3600, commit_ms=50))
    sink.start()
    try:
        engine = CapturingEngine(Engine(settings()), sink)
        script = Script(engine, now_ns=HOUR.start_ns)
        script.calm()
        ticks = NANOS_PER_HOUR // TICK_NS
        burst = -(-rows // (ticks * _LEVELS))
        for number in range(1, ticks * hours + 1):
            script.now_ns = HOUR.start_ns + number * TICK_NS
            _tick(script, number, burst)
            script.events.clear()
            script.outputs.clear()
            while sink.is_saturated:
                sleep(0.01)
        return engine.event_count
    finally:
        sink.stop()


def _tick(script: Script, number: int, burst: int) -> None:
    now = script.now_ns
    script.send(ClockTick(now))
    if number % 4 == 0:
        script.advance_slot()
    if now % (5 * NANOS_PER_SECOND) == 0:
        for feed in ("coinbase", "gemini"):
            script.send(FeedHeartbeat(feed, now - 20_000_000, script.slot - SLOT, now))
    phase = number % _EPISODE_TICKS
    if phase == 100:
        script.book(GEMINI, 148 * E8, 148 * E8 + CENT)
    elif phase == 130:
        script.book(GEMINI, 150 * E8 - CENT, 150 * E8 + CENT)
    is_open = 100 <= phase < 130
    for step in range(burst):
        _delta(script, COINBASE if step % 2 or is_open else GEMINI, number * burst + step)


def _delta(script: Script, instrument: str, seed: int) -> None:
    """Three bids and two asks; the best ones change their size, deeper ones come and go."""
    depth = 0 if seed % 8 == 0 else 2 + seed % 15
    size = (5 + seed % 7) * E8
    bids = [(150 * E8 - CENT * (1 + depth + step), size) for step in range(3)]
    asks = [(150 * E8 + CENT * (1 + depth + step), size) for step in range(2)]
    script.delta(instrument, bids=bids, asks=asks)


def _platform(data_dir: Path) -> Any:
    # Dagster is imported by those who need it.
    from arb_pipeline_tests.fixtures.platform import platform_at

    return platform_at(data_dir)


def _compaction(data_dir: Path) -> Work:
    platform = _platform(data_dir)
    return lambda: bool(platform.compact().success)


def _asset(name: str) -> Contestant:
    def prepared(data_dir: Path) -> Work:
        platform = _platform(data_dir)
        return lambda: bool(platform.work(HOUR, HOUR, only=[name]).success)

    return prepared


def _marts(data_dir: Path) -> Work:
    platform = _platform(data_dir)
    groups = {"reference", "staging", "intermediate", "marts"}
    keys = [spec.key for spec in platform.definitions.resolve_all_asset_specs() if spec.group_name in groups]
    return lambda: bool(platform.run("work_closed_hours", asset_selection=keys).success)


def _bare_copy(data_dir: Path) -> Work:
    return lambda: _copied(data_dir)


def _copied(data_dir: Path) -> bool:
    with open_memory() as connection:
        for number, info in enumerate(list_segments(data_dir)):
            connection.execute(f"ATTACH {quoted(str(info.path))} AS s{number} (READ_ONLY)")
            tables = connection.execute(
                "FROM duckdb_tables() SELECT table_name WHERE database_name = ?", [f"s{number}"]
            ).fetchall()
            for (table,) in tables:
                target = data_dir / "bare" / f"{table}-{number}.parquet"
                target.parent.mkdir(exist_ok=True)
                connection.execute(
                    f"COPY s{number}.{table} TO {quoted(str(target))} (FORMAT parquet, COMPRESSION zstd)"
                )
    return True


def _read_in_order(data_dir: Path) -> Work:
    return lambda: _sorted(data_dir)


def _sorted(data_dir: Path) -> bool:
    """Read every input of the hour in the order of events, and keep nothing, as a replay does."""
    with open_hours(LakeLayout(data_dir / "lake"), _INPUTS, [HOUR]) as connection:
        for table in _INPUTS:
            order = ", ".join(name for name in _ORDER if name in TABLE[table].column_names)
            for _ in connection.execute(f"FROM {table} ORDER BY {order}").to_arrow_reader():
                pass
    return True


def _query(query: str, *tables: str) -> Contestant:
    def run(data_dir: Path) -> bool:
        with open_hours(LakeLayout(data_dir / "lake"), tables, [HOUR]) as connection:
            connection.execute(f"CREATE TABLE result AS {query}")
        return True

    return lambda data_dir: lambda: run(data_dir)


def _statements(data_dir: Path) -> Work:
    """The statements that dbt ran, in their order, as a program that knew them would: no parsing, no rendering."""
    target = data_dir / "state" / "dbt"
    nodes = json.loads((target / "manifest.json").read_text(encoding="utf-8"))["nodes"]
    order = TopologicalSorter({name: set(node["depends_on"].get("nodes", ())) for name, node in nodes.items()})
    texts = [_statement(target, nodes[name]) for name in order.static_order() if name in nodes]
    return lambda: _executed(data_dir, [text for text in texts if text])


def _statement(target: Path, node: dict[str, Any]) -> str:
    if node["resource_type"] == "seed":
        path = project_folder() / node["original_file_path"]
        return f"CREATE TABLE {node['schema']}.{node['name']} AS FROM read_csv({quoted(str(path))})"
    folder = target / "run" / node["package_name"] / node["original_file_path"]
    path = folder if node["resource_type"] == "model" else folder / f"{node['name']}.sql"
    return path.read_text(encoding="utf-8").replace("__dbt_tmp", "") if path.is_file() else ""


def _executed(data_dir: Path, statements: list[str]) -> bool:
    bare = data_dir / "bare"
    bare.mkdir(exist_ok=True)
    with duckdb.connect(str(bare / "warehouse.duckdb"), config={"threads": "2"}) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        for schema in ("reference", "staging", "intermediate", "marts"):
            connection.execute(f"CREATE SCHEMA {schema}")
        for statement in statements:
            connection.execute(statement)
    return True


_JOINED = """
FROM rejections AS live FULL JOIN replayed_rejections AS again
USING (worker, run_id, seq, instrument, pool, direction, reason, interval_start_ns)
SELECT live.count IS NOT DISTINCT FROM again.count AS is_matched, count(*) GROUP BY ALL
"""
_SILENCE = """
FROM (FROM book_updates SELECT instrument, seq, any_value(received_ns - exchange_ns) AS delay_ns GROUP BY ALL)
SELECT instrument, count(*), min(delay_ns), quantile_disc(delay_ns, 0.5), quantile_disc(delay_ns, 0.99) GROUP BY ALL
"""
_MINUTES = """
FROM market_tops SELECT market, received_ns // 60000000000 AS minute, avg(best_ask_e8 - best_bid_e8), stddev(price_e8)
GROUP BY ALL
"""
_ASOF = """
FROM opportunities AS episode ASOF LEFT JOIN market_tops AS top
ON episode.instrument = top.market AND episode.opened_ns >= top.received_ns
SELECT episode.opportunity_id, top.price_e8
"""
_SUMMED = """
FROM simulated_trades JOIN simulated_legs USING (worker, run_id, trade_id)
SELECT instrument, pool, direction, latency_ns, count(*), sum(cash_usd_e8) GROUP BY ALL
"""

CONTESTANTS: Final[dict[str, tuple[Contestant, Contestant]]] = {
    "lake_segments": (_compaction, _bare_copy),
    "replayed_outputs": (_asset("replayed_outputs"), _read_in_order),
    "reconciled_opportunities": (
        _asset("reconciled_opportunities"),
        _query(_JOINED, "rejections", "replayed_rejections"),
    ),
    "feed_quality": (_asset("feed_quality"), _query(_SILENCE, "book_updates")),
    "market_minutes": (_asset("market_minutes"), _query(_MINUTES, "market_tops")),
    "attribution": (_asset("attribution"), _query(_ASOF, "opportunities", "market_tops")),
    "lead_lag": (_asset("lead_lag"), _query(_MINUTES, "market_tops")),
    "simulated_trades": (_asset("simulated_trades"), _query(_SUMMED, "simulated_trades", "simulated_legs")),
    "pnl_hourly": (_asset("pnl_hourly"), _query(_SUMMED, "simulated_trades", "simulated_legs")),
    "dbt_marts": (_marts, _statements),
}


def measure(name: str, side: int, data_dir: Path) -> Facts:
    """Run one side of a contest in a process of its own. Raises CalledProcessError when it fails."""
    command = [sys.executable, "-m", __spec__.name if __spec__ else __name__, name, str(side), str(data_dir)]
    with tempfile.TemporaryFile("w+") as log:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True)
        output = process.stdout.read() if process.stdout else ""
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            log.seek(0)
            sys.stderr.write(log.read()[-_SHOWN_LOG:])
            raise subprocess.CalledProcessError(process.returncode, command, output)
    seconds = json.loads(output.strip().splitlines()[-1])["seconds"]
    return {"seconds": seconds, "peak_mb": usage.ru_maxrss * 1024 // 1_000_000}


def bench(rows: int) -> dict[str, Any]:
    """Return time and peak memory of every asset and its bare query, and the ratio over the whole partition."""
    with tempfile.TemporaryDirectory(prefix="arb-hour-") as folder:
        data_dir = Path(folder)
        events = make_hour(data_dir, rows)
        found = {}
        for name in CONTESTANTS:
            asset, bare = (measure(name, side, data_dir) for side in (0, 1))
            ratio = round(asset["seconds"] / max(bare["seconds"], 0.001), 1)
            found[name] = {"asset": asset, "bare": bare, "ratio": ratio}
            sys.stderr.write(f"{name}: {found[name]}\n")
        levels = duckdb.sql(
            f"FROM read_parquet('{data_dir}/lake/book_updates/*/*/*.parquet') SELECT count(*)"
        ).fetchall()
    total, least = (sum(entry[side]["seconds"] for entry in found.values()) for side in ("asset", "bare"))
    return {
        "level_rows": levels[0][0],
        "events": events,
        "assets": found,
        "whole_partition": {"assets": round(total, 2), "bare": round(least, 2), "ratio": round(total / least, 1)},
        "peak_mb": max(entry["asset"]["peak_mb"] for entry in found.values()),
    }


def main(arguments: list[str]) -> None:
    """Run one side of one contest, or the whole bench."""
    if len(arguments) == 3:
        name, side, folder = arguments
        work = CONTESTANTS[name][int(side)](Path(folder))
        started = monotonic()
        if not work():
            sys.exit(1)
        sys.stdout.write("\n" + json.dumps({"seconds": round(monotonic() - started, 3)}) + "\n")
        return
    rows = int(arguments[0]) if arguments else ROWS
    sys.stdout.write(json.dumps(bench(rows), indent=2) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
