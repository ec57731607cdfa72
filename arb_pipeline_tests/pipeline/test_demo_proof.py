"""Can ``arb demo-check`` ever see every asset and check? It fails by what no sensor asks for within its hour.

The proof itself takes minutes. This is its decision alone, over the real definitions: what has a partition by then is
due, and what is due must be in a run that a sensor asks for, with each of its checks.
"""

from datetime import UTC, datetime, timedelta

import dagster as dg
import pytest
from dagster._core.definitions.partitions.context import partition_loading_context

from arb_pipeline.partitions import HOURS, WEEKS
from arb_pipeline_tests.fixtures.platform import platform_at

# The day of the week on which a week could begin at once.
MONDAY = datetime(2025, 3, 3, tzinfo=UTC)
# A demo captures one hour; it may begin at any time of the day that its partitions start with.
AFTER = (timedelta(hours=1, minutes=10), timedelta(hours=25))


@pytest.fixture(scope="module")
def definitions(tmp_path_factory: pytest.TempPathFactory) -> dg.Definitions:
    """The code location over an empty folder."""
    platform = platform_at(tmp_path_factory.mktemp("demo"))
    with platform.instance:
        return platform.definitions


def is_due(partitions: dg.PartitionsDefinition[str] | None, after: timedelta) -> bool:
    """Return whether a folder of that age has a partition to ask for, as Dagster would answer demo-check."""
    if partitions is None:
        return True
    assert isinstance(partitions, dg.TimeWindowPartitionsDefinition)
    anew = dg.TimeWindowPartitionsDefinition(
        start=MONDAY,
        fmt="%Y-%m-%d-%H:%M",
        timezone=partitions.timezone,
        end_offset=partitions.end_offset,
        cron_schedule=partitions.cron_schedule,
    )
    with partition_loading_context(effective_dt=MONDAY + after):
        return anew.get_num_partitions() > 0


def never_seen(definitions: dg.Definitions, after: timedelta) -> set[str]:
    """Return the assets and checks that are due and in no run that a sensor asks for."""
    repository = definitions.get_repository_def()
    asked = {target.job_name for sensor in repository.sensor_defs if sensor.has_jobs for target in sensor.targets}
    layers = [repository.get_job(name).asset_layer for name in asked]
    made = {key for layer in layers for key in layer.executable_asset_keys}
    checked = {key for layer in layers for key in layer.asset_graph.asset_check_keys}
    graph = repository.asset_graph
    due = {key for key in graph.materializable_asset_keys if is_due(graph.get(key).partitions_def, after)}
    checks = {key for key in graph.asset_check_keys if key.asset_key in due}
    return {key.to_user_string() for key in due - made} | {key.to_user_string() for key in checks - checked}


@pytest.mark.parametrize("after", AFTER)
def test_whatever_is_due_within_the_hour_is_asked_for_by_a_sensor(
    definitions: dg.Definitions, after: timedelta
) -> None:
    assert never_seen(definitions, after) == set()


def test_an_asset_that_nobody_asks_for_is_named_and_one_of_a_week_is_not_due(definitions: dg.Definitions) -> None:
    @dg.asset(group_name="extra", partitions_def=HOURS)
    def forgotten() -> None: ...

    @dg.asset_check(asset=forgotten)
    def rows() -> dg.AssetCheckResult:
        return dg.AssetCheckResult(passed=True)

    @dg.asset(group_name="extra", partitions_def=WEEKS)
    def weekly() -> None: ...

    more = dg.Definitions.merge(definitions, dg.Definitions(assets=[forgotten, weekly], asset_checks=[rows]))
    for after in AFTER:
        assert never_seen(more, after) == {"forgotten", "forgotten:rows"}
