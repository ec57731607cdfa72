"""Files change under load: nothing is lost or doubled, and a reader in a loop never meets a lock."""

import asyncio
import threading
from pathlib import Path

from streaming_worker.adapters.clock import AnchoredClock
from streaming_worker.core.events import BookDelta
from streaming_worker.storage.live_file import WorkerRun
from streaming_worker.storage.reader import open_range
from streaming_worker.storage.segments import list_segments
from streaming_worker.storage.sink import Sink, SinkSettings

EVENTS = 30_000


class Poller(threading.Thread):
    """Reads all sealed segments again and again, as the pipeline would."""

    def __init__(self, data_dir: Path) -> None:
        super().__init__()
        self.data_dir = data_dir
        self.is_done = threading.Event()
        self.counts: list[tuple[int, int, int]] = []
        self.problem: BaseException | None = None

    def run(self) -> None:
        try:
            while not self.is_done.wait(0.01):
                with open_range(self.data_dir) as reader:
                    facts = "SELECT count(*), count(DISTINCT seq), coalesce(max(seq), 0) FROM book_updates"
                    self.counts.append(reader.query(facts).fetchall()[0])
        except BaseException as e:
            self.problem = e


async def record(sink: Sink) -> None:
    for seq in range(1, EVENTS + 1):
        sink.put_event(seq, BookDelta("gemini:SOLUSD", [(seq, 1)], [(seq + 1, 2)], None, 10**18 + seq, seq))
        if seq % 50 == 0:
            await asyncio.sleep(0)
            await sink.until_writable()
    await sink.flush()


def test_rotation_under_load_loses_and_doubles_nothing(tmp_path: Path) -> None:
    run = WorkerRun(worker="w", run_id="run-1", version="0", settings="{}")
    settings = SinkSettings(commit_ms=2, rotate_rows=4_000, queue_limit=2_000)
    sink = Sink(tmp_path, run, AnchoredClock(), settings)
    poller = Poller(tmp_path)
    sink.start()
    poller.start()
    try:
        asyncio.run(record(sink))
    finally:
        sink.stop()
        poller.is_done.set()
        poller.join(30)
    assert poller.problem is None
    assert poller.counts == sorted(poller.counts)
    assert all(rows == 2 * seqs and seqs == newest for rows, seqs, newest in poller.counts)
    assert len(list_segments(tmp_path)) >= 4
    with open_range(tmp_path) as reader:
        assert [seq for seq, _ in reader.events("run-1")] == list(range(1, EVENTS + 1))
