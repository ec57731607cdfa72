"""What Dagster's own records say is wrong: latest checks that failed, assets that are not fresh.

Two calls here are not documented as public and are kept in one function each, so that an upgrade breaks one test.
"""

from collections import defaultdict
from collections.abc import Iterable
from typing import Final

import dagster as dg
from dagster._core.definitions.freshness import FreshnessState
from dagster._core.storage.asset_check_execution_record import AssetCheckExecutionRecordStatus

from streaming_worker.alerts import Alert, Severity

SOURCE: Final = "dagster"
_MOST_TEXT: Final = 300


def failed_checks(instance: dg.DagsterInstance, keys: list[dg.AssetCheckKey], *, url: str) -> list[Alert]:
    """Return one alert for each asset of which a check failed the last time it ran."""
    broken: dict[str, list[dg.AssetCheckEvaluation]] = defaultdict(list)
    for evaluation in _latest_evaluations(instance, keys):
        if not evaluation.passed:
            broken[evaluation.asset_key.to_user_string()].append(evaluation)
    return [_check_alert(asset, found, url) for asset, found in sorted(broken.items())]


def _latest_evaluations(
    instance: dg.DagsterInstance, keys: list[dg.AssetCheckKey]
) -> Iterable[dg.AssetCheckEvaluation]:
    ran = {AssetCheckExecutionRecordStatus.SUCCEEDED, AssetCheckExecutionRecordStatus.FAILED}
    records = instance.event_log_storage.get_latest_asset_check_execution_by_key(keys)
    for record in records.values():
        if record.status in ran and record.evaluation is not None:
            yield record.evaluation


def _check_alert(asset: str, found: list[dg.AssetCheckEvaluation], url: str) -> Alert:
    names = ", ".join(sorted(evaluation.check_name for evaluation in found))
    partitions = sorted({evaluation.partition for evaluation in found if evaluation.partition})
    lines = [f"- {evaluation.check_name}: {(evaluation.description or '')[:_MOST_TEXT]}" for evaluation in found]
    context = {"Asset": f"{url}/assets/{asset}?view=checks"}
    if partitions:
        context["Partition"] = ", ".join(partitions)
    return Alert(
        kind="check_failed",
        subject=asset,
        title=f"{asset}: {names} failed",
        detail="\n".join(["The latest run of these checks found something:", *lines]),
        severity=max((_severity(evaluation) for evaluation in found), key=lambda severity: severity.rank),
        source=SOURCE,
        context=context,
    )


def _severity(evaluation: dg.AssetCheckEvaluation) -> Severity:
    if evaluation.severity is dg.AssetCheckSeverity.WARN:
        return Severity.INFO
    return Severity.CRITICAL if evaluation.blocking else Severity.WARNING


def stale_assets(instance: dg.DagsterInstance, keys: list[dg.AssetKey], *, url: str) -> list[Alert]:
    """Return one alert for each asset that is older than its freshness policy warns of or allows."""
    alerts = []
    for key, state in sorted(_freshness(instance, keys).items()):
        severity = {FreshnessState.WARN: Severity.INFO, FreshnessState.FAIL: Severity.WARNING}.get(state)
        if severity is not None:
            name = key.to_user_string()
            alerts.append(
                Alert(
                    kind="asset_not_fresh",
                    subject=name,
                    title=f"{name} is {'too old' if severity is Severity.WARNING else 'getting old'}",
                    detail="It was not made within the time that its freshness policy gives it.",
                    severity=severity,
                    source=SOURCE,
                    context={"Asset": f"{url}/assets/{name}"},
                )
            )
    return alerts


def _freshness(instance: dg.DagsterInstance, keys: list[dg.AssetKey]) -> dict[dg.AssetKey, FreshnessState]:
    records = instance.get_freshness_state_records(keys)
    return {key: record.freshness_state for key, record in records.items()}
