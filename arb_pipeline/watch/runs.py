"""A failed run as an alert: which job, which steps, and the innermost reason of each."""

import dagster as dg

from streaming_worker.alerts import Alert, Severity

_MOST_TEXT = 1_000


def run_key(run: dg.DagsterRun) -> str:
    """Return the identity of the alert about a job's runs."""
    return f"run_failed:{run.job_name}"


def run_failed(context: dg.RunFailureSensorContext, *, url: str) -> Alert:
    """Return the alert about one failed run."""
    run = context.dagster_run
    steps = [
        f"- {event.step_key}: {_innermost(event.step_failure_data.error)}"
        for event in context.get_step_failure_events()
    ]
    partition = run.tags.get("dagster/partition") or run.tags.get("dagster/asset_partition_range_start")
    found = {"Job": run.job_name, "Run": f"{url}/runs/{run.run_id}", "Partition": partition}
    return Alert(
        kind="run_failed",
        subject=run.job_name,
        title=f"run of {run.job_name} failed",
        detail="\n".join([context.failure_event.message or "The run failed.", *steps]),
        severity=Severity.WARNING,
        source="dagster",
        context={name: value for name, value in found.items() if value is not None},
    )


def _innermost(error: object) -> str:
    """Return the innermost reason of a step's error, without the stack."""
    while getattr(error, "cause", None) is not None:
        error = error.cause  # type: ignore[attr-defined]  # SerializableErrorInfo, a chain of causes
    return str(getattr(error, "message", error)).strip()[:_MOST_TEXT]
