"""What was or is to be told, from the record: risk changes, low balances, losses of feeds."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

from fastapi import Depends, Query

from streaming_worker.api.reading import recent
from streaming_worker.api.reading.paging import Listing
from streaming_worker.api.reading.ranges import Range, wanted_range
from streaming_worker.api.reading.sources import equals, every, whole
from streaming_worker.api.record_desk import Row
from streaming_worker.api.schemas.base import moment
from streaming_worker.api.schemas.system import AlertEntry
from streaming_worker.api.worker_link import WorkerView


class AlertKind(StrEnum):
    """Where alerts come from."""

    RISK = "risk"
    BALANCE = "balance"
    FEED = "feed"


@dataclass(frozen=True, slots=True)
class AlertQuery:
    """What alerts are chosen by; newest first."""

    span: Annotated[Range, Depends(wanted_range)]
    kind: Annotated[AlertKind | None, Query()] = None

    def listing(self, view: WorkerView) -> Listing:
        """Return it as SQL: the columns of each kind of row, the others null."""
        base = f"""
            SELECT *, concat_ws('-', source, run_id, seq, venue, asset, feed) AS id FROM (
                SELECT 'risk' AS source, * FROM ({whole("risk_events", view)})
                UNION ALL BY NAME SELECT 'balance' AS source, * FROM ({whole("balance_alerts", view)})
                UNION ALL BY NAME
                    SELECT 'feed' AS source, run_id, worker, seq, received_ns, feed, cause AS why, close_code
                    FROM feed_events WHERE kind = 'lost' AND cause <> 'worker stopped'
            )
        """
        return Listing(
            base=base,
            where=every([self.span.holds("received_ns"), equals("source", self.kind)]),
            order="received_ns",
            is_descending=True,
            from_ns=self.span.from_ns,
            to_ns=self.span.to_ns,
        )


def alert(row: Row) -> AlertEntry:
    """Return one alert."""
    if row["source"] != AlertKind.FEED.value:
        return recent.alert(row["source"], row)
    return AlertEntry(
        alert_id=row["id"],
        at=moment(row["received_ns"]),
        kind="feed_lost",
        severity="warning",
        subject=f"Feed {row['feed']} was lost",
        detail=row["why"] or "no reason known",
        source="feeds",
    )
