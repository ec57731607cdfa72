"""The sensor that measures the pipeline for monitoring; it asks for no run."""

from pathlib import Path

import dagster as dg

from arb_pipeline.clock import now_ns
from arb_pipeline.measures import Measures, ReportPlan, last_sent_ns, overdue_days, replay_rows, write_measures
from arb_pipeline.resources import Lake, Reports
from arb_pipeline.settings import PipelineSettings

TICK_SECONDS = 60


def measuring_sensors(settings: PipelineSettings) -> list[dg.SensorDefinition]:
    """Return the measuring sensor."""

    @dg.sensor(
        name="pipeline_metrics",
        minimum_interval_seconds=TICK_SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Writes state/pipeline-metrics.json, which the worker shows to Prometheus.",
    )
    def pipeline_metrics(lake: Lake, reports: Reports) -> dg.SkipReason:
        at_ns = now_ns()
        plan = ReportPlan(Path(reports.root), settings.report_time, settings.report_timezone)
        overdue = overdue_days(lake.layout, plan, now_ns=at_ns)
        measures = Measures(
            written_ns=at_ns,
            replay_rows=replay_rows(lake.layout, now_ns=at_ns),
            reports_overdue=len(overdue),
            report_sent_ns=last_sent_ns(plan.root),
            segments_refused=len(lake.catalogue.refused()),
        )
        write_measures(measures, settings.state)
        return dg.SkipReason(f"reports overdue: {', '.join(overdue) or 'none'}; replay: {measures.replay_rows}")

    return [pipeline_metrics]
