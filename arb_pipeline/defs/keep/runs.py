"""Old runs of Dagster: events and logs go, except where Dagster still counts from them.

Which partitions of an asset exist, and what an asset said last, Dagster reads from the events of the run that made
it: a run whose events are still needed so stays.
"""

from collections.abc import Iterable
from datetime import UTC, datetime

import dagster as dg
from dagster import DagsterEventType, DagsterInstance, DagsterRunStatus

from streaming_worker.core.units import NANOS_PER_DAY, NANOS_PER_SECOND

# of one call; what is left waits for the next
MOST_RUNS = 500
_ENDED = [DagsterRunStatus.SUCCESS, DagsterRunStatus.FAILURE, DagsterRunStatus.CANCELED]


def forget_old_runs(instance: DagsterInstance, jobs: Iterable[str], *, days: int, now_ns: int) -> int:
    """Delete runs of these jobs that ended and were made so many days ago; return how many."""
    before = datetime.fromtimestamp((now_ns - days * NANOS_PER_DAY) / NANOS_PER_SECOND, UTC)
    forgotten = 0
    for job in jobs:
        old = dg.RunsFilter(job_name=job, statuses=_ENDED, created_before=before)
        for run in instance.get_runs(filters=old, limit=MOST_RUNS, ascending=True):
            if not _is_needed(instance, run.run_id):
                instance.delete_run(run.run_id)
                instance.compute_log_manager.delete_logs(prefix=[run.run_id])
                forgotten += 1
    return forgotten


def _is_needed(instance: DagsterInstance, run_id: str) -> bool:
    made = instance.get_records_for_run(run_id, of_type=DagsterEventType.ASSET_MATERIALIZATION).records
    events = [record.event_log_entry.asset_materialization for record in made]
    return any(
        event.partition is not None or _is_latest(instance, event.asset_key, run_id) for event in events if event
    )


def _is_latest(instance: DagsterInstance, key: dg.AssetKey, run_id: str) -> bool:
    latest = instance.get_latest_materialization_event(key)
    return latest is not None and latest.run_id == run_id
