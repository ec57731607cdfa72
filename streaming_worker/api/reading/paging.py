"""Pages by cursor: a cursor is the sort value and the id of the last row, so new rows shift nothing."""

import base64
import binascii
import json
from dataclasses import dataclass
from typing import Annotated, Any, Final

from fastapi import Query

from streaming_worker.api.reading.sources import literal
from streaming_worker.api.record_desk import RecordDesk, Row
from streaming_worker.core.units import Nanos
from streaming_worker.errors import RequestRefused

DEFAULT_LIMIT: Final = 100
MOST: Final = 500
Cursor = Annotated[str | None, Query(max_length=400, description="next_cursor of the page before")]
Limit = Annotated[int, Query(ge=1, le=MOST, description="rows of one page")]


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """A list over SQL: ``base`` is a query with the column ``id``, ``where`` the filter, ``order`` the sort column."""

    base: str
    where: str
    order: str
    is_descending: bool
    from_ns: Nanos
    to_ns: Nanos

    @property
    def filtered(self) -> str:
        """The rows of the filter."""
        return f"SELECT * FROM ({self.base}) WHERE {self.where}"

    def page_sql(self, after: tuple[Any, str] | None, limit: int) -> str:
        """The rows of one page."""
        sign, direction = ("<", "DESC") if self.is_descending else (">", "ASC")
        beyond = "true"
        if after is not None:
            value, row_id = literal(after[0]), literal(after[1])
            beyond = f"{self.order} {sign} {value} OR ({self.order} = {value} AND id {sign} {row_id})"
            if after[0] is None:
                beyond = f"{self.order} IS NULL AND id {sign} {row_id}"
            else:
                beyond += f" OR {self.order} IS NULL"
        return (
            f"SELECT * FROM ({self.filtered}) WHERE {beyond} "
            f"ORDER BY {self.order} {direction} NULLS LAST, id {direction} LIMIT {limit}"
        )


@dataclass(frozen=True, slots=True)
class Found:
    """One page's rows, the cursor of the next one, and how many the filter has."""

    rows: list[Row]
    next_cursor: str | None
    total: int


async def page(desk: RecordDesk, listing: Listing, *, cursor: str | None, limit: int) -> Found:
    """Return one page. Raises RequestRefused for a cursor of another list."""
    after = None if cursor is None else decoded(cursor, listing.order)
    span = {"from_ns": listing.from_ns, "to_ns": listing.to_ns}
    rows = await desk.rows(listing.page_sql(after, limit + 1), **span)
    counted = await desk.rows(f"SELECT count(*) AS total FROM ({listing.filtered})", **span)
    has_more = len(rows) > limit
    rows = rows[:limit]
    last = rows[-1] if has_more else None
    following = None if last is None else encoded(listing.order, last[listing.order], str(last["id"]))
    return Found(rows, following, int(counted[0]["total"]))


def encoded(order: str, value: object, row_id: str) -> str:
    """Return a cursor."""
    kept = value if isinstance(value, int | str) or value is None else str(value)
    return base64.urlsafe_b64encode(json.dumps([order, kept, row_id]).encode()).decode().rstrip("=")


def decoded(cursor: str, order: str) -> tuple[Any, str]:
    """Return where a cursor stands. Raises RequestRefused."""
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        parts = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
    except (binascii.Error, ValueError) as e:
        raise RequestRefused(422, "bad_cursor", "the cursor is not one of ours") from e
    if not _is_cursor(parts) or parts[0] != order:
        raise RequestRefused(422, "bad_cursor", "the cursor belongs to another list or sort")
    return parts[1], parts[2]


def _is_cursor(parts: object) -> bool:
    if not isinstance(parts, list) or len(parts) != 3 or not isinstance(parts[2], str):
        return False
    return parts[1] is None or (isinstance(parts[1], int | str) and not isinstance(parts[1], bool))
