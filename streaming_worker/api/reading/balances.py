"""The history of the shadow balances."""

from dataclasses import dataclass
from typing import Annotated

from streaming_worker.api.reading.asking import asked
from streaming_worker.api.reading.episodes import Name
from streaming_worker.api.reading.paging import Listing
from streaming_worker.api.reading.ranges import Range, wanted_range
from streaming_worker.api.reading.sorting import Order
from streaming_worker.api.reading.sources import equals, every, whole
from streaming_worker.api.record_desk import Row
from streaming_worker.api.schemas.base import e8, moment, usd
from streaming_worker.api.schemas.risk import BalancePoint
from streaming_worker.api.worker_link import WorkerView


@dataclass(frozen=True, slots=True)
class BalanceQuery:
    """What minutes are chosen by; newest first."""

    span: Annotated[Range, asked(wanted_range)]
    venue: Name = None
    asset: Name = None

    def listing(self, view: WorkerView) -> Listing:
        """Return it as SQL."""
        rows = whole("inventory_snapshots", view)
        return Listing(
            base=f"SELECT *, concat_ws('-', run_id, seq, venue, asset) AS id FROM ({rows})",
            where=every([self.span.holds("received_ns"), equals("venue", self.venue), equals("asset", self.asset)]),
            order=(Order("received_ns", is_descending=True),),
            from_ns=self.span.from_ns,
            to_ns=self.span.to_ns,
        )


def balance_point(row: Row) -> BalancePoint:
    """Return one balance at one minute."""
    return BalancePoint(
        at=moment(row["received_ns"]),
        venue=row["venue"],
        asset=row["asset"],
        total=usd(row["total_e8"]),
        reserved=usd(row["reserved_e8"]),
        drift=usd(row["drift_e8"]),
        price_usd=e8(row["price_usd_e8"]),
    )
