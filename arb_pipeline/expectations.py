"""Great Expectations as an asset check: pandas engine, one result per suite, severity of the worst failure.

There is no data context on disk and no configuration: a suite is a list of expectations in code. An expectation that
could not be evaluated is reported as an error of the check, not as bad data.
"""

from typing import TYPE_CHECKING, Any

import dagster as dg

if TYPE_CHECKING:
    import pandas as pd
    from great_expectations.expectations import Expectation

SHOWN_VALUES = 10


def validate(frame: "pd.DataFrame", name: str, expectations: "list[Expectation]") -> dg.AssetCheckResult:
    """Run the expectations over a frame. An empty frame passes: there is nothing to expect anything of."""
    if frame.empty:
        return dg.AssetCheckResult(passed=True, description="no rows", metadata={"rows": 0})
    results = [_reading(result) for result in _results(frame, name, expectations)]
    failed = [reading for reading in results if not reading["success"]]
    return dg.AssetCheckResult(
        passed=not failed,
        severity=_severity(failed),
        description="; ".join(str(reading["expectation"]) for reading in failed) or f"{len(results)} expectations hold",
        metadata={
            "rows": len(frame),
            "expectations": len(results),
            "failed": len(failed),
            "errors": sum(reading["error"] is not None for reading in failed),
            "failures": dg.MetadataValue.json(failed),
        },
    )


def _results(frame: "pd.DataFrame", name: str, expectations: "list[Expectation]") -> list[Any]:
    import great_expectations as gx
    from great_expectations.data_context.types.base import ProgressBarsConfig

    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    suite = gx.ExpectationSuite(name=name, expectations=expectations)
    batch = context.data_sources.add_pandas(name).add_dataframe_asset(name).add_batch_definition_whole_dataframe(name)
    return list(batch.get_batch({"dataframe": frame}).validate(suite).results)


def _reading(result: Any) -> dict[str, Any]:
    config = result.expectation_config
    detail = result.result or {}
    return {
        "expectation": f"{config.type} {config.kwargs.get('column', '')}".strip(),
        "success": bool(result.success),
        "severity": str(getattr(config.severity, "value", config.severity)).lower(),
        "unexpected_rows": detail.get("unexpected_count"),
        "examples": [str(value) for value in detail.get("partial_unexpected_list", [])[:SHOWN_VALUES]],
        "error": _error(result.exception_info or {}),
    }


def _error(info: dict[str, Any]) -> str | None:
    """Return why an expectation could not be evaluated; the library may nest the reason by metric."""
    parts = [info, *(part for part in info.values() if isinstance(part, dict))]
    messages = [str(part.get("exception_message")) for part in parts if part.get("raised_exception")]
    return "; ".join(messages) or None


def _severity(failed: list[dict[str, Any]]) -> dg.AssetCheckSeverity:
    is_mild = bool(failed) and all(reading["severity"] in ("warning", "info") for reading in failed)
    return dg.AssetCheckSeverity.WARN if is_mild else dg.AssetCheckSeverity.ERROR
