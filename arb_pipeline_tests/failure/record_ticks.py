"""A process that records ticks until it is killed or its disk refuses; it says on stdout what was acknowledged.

Arguments: data folder, run id, rotate_seconds, and a JSON object: ``file_limit`` (bytes a file may have),
``user`` (a user id to become), ``close_live`` (take away the right to write to live/ after this seq).
"""

import asyncio
import json
import os
import resource
import sys
from collections.abc import Callable
from pathlib import Path

from streaming_worker.adapters.clock import AnchoredClock
from streaming_worker.core.events import ClockTick
from streaming_worker.core.outputs import Direction, RejectionCount, RejectionReason
from streaming_worker.errors import StorageError
from streaming_worker.storage.live_file import WorkerRun, warm_up
from streaming_worker.storage.sink import Sink, SinkSettings

ROUTE = ("gemini:SOLUSD", "orca:p", Direction.BUY_CEX_SELL_POOL)


def say(**facts: object) -> None:
    os.write(1, json.dumps(facts).encode() + b"\n")


async def record(sink: Sink, clock: AnchoredClock, close_live: int | None, close: Callable[[], None]) -> None:
    seq = told = 0
    while True:
        for _ in range(40):
            seq += 1
            now = clock.now_ns()
            rejection = RejectionCount(*ROUTE, RejectionReason.NO_EDGE, seq, None, now, now)
            sink.put_event(seq, ClockTick(now), [rejection])
        if seq == close_live:
            await sink.flush()
            close()
        await asyncio.sleep(0.001)
        if sink.acknowledged_seq > told:
            told = sink.acknowledged_seq
            say(acknowledged=told, put=seq)


def main() -> None:
    data_dir, run_id, rotate_seconds, options = (
        Path(sys.argv[1]),
        sys.argv[2],
        float(sys.argv[3]),
        json.loads(sys.argv[4]),
    )
    live = data_dir / "live"
    clock = AnchoredClock()
    run = WorkerRun(worker="w", run_id=run_id, version="0", settings="{}")
    sink = Sink(data_dir, run, clock, SinkSettings(commit_ms=5, rotate_seconds=rotate_seconds))
    warm_up()  # the other user may not be able to read what is loaded later
    if "user" in options:
        os.seteuid(options["user"])
    try:
        sink.start()
        if "file_limit" in options:
            resource.setrlimit(resource.RLIMIT_FSIZE, (options["file_limit"], options["file_limit"]))
        asyncio.run(record(sink, clock, options.get("close_live"), lambda: live.chmod(0o500)))
    except StorageError as e:
        try:
            sink.stop()
        except StorageError as stopped:
            say(stopped=str(stopped))
        say(failed=str(e), acknowledged=sink.acknowledged_seq)
        sys.exit(3)


if __name__ == "__main__":
    main()
