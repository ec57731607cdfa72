"""Ask for a compaction when sealed segments wait, and for closed hours. A run costs seconds, so both batch."""

import json

import dagster as dg

from arb_pipeline.clock import now_ns
from arb_pipeline.defs.jobs import COMPACTION, HOURLY
from arb_pipeline.defs.runs import is_under_way
from arb_pipeline.hours import Hour, contiguous
from arb_pipeline.lake.closing import closed_hours
from arb_pipeline.partitions import HOURS
from arb_pipeline.resources import Lake, Segments
from arb_pipeline.settings import PipelineSettings
from streaming_worker.core.units import NANOS_PER_SECOND

_RANGE_START = "dagster/asset_partition_range_start"
_RANGE_END = "dagster/asset_partition_range_end"
LONGEST_RANGE = 48
TICK_SECONDS = 15
HOURS_FIRST = 5


def lake_sensors(settings: PipelineSettings) -> list[dg.SensorDefinition]:
    """Return the sensors that feed the lake and work its hours."""
    return [_compaction_sensor(settings), _hours_sensor(settings)]


def _compaction_sensor(settings: PipelineSettings) -> dg.SensorDefinition:
    @dg.sensor(
        job=COMPACTION,
        minimum_interval_seconds=min(settings.compact_seconds, TICK_SECONDS),
        default_status=dg.DefaultSensorStatus.RUNNING,
        description=(
            "Gathers the sealed segments of all workers into one compaction run, at most one run every"
            f" {settings.compact_seconds} s."
        ),
    )
    def sealed_segments(
        context: dg.SensorEvaluationContext, lake: Lake, segments: Segments
    ) -> dg.SensorResult | dg.SkipReason:
        known = lake.catalogue.known_segments()
        waiting = [(s.worker, s.name) for s in segments.listed() if (s.worker, s.name) not in known]
        at_ns = now_ns()
        if not waiting:
            return dg.SkipReason("no sealed segment waits")
        if is_under_way(context.instance, COMPACTION.name):
            return dg.SkipReason(f"{len(waiting)} segments wait, a compaction is under way")
        # Hours that are being worked on have the machine first, and find their files as they were when they began.
        patience = HOURS_FIRST if is_under_way(context.instance, HOURLY.name) else 1
        if at_ns < int(context.cursor or 0) + patience * settings.compact_seconds * NANOS_PER_SECOND:
            return dg.SkipReason(f"{len(waiting)} segments wait, the last compaction was asked for a moment ago")
        request = dg.RunRequest(run_key=f"compact-{at_ns}", tags={"segments": str(len(waiting))})
        return dg.SensorResult(run_requests=[request], cursor=str(at_ns))

    return sealed_segments


def _hours_sensor(settings: PipelineSettings) -> dg.SensorDefinition:
    @dg.sensor(
        name="closed_hours",
        job=HOURLY,
        minimum_interval_seconds=min(settings.compact_seconds, TICK_SECONDS),
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Asks for every closed hour with new data: from its replay to the published file.",
    )
    def hours(context: dg.SensorEvaluationContext, lake: Lake) -> dg.SensorResult | dg.SkipReason:
        if not lake.layout.catalogue.exists():
            return dg.SkipReason("the lake is empty")
        if is_under_way(context.instance, HOURLY.name):
            return dg.SkipReason("hours are being worked on")
        at_ns = now_ns()
        grace_ns = settings.grace_seconds * NANOS_PER_SECOND
        closed = closed_hours(lake.catalogue.due_hours(), now_ns=at_ns, grace_ns=grace_ns)
        asked: dict[str, int] = json.loads(context.cursor or "{}")
        wanted = {hour: version for hour, version in closed.items() if asked.get(hour.key) != version}
        requests = [_hours_request(group, wanted) for group in _in_partitions(wanted)]
        if not requests:
            return dg.SkipReason("no closed hour has new data")
        cursor = {hour.key: version for hour, version in closed.items()}
        return dg.SensorResult(run_requests=requests, cursor=json.dumps(cursor))

    return hours


def _in_partitions(wanted: dict[Hour, int]) -> list[list[Hour]]:
    first = Hour(int(HOURS.start.timestamp()) * NANOS_PER_SECOND)
    return contiguous((hour for hour in wanted if hour >= first), longest=LONGEST_RANGE)


def _hours_request(group: list[Hour], versions: dict[Hour, int]) -> dg.RunRequest:
    version = sum(versions[hour] for hour in group)
    return dg.RunRequest(
        run_key=f"{group[0].key}..{group[-1].key}@{version}",
        tags={_RANGE_START: group[0].key, _RANGE_END: group[-1].key},
    )
