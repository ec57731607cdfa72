"""Does a market still look like itself? An hour's spread and volatility against those of the day before.

A drifted spread is no error of the record: a venue changed its tick, a market maker left, or prices are wrong in a way
that still adds up. So a drift warns, and says which market, which measure and by how much.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

import duckdb

from arb_pipeline.hours import Hour
from arb_pipeline.lake.connection import open_hours
from arb_pipeline.lake.layout import LakeLayout

if TYPE_CHECKING:
    import pandas as pd
    from great_expectations.expectations import Expectation

BASELINE_HOURS: Final = 24
# A baseline of less is an anecdote.
LEAST_MINUTES: Final = 60
DRIFT_FACTOR: Final = 3

_MEASURES: Final = ("spread_centibps", "volatility_centibps")
_BASELINE = f"""
FROM (UNPIVOT (FROM market_minutes WHERE trusted_seconds = 60 AND hour_ns < ?)
      ON {", ".join(_MEASURES)} INTO NAME measure VALUE value)
SELECT market, measure, median(value) AS usual
GROUP BY market, measure HAVING count(*) >= {LEAST_MINUTES} AND usual > 0
ORDER BY market, measure
"""
_OF_HOUR = "FROM market_minutes SELECT {measure}::DOUBLE WHERE trusted_seconds = 60 AND hour_ns = ? AND market = ?"


def drift_of(layout: LakeLayout, hours: Iterable[Hour]) -> "tuple[pd.DataFrame, list[Expectation]]":
    """Return the minutes of hours, one column an hour, market and measure, and what is expected of each."""
    import pandas as pd

    columns: dict[str, pd.Series[float]] = {}
    expectations: list[Expectation] = []
    for hour in hours:
        found, expected = _drift_of_hour(layout, hour)
        columns |= found
        expectations += expected
    return pd.DataFrame(columns), expectations


def _drift_of_hour(layout: LakeLayout, hour: Hour) -> "tuple[dict[str, pd.Series[float]], list[Expectation]]":
    import great_expectations.expectations as gxe

    columns: dict[str, pd.Series[float]] = {}
    expectations: list[Expectation] = []
    around = [hour.shifted(-back) for back in range(BASELINE_HOURS + 1)]
    with open_hours(layout, ("market_minutes",), around) as connection:
        for market, measure, usual in connection.execute(_BASELINE, [hour.start_ns]).fetchall():
            minutes = _minutes(connection, hour, str(market), str(measure))
            if minutes.empty:
                continue
            column = f"{measure} of {market} in {hour.key}"
            columns[column] = minutes
            expectations.append(
                gxe.ExpectColumnMedianToBeBetween(
                    column=column,
                    min_value=float(usual) / DRIFT_FACTOR,
                    max_value=float(usual) * DRIFT_FACTOR,
                    severity="warning",
                )
            )
    return columns, expectations


def _minutes(connection: duckdb.DuckDBPyConnection, hour: Hour, market: str, measure: str) -> "pd.Series[float]":
    frame = connection.execute(_OF_HOUR.format(measure=measure), [hour.start_ns, market]).df()
    return frame.iloc[:, 0].dropna()
