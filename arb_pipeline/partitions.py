"""Partitions in UTC: an hour of event time, a day of event time. Time zones only decide when a report is sent."""

import os

import dagster as dg

from arb_pipeline.clock import now_ns
from arb_pipeline.hours import Hour
from arb_pipeline.settings import load_settings

_START = load_settings(os.environ, now_ns=now_ns()).start

HOURS = dg.HourlyPartitionsDefinition(start_date=f"{_START}-00:00", timezone="UTC")
# The running day has a partition too: its report is marked as the day so far.
DAYS = dg.DailyPartitionsDefinition(start_date=_START, timezone="UTC", end_offset=1)
# From Monday to Sunday; a week is named by its Monday and has a partition when it is over.
WEEKS = dg.WeeklyPartitionsDefinition(start_date=_START, timezone="UTC", day_offset=1)
# One run takes any number of hours: a run costs seconds before it does anything.
ONE_RUN = dg.BackfillPolicy.single_run()


def hours_of(context: dg.AssetExecutionContext | dg.AssetCheckExecutionContext) -> list[Hour]:
    """Return the hours that a run was asked for."""
    return [Hour.from_key(key) for key in context.partition_keys]
