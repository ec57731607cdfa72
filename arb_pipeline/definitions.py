"""The code location: one function that joins what stands under defs/ with its resources."""

import os
import warnings

import dagster as dg

from arb_pipeline import defs as parts
from arb_pipeline.clock import now_ns
from arb_pipeline.dbt_files import dbt_program, project_folder
from arb_pipeline.defs.fresh import with_freshness
from arb_pipeline.defs.jobs import COMPACTION, HOURLY, REPORT, WEEKLY_REPORT
from arb_pipeline.defs.keep.jobs import keep_jobs
from arb_pipeline.defs.keep.schedules import keep_schedules
from arb_pipeline.defs.lake.sensors import lake_sensors
from arb_pipeline.defs.ops.measuring import measuring_sensors
from arb_pipeline.defs.ops.sensors import alert_sensors
from arb_pipeline.defs.report.schedules import report_schedules
from arb_pipeline.defs.report.sensors import report_sensors
from arb_pipeline.resources import (
    DbtFolders,
    Lake,
    Mailer,
    Published,
    Reports,
    Segments,
    Warehouse,
    WorkerHealth,
)
from arb_pipeline.settings import PipelineSettings, load_settings

# Who owns a job is a parameter that Dagster calls beta, each time it copies the job: not a line in every run's log.
warnings.filterwarnings("ignore", category=dg.BetaWarning, message="Parameter `owners`")


def resources_of(settings: PipelineSettings) -> dict[str, object]:
    """Return what assets and sensors are given. The password is shown as the name of its variable."""
    from arb_pipeline.dbt_command import LeanDbt

    smtp = settings.smtp
    project = project_folder()
    password = dg.EnvVar("ARB_SMTP_PASSWORD") if os.environ.get("ARB_SMTP_PASSWORD") else smtp.password
    return {
        "lake": Lake(root=str(settings.lake)),
        "segments": Segments(data_dir=str(settings.data_dir), keep_hours=settings.keep.segment_hours),
        "warehouse": Warehouse(path=str(settings.warehouse)),
        "published": Published(path=str(settings.published)),
        "reports": Reports(
            root=str(settings.reports), console_url=settings.console_url, dagster_url=settings.dagster_url
        ),
        "health": WorkerHealth(state_dir=str(settings.state)),
        "mailer": Mailer(
            host=smtp.host,
            port=smtp.port,
            sender=smtp.sender,
            recipients=list(smtp.recipients),
            tls=smtp.tls,
            user=smtp.user,
            password=password,
        ),
        "folders": DbtFolders(data_dir=str(settings.data_dir), target=str(settings.state / "dbt")),
        "dbt": LeanDbt(
            project_dir=str(project),
            profiles_dir=str(project),
            dbt_executable=str(dbt_program()),
            global_config_flags=["--no-use-colors", "--log-path", str(settings.state / "dbt")],
        ),
    }


def build(settings: PipelineSettings) -> dg.Definitions:
    """Return the whole code location for some settings."""
    with warnings.catch_warnings():
        # A parameter of ours that Dagster calls beta (how many partitions a run takes): not a line in every run's log.
        warnings.simplefilter("ignore", category=dg.BetaWarning)
        loaded = dg.load_assets_from_package_module(parts, include_specs=True)
        kinds = (dg.AssetsDefinition, dg.AssetSpec)
        assets = dg.map_asset_specs(with_freshness, [asset for asset in loaded if isinstance(asset, kinds)])
        checks = dg.load_asset_checks_from_package_module(parts)
    return dg.Definitions(
        assets=assets,
        asset_checks=checks,
        jobs=[COMPACTION, HOURLY, REPORT, WEEKLY_REPORT, *keep_jobs(settings)],
        sensors=[
            *lake_sensors(settings),
            *report_sensors(settings),
            *alert_sensors(settings),
            *measuring_sensors(settings),
        ],
        schedules=[*report_schedules(settings), *keep_schedules(settings)],
        resources=resources_of(settings),
        executor=dg.in_process_executor,
    )


@dg.definitions
def defs() -> dg.Definitions:
    """Return the code location as the environment describes it."""
    return build(load_settings(os.environ, now_ns=now_ns()))
