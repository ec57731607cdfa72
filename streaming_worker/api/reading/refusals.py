"""Rejections summed by reason, and the best candidates that were refused."""

from streaming_worker.api.reading import shaping
from streaming_worker.api.reading.markets import Markets
from streaming_worker.api.reading.paging import Listing
from streaming_worker.api.record_desk import RecordDesk, Row
from streaming_worker.api.schemas.base import bps, moment
from streaming_worker.api.schemas.trading import Rejection, RejectionShare, RejectionSummary
from streaming_worker.core.units import Nanos

MOST = 20


async def summary(desk: RecordDesk, listing: Listing, markets: Markets, now_ns: Nanos) -> RejectionSummary:
    """Return reasons with their counts and best candidates over a whole filter."""
    span = {"from_ns": listing.from_ns, "to_ns": listing.to_ns}
    reasons = await desk.rows(
        "SELECT reason, sum(count)::DECIMAL(38,0) AS count, max(best_edge_centibps) AS best_edge_centibps "
        f"FROM ({listing.filtered}) GROUP BY reason ORDER BY 2 DESC, 1",
        **span,
    )
    best = await desk.rows(
        f"SELECT * FROM ({listing.filtered}) WHERE best_net_usd_e8 IS NOT NULL "
        f"QUALIFY row_number() OVER (PARTITION BY reason ORDER BY best_net_usd_e8 DESC, id) <= {MOST} "
        "ORDER BY best_net_usd_e8 DESC, id",
        **span,
    )
    total = sum(int(row["count"]) for row in reasons)
    candidates = [shaping.rejection(row, markets) for row in best]
    return RejectionSummary(
        evaluations=total,
        reasons=[_share(row, total, candidates) for row in reasons],
        best=candidates[:MOST],
        as_of=moment(now_ns),
    )


def _share(row: Row, total: int, candidates: list[Rejection]) -> RejectionShare:
    edge = row["best_edge_centibps"]
    return RejectionShare(
        reason=row["reason"],
        count=int(row["count"]),
        share_percent=shaping.share_percent(int(row["count"]), total) or "0",
        best_edge_bps=None if edge is None else bps(edge),
        best=next((one for one in candidates if one.reason == row["reason"]), None),
    )
