"""One episode or one trade with all that belongs to it."""

from streaming_worker.api.reading import shaping
from streaming_worker.api.reading.episodes import episodes_sql
from streaming_worker.api.reading.markets import Markets
from streaming_worker.api.reading.sources import literal, whole
from streaming_worker.api.reading.trades import trades_sql
from streaming_worker.api.record_desk import RecordDesk, Row
from streaming_worker.api.schemas.trading import OpportunityDetail, Trade, TradeDetail
from streaming_worker.api.worker_link import WorkerView
from streaming_worker.core.units import NANOS_PER_DAY, Nanos
from streaming_worker.errors import RequestRefused

# An id does not say when; recent days are looked through first.
_LOOKS_NS = (2 * NANOS_PER_DAY, 400 * NANOS_PER_DAY)


async def opportunity_detail(
    desk: RecordDesk, view: WorkerView, markets: Markets, opportunity_id: str, now_ns: Nanos
) -> OpportunityDetail:
    """Return one episode: closed, or as far as it is known. Raises RequestRefused where there is none."""
    base = episodes_sql(view, markets, has_published=desk.has_published())
    row = await _found(desk, f"SELECT * FROM ({base}) WHERE id = {literal(opportunity_id)}", now_ns)
    if row is not None:
        shown = shaping.closed_opportunity(row, markets)
    else:
        row = await _opening(desk, view, opportunity_id, now_ns)
        live = next((one for one in view.episodes if one.opportunity_id == opportunity_id and view.is_up), None)
        shown = shaping.opened_opportunity(row, live, markets, now_ns)
    span = _around(row)
    chosen = f"WHERE opportunity_id = {literal(opportunity_id)} AND run_id = {literal(row['run_id'])}"
    samples = await desk.rows(
        f"SELECT * FROM ({whole('opportunity_samples', view)}) {chosen} ORDER BY sampled_ns, seq",
        **span,
    )
    trades = await _trades(desk, view, markets, chosen, span)
    details = await _with_legs(desk, view, trades, span)
    return OpportunityDetail(
        opportunity=shown,
        samples=[shaping.sample(one) for one in samples],
        trades=details,
    )


async def trade_detail(
    desk: RecordDesk, view: WorkerView, markets: Markets, trade_id: str, now_ns: Nanos
) -> TradeDetail:
    """Return one simulated trade with its siblings. Raises RequestRefused where there is none."""
    row = await _one(desk, f"SELECT * FROM ({trades_sql(view)}) WHERE id = {literal(trade_id)}", now_ns)
    span = _around(row)
    chosen = f"WHERE opportunity_id = {literal(row['opportunity_id'])} AND run_id = {literal(row['run_id'])}"
    ladder = await _trades(desk, view, markets, chosen, span)
    (detail,) = await _with_legs(desk, view, [shaping.trade(row, markets)], span)
    return TradeDetail(trade=detail.trade, legs=detail.legs, ladder=ladder)


async def require_trade(desk: RecordDesk, view: WorkerView, trade_id: str, now_ns: Nanos) -> None:
    """Raise RequestRefused where the record has no trade of this id."""
    await _one(
        desk, f"SELECT trade_id FROM ({whole('simulated_trades', view)}) WHERE trade_id = {literal(trade_id)}", now_ns
    )


async def _opening(desk: RecordDesk, view: WorkerView, opportunity_id: str, now_ns: Nanos) -> Row:
    """Return the opening of an episode that has no end in the record: it is open, or its run ended before it did."""
    sql = f"SELECT * FROM ({whole('opportunity_openings', view)}) WHERE opportunity_id = {literal(opportunity_id)}"
    return await _one(desk, sql, now_ns)


async def _one(desk: RecordDesk, sql: str, now_ns: Nanos) -> Row:
    row = await _found(desk, sql, now_ns)
    if row is None:
        raise RequestRefused(404, "not_found", "there is nothing of this id in the record")
    return row


async def _found(desk: RecordDesk, sql: str, now_ns: Nanos) -> Row | None:
    for look_ns in _LOOKS_NS:
        rows = await desk.rows(sql, from_ns=now_ns - look_ns, to_ns=now_ns)
        if rows:
            return rows[0]
    return None


def _around(row: Row) -> dict[str, Nanos]:
    """The same hour and the next: what belongs together is recorded within minutes."""
    return {"from_ns": row["received_ns"] - NANOS_PER_DAY // 24, "to_ns": row["received_ns"] + NANOS_PER_DAY // 24}


async def _trades(
    desk: RecordDesk, view: WorkerView, markets: Markets, chosen: str, span: dict[str, Nanos]
) -> list[Trade]:
    sql = f"SELECT * FROM ({trades_sql(view)}) {chosen} ORDER BY latency_model, latency_ns, trade_id"
    return [shaping.trade(row, markets) for row in await desk.rows(sql, **span)]


async def _with_legs(
    desk: RecordDesk, view: WorkerView, trades: list[Trade], span: dict[str, Nanos]
) -> list[TradeDetail]:
    if not trades:
        return []
    ids = ", ".join(literal(trade.id) for trade in trades)
    sql = f"SELECT * FROM ({whole('simulated_legs', view)}) WHERE trade_id IN ({ids}) ORDER BY leg"
    rows = await desk.rows(sql, **span)
    return [
        TradeDetail(
            trade=trade,
            legs=[
                shaping.leg(row, trade) for row in rows if row["trade_id"] == trade.id and row["run_id"] == trade.run_id
            ],
            ladder=[],
        )
        for trade in trades
    ]
