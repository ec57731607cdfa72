"""How old each part of the graph may become before somebody should look; shown on the asset's page.

The windows judge the asset, not a partition: the hours have their own check for what is missing.
"""

from datetime import timedelta
from typing import Final

import dagster as dg

# Sealed segments come every few seconds and are gathered every few minutes; hours close with a grace.
_WINDOWS: Final[dict[str, tuple[timedelta, timedelta]]] = {
    "lake": (timedelta(minutes=20), timedelta(hours=1)),
    "reconcile": (timedelta(hours=2), timedelta(hours=4)),
    "quality": (timedelta(hours=2), timedelta(hours=4)),
    "simulate": (timedelta(hours=2), timedelta(hours=4)),
    "pnl": (timedelta(hours=2), timedelta(hours=4)),
    "analyse": (timedelta(hours=2), timedelta(hours=4)),
    "marts": (timedelta(hours=2), timedelta(hours=4)),
    "published": (timedelta(hours=2), timedelta(hours=4)),
    "report": (timedelta(hours=26), timedelta(hours=36)),
}
_WEEKLY: Final = (timedelta(days=7, hours=2), timedelta(days=7, hours=12))
# Of the record only these get rows whatever happens; the others may rightly stay away.
_ALWAYS: Final = frozenset({"book_updates", "clock_ticks", "feed_events", "worker_runs"})


def with_freshness(spec: dg.AssetSpec) -> dg.AssetSpec:
    """Return the spec with the policy of its group; without one where rows may rightly stay away."""
    window = _WINDOWS.get(spec.group_name or "")
    if window is None or (spec.group_name == "lake" and spec.key.path[-1] not in _ALWAYS):
        return spec
    warn, fail = _WEEKLY if spec.key.path[-1] == "weekly_report" else window
    return spec.replace_attributes(freshness_policy=dg.FreshnessPolicy.time_window(fail_window=fail, warn_window=warn))
