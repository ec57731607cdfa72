"""Data quality as pages: every expectation of the hours just worked, with what was observed."""

import dagster as dg

from arb_pipeline.catalogue_text import OWNERS, rows_metadata
from arb_pipeline.defs.quality.suites import drift_suite_of, trade_suite_of
from arb_pipeline.expectations import write_pages
from arb_pipeline.hours import Hour
from arb_pipeline.resources import Lake, Published

SHOWN_HOURS = 24


@dg.asset(
    group_name="quality",
    owners=OWNERS,
    kinds={"greatexpectations", "html"},
    code_version="1",
    deps=["simulated_trades", "market_minutes"],
)
def quality_pages(lake: Lake, published: Published) -> dg.MaterializeResult[None]:
    """Great Expectations pages about the last day's worked hours: each expectation, whether it holds, what was seen.

    They stand beside the published file and load nothing from anywhere else.
    """
    hours = _worked(lake)
    suites = [suite(lake.layout, hours) for suite in (trade_suite_of, drift_suite_of)]
    index = write_pages(suites, published.pages)
    expectations = sum(len(suite.expectations) for suite in suites if not suite.is_empty)
    return dg.MaterializeResult(
        metadata={
            **rows_metadata(sum(len(suite.frame) for suite in suites)),
            "hours": len(hours),
            "suites": len(suites),
            "expectations": expectations,
            "pages": dg.MetadataValue.url(index.as_uri()),
            "file": dg.MetadataValue.path(str(index)),
        }
    )


def _worked(lake: Lake) -> list[Hour]:
    worked = [hour for hour in lake.catalogue.captured_hours() if lake.layout.folder("trade_outcomes", hour).exists()]
    return worked[-SHOWN_HOURS:]
