"""What all shapes share: exact decimals and times as text, pages, and the one shape of an error."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Generic, TypeAlias, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from streaming_worker.core.units import NANOS_PER_SECOND, format_fixed

Exact: TypeAlias = Annotated[str, Field(pattern=r"^-?\d+(\.\d+)?$", examples=["12.5"])]
"""A decimal of any length as text: prices, sizes, money, percentages."""
Moment: TypeAlias = Annotated[
    str,
    Field(
        pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$",
        examples=["2026-01-31T12:00:00.000000Z"],
        json_schema_extra={"format": "date-time"},
    ),
]
"""A time in UTC, cut to microseconds."""
Nanoseconds: TypeAlias = Annotated[str, Field(pattern=r"^-?\d+$", examples=["1769860800000000000"])]
"""Whole nanoseconds as text: more digits than a JSON number keeps."""
Day: TypeAlias = Annotated[str, Field(pattern=r"^\d{4}-\d\d-\d\d$", examples=["2026-01-31"])]

Item = TypeVar("Item")


class Shape(BaseModel):
    """A JSON object whose fields are all known."""

    model_config = ConfigDict(extra="forbid", frozen=True, ser_json_inf_nan="null")


class Page(Shape, Generic[Item]):
    """A page of a list. ``next_cursor`` asks for the next one; ``total`` counts the whole filter, null if unknown."""

    items: list[Item]
    next_cursor: str | None
    total: int | None
    as_of: Moment


class ErrorDetail(Shape):
    """What went wrong, for programs (``code``) and for people (``message``)."""

    code: Annotated[str, Field(examples=["not_found"])]
    message: str
    request_id: str
    details: dict[str, object] | list[object] | None = None


class ErrorBody(Shape):
    """The one shape of every error."""

    error: ErrorDetail


def moment(at_ns: int) -> str:
    """Return a time as text. Rounds: down to the microsecond."""
    seconds, nanos = divmod(at_ns, NANOS_PER_SECOND)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{nanos // 1000:06d}Z"


def maybe_moment(at_ns: int | None) -> str | None:
    """Return a time as text, None for none."""
    return None if at_ns is None else moment(at_ns)


def e8(value: int | None) -> str | None:
    """Return a value scaled by 1e8 as exact text, None for none."""
    return None if value is None else format_fixed(value, 8)


def usd(value_e8: int) -> str:
    """Return money scaled by 1e8 as exact text."""
    return format_fixed(value_e8, 8)


def bps(centibps: int) -> str:
    """Return hundredths of a basis point as basis points."""
    return format_fixed(centibps, 2)


def percent(millionths: int) -> str:
    """Return millionths as per cent."""
    return format_fixed(millionths, 4)


def milliseconds(nanos: int | None) -> int | None:
    """Return whole milliseconds, None for none. Rounds: down."""
    return None if nanos is None else nanos // 1_000_000


def exact(value: Decimal | int) -> str:
    """Return a decimal as plain text without trailing zeros."""
    text = format(value, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text
