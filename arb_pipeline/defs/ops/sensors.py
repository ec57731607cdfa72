"""Alerts: what the watching sensors see is raised, resolved and sent through the one alert desk.

A sensor that refuses a tick is a line in Dagster's own log and nothing more, so what is seen is kept in the desk's file
and messages that a channel did not take are sent again by the next tick.
"""

import json
from decimal import Decimal
from pathlib import Path
from typing import Final

import dagster as dg

from arb_pipeline.clock import now_ns
from arb_pipeline.report.delivery import FINAL, deliveries
from arb_pipeline.resources import Lake, Mailer, Reports, WorkerHealth
from arb_pipeline.settings import PipelineSettings
from arb_pipeline.watch.disk import disk_alerts
from arb_pipeline.watch.instance import failed_checks, stale_assets
from arb_pipeline.watch.lateness import ReportPlan, late_hours, missing_reports
from arb_pipeline.watch.runs import run_failed, run_key
from arb_pipeline.watch.worker import Finding, findings
from streaming_worker.alerts import AlertDesk, open_desk
from streaming_worker.alerts.heartbeat import write_heartbeat
from streaming_worker.core.units import NANOS_PER_DAY, NANOS_PER_SECOND, format_e8

TICK_SECONDS: Final = 30
SLOW_TICK_SECONDS: Final = 60
_REPORTS_WATCHED_NS: Final = 7 * NANOS_PER_DAY


def alert_sensors(settings: PipelineSettings) -> list[dg.SensorDefinition]:
    """Return the sensors that watch the platform, the pipeline and its runs."""
    desk = open_desk(settings.platform, now=now_ns)
    return [
        _platform_sensor(settings, desk),
        _pipeline_sensor(settings, desk),
        _failure_sensor(settings, desk),
        _success_sensor(desk),
    ]


def _platform_sensor(settings: PipelineSettings, desk: AlertDesk) -> dg.SensorDefinition:
    loss_limit = Decimal(format_e8(settings.platform.engine.limits.daily_loss_usd_e8))

    @dg.sensor(
        name="platform_alerts",
        minimum_interval_seconds=TICK_SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Workers in trouble, risk, daily loss, disk; sends what is due; gives the sign of life.",
    )
    def platform_alerts(context: dg.SensorEvaluationContext, health: WorkerHealth) -> dg.SkipReason:
        at_ns = now_ns()
        write_heartbeat(settings.state, at_ns)
        found = [
            finding
            for reading in health.readings(now_ns=at_ns)
            for finding in findings(reading, loss_limit_usd=loss_limit, url=settings.dagster_url)
        ]
        settle_lasting(desk, found, json.loads(context.cursor or "{}"))
        context.update_cursor(json.dumps({finding.key: finding.state for finding in found}, sort_keys=True))
        if settings.data_dir.exists():
            desk.settle(
                ["disk_low"], disk_alerts(settings.data_dir, settings.platform.disk), resolution="there is room again"
            )
        return dg.SkipReason(_told(desk))

    return platform_alerts


def settle_lasting(desk: AlertDesk, found: list[Finding], seen: dict[str, str]) -> None:
    """Raise or resolve what was the same twice in a row: a reconnect of a few seconds is not worth a message."""
    for finding in found:
        if seen.get(finding.key) != finding.state:
            continue
        if finding.alert is not None:
            desk.raise_alert(finding.alert)
        else:
            desk.resolve(finding.key, "it is well again")


def _told(desk: AlertDesk) -> str:
    """Send what is due, and say what is open and what could not be sent."""
    outcome = desk.send_due()
    parts = [f"{len(desk.history.open_keys())} alerts are open", f"{outcome.sent} messages sent"]
    parts += [f"{messages} messages wait or are given up: {error}" for _, messages, error in desk.history.unsent()]
    return "; ".join(parts)


def _pipeline_sensor(settings: PipelineSettings, desk: AlertDesk) -> dg.SensorDefinition:
    plan = ReportPlan(at=settings.report_time, zone=settings.report_timezone)

    @dg.sensor(
        name="pipeline_alerts",
        minimum_interval_seconds=SLOW_TICK_SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Checks that failed, assets that are not fresh, hours and reports that are late.",
    )
    def pipeline_alerts(
        context: dg.SensorEvaluationContext, lake: Lake, reports: Reports, mailer: Mailer
    ) -> dg.SkipReason:
        at_ns, url = now_ns(), settings.dagster_url
        assert context.repository_def is not None
        graph = context.repository_def.asset_graph
        desk.settle(
            ["check_failed"],
            failed_checks(context.instance, sorted(graph.asset_check_keys), url=url),
            resolution="the checks passed when they ran again",
        )
        fresh_keys = [key for key in graph.get_all_asset_keys() if graph.get(key).freshness_policy is not None]
        desk.settle(
            ["asset_not_fresh"], stale_assets(context.instance, fresh_keys, url=url), resolution="it was made again"
        )
        grace_ns = settings.grace_seconds * NANOS_PER_SECOND
        desk.settle(
            ["partition_late"],
            late_hours(lake.catalogue.due_hours(), now_ns=at_ns, grace_ns=grace_ns),
            resolution="the hours were worked on",
        )
        days = lake.catalogue.days(from_ns=at_ns - _REPORTS_WATCHED_NS)
        desk.settle(
            ["report_not_sent"],
            missing_reports(days, _delivered(reports, days), mailer.recipients, plan, now_ns=at_ns),
            resolution="everybody has it",
        )
        return dg.SkipReason(f"{len(desk.history.open_keys())} alerts are open")

    return pipeline_alerts


def _delivered(reports: Reports, days: list[str]) -> dict[str, set[str]]:
    return {
        day: {record.recipient for record in deliveries(Path(reports.folder(day))) if record.edition == FINAL}
        for day in days
    }


def _failure_sensor(settings: PipelineSettings, desk: AlertDesk) -> dg.SensorDefinition:
    @dg.run_failure_sensor(
        name="run_failure_alert",
        minimum_interval_seconds=TICK_SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Raises an alert with the job, the failed steps and the error of every failed run.",
    )
    def run_failure_alert(context: dg.RunFailureSensorContext) -> None:
        desk.raise_alert(run_failed(context, url=settings.dagster_url))
        desk.send_due()

    return run_failure_alert


def _success_sensor(desk: AlertDesk) -> dg.SensorDefinition:
    @dg.run_status_sensor(
        run_status=dg.DagsterRunStatus.SUCCESS,
        name="run_success_resolves",
        minimum_interval_seconds=TICK_SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Ends the alert of a failed job when a later run of it succeeds.",
    )
    def run_success_resolves(context: dg.RunStatusSensorContext) -> None:
        desk.resolve(run_key(context.dagster_run), f"run {context.dagster_run.run_id} succeeded")

    return run_success_resolves
