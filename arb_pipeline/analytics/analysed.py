"""What must hold for the statistics of an hour; conditions select the rows that break a rule."""

from typing import Final

from arb_pipeline.analytics.lead_lag import LAGS_NS

MINUTE_RULES: Final[dict[str, str]] = {
    "a minute has 60 seconds": "trusted_seconds < 1 OR trusted_seconds > 60",
    "a minute lies in its hour": "minute_ns < hour_ns OR minute_ns >= hour_ns + 3600000000000",
    "a minute begins on the minute": "minute_ns % 60000000000 <> 0",
    "volatility and volume are not negative": "volatility_centibps < 0 OR volume_e8 < 0",
}
_MOVERS: Final = "('cex', 'pool', 'both', 'none')"
ATTRIBUTION_RULES: Final[dict[str, str]] = {
    "a mover is one of four": f"opened_by NOT IN {_MOVERS} OR closed_by NOT IN {_MOVERS}",
    "who moved is known where the moves are": (
        "(opened_by IS NULL) <> (opening_cex_centibps + opening_pool_centibps IS NULL)"
    ),
}
LEAD_LAG_RULES: Final[dict[str, str]] = {
    "a lag lies on the grid": f"lag_ns < {LAGS_NS[0]} OR lag_ns > {LAGS_NS[-1]}",
    "no contrast is above the best": "abs(contrast_at_zero_millionths) > abs(contrast_millionths)",
    "a contrast rests on moves": "contrast_millionths IS NOT NULL AND least(instrument_moves, pool_moves) = 0",
}
UNKNOWN_EPISODES: Final = """
FROM attribution ANTI JOIN (FROM reconciliation WHERE table_name = 'opportunities' AND status = 'matched') AS known
  ON known.identity = attribution.opportunity_id AND known.worker = attribution.worker
SELECT worker, run_id, opportunity_id
"""


def repeated(table: str, *key: str) -> str:
    """Return the query of key values that more than one row has."""
    columns = ", ".join(key)
    return f"FROM {table} SELECT {columns}, count(*) AS copies GROUP BY ALL HAVING copies > 1"
