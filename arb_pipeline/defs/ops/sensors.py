"""Alerts by mail: a worker in trouble or silent, and a run that failed. One mail per change, not one per tick."""

import json
from email.message import EmailMessage

import dagster as dg

from arb_pipeline.clock import now_ns
from arb_pipeline.mail import text_mail
from arb_pipeline.resources import Mailer, WorkerHealth, WorkerReading
from arb_pipeline.settings import PipelineSettings

SILENT_AFTER_SECONDS = 30
TICK_SECONDS = 30
_SILENT = "silent"
_OK = "ok"


def alert_sensors(settings: PipelineSettings) -> list[dg.SensorDefinition]:
    """Return the staleness sensor and the run-failure sensor."""

    @dg.sensor(
        name="worker_staleness",
        minimum_interval_seconds=TICK_SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Mails when a worker falls silent, is in trouble, or recovers; reads the worker's own health file.",
    )
    def worker_staleness(context: dg.SensorEvaluationContext, health: WorkerHealth, mailer: Mailer) -> dg.SkipReason:
        readings = health.readings(now_ns=now_ns())
        told, seen = _remembered(context.cursor)
        states = {reading.worker: state_of(reading) for reading in readings}
        for reading in readings:
            state, worker = states[reading.worker], reading.worker
            # Twice in a row: a reconnect of a few seconds is not worth a mail.
            if state == seen.get(worker) and state != told.get(worker, _OK):
                mailer.server.send(_health_mail(reading, state, told.get(worker, _OK), mailer, settings.dagster_url))
                told[worker] = state
                # Kept after each mail: one that was sent is not sent again because the next one was refused.
                context.update_cursor(_cursor(told, seen))
        context.update_cursor(_cursor(told, states))
        return dg.SkipReason(", ".join(f"{worker} is {state}" for worker, state in states.items()) or "no worker yet")

    @dg.run_failure_sensor(
        name="run_failure_mail",
        minimum_interval_seconds=TICK_SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Mails the job, the failed steps and the error of every failed run.",
    )
    def run_failure_mail(context: dg.RunFailureSensorContext, mailer: Mailer) -> None:
        mailer.server.send(_failure_mail(context, mailer, settings.dagster_url))

    return [worker_staleness, run_failure_mail]


def state_of(reading: WorkerReading) -> str:
    """Return what a worker is: as it says itself, or silent when it has not said anything for a while."""
    return _SILENT if reading.age_seconds > SILENT_AFTER_SECONDS else reading.status


def _remembered(cursor: str | None) -> tuple[dict[str, str], dict[str, str]]:
    content = json.loads(cursor) if cursor else {"told": {}, "seen": {}}
    return content["told"], content["seen"]


def _cursor(told: dict[str, str], seen: dict[str, str]) -> str:
    return json.dumps({"told": told, "seen": seen}, sort_keys=True)


def _health_mail(reading: WorkerReading, state: str, previous: str, mailer: Mailer, url: str) -> EmailMessage:
    lines = [
        f"Worker {reading.worker} is {state}; it was {previous}.",
        f"Its last sign of life is {reading.age_seconds:.0f} s old.",
        *(f"- {line}" for line in reading.why),
        "",
        f"Dagster: {url}",
        "What to do: RUNBOOK, the worker is degraded, down or silent.",
    ]
    return text_mail(
        sender=mailer.sender,
        recipients=mailer.recipients,
        subject=f"[arb] worker {reading.worker} is {state}",
        text="\n".join(lines),
    )


def _failure_mail(context: dg.RunFailureSensorContext, mailer: Mailer, url: str) -> EmailMessage:
    run = context.dagster_run
    steps = [
        f"- {event.step_key}: {_first_lines(event.step_failure_data.error)}"
        for event in context.get_step_failure_events()
    ]
    lines = [
        f"Run {run.run_id} of job {run.job_name} failed.",
        context.failure_event.message or "",
        *steps,
        "",
        f"{url}/runs/{run.run_id}",
    ]
    return text_mail(
        sender=mailer.sender,
        recipients=mailer.recipients,
        subject=f"[arb] run of {run.job_name} failed",
        text="\n".join(lines),
    )


def _first_lines(error: object) -> str:
    """Return the innermost reason of a step's error, without the stack."""
    while getattr(error, "cause", None) is not None:
        error = error.cause  # type: ignore[attr-defined]  # SerializableErrorInfo, a chain of causes
    return str(getattr(error, "message", error)).strip()[:1_000]
