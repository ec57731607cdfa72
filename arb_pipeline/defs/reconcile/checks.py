"""Is the record what was written, and does its replay say what was said live? Both block everything downstream."""

import json

import dagster as dg

from arb_pipeline.analytics.reconciled import MATCHED
from arb_pipeline.hours import Hour
from arb_pipeline.lake.catalogue import Catalogue
from arb_pipeline.lake.connection import open_hours
from arb_pipeline.lake.layout import LakeLayout, sha256_of
from arb_pipeline.partitions import hours_of
from arb_pipeline.resources import Lake

FILES_UNCHANGED = "files_unchanged"
INPUTS_COMPLETE = "inputs_complete"
SHOWN_ROWS = 50

_COUNTS = "FROM reconciliation SELECT status, count(*) GROUP BY status ORDER BY status"
_DIFFERING = f"""
FROM reconciliation
SELECT table_name, status, worker, run_id, identity, live_seq, replayed_seq, differences
WHERE status <> '{MATCHED}'
ORDER BY hour_ns, worker, run_id, coalesce(live_seq, replayed_seq), table_name LIMIT {SHOWN_ROWS}
"""
_DIGESTS = """
FROM replay_runs
SELECT worker, run_id, hour_ns, live_digest, replayed_digest, live_digest IS NOT NULL AS is_compared
ORDER BY hour_ns, worker, run_id
"""
# A run that spoke live in the hour and has no replayed part: its keyframe is lost.
_WITHOUT_PART = """
FROM reconciliation SELECT DISTINCT hour_ns, worker, run_id
EXCEPT FROM replay_runs SELECT hour_ns, worker, run_id
"""


def files_unchanged(layout: LakeLayout, catalogue: Catalogue, hours: list[Hour]) -> dg.AssetCheckResult:
    """Compare the hash of every captured file with the manifest; name those that differ or are gone."""
    changed: list[str] = []
    checked = 0
    for hour in hours:
        for file in catalogue.files_of(hour):
            path = layout.root / file.path
            checked += 1
            if not path.exists():
                changed.append(f"{file.path}: gone, {file.row_count} rows lost")
            elif sha256_of(path) != file.sha256:
                changed.append(f"{file.path}: content differs from what was written")
    return dg.AssetCheckResult(
        check_name=FILES_UNCHANGED,
        asset_key=dg.AssetKey("replayed_outputs"),
        passed=not changed,
        severity=dg.AssetCheckSeverity.ERROR,
        metadata={"files": checked, "changed": dg.MetadataValue.json(changed[:SHOWN_ROWS])},
    )


def inputs_complete(fault: str | None) -> dg.AssetCheckResult:
    """Return the result of having read every event; ``fault`` says what is missing or contradicts itself."""
    return dg.AssetCheckResult(
        check_name=INPUTS_COMPLETE,
        asset_key=dg.AssetKey("replayed_outputs"),
        passed=fault is None,
        severity=dg.AssetCheckSeverity.ERROR,
        metadata={} if fault is None else {"fault": fault},
    )


@dg.asset_check(
    asset="reconciled_opportunities",
    blocking=True,
    description="Every live output of the hour has its equal in the replay, and the other way round.",
)
def live_equals_replay(context: dg.AssetCheckExecutionContext, lake: Lake) -> dg.AssetCheckResult:
    """Fail on any missing, extra or different row, with the first of them attached."""
    with open_hours(lake.layout, ("reconciliation", "replay_runs"), hours_of(context)) as connection:
        counts = {str(status): int(count) for status, count in connection.execute(_COUNTS).fetchall()}
        differing = connection.execute(_DIFFERING).fetchall()
        lost = connection.execute(_WITHOUT_PART).fetchall()
    others = sum(count for status, count in counts.items() if status != MATCHED)
    rows = [
        {
            "table": table,
            "status": status,
            "worker": worker,
            "run": run,
            "identity": identity,
            "live_seq": live_seq,
            "replayed_seq": replayed_seq,
            "differences": json.loads(differences) if differences else None,
        }
        for table, status, worker, run, identity, live_seq, replayed_seq, differences in differing
    ]
    return dg.AssetCheckResult(
        passed=others == 0,
        severity=dg.AssetCheckSeverity.ERROR,
        description=f"{counts.get(MATCHED, 0)} rows matched, {others} did not",
        metadata={
            **{name: counts.get(name, 0) for name in (MATCHED, "missing", "extra", "different")},
            "rows": dg.MetadataValue.json(rows),
            "runs_without_keyframe": dg.MetadataValue.json([f"{worker} {run}" for _, worker, run in lost]),
        },
    )


@dg.asset_check(
    asset="reconciled_opportunities",
    blocking=True,
    description="The running digest of the replay equals the one that the worker stored in the next keyframe.",
)
def digest_equals_live(context: dg.AssetCheckExecutionContext, lake: Lake) -> dg.AssetCheckResult:
    """Compare digests where the run went on into a later hour; a run's last hour has nothing to compare with."""
    with open_hours(lake.layout, ("replay_runs",), hours_of(context)) as connection:
        rows = connection.execute(_DIGESTS).fetchall()
    different = [
        f"{worker} {run_id} {Hour(hour_ns).key}: live {live}, replayed {replayed}"
        for worker, run_id, hour_ns, live, replayed, is_compared in rows
        if is_compared and live != replayed
    ]
    return dg.AssetCheckResult(
        passed=not different,
        severity=dg.AssetCheckSeverity.ERROR,
        metadata={
            "parts": len(rows),
            "compared": sum(row[-1] for row in rows),
            "different": dg.MetadataValue.json(different[:SHOWN_ROWS]),
        },
    )
