"""Quality figures are possible figures; and feeds that were old, silent, crossed or missing are named."""

import re
from collections.abc import Mapping

import dagster as dg

from arb_pipeline.analytics.feed_rules import CLOCK_RULES, CROSSED_RULES, FRESH_RULES
from arb_pipeline.analytics.quality import RULES
from arb_pipeline.defs.quality.suites import drift_suite_of
from arb_pipeline.defs.rule_checks import rules_result
from arb_pipeline.expectations import validate
from arb_pipeline.hours import Hour
from arb_pipeline.lake.connection import open_hours
from arb_pipeline.partitions import hours_of
from arb_pipeline.resources import Lake, Published

LOOKBACK_HOURS = 24
# Links to pages of the same site; the library writes them relative.
_LINK = re.compile(r"href=[\"']((?!https?:|#|/|\.\.)[^\"'#?]+\.html)")
_UNIQUE = """
FROM feed_quality SELECT hour_ns, worker, feed, market, count(*) AS copies GROUP BY ALL HAVING copies > 1
"""


@dg.asset_check(
    asset="feed_quality",
    blocking=True,
    description="Shares are shares, gaps and downtime lie within their hour, each market is there once.",
)
def quality_in_range(context: dg.AssetCheckExecutionContext, lake: Lake) -> dg.AssetCheckResult:
    """Ranges and uniqueness."""
    with open_hours(lake.layout, ("feed_quality",), hours_of(context)) as connection:
        return rules_result(connection, {"feed_quality": RULES}, queries={"a market is there once": _UNIQUE})


def _rules(context: dg.AssetCheckExecutionContext, lake: Lake, rules: Mapping[str, str]) -> dg.AssetCheckResult:
    with open_hours(lake.layout, ("feed_quality",), hours_of(context)) as connection:
        return rules_result(connection, {"feed_quality": rules}, severity=dg.AssetCheckSeverity.WARN)


@dg.asset_check(
    asset="feed_quality",
    blocking=False,
    description="Messages were not old by the venue's own clock, and no book was silent outside its gaps.",
)
def feeds_fresh(context: dg.AssetCheckExecutionContext, lake: Lake) -> dg.AssetCheckResult:
    """A loud socket can deliver old prices: age is judged by exchange time, above the hour's smallest delay."""
    return _rules(context, lake, FRESH_RULES)


@dg.asset_check(
    asset="feed_quality",
    blocking=False,
    description="Each venue's clock is at most 5 s ahead of ours and 10 s behind.",
)
def clocks_in_bounds(context: dg.AssetCheckExecutionContext, lake: Lake) -> dg.AssetCheckResult:
    """The smallest received minus exchange time of the hour; a delay that never ends shows here."""
    return _rules(context, lake, CLOCK_RULES)


@dg.asset_check(asset="feed_quality", blocking=False, description="No book was crossed for more than 1 % of the hour.")
def books_rarely_crossed(context: dg.AssetCheckExecutionContext, lake: Lake) -> dg.AssetCheckResult:
    """A book that stays crossed has a missed message or a wrong parser behind it."""
    return _rules(context, lake, CROSSED_RULES)


@dg.asset_check(
    asset="feed_quality",
    blocking=False,
    description="Between the first captured hour of the last day and the hours worked, none is missing.",
)
def no_hour_missing(context: dg.AssetCheckExecutionContext, lake: Lake) -> dg.AssetCheckResult:
    """Name the hours in which nothing was captured although hours before and after have data."""
    hours = sorted(hours_of(context))
    first, last = hours[0].shifted(-LOOKBACK_HOURS), hours[-1]
    captured = {hour for hour in lake.catalogue.captured_hours() if first <= hour <= last}
    missing = missing_between(captured)
    return dg.AssetCheckResult(
        passed=not missing,
        severity=dg.AssetCheckSeverity.WARN,
        description=f"nothing was captured in {', '.join(hour.key for hour in missing)}" if missing else None,
        metadata={"captured": len(captured), "missing": dg.MetadataValue.json([hour.key for hour in missing])},
    )


def missing_between(captured: set[Hour]) -> list[Hour]:
    """Return the hours between the first and the last that are not among them."""
    if not captured:
        return []
    hour, last, missing = min(captured), max(captured), []
    while hour < last:
        if hour not in captured:
            missing.append(hour)
        hour = hour.shifted(1)
    return missing


@dg.asset_check(
    asset="market_minutes",
    blocking=False,
    description="Great Expectations suite: spread and volatility stay within a factor of 3 of the day before.",
)
def market_drift(context: dg.AssetCheckExecutionContext, lake: Lake) -> dg.AssetCheckResult:
    """Distribution drift; without an hour of baseline there is nothing to compare with."""
    return validate(drift_suite_of(lake.layout, hours_of(context)))


@dg.asset_check(
    asset="quality_pages",
    blocking=True,
    description="The first page is there, and every page that it leads to.",
)
def pages_lead_somewhere(published: Published) -> dg.AssetCheckResult:
    """Follow the links of the first page."""
    index = published.pages / "index.html"
    links = set(_LINK.findall(index.read_text(encoding="utf-8"))) if index.is_file() else set()
    dead = sorted(link for link in links if not (index.parent / link).is_file())
    return dg.AssetCheckResult(
        passed=index.is_file() and not dead,
        severity=dg.AssetCheckSeverity.ERROR,
        metadata={"links": len(links), "dead": dg.MetadataValue.json(dead)},
    )
