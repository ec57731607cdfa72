"""Each note holds what came since the one before; nothing measured is nothing noted."""

import asyncio
import json
from pathlib import Path

from streaming_worker.adapters.clock import AnchoredClock, HandClock
from streaming_worker.core.histogram import Histogram
from streaming_worker.core.units import NANOS_PER_SECOND
from streaming_worker.service.notes import Notes
from streaming_worker.storage.live_file import WorkerRun
from streaming_worker.storage.record_reader import open_record
from streaming_worker.storage.sink import Sink

NOON = 1_767_268_800 * NANOS_PER_SECOND


def test_notes_are_differences_and_stand_in_the_record(tmp_path: Path) -> None:
    clock = HandClock(NOON)
    event, idle = Histogram(), Histogram()
    event.add(1_000)
    sink = Sink(tmp_path, WorkerRun(worker="w", run_id="r", version="0", settings="{}"), AnchoredClock())
    sink.start()
    try:
        notes = Notes(
            sink,
            clock,
            stages={"event": event, "loop": idle},
            offsets=lambda: {"gemini": -250_000_000, "solana": None},
        )
        for elapsed_ns in (5_000, 7_000):
            event.add(elapsed_ns)
        clock.advance(60)
        notes.write()
        event.add(9_000)
        clock.advance(60)
        notes.write()
    finally:
        sink.stop()
    with open_record(tmp_path) as record:
        rows = record.rows(
            "SELECT received_ns, stage, since_ns, count, sum_ns, max_ns, buckets FROM latency_histograms"
            " ORDER BY received_ns"
        )
        offsets = record.rows("SELECT received_ns, feed, offset_ns FROM clock_offsets ORDER BY ALL")
    minute = 60 * NANOS_PER_SECOND
    assert [row[:5] for row in rows] == [
        (NOON + minute, "event", NOON, 2, 12_000),
        (NOON + 2 * minute, "event", NOON + minute, 1, 9_000),
    ]
    for row in rows:
        buckets = json.loads(row[6])
        assert sum(count for _, count in buckets) == row[3]
        assert buckets[-1][0] >= row[5] >= row[4] // row[3]
    assert offsets == [(NOON + minute, "gemini", -250_000_000), (NOON + 2 * minute, "gemini", -250_000_000)]


async def test_notes_are_written_again_and_again(tmp_path: Path) -> None:
    class Kept:
        def __init__(self) -> None:
            self.counts: list[int] = []

        def put_clock_offset(self, received_ns: int, feed: str, offset_ns: int) -> None: ...

        def put_latencies(self, received_ns: int, stage: str, since_ns: int, counted: Histogram) -> None:
            self.counts.append(counted.count)

    kept, event = Kept(), Histogram()
    notes = Notes(kept, AnchoredClock(), stages={"event": event}, offsets=dict, interval_s=0.001)
    running = asyncio.create_task(notes.run())
    async with asyncio.timeout(60):
        while len(kept.counts) < 3:
            event.add(1)
            await asyncio.sleep(0.001)
    running.cancel()
    await asyncio.wait([running])
    assert sum(kept.counts) <= event.count
