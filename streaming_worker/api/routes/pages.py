"""Rows of the worker's view as a page: they are few, and all of them are on it."""

from collections.abc import Sequence
from typing import Any, TypeVar

from streaming_worker.api.schemas.base import Page, Shape, moment

Some = TypeVar("Some", bound=Page[Any])


def whole_page(kind: type[Some], rows: Sequence[Shape], now_ns: int) -> Some:
    """Return every row on one page."""
    return kind(items=list(rows), next_cursor=None, total=len(rows), as_of=moment(now_ns))
