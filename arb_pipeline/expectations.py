"""Great Expectations as asset checks and pages: pandas engine, one result per suite, severity of the worst failure.

There is no data context on disk and no configuration: a suite is a list of expectations in code over one frame. An
expectation that could not be evaluated is reported as an error of the check, not as bad data. The pages ask no other
host for anything: what the library would load from elsewhere is taken out.
"""

import re
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import dagster as dg

from arb_pipeline.lake.layout import beside

if TYPE_CHECKING:
    import pandas as pd
    from great_expectations.expectations import Expectation

SHOWN_VALUES = 10
_SITE = "quality"
# Style sheets, scripts and pictures of other hosts, and the library's own advertisement.
_FOREIGN: Final = re.compile(
    r"<link[^>]*https?://[^>]*>|<script[^>]*https?://[^>]*>\s*</script>|<img[^>]*https?://[^>]*>"
    r"|url\(['\"]?https?://[^)]*\)",
    re.IGNORECASE,
)
_STYLE: Final = (
    "<style>body{font:15px/1.5 sans-serif;margin:2em auto;max-width:70em;padding:0 1em}table{border-collapse:collapse}"
    "td,th{border:1px solid #ccc;padding:.3em .6em;text-align:left;vertical-align:top}footer{display:none}</style>"
    "</head>"
)


@dataclass(frozen=True, slots=True)
class Suite:
    """Expectations of one frame under a name."""

    name: str
    frame: "pd.DataFrame"
    expectations: "Sequence[Expectation]"

    @property
    def is_empty(self) -> bool:
        """Return whether there is nothing to expect anything of."""
        return bool(self.frame.empty) or not self.expectations


def validate(suite: Suite) -> dg.AssetCheckResult:
    """Run a suite. An empty one passes."""
    if suite.is_empty:
        reason = "no rows" if suite.frame.empty else "nothing to compare with yet"
        return dg.AssetCheckResult(passed=True, description=reason, metadata={"rows": len(suite.frame)})
    results = [_reading(result) for result in _run(_context(), suite)]
    failed = [reading for reading in results if not reading["success"]]
    return dg.AssetCheckResult(
        passed=not failed,
        severity=_severity(failed),
        description="; ".join(str(reading["expectation"]) for reading in failed) or f"{len(results)} expectations hold",
        metadata={
            "rows": len(suite.frame),
            "expectations": len(results),
            "failed": len(failed),
            "errors": sum(reading["error"] is not None for reading in failed),
            "failures": dg.MetadataValue.json(failed),
        },
    )


def write_pages(suites: Sequence[Suite], folder: Path) -> Path:
    """Run suites and write their results as web pages; return the first page. The folder is replaced as a whole."""
    context = _context()
    fresh = beside(folder)
    site = {
        "class_name": "SiteBuilder",
        "show_how_to_buttons": False,
        "site_index_builder": {"class_name": "DefaultSiteIndexBuilder"},
        "store_backend": {"class_name": "TupleFilesystemStoreBackend", "base_directory": str(fresh)},
    }
    context.add_data_docs_site(_SITE, site)
    results = {suite.name: [] if suite.is_empty else _run(context, suite) for suite in suites}
    context.build_data_docs(site_names=[_SITE])
    for page in fresh.rglob("*.html"):
        text = _FOREIGN.sub("", page.read_text(encoding="utf-8"))
        page.write_text(text.replace("</head>", _STYLE, 1), encoding="utf-8")
    (fresh / "index.html").write_text(_first_page(fresh, results), encoding="utf-8")
    shutil.rmtree(folder, ignore_errors=True)
    fresh.rename(folder)
    return folder / "index.html"


def _first_page(folder: Path, results: Mapping[str, list[Any]]) -> str:
    """Return our own first page: the library's is empty without the scripts that it loads from elsewhere."""
    rows = []
    for name, found in results.items():
        failed = sum(not result.success for result in found)
        page = next((folder / "validations" / name).rglob("*.html"), None)
        label = escape(name)
        link = label if page is None else f'<a href="{escape(page.relative_to(folder).as_posix())}">{label}</a>'
        verdict = "nothing to check" if not found else "fails" if failed else "holds"
        rows.append(f"<tr><td>{link}</td><td>{verdict}</td><td>{len(found)}</td><td>{failed}</td></tr>")
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Data quality</title>{_STYLE}'
        "<body><h1>Data quality</h1><p>What is expected of the hours worked last, and whether it holds.</p>"
        "<table><tr><th>suite</th><th>verdict</th><th>expectations</th><th>failed</th></tr>"
        f"{''.join(rows)}</table></body></html>"
    )


def _context() -> Any:
    import great_expectations as gx
    from great_expectations.data_context.types.base import ProgressBarsConfig

    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    return context


def _run(context: Any, suite: Suite) -> list[Any]:
    import great_expectations as gx

    asset = context.data_sources.add_pandas(suite.name).add_dataframe_asset(suite.name)
    definition = gx.ValidationDefinition(
        name=suite.name,
        data=asset.add_batch_definition_whole_dataframe(suite.name),
        suite=context.suites.add(gx.ExpectationSuite(name=suite.name, expectations=list(suite.expectations))),
    )
    outcome = context.validation_definitions.add(definition).run(batch_parameters={"dataframe": suite.frame})
    return list(outcome.results)


def _reading(result: Any) -> dict[str, Any]:
    config = result.expectation_config
    detail = result.result or {}
    return {
        "expectation": f"{config.type} {config.kwargs.get('column', '')}".strip(),
        "success": bool(result.success),
        "severity": str(getattr(config.severity, "value", config.severity)).lower(),
        "unexpected_rows": detail.get("unexpected_count"),
        "observed": str(detail["observed_value"]) if "observed_value" in detail else None,
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
