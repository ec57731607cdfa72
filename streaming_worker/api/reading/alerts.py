"""What was raised and whether it is over, from the file of alerts that every program of the platform writes."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Annotated, Final

from fastapi import Query

from streaming_worker.alerts import AlertHistory, AlertRow
from streaming_worker.api.reading.asking import asked
from streaming_worker.api.reading.paging import decoded, encoded
from streaming_worker.api.reading.ranges import Range, wanted_range
from streaming_worker.api.schemas.base import moment
from streaming_worker.api.schemas.system import AlertEntry

_BATCH: Final = 200
_ORDER: Final = "alert"


@dataclass(frozen=True, slots=True)
class AlertQuery:
    """What alerts are chosen by: when they began, and their kind; newest first."""

    span: Annotated[Range, asked(wanted_range)]
    kind: Annotated[str | None, Query(max_length=60, description="as in the catalogue of alerts")] = None


def alert_page(
    history: AlertHistory, query: AlertQuery, *, cursor: str | None, limit: int
) -> tuple[list[AlertEntry], str | None]:
    """Return one page and the cursor of the next one. Blocks. Raises RequestRefused, StorageError."""
    before_id = None if cursor is None else _id_of(cursor)
    rows = list(islice(_found(history, query, before_id), limit + 1))
    following = encoded(_ORDER, rows[limit - 1].id, "") if len(rows) > limit else None
    return [alert(row) for row in rows[:limit]], following


def alert(row: AlertRow) -> AlertEntry:
    """Return one alert."""
    return AlertEntry(
        alert_id=str(row.id),
        at=moment(row.opened_ns),
        kind=row.kind,
        severity=row.severity,  # type: ignore[arg-type]  # one of the three
        subject=row.title,
        detail=row.detail,
        source=row.source,
        is_open=row.is_open,
        seen_count=row.seen_count,
        resolved_at=None if row.resolved_ns is None else moment(row.resolved_ns),
        resolution=row.resolution,
    )


def _found(history: AlertHistory, query: AlertQuery, before_id: int | None) -> Iterator[AlertRow]:
    """Yield the rows of a query. They are numbered in the order of opening, so the first one too old is the last."""
    while True:
        rows = history.recent(limit=_BATCH, before_id=before_id, kind=query.kind)
        for row in rows:
            if row.opened_ns < query.span.from_ns:
                return
            if row.opened_ns < query.span.to_ns:
                yield row
        if len(rows) < _BATCH:
            return
        before_id = rows[-1].id


def _id_of(cursor: str) -> int:
    value, _ = decoded(cursor, _ORDER)
    return value if isinstance(value, int) and abs(value) < 1 << 63 else 0
