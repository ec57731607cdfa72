"""Kill the real worker at random moments, start it again each time, and prove from the record what that cost.

A row counts as acknowledged when the worker said so over its gateway before it was killed. That a lost tail is at most
one batch is proven by counting commits, not milliseconds: whatever the engine had processed two commits before the
last one that we saw must be in the record.
"""

import time
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from random import Random

from arb_pipeline_tests.failure.lake_process import compact_quickly, remove_compacted
from arb_pipeline_tests.failure.worker_process import Seen, WorkerProcess, busy_venues, environment, until
from streaming_worker.adapters.clock import AnchoredClock
from streaming_worker.core.units import NANOS_PER_MILLISECOND
from streaming_worker.storage.record_reader import RecordReader, open_record
from streaming_worker.storage.segments import list_live_files

CLOCK = AnchoredClock()
IN_START_PERCENT = 20
LONGEST_START_S = 2.0
LATEST_COMMITS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Kill:
    """One kill. ``run_id`` is None where it came before the gateway answered; ``settled`` is proven to be durable.

    ``recovery_ms`` is the time from the start of the process to its first acknowledgement, the repair of what the
    kill before left included; ``marks`` are the most events that were seen at each of the latest numbers of commits.
    """

    moment: str
    at_ns: int
    run_id: str | None = None
    seen: int = 0
    acknowledged: int = 0
    settled: int = 0
    marks: tuple[tuple[int, int], ...] = ()
    recovery_ms: int = 0

    def tail_batches(self, recorded: int) -> int:
        """Return how many batches the lost tail spans.

        What was processed when ``commits`` stood at n is in batch n + 2 at the latest, n + 1 being on its way.
        """
        lost = [commits for commits, events in self.marks if events > recorded]
        return max(1, self.marks[-1][0] - min(lost)) if lost else 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What the record holds of one run; ``gap`` is (start, end) of the time before it, None for the first."""

    run_id: str
    events: int
    first_ns: int
    last_ns: int
    gap: tuple[int, int] | None


def kill_again_and_again(folder: Path, kills: int, *, seed: int, longest_s: float) -> list[Kill]:
    """Start and kill the worker ``kills`` times, then start it once more and stop it as an operator does."""
    random = Random(seed)
    environ = environment(folder / "data")
    done = []
    with busy_venues(environ):
        for number in range(kills):
            # the first one is always let live: there is nothing to recover yet
            in_start = number > 0 and random.randrange(100) < IN_START_PERCENT
            after_s = random.uniform(0, LONGEST_START_S if in_start else longest_s)
            worker = WorkerProcess(environ, folder / "worker.log")
            done.append(_kill_in_start(worker, after_s) if in_start else _kill_at_work(worker, after_s))
        last = WorkerProcess(environ, folder / "worker.log")
        until(lambda: (seen := last.seen()) and seen.acknowledged, "the last start acknowledges")
        assert last.stop() == 0
    return done


def _kill_in_start(worker: WorkerProcess, after_s: float) -> Kill:
    time.sleep(after_s)
    at_ns = CLOCK.now_ns()
    worker.kill()
    return Kill(moment="start", at_ns=at_ns)


def _kill_at_work(worker: WorkerProcess, after_s: float) -> Kill:
    started = time.monotonic()
    until(lambda: (seen := worker.seen()) and seen.acknowledged, "the worker acknowledges")
    recovery_ms = round((time.monotonic() - started) * 1_000)
    deadline = time.monotonic() + after_s
    history: list[Seen] = []
    while not history or time.monotonic() < deadline:
        seen = worker.seen()
        assert seen is not None
        history.append(seen)
    last, at_ns = history[-1], CLOCK.now_ns()
    worker.kill()
    return Kill(
        moment="work",
        at_ns=at_ns,
        run_id=last.run_id,
        seen=last.events,
        acknowledged=last.acknowledged,
        settled=max((seen.events for seen in history if seen.commits + 2 <= last.commits), default=0),
        marks=_marks(history),
        recovery_ms=recovery_ms,
    )


def _marks(history: Iterable[Seen]) -> tuple[tuple[int, int], ...]:
    most: dict[int, int] = {}
    for seen in history:
        most[seen.commits] = seen.events
    return tuple(most.items())[-LATEST_COMMITS:]


def runs_of(record: RecordReader) -> list[Run]:
    """Return every run of the record, checking that each of its events is there once, whole and in order."""
    newest = dict(record.rows(f"SELECT run_id, max(received_ns) FROM ({_everything()}) GROUP BY ALL"))
    first = dict(record.rows(f"SELECT run_id, min(received_ns) FROM ({_everything()}) GROUP BY ALL"))
    gaps = record.rows("SELECT run_id, start_ns, end_ns FROM gaps WHERE cause = 'worker_restart'")
    assert len({run_id for run_id, _, _ in gaps}) == len(gaps), "a run has two gaps before it"
    before = {run_id: (start_ns, end_ns) for run_id, start_ns, end_ns in gaps}
    runs = []
    for run_id in record.run_ids():
        seqs = [seq for seq, _ in record.events(run_id)]
        assert seqs == list(range(1, len(seqs) + 1)), run_id
        runs.append(
            Run(
                run_id=run_id,
                events=len(seqs),
                first_ns=first[run_id],
                last_ns=newest[run_id],
                gap=before.get(run_id),
            )
        )
    return runs


def _everything() -> str:
    tables = ("book_updates", "trade_prints", "pool_states", "tick_arrays", "chain_clocks", "feed_events")
    tables += ("clock_ticks", "gaps", "raw_frames", "dead_letters", "keyframes", "rejections", "risk_events")
    tables += ("opportunities", "opportunity_openings", "simulated_trades", "simulated_legs", "oracle_states")
    return " UNION ALL ".join(f"SELECT run_id, received_ns FROM {table}" for table in tables)


def check(kills: Iterable[Kill], runs: list[Run]) -> None:
    """Hold the record against what was acknowledged, and every restart against its gap."""
    recorded = {run.run_id: run.events for run in runs}
    for kill in kills:
        if kill.run_id is not None:
            assert recorded.get(kill.run_id, 0) >= kill.acknowledged, f"acknowledged rows are lost: {kill}"
            assert recorded.get(kill.run_id, 0) >= kill.settled, f"more than one batch is lost: {kill}"
    assert runs[0].gap is None
    for previous, run in pairwise(runs):
        assert run.gap is not None, f"no gap is written down before {run.run_id}"
        assert run.gap[0] == previous.last_ns
        assert previous.last_ns <= run.gap[1] <= run.first_ns


def compact_and_compare(data_dir: Path, runs: list[Run]) -> None:
    """Move everything into the lake, let go of the segments, and find the same runs there."""
    assert [live.path.name for live in list_live_files(data_dir, "demo")] == []
    compact_quickly(data_dir)
    remove_compacted(data_dir)
    with open_record(data_dir) as record:
        assert runs_of(record) == runs


def table(kills: list[Kill], runs: list[Run], rows: int) -> str:
    """Return the report: one line for each kill, then the sums. ``rows`` is what the record holds over all tables."""
    recorded = {run.run_id: run for run in runs}
    heads = ("kill", "moment", "seen", "acked", "recorded", "lost acked", "batches", "tail ms", "gap ms", "back ms")
    lines = ["".join(f"{head:>11}" for head in heads)]
    tails = []
    for number, kill in enumerate(kills, start=1):
        run = recorded.get(kill.run_id or "")
        if run is None:
            lines.append(f"{number:>11}{kill.moment:>11}" + f"{'-':>11}" * 8)
            continue
        tail = (kill.at_ns - run.last_ns) // NANOS_PER_MILLISECOND
        lost = max(0, kill.acknowledged - run.events)
        facts = (number, kill.moment, kill.seen, kill.acknowledged, run.events, lost, kill.tail_batches(run.events))
        lines.append("".join(f"{fact:>11}" for fact in (*facts, tail, _gap_after(run, runs), kill.recovery_ms)))
        tails.append(tail)
    return "\n".join([*lines, _sums(kills, runs, rows), f"tail median {_median(tails)} ms, longest {max(tails)} ms"])


def _gap_after(run: Run, runs: list[Run]) -> int | str:
    gap = next((other.gap for other in runs if other.gap is not None and other.gap[0] == run.last_ns), None)
    return "-" if gap is None else (gap[1] - gap[0]) // NANOS_PER_MILLISECOND


def _sums(kills: list[Kill], runs: list[Run], rows: int) -> str:
    recorded = {run.run_id: run.events for run in runs}
    found = [(kill, recorded[kill.run_id]) for kill in kills if kill.run_id in recorded]
    back = [kill.recovery_ms for kill, _ in found]
    return (
        f"{len(kills)} kills, {len(runs)} runs with rows, {sum(recorded.values())} events in {rows} rows, each event "
        f"found once; acknowledged events: {sum(kill.acknowledged for kill, _ in found)}, "
        f"acknowledged and lost: {sum(max(0, kill.acknowledged - events) for kill, events in found)}; "
        f"kills with a lost tail: {sum(kill.seen > events for kill, events in found)}, "
        f"largest {max(kill.seen - events for kill, events in found)} events, "
        f"{max(kill.tail_batches(events) for kill, events in found)} batches; "
        f"back at work after {_median(back)} ms (median), {max(back)} ms (longest)"
    )


def _median(values: list[int]) -> int:
    return sorted(values)[len(values) // 2]


def row_count(record: RecordReader) -> int:
    """Return the number of rows over all tables."""
    return int(record.rows(f"SELECT count(*) FROM ({_everything()})")[0][0])
