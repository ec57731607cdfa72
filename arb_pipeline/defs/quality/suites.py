"""The suites of Great Expectations over some hours: the same for the checks and for the pages."""

from collections.abc import Sequence

from arb_pipeline.analytics.market_expectations import drift_of
from arb_pipeline.analytics.trade_expectations import TRADE_COLUMNS, trade_expectations
from arb_pipeline.expectations import Suite
from arb_pipeline.hours import Hour
from arb_pipeline.lake.connection import open_hours
from arb_pipeline.lake.layout import LakeLayout


def trade_suite_of(layout: LakeLayout, hours: Sequence[Hour]) -> Suite:
    """Return what is expected of simulated trades beyond arithmetic."""
    with open_hours(layout, ("trade_outcomes",), hours) as connection:
        frame = connection.execute(f"FROM trade_outcomes SELECT {', '.join(TRADE_COLUMNS)}").df()
    return Suite("simulated_trades", frame, trade_expectations())


def drift_suite_of(layout: LakeLayout, hours: Sequence[Hour]) -> Suite:
    """Return what is expected of spreads and volatility by the day before."""
    frame, expectations = drift_of(layout, hours)
    return Suite("market_minutes", frame, expectations)
