"""The sink: durable on acknowledgement, never dropping, loud when it fails."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest

from streaming_worker.adapters.clock import HandClock
from streaming_worker.core.events import BookDelta, ClockTick
from streaming_worker.core.outputs import Direction, Keyframe, RejectionCount, RejectionReason
from streaming_worker.errors import StorageError
from streaming_worker.storage.reader import open_range
from streaming_worker.storage.recovery import recover_leftovers
from streaming_worker.storage.segments import list_segments
from streaming_worker.storage.sink import Sink

NOON = 1_767_268_800 * 10**9
StartSink = Callable[..., Sink]


def rejection(received_ns: int) -> RejectionCount:
    route = ("gemini:SOLUSD", "orca:p", Direction.BUY_CEX_SELL_POOL)
    return RejectionCount(*route, RejectionReason.NO_EDGE, 3, -7, received_ns - 5, received_ns)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not condition():  # noqa: ASYNC110 - another thread makes it true
            await asyncio.sleep(0.005)


def live_files(data: Path) -> list[str]:
    return sorted(path.name for path in (data / "live").iterdir() if not path.name.endswith(".lock"))


async def test_everything_put_is_in_the_sealed_segment(start_sink: StartSink, tmp_path: Path) -> None:
    sink = start_sink()
    delta = BookDelta("gemini:SOLUSD", [(5, 6)], [(7, 8)], 1, NOON, 9)
    sink.put_event(1, delta, [rejection(NOON)])
    sink.put_event(2, ClockTick(NOON + 1))
    sink.put_outputs(2, [Keyframe("d", 1, b"state", NOON + 1)])
    sink.put_dead_letter(NOON + 2, "gemini", "expected JSON", b"\xff\x00")
    sink.put_raw_frame(NOON + 3, "gemini", 4, "recv", b"{}")
    sink.put_gap(NOON + 4, "gemini", None, "sequence", start_ns=NOON, end_ns=NOON + 4, expected=5, received=7)
    await sink.flush()
    assert sink.acknowledged_seq == 2
    sink.stop()
    with open_range(tmp_path / "data") as reader:
        assert list(reader.events("run-1")) == [(1, delta), (2, ClockTick(NOON + 1))]
        assert reader.query("SELECT seq, count, best_edge_centibps FROM rejections").fetchall() == [(1, 3, -7)]
        assert reader.query("SELECT seq, state FROM keyframes").fetchall() == [(1, b"state")]
        assert reader.query("SELECT error, frame FROM dead_letters").fetchall() == [("expected JSON", b"\xff\x00")]
        assert reader.query("SELECT connection, kind, frame FROM raw_frames").fetchall() == [(4, "recv", b"{}")]
        gaps = reader.query("SELECT feed, instrument, cause, start_ns, end_ns, expected, received FROM gaps")
        assert gaps.fetchall() == [("gemini", None, "sequence", NOON, NOON + 4, 5, 7)]
    assert live_files(tmp_path / "data") == []


async def test_rows_become_durable_without_being_asked(start_sink: StartSink) -> None:
    sink = start_sink(commit_ms=5)
    sink.put_event(1, ClockTick(NOON))
    await until(lambda: sink.acknowledged_seq == 1)
    stats = sink.stats()
    assert (stats.committed_rows, stats.live_rows, stats.commits, stats.queue_depth) == (1, 1, 1, 0)
    assert stats.commit_p50_ns is not None


async def test_a_file_is_changed_when_it_is_old(start_sink: StartSink, tmp_path: Path) -> None:
    clock = HandClock(NOON)
    sink = start_sink(clock=clock, commit_ms=2, rotate_seconds=15)
    sink.put_event(1, ClockTick(NOON))
    await sink.flush()
    clock.advance(14.9)
    sink.put_event(2, ClockTick(NOON))
    await sink.flush()
    assert list_segments(tmp_path / "data") == []
    clock.advance(0.1)
    await until(lambda: len(list_segments(tmp_path / "data")) == 1)
    with open_range(tmp_path / "data") as reader:
        assert [seq for seq, _ in reader.events("run-1")] == [1, 2]


async def test_an_idle_file_is_not_changed(start_sink: StartSink, tmp_path: Path) -> None:
    clock = HandClock(NOON)
    sink = start_sink(clock=clock, commit_ms=2, rotate_seconds=15)
    name = sink.stats().live_file
    clock.advance(3_600)
    for _ in range(3):
        await sink.flush()
    assert sink.stats().live_file == name
    sink.stop()
    assert list_segments(tmp_path / "data") == []
    assert live_files(tmp_path / "data") == []


async def test_outputs_come_with_their_event_or_not_at_all(start_sink: StartSink, tmp_path: Path) -> None:
    sink = start_sink(rotate_rows=1, commit_ms=1)
    for seq in range(1, 60):
        sink.put_event(seq, ClockTick(NOON + seq), [rejection(NOON + seq)])
        await asyncio.sleep(0)
    sink.stop()
    with open_range(tmp_path / "data") as reader:
        alone = "SELECT count(*) FROM clock_ticks FULL JOIN rejections USING (seq) WHERE clock_ticks.seq IS NULL"
        assert reader.query(alone).fetchall() == [(0,)]
        assert reader.query("SELECT count(*) FROM rejections").fetchall() == [(59,)]


async def test_a_full_queue_takes_everything_and_says_so(start_sink: StartSink, tmp_path: Path) -> None:
    sink = start_sink(queue_limit=100, commit_ms=60_000)
    for seq in range(1, 251):
        sink.put_event(seq, ClockTick(NOON + seq))
    assert sink.is_saturated
    assert sink.stats().saturated_puts == 151
    await sink.until_writable()
    assert not sink.is_saturated
    assert sink.acknowledged_seq == 250


async def test_a_value_that_does_not_fit_is_named_and_ends_the_sink(start_sink: StartSink) -> None:
    sink = start_sink()
    sink.put_event(1, ClockTick(NOON))
    await sink.flush()
    sink.put_event(2, ClockTick(2**63))
    with pytest.raises(StorageError, match=r"clock_ticks\.received_ns takes int64"):
        await sink.flush()
    with pytest.raises(StorageError, match=r"clock_ticks\.received_ns"):
        sink.put_event(3, ClockTick(NOON))
    stats = sink.stats()
    assert stats.failure is not None
    assert (stats.acknowledged_seq, stats.unwritten_items) == (1, 2)  # the event and the flush after it
    with pytest.raises(StorageError, match="stopped early"):
        sink.stop()
    sink.stop()


async def test_what_a_failed_sink_acknowledged_is_recovered_by_the_next(start_sink: StartSink, tmp_path: Path) -> None:
    sink = start_sink()
    sink.put_event(1, ClockTick(NOON))
    await sink.flush()
    sink.put_event(1, ClockTick(NOON))
    with pytest.raises(StorageError, match="expected a seq above 1, received 1"):
        await sink.flush()
    with pytest.raises(StorageError):
        sink.stop()
    again = start_sink(run_id="run-2")
    (recovered,) = [item for item in again.recovered if item.sealed is not None]
    assert (recovered.run_id, recovered.last_seq, recovered.last_received_ns) == ("run-1", 1, NOON)
    assert again.stats().recovered_segments == 1
    assert again.last_recorded_ns == NOON
    with open_range(tmp_path / "data") as reader:
        assert list(reader.events("run-1")) == [(1, ClockTick(NOON))]


async def test_two_sinks_of_one_worker_cannot_run(start_sink: StartSink) -> None:
    start_sink()
    with pytest.raises(StorageError, match="already runs"):
        start_sink()


async def test_a_stopped_sink_refuses_and_stops_again_quietly(start_sink: StartSink) -> None:
    sink = start_sink()
    sink.stop()
    sink.stop()
    with pytest.raises(StorageError, match="stopped"):
        sink.put_event(1, ClockTick(NOON))
    with pytest.raises(StorageError, match="stopped"):
        await sink.flush()


def test_a_sink_that_was_not_started_refuses(tmp_path: Path) -> None:
    sink: Any = Sink(tmp_path, None, HandClock())  # type: ignore[arg-type] # the run is not reached
    with pytest.raises(StorageError, match="not started"):
        sink.put_event(1, ClockTick(NOON))
    assert sink.stats().live_file is None
    sink.stop()


async def test_a_cancelled_flush_does_no_harm(start_sink: StartSink) -> None:
    sink = start_sink(commit_ms=60_000)
    sink.put_event(1, ClockTick(NOON))
    waiting = asyncio.ensure_future(sink.flush())
    await asyncio.sleep(0)
    waiting.cancel()
    await sink.flush()
    assert sink.acknowledged_seq == 1


async def test_a_restart_knows_when_the_last_row_was_received(start_sink: StartSink, tmp_path: Path) -> None:
    first = start_sink()
    assert first.last_recorded_ns is None
    first.put_event(1, ClockTick(NOON + 5))
    await first.flush()
    first.stop()
    second = start_sink(run_id="run-2")
    assert second.last_recorded_ns == NOON + 5
    second.stop()
    for info in list_segments(tmp_path / "data"):
        info.path.unlink()
    assert start_sink(run_id="run-3").last_recorded_ns == NOON  # what the name of the removed segment still says


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
async def test_a_defect_in_the_writer_reaches_who_waits(start_sink: StartSink) -> None:
    sink = start_sink()
    no_event: Any = object()
    sink.put_event(1, no_event)
    with pytest.raises(StorageError, match="ended on a defect"):
        await sink.flush()
    with pytest.raises(StorageError, match="stopped early"):
        sink.stop()


async def test_a_start_that_fails_gives_up_the_lock(start_sink: StartSink, tmp_path: Path) -> None:
    (tmp_path / "data" / "live").mkdir(parents=True)
    held = tmp_path / "data" / "live" / "live-w-20260101T120000Z-00000001.duckdb"
    with duckdb.connect(str(held)), pytest.raises(StorageError, match="cannot recover"):
        start_sink()
    assert start_sink().recovered[0].live == held


async def test_a_segment_that_cannot_be_sealed_ends_the_sink(start_sink: StartSink, tmp_path: Path) -> None:
    sink = start_sink(rotate_rows=1, commit_ms=1)
    (tmp_path / "data" / "segments" / "w").rmdir()
    sink.put_event(1, ClockTick(NOON))
    await until(lambda: sink.stats().failure is not None)
    with pytest.raises(StorageError, match="cannot seal"):
        sink.put_event(2, ClockTick(NOON))
    with pytest.raises(StorageError, match="stopped early"):
        sink.stop()
    assert [item.last_seq for item in recover_leftovers(tmp_path / "data", "w") if item.sealed] == [1]
