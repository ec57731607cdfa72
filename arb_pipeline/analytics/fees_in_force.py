"""Were fees charged by the schedule of the run, and is that schedule one that its venue publishes?"""

from typing import Final

from arb_pipeline.lake.connection import quoted

# The fee lines that each run had in force, from the settings in its keyframe.
_LINES: Final = """
lines AS (
    FROM (FROM replay_runs SELECT hour_ns, worker, run_id,
          unnest(from_json(settings::JSON -> '$.taker_fees', '["JSON"]')) AS line)
    SELECT hour_ns, worker, run_id, line ->> '$.venue' AS venue, line ->> '$.symbol' AS symbol,
           (line ->> '$.millionths')::BIGINT AS millionths,
           coalesce((line ->> '$.valid_from_ns')::BIGINT, 0) AS valid_from_ns
)"""

# A leg on a book pays its notional at the rate in force when the trade was decided, rounded up. The pair's own line
# goes before the venue's, the latest validity first.
WRONGLY_CHARGED: Final = f"""
WITH {_LINES},
rated AS (
    FROM trade_outcomes AS trade JOIN lines USING (hour_ns, worker, run_id)
    SELECT trade.*, millionths
    WHERE split_part(instrument, ':', 1) = venue AND valid_from_ns <= decided_ns
      AND coalesce(symbol, split_part(instrument, ':', 2)) = split_part(instrument, ':', 2)
    QUALIFY row_number() OVER (PARTITION BY worker, run_id, trade_id
                               ORDER BY symbol IS NOT NULL DESC, valid_from_ns DESC) = 1
)
FROM rated JOIN simulated_legs AS leg USING (worker, run_id, trade_id)
SELECT trade_id, instrument, leg.kind, leg.cash_usd_e8, leg.fee_usd_e8 AS charged,
       -((abs(leg.cash_usd_e8)::HUGEINT * millionths + 999999) // 1000000) AS in_force, millionths
WHERE leg.kind <> 'pool' AND charged <> in_force
ORDER BY trade_id, leg.leg
"""  # noqa: S608  (joined from queries of our own)


def unpublished(tiers_csv: str) -> str:
    """Return the query of rates in force that no tier of their venue has; ``tiers_csv`` is the list of tiers."""
    return f"""
WITH {_LINES}
FROM (FROM lines SELECT DISTINCT venue, symbol, millionths, hour_ns) AS line
ANTI JOIN read_csv({quoted(tiers_csv)}, header = true) AS tier
  ON tier.venue = line.venue AND tier.taker_millionths = line.millionths
 AND tier.valid_from <= make_timestamp(line.hour_ns // 1000)
SELECT DISTINCT venue, symbol, millionths
ORDER BY ALL
"""
