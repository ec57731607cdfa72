"""What happened since a moment: counted from the record and from the alerts."""

import anyio.to_thread

from streaming_worker.alerts import AlertHistory
from streaming_worker.api.reading.episodes import episodes_sql
from streaming_worker.api.reading.markets import Markets
from streaming_worker.api.reading.sources import whole
from streaming_worker.api.record_desk import RecordDesk
from streaming_worker.api.schemas.base import moment, usd
from streaming_worker.api.schemas.sending import Changes
from streaming_worker.api.worker_link import WorkerView
from streaming_worker.core.units import Nanos

_TABLES = {"risk_changes": "risk_events", "limit_changes": "limit_changes", "halts": "halt_changes", "gaps": "gaps"}


async def changes(
    desk: RecordDesk, view: WorkerView, markets: Markets, alerts: AlertHistory, *, from_ns: Nanos, now_ns: Nanos
) -> Changes:
    """Count everything that is newer than a moment. Trades are those of the latency that counts."""
    since = f"received_ns >= {from_ns}"
    counts = ", ".join(
        f"(SELECT count(*) FROM ({_rows(table, view)}) WHERE {since}) AS {name}" for name, table in _TABLES.items()
    )
    sql = f"""
        SELECT {counts}, count(*) AS trades, coalesce(sum(realised_net_usd_e8), 0)::DECIMAL(38,0) AS net
        FROM ({whole("simulated_trades", view)})
        WHERE {since} AND latency_ns = {markets.primary_ns} AND latency_model = 'fixed'
    """
    episodes = f"""
        SELECT count(*) AS opportunities, count(*) FILTER (WHERE grade IN ('A', 'B', 'C')) AS real
        FROM ({episodes_sql(view, markets, has_published=False)}) WHERE {since}
    """
    span = {"from_ns": from_ns, "to_ns": now_ns}
    (row,) = await desk.rows(sql, **span, keep_s=10.0)
    (found,) = await desk.rows(episodes, **span, keep_s=10.0)
    raised = await anyio.to_thread.run_sync(alerts.between, from_ns, now_ns)
    return Changes(
        from_at=moment(from_ns),
        opportunities=found["opportunities"],
        real=found["real"],
        trades=row["trades"],
        realised_net_usd=usd(int(row["net"])),
        **{name: row[name] for name in _TABLES},
        alerts=sum(one.opened_ns >= from_ns for one in raised),
        as_of=moment(now_ns),
    )


def _rows(table: str, view: WorkerView) -> str:
    return f"SELECT received_ns FROM {table}" if table == "gaps" else whole(table, view)
