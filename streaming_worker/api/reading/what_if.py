"""What other limits would have done to the opportunities of the last day, counted from the record."""

from collections.abc import Mapping

from streaming_worker.api.reading.sources import every, whole
from streaming_worker.api.record_desk import RecordDesk
from streaming_worker.api.schemas.risk import LimitEffect
from streaming_worker.api.worker_link import WorkerView
from streaming_worker.core.units import NANOS_PER_DAY, NANOS_PER_SECOND, Nanos

_MINUTE_NS = 60 * NANOS_PER_SECOND
# What a wanted limit keeps from opening, by the engine's name; and what it makes smaller.
_REJECTS = {
    "threshold_millionths": "opening_net_edge_centibps < {}",  # a hundredth of a basis point is a millionth
    "max_lag_ns": "coalesce(cex_age_ns, 0) > {}",
    "max_sol_price_age_ns": "coalesce(sol_age_ns, 0) > {}",
}
_SHRINKS = {"max_position_usd_e8": "opening_notional_usd_e8 > {}"}


class WhatIf:
    """How many episodes of the last day opened, and what the wanted limits would have done, each alone and all."""

    def __init__(self, before: int, after: int, effects: list[LimitEffect]) -> None:
        self.before = before
        self.after = after
        self.effects = effects


async def what_if(desk: RecordDesk, view: WorkerView, wanted: Mapping[str, tuple[str, int]], now_ns: Nanos) -> WhatIf:
    """Count; ``wanted`` gives our name and the new value by the engine's name."""
    asked = {name: condition for name, condition in (_REJECTS | _SHRINKS).items() if name in wanted}
    counts = "".join(
        f", count(*) FILTER (WHERE {condition.format(int(wanted[name][1]))}) AS {name}"
        for name, condition in asked.items()
    )
    kept = every(f"NOT ({_REJECTS[name].format(int(wanted[name][1]))})" for name in asked if name in _REJECTS)
    since_ns = now_ns // _MINUTE_NS * _MINUTE_NS - NANOS_PER_DAY
    sql = f"""
        SELECT count(*) AS before, count(*) FILTER (WHERE {kept}) AS after{counts}
        FROM ({whole("opportunities", view)}) AS opportunity
        LEFT JOIN (
            SELECT run_id, opportunity_id, max(age_ns) AS sol_age_ns FROM ({whole("opportunity_costs", view)})
            WHERE stage = 'opening' AND kind = 'network_cost' GROUP BY ALL
        ) USING (run_id, opportunity_id)
        WHERE received_ns >= {since_ns}
    """
    (row,) = await desk.rows(sql, from_ns=now_ns - NANOS_PER_DAY, to_ns=now_ns)
    effects = [
        LimitEffect(
            name=wanted[name][0],
            effect="smaller" if name in _SHRINKS else "rejected",
            count=row[name],
            of=row["before"],
        )
        for name in asked
    ]
    return WhatIf(row["before"], row["after"], effects)
