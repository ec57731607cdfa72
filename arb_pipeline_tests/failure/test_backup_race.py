"""Backups are taken while a worker records, segments move into the lake and disappear: each one is whole."""

import asyncio
import os
import subprocess
import sys
from pathlib import Path

from arb_pipeline_tests.failure.lake_process import begin_lake
from streaming_worker.adapters.clock import AnchoredClock
from streaming_worker.core.events import BookDelta
from streaming_worker.storage.backup import BackupReport, back_up
from streaming_worker.storage.backup_store import BackupStore
from streaming_worker.storage.lake_audit import audit_lake
from streaming_worker.storage.live_file import WorkerRun
from streaming_worker.storage.record_reader import open_record
from streaming_worker.storage.restore import restore
from streaming_worker.storage.segments import list_segments
from streaming_worker.storage.sink import Sink, SinkSettings

SCRIPT = Path(__file__).with_name("lake_process.py")
REPOSITORY = Path(__file__).resolve().parents[2]
BACKUPS = 4
CLOCK = AnchoredClock()


async def record(sink: Sink, done: asyncio.Event) -> int:
    seq = 0
    while not done.is_set():
        for _ in range(50):
            seq += 1
            sink.put_event(seq, BookDelta("gemini:SOLUSD", [(seq, 1)], [(seq + 1, 2)], None, 10**18 + seq, seq))
        await asyncio.sleep(0.005)
        await sink.until_writable()
    await sink.flush()
    return seq


async def record_and_back_up(sink: Sink, data_dir: Path, store: BackupStore) -> list[tuple[BackupReport, int]]:
    """Return each backup with the rows that were sealed before it began."""
    done, taken = asyncio.Event(), []
    async with asyncio.TaskGroup() as group:
        group.create_task(record(sink, done))
        while len(taken) < BACKUPS:
            sealed = await asyncio.to_thread(sealed_rows, data_dir)
            if not sealed or (taken and sealed == taken[-1][1]):
                continue
            now_ns = CLOCK.now_ns() // 10**9 * 10**9 + len(taken) * 10**9
            taken.append((await asyncio.to_thread(back_up, store, data_dir, now_ns=now_ns), sealed))
        done.set()
    return taken


def sealed_rows(data_dir: Path) -> int:
    if not list_segments(data_dir) and not (data_dir / "lake").exists():
        return 0
    with open_record(data_dir) as found:
        return int(found.rows("SELECT count(*) FROM book_updates")[0][0])


def test_every_backup_under_load_is_whole(tmp_path: Path) -> None:
    data_dir, store = tmp_path / "data", BackupStore(tmp_path / "kept")
    run = WorkerRun(worker="w", run_id="run-1", version="0", settings="{}")
    sink = Sink(data_dir, run, CLOCK, SinkSettings(commit_ms=5, rotate_rows=1_000, queue_limit=2_000))
    environ = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    command = [sys.executable, str(SCRIPT), "loop", str(data_dir)]
    begin_lake(data_dir)
    sink.start()
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environ) as lake:
        try:
            taken = asyncio.run(record_and_back_up(sink, data_dir, store))
        finally:
            sink.stop()
            lake.communicate(b"end\n", timeout=60)
    for report, sealed in taken:
        again = tmp_path / report.name
        assert restore(store, report.name, again).digest == report.digest
        assert audit_lake(again).findings == []
        with open_record(again) as found:
            seqs = [seq for seq, _ in found.events("run-1")]
        assert seqs == list(range(1, len(seqs) + 1))
        assert 2 * len(seqs) >= sealed
