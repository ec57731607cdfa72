"""Simulated trades as they ended: what the plan said, what the legs did, which ones count.

Only trades that live and replay agree on, with all their legs, become outcomes.
"""

from typing import Final

from arb_pipeline.lake.tables import TRADE_OUTCOMES
from streaming_worker.storage.schema import COST_KINDS

BOTH_FILLED: Final = "both_filled"
PARTLY_FILLED: Final = "partly_filled"
UNWOUND: Final = "unwound"
NOTHING_FILLED: Final = "nothing_filled"

OUTCOMES: Final = """
WITH doubtful AS (
    FROM reconciliation
    SELECT DISTINCT worker, run_id, split_part(identity, '|', 1) AS trade_id
    WHERE hour_ns = {start_ns} AND table_name IN ('simulated_trades', 'simulated_legs') AND status <> 'matched'
),
agreed AS (
    FROM reconciliation
    SELECT worker, run_id, identity AS trade_id
    WHERE hour_ns = {start_ns} AND table_name = 'simulated_trades' AND status = 'matched'
    EXCEPT FROM doubtful
),
legs AS (
    FROM simulated_legs
    SELECT worker, run_id, trade_id, count(*) AS legs,
           max(status) FILTER (kind = 'cex') AS cex_status, max(status) FILTER (kind = 'pool') AS pool_status,
           count(*) FILTER (kind = 'unwind') > 0 AS is_unwound,
           sum(cash_usd_e8) AS legs_cash_usd_e8, sum(fee_usd_e8) AS legs_fee_usd_e8
    GROUP BY ALL
),
runs AS (FROM replay_runs SELECT worker, run_id, primary_latency_ns WHERE hour_ns = {start_ns})
FROM simulated_trades AS trade
JOIN agreed USING (worker, run_id, trade_id)
JOIN legs USING (worker, run_id, trade_id)
JOIN runs USING (worker, run_id)
SELECT {start_ns} AS hour_ns, trade.*, trade.predicted_notional_usd_e8 AS notional_usd_e8,
       trade.latency_ns = runs.primary_latency_ns AS is_primary,
       CASE WHEN legs.is_unwound THEN 'unwound'
            WHEN legs.cex_status = 'filled' AND legs.pool_status = 'filled' THEN 'both_filled'
            WHEN legs.cex_status IN ('filled', 'partial') OR legs.pool_status IN ('filled', 'partial')
            THEN 'partly_filled' ELSE 'nothing_filled' END AS outcome,
       legs.* EXCLUDE (worker, run_id, trade_id)
WHERE trade.latency_model = 'fixed'
ORDER BY trade.worker, trade.run_id, trade.seq, trade.latency_ns, trade.trade_id
"""

_PREDICTED = " + ".join(f"predicted_{kind}_usd_e8" for kind in ("gross", *COST_KINDS))
_REALISED = " + ".join(f"realised_{kind}_usd_e8" for kind in ("gross", *COST_KINDS))
_CASH = "legs_cash_usd_e8 + legs_fee_usd_e8" + "".join(
    f" + realised_{kind}_usd_e8" for kind in ("network_cost", "stable_basis", "rebalancing")
)

# Each names what must hold for every outcome; the condition selects the rows that break it.
RULES: Final[dict[str, str]] = {
    "predicted net is gross plus every cost": f"predicted_net_usd_e8 <> {_PREDICTED}",
    "realised net is gross plus every cost": f"realised_net_usd_e8 <> {_REALISED}",
    "realised net is the legs' cash, fees, network cost, basis and rebalancing": f"realised_net_usd_e8 <> {_CASH}",
    "a trade is done after it was decided": "completed_ns < decided_ns + latency_ns",
    "a size is positive": "size_e8 <= 0 OR notional_usd_e8 <= 0",
    "fees and network costs are never income": "realised_taker_fee_usd_e8 > 0 OR realised_network_cost_usd_e8 > 0",
    "a trade has its two legs": "cex_status IS NULL OR pool_status IS NULL",
}

UNIQUE: Final = """
FROM trade_outcomes
SELECT worker, run_id, trade_id, latency_ns, count(*) AS copies
GROUP BY ALL HAVING copies > 1
"""

# What an operator set holds beside what the run began with: a trade may be as large as the highest before its decision.
ABOVE_LIMIT: Final = """
FROM trade_outcomes JOIN replay_runs USING (hour_ns, worker, run_id)
LEFT JOIN (
    FROM limit_changes SELECT worker, run_id, requested, received_ns AS set_ns
    WHERE name = 'max_position_usd_e8' AND refusal IS NULL
) AS changed ON changed.worker = trade_outcomes.worker AND changed.run_id = trade_outcomes.run_id
    AND changed.set_ns <= trade_outcomes.decided_ns
SELECT trade_outcomes.trade_id, notional_usd_e8, latency_ns,
    greatest((any_value(settings)::JSON -> '$.limits.max_position_usd_e8')::BIGINT, max(requested)) AS allowed
GROUP BY ALL HAVING notional_usd_e8 > allowed
"""

# Views of openings and markets also cover the hours around.
REFERENCES: Final[dict[str, str]] = {
    "a trade belongs to an episode that opened": """
FROM trade_outcomes ANTI JOIN opportunity_openings USING (worker, opportunity_id)
SELECT worker, run_id, trade_id, opportunity_id ORDER BY ALL
""",
    "a trade is on markets that its run watched": """
FROM (FROM trade_outcomes SELECT worker, run_id, trade_id, unnest([instrument, pool]) AS market)
ANTI JOIN replay_markets USING (worker, run_id, market)
SELECT worker, run_id, trade_id, market ORDER BY ALL
""",
}

COLUMNS: Final = TRADE_OUTCOMES.column_names
