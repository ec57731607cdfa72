"""Is a run of a job under way? Sensors ask, so that no second one queues behind it."""

import dagster as dg
from dagster import DagsterRunStatus

_UNDER_WAY = [
    DagsterRunStatus.QUEUED,
    DagsterRunStatus.NOT_STARTED,
    DagsterRunStatus.STARTING,
    DagsterRunStatus.STARTED,
    DagsterRunStatus.CANCELING,
]


def is_under_way(instance: dg.DagsterInstance, job: str) -> bool:
    """Return whether a run of the job is queued or running."""
    return instance.get_runs_count(dg.RunsFilter(job_name=job, statuses=_UNDER_WAY)) > 0
