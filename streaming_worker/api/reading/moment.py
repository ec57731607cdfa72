"""A replayed opportunity as the API shows it, and which one is meant."""

import shlex

from streaming_worker.api.reading.sources import literal, whole
from streaming_worker.api.record_desk import RecordDesk
from streaming_worker.api.schemas import moment as shapes
from streaming_worker.api.schemas.base import bps, e8, milliseconds, moment, usd
from streaming_worker.api.schemas.trading import CostLine, Plan, Stack
from streaming_worker.api.worker_link import WorkerView
from streaming_worker.core.events import Levels
from streaming_worker.core.outputs import TradePlan
from streaming_worker.core.units import E8, NANOS_PER_DAY, NANOS_PER_MILLISECOND, Nanos
from streaming_worker.errors import RequestRefused
from streaming_worker.service.moment import BookThen, Ending, Moment, PoolThen, SizePoint, Sought

# An id does not say when; recent days are looked through first.
_LOOKS_NS = (2 * NANOS_PER_DAY, 400 * NANOS_PER_DAY)


async def sought(desk: RecordDesk, view: WorkerView, opportunity_id: str, now_ns: Nanos) -> Sought:
    """Return which opportunity an id means, open ones included. Raises RequestRefused where there is none."""
    sql = f"""
        SELECT opening.worker, opening.run_id, opening.received_ns AS opened_ns, closing.closed_ns
        FROM ({whole("opportunity_openings", view)}) AS opening
        LEFT JOIN ({whole("opportunities", view)}) AS closing USING (run_id, opportunity_id)
        WHERE opportunity_id = {literal(opportunity_id)}
    """
    for look_ns in _LOOKS_NS:
        for row in await desk.rows(sql, from_ns=now_ns - look_ns, to_ns=now_ns):
            return Sought(opportunity_id=opportunity_id, **row)
    raise RequestRefused(404, "not_found", "there is nothing of this id in the record")


def shown(found: Moment, data_dir: str, now_ns: Nanos) -> shapes.OpportunityMoment:
    """Return a moment in the API's units."""
    at_ns, wanted = found.sought.opened_ns, found.sought
    start = f"keyframe {found.keyframe_seq} and {found.events} events"
    return shapes.OpportunityMoment(
        opportunity_id=wanted.opportunity_id,
        at=moment(at_ns),
        at_ns=str(at_ns),
        is_same=found.is_same,
        source=f"run {wanted.run_id} of worker {wanted.worker}, {start}",
        command=f"arb replay {shlex.quote(data_dir)} --opportunity {wanted.opportunity_id}",
        events_replayed=found.events,
        seq=found.seq,
        book=_book(found.book, at_ns),
        pool=_pool(found.pool, at_ns),
        plan=_plan(found.plan),
        costs=[
            shapes.CostThen(
                kind=item.kind,
                value_usd=usd(item.value_usd_e8),
                source=item.source,
                age_ms=item.age_ns // NANOS_PER_MILLISECOND,
            )
            for item in found.plan.costs
        ],
        max_position_usd=usd(found.limits.max_position_usd_e8),
        threshold_bps=bps(found.limits.threshold_millionths),
        curve=[_point(point) for point in found.curve],
        ending=None if found.ending is None else _ending(found.ending, at_ns),
        frames=[
            shapes.FrameThen(
                leg=frame.leg,
                feed=frame.feed,
                connection=frame.connection,
                received_ns=str(frame.received_ns),
                bytes=frame.size,
                sha256=frame.sha256,
            )
            for frame in found.frames
        ],
        as_of=moment(now_ns),
    )


def _book(book: BookThen, at_ns: Nanos) -> shapes.BookThen:
    return shapes.BookThen(
        instrument=book.instrument,
        feed=book.feed,
        received_at=moment(book.received_ns),
        age_ms=_age_ms(at_ns, book.received_ns),
        lag_ms=milliseconds(book.lag_ns),
        bids=_levels(book.bids),
        asks=_levels(book.asks),
        bid_count=book.bid_count,
        ask_count=book.ask_count,
    )


def _levels(levels: Levels) -> list[shapes.LevelThen]:
    shown_levels, total = [], 0
    for price, size in levels:
        total += size
        shown_levels.append(shapes.LevelThen(price=usd(price), size=usd(size), cumulative_size=usd(total)))
    return shown_levels


def _pool(pool: PoolThen, at_ns: Nanos) -> shapes.PoolThen:
    return shapes.PoolThen(
        pool=pool.pool,
        feed=pool.feed,
        received_at=moment(pool.received_ns),
        age_ms=_age_ms(at_ns, pool.received_ns),
        slot=pool.slot,
        price=e8(pool.price_e8),
        price_after_fee=e8(pool.price_after_fee_e8),
        fee_bps=bps(pool.fee_millionths),
        liquidity=str(pool.liquidity),
        sqrt_price_x64=str(pool.sqrt_price_x64),
        tick_index=pool.tick_index,
    )


def _age_ms(at_ns: Nanos, received_ns: Nanos) -> int:
    return max(0, at_ns - received_ns) // NANOS_PER_MILLISECOND


def _plan(plan: TradePlan) -> Plan:
    return Plan(
        size=usd(plan.size_e8),
        notional_usd=usd(plan.cex_notional_usd_e8),
        pool_amount_in=str(plan.pool_amount_in),
        pool_amount_out=str(plan.pool_amount_out),
        stack=Stack(
            gross_usd=usd(plan.gross_usd_e8),
            costs=[CostLine(kind=item.kind, value_usd=usd(item.value_usd_e8)) for item in plan.costs],
            net_usd=usd(plan.net_usd_e8),
        ),
        net_edge_bps=bps(plan.net_edge_centibps),
    )


def _point(point: SizePoint) -> shapes.SizePoint:
    """Average prices are for showing. Rounds: down."""
    plan = point.plan
    return shapes.SizePoint(
        size=usd(plan.size_e8),
        notional_usd=usd(plan.cex_notional_usd_e8),
        cex_price=usd(plan.cex_notional_usd_e8 * E8 // plan.size_e8),
        pool_price=usd(point.pool_value_e8 * E8 // plan.size_e8),
        gross_usd=usd(plan.gross_usd_e8),
        net_usd=usd(plan.net_usd_e8),
        net_edge_bps=bps(plan.net_edge_centibps),
        is_chosen=point.is_chosen,
        is_within_cap=point.is_within_cap,
    )


def _ending(ending: Ending, at_ns: Nanos) -> shapes.EndingThen:
    return shapes.EndingThen(
        reason=ending.reason,
        close_reason=ending.close_reason,
        at=moment(ending.closed_ns),
        lifetime_ms=_age_ms(ending.closed_ns, at_ns),
    )
