"""Pages by cursor: a cursor is the sort values and the id of the last row, so new rows shift nothing."""

import base64
import binascii
import json
from dataclasses import dataclass
from typing import Annotated, Any, Final

from fastapi import Query

from streaming_worker.api.reading.sorting import Order
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
    """A list over SQL: ``base`` is a query with the column ``id``, ``where`` the filter.

    ``order`` holds the sort columns, the first one first; rows that are equal in all of them stand by their id.
    """

    base: str
    where: str
    order: tuple[Order, ...]
    from_ns: Nanos
    to_ns: Nanos

    @property
    def filtered(self) -> str:
        """The rows of the filter."""
        return f"SELECT * FROM ({self.base}) WHERE {self.where}"

    def page_sql(self, cursor: str | None, limit: int) -> str:
        """The rows of one page. Raises RequestRefused for a cursor of another list."""
        beyond = "true" if cursor is None else self._beyond(cursor)
        terms = ", ".join(one.sql for one in (*self.order, self._by_id))
        return f"SELECT * FROM ({self.filtered}) WHERE {beyond} ORDER BY {terms} LIMIT {limit}"

    def cursor_after(self, row: Row) -> str:
        """The cursor of what comes after a row."""
        return encoded(self._name, [row[one.column] for one in self.order], str(row["id"]))

    @property
    def _name(self) -> str:
        return ",".join(one.column for one in self.order)

    @property
    def _by_id(self) -> Order:
        return Order("id", self.order[0].is_descending)

    def _beyond(self, cursor: str) -> str:
        """Equal in all sort columns before one, and beyond in that one; the id is the last."""
        values, row_id = decoded(cursor, self._name)
        if not isinstance(values, list) or len(values) != len(self.order):
            raise RequestRefused(422, "bad_cursor", "the cursor belongs to another list or sort")
        keys = [*zip(self.order, map(literal, values), strict=True), (self._by_id, literal(row_id))]
        found, equal = [], ""
        for order, value in keys:
            found.append(f"({equal}{order.beyond(value)})")
            equal += f"{order.column} IS NOT DISTINCT FROM {value} AND "
        return " OR ".join(found)


@dataclass(frozen=True, slots=True)
class Found:
    """One page's rows, the cursor of the next one, and how many the filter has."""

    rows: list[Row]
    next_cursor: str | None
    total: int


async def page(desk: RecordDesk, listing: Listing, *, cursor: str | None, limit: int) -> Found:
    """Return one page. Raises RequestRefused for a cursor of another list."""
    span = {"from_ns": listing.from_ns, "to_ns": listing.to_ns}
    rows = await desk.rows(listing.page_sql(cursor, limit + 1), **span)
    counted = await desk.rows(f"SELECT count(*) AS total FROM ({listing.filtered})", **span)
    has_more = len(rows) > limit
    rows = rows[:limit]
    last = rows[-1] if has_more else None
    following = None if last is None else listing.cursor_after(last)
    return Found(rows, following, int(counted[0]["total"]))


def encoded(order: str, value: object, row_id: str) -> str:
    """Return a cursor; ``value`` is one value or a list of them."""
    text = json.dumps([order, value, row_id], default=str)
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


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
    values = parts[1] if isinstance(parts[1], list) else [parts[1]]
    return all(one is None or (isinstance(one, int | str) and not isinstance(one, bool)) for one in values)
