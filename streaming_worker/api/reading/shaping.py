"""Rows of the record as the API shows them; nothing is rounded but times, and shares for showing."""

from decimal import ROUND_FLOOR, Decimal
from typing import Any

from streaming_worker.api.reading.markets import Markets, venue_of
from streaming_worker.api.schemas.base import bps, e8, milliseconds, moment, percent, usd
from streaming_worker.api.schemas.trading import (
    CostLine,
    Leg,
    Opportunity,
    Plan,
    Rejection,
    Sample,
    Stack,
    Trade,
)
from streaming_worker.core.outputs import CostKind, Direction, LegStatus
from streaming_worker.core.units import NANOS_PER_MILLISECOND
from streaming_worker.service.live import LiveEpisode
from streaming_worker.storage.schema import COST_KINDS

Row = dict[str, Any]


def stack(row: Row, prefix: str) -> Stack:
    """Return gross, costs and net of the columns with a prefix."""
    return Stack(
        gross_usd=usd(int(row[f"{prefix}_gross_usd_e8"])),
        costs=[
            CostLine(kind=CostKind(kind), value_usd=usd(int(row[f"{prefix}_{kind}_usd_e8"]))) for kind in COST_KINDS
        ],
        net_usd=usd(int(row[f"{prefix}_net_usd_e8"])),
    )


def plan(row: Row, prefix: str) -> Plan:
    """Return a whole plan of the columns with a prefix."""
    return Plan(
        size=usd(row[f"{prefix}_size_e8"]),
        notional_usd=usd(row[f"{prefix}_notional_usd_e8"]),
        pool_amount_in=str(row[f"{prefix}_pool_amount_in"]),
        pool_amount_out=str(row[f"{prefix}_pool_amount_out"]),
        stack=stack(row, prefix),
        net_edge_bps=bps(row[f"{prefix}_net_edge_centibps"]),
    )


def route(row: Row, markets: Markets) -> dict[str, Any]:
    """Return the fields that every row of a route has."""
    cex, pool = venue_of(row["instrument"]), venue_of(row["pool"])
    buys_cex = row["direction"] == Direction.BUY_CEX_SELL_POOL.value
    return {
        "instrument": row["instrument"],
        "pool": row["pool"],
        "pair": markets.pair_of(row["instrument"]),
        "direction": row["direction"],
        "cex_venue": cex,
        "pool_venue": pool,
        "buy_venue": cex if buys_cex else pool,
        "sell_venue": pool if buys_cex else cex,
    }


def closed_opportunity(row: Row, markets: Markets) -> Opportunity:
    """Return a closed episode with its grade, primary result and reconciliation, where they are there."""
    kept = row["kept_millionths"]
    return Opportunity(
        id=row["opportunity_id"],
        worker=row["worker"],
        run_id=row["run_id"],
        is_open=False,
        **route(row, markets),
        opened_at=moment(row["opened_ns"]),
        opened_ns=str(row["opened_ns"]),
        peaked_at=moment(row["peaked_ns"]),
        closed_at=moment(row["closed_ns"]),
        closed_ns=str(row["closed_ns"]),
        lifetime_ms=(row["closed_ns"] - row["opened_ns"]) // NANOS_PER_MILLISECOND,
        close_reason=row["close_reason"],
        updates=row["updates"],
        size=usd(row["opening_size_e8"]),
        notional_usd=usd(row["opening_notional_usd_e8"]),
        gross_edge_bps=share_bps(row["opening_gross_usd_e8"], row["opening_notional_usd_e8"]),
        net_edge_bps=bps(row["opening_net_edge_centibps"]),
        net_usd=usd(row["opening_net_usd_e8"]),
        peak_net_edge_bps=bps(row["peak_net_edge_centibps"]),
        peak_net_usd=usd(row["peak_net_usd_e8"]),
        realised_net_usd=e8(row["primary_net_usd_e8"]),
        cex_age_ms=milliseconds(row["cex_age_ns"]),
        pool_age_ms=milliseconds(row["pool_age_ns"]),
        opened_slot=row["opened_slot"],
        grade=row["grade"],
        reach_ms=milliseconds(row["reach_ns"]),
        kept_percent=None if kept is None else percent(kept),
        captured_rungs=row["captured_rungs"],
        failed_rungs=row["failed_rungs"],
        rungs=row["rungs"],
        reconciliation=row["reconciliation"],
        opening=plan(row, "opening"),
        peak=plan(row, "peak"),
        recorded_at=moment(row["received_ns"]),
    )


def open_opportunity(
    episode: LiveEpisode, markets: Markets, *, worker: str, run_id: str, now_ns: int, opening: Row | None = None
) -> Opportunity:
    """Return an episode that is open now; made ten times a second, so of its opening it has the headline only."""
    fields = {"instrument": episode.instrument, "pool": episode.pool, "direction": episode.direction}
    return Opportunity(
        id=episode.opportunity_id,
        worker=worker,
        run_id=run_id,
        is_open=True,
        **route(fields, markets),
        opened_at=moment(episode.opened_ns),
        opened_ns=str(episode.opened_ns),
        peaked_at=None,
        closed_at=None,
        closed_ns=None,
        lifetime_ms=max(0, now_ns - episode.opened_ns) // NANOS_PER_MILLISECOND,
        close_reason=None,
        updates=episode.updates,
        size=None if opening is None else usd(opening["opening_size_e8"]),
        notional_usd=None if opening is None else usd(opening["opening_notional_usd_e8"]),
        gross_edge_bps=None
        if opening is None
        else share_bps(opening["opening_gross_usd_e8"], opening["opening_notional_usd_e8"]),
        net_edge_bps=bps(episode.opening_edge_centibps),
        net_usd=usd(episode.opening_net_usd_e8),
        peak_net_edge_bps=bps(episode.peak_edge_centibps),
        peak_net_usd=usd(episode.peak_net_usd_e8),
        realised_net_usd=None,
        cex_age_ms=None,
        pool_age_ms=None,
        opened_slot=None,
        grade=None,
        reach_ms=None,
        kept_percent=None,
        captured_rungs=None,
        failed_rungs=None,
        rungs=None,
        reconciliation=None,
        opening=None,
        peak=None,
        recorded_at=None,
    )


def opened_opportunity(row: Row, live: LiveEpisode | None, markets: Markets, now_ns: int) -> Opportunity:
    """Return an episode that has no end in the record, by its opening; ``live`` is what it has come to by now."""
    known = live or LiveEpisode(
        opportunity_id=row["opportunity_id"],
        instrument=row["instrument"],
        pool=row["pool"],
        direction=row["direction"],
        opened_ns=row["received_ns"],
        updates=1,
        opening_net_usd_e8=row["opening_net_usd_e8"],
        opening_edge_centibps=row["opening_net_edge_centibps"],
        peak_net_usd_e8=row["opening_net_usd_e8"],
        peak_edge_centibps=row["opening_net_edge_centibps"],
    )
    more = {
        "is_open": live is not None,
        "opening": plan(row, "opening"),
        "recorded_at": moment(row["received_ns"]),
        **({} if live is not None else {"lifetime_ms": None}),
    }
    worker, run_id = row["worker"], row["run_id"]
    shown = open_opportunity(known, markets, worker=worker, run_id=run_id, now_ns=now_ns, opening=row)
    return shown.model_copy(update=more)


def trade(row: Row, markets: Markets) -> Trade:
    """Return a simulated trade; ``statuses`` and ``grade`` are columns that the query joins."""
    predicted, realised = row["predicted_net_usd_e8"], row["realised_net_usd_e8"]
    notional = row["predicted_notional_usd_e8"]
    is_fixed = row["latency_model"] == "fixed"
    kinds = row["leg_kinds"] or []
    return Trade(
        id=row["trade_id"],
        opportunity_id=row["opportunity_id"],
        worker=row["worker"],
        run_id=row["run_id"],
        **route(row, markets),
        latency_ms=row["latency_ns"] // NANOS_PER_MILLISECOND,
        latency_model=row["latency_model"],
        is_primary=is_fixed and row["latency_ns"] == markets.primary_ns,
        decided_at=moment(row["decided_ns"]),
        decided_ns=str(row["decided_ns"]),
        completed_at=moment(row["completed_ns"]),
        size=usd(row["size_e8"]),
        notional_usd=usd(notional),
        predicted=stack(row, "predicted"),
        realised=stack(row, "realised"),
        predicted_net_usd=usd(predicted),
        realised_net_usd=usd(realised),
        difference_usd=usd(realised - predicted),
        realised_net_bps=share_bps(realised, notional),
        has_won=realised > 0,
        statuses=[LegStatus(status) for status in row["leg_statuses"] or []],
        is_unwound="unwind" in kinds,
        grade=row["grade"],
        recorded_at=moment(row["received_ns"]),
    )


def leg(row: Row, one: Trade) -> Leg:
    """Return one leg of a trade."""
    return Leg(
        position=row["leg"],
        kind=row["kind"],
        venue=one.pool_venue if row["kind"] == "pool" else one.cex_venue,
        status=row["status"],
        due_at=moment(row["due_ns"]),
        filled_at=moment(row["filled_ns"]),
        delay_ms=max(0, row["filled_ns"] - row["due_ns"]) // NANOS_PER_MILLISECOND,
        size=usd(row["size_e8"]),
        cash_usd=usd(row["cash_usd_e8"]),
        fee_usd=usd(row["fee_usd_e8"]),
        slot=row["slot"],
    )


def sample(row: Row) -> Sample:
    """Return one kept sample."""
    return Sample(
        at=moment(row["sampled_ns"]),
        at_ns=str(row["sampled_ns"]),
        size=usd(row["size_e8"]),
        gross_usd=usd(row["gross_usd_e8"]),
        net_usd=usd(row["net_usd_e8"]),
        net_edge_bps=bps(row["net_edge_centibps"]),
    )


def rejection(row: Row, markets: Markets) -> Rejection:
    """Return one interval of refusals."""
    best_edge = row["best_edge_centibps"]
    return Rejection(
        id=row["id"],
        worker=row["worker"],
        run_id=row["run_id"],
        **route(row, markets),
        reason=row["reason"],
        count=row["count"],
        best_edge_bps=None if best_edge is None else bps(best_edge),
        best_size=e8(row["best_size_e8"]),
        best_net_usd=e8(row["best_net_usd_e8"]),
        interval_started_at=moment(row["interval_start_ns"]),
        recorded_at=moment(row["received_ns"]),
        recorded_ns=str(row["received_ns"]),
    )


def share_bps(part: int, whole: int) -> str | None:
    """Return part over whole in basis points, for showing; None of nothing. Rounds: down, to two digits."""
    return None if not whole else _floor(Decimal(int(part)) * 10_000 / int(whole))


def share_percent(part: int, whole: int) -> str | None:
    """Return part over whole in per cent, for showing; None of nothing. Rounds: down, to two digits."""
    return None if not whole else _floor(Decimal(int(part)) * 100 / int(whole))


def _floor(value: Decimal) -> str:
    rounded = value.quantize(Decimal("0.01"), rounding=ROUND_FLOOR)
    return "0" if not rounded else f"{rounded:f}"
