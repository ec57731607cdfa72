"""Tags and notes of simulated trades."""

from typing import Annotated

from pydantic import Field

from streaming_worker.api.schemas.base import Moment, Shape

TagName = Annotated[str, Field(min_length=1, max_length=40, pattern=r"^[a-z0-9][a-z0-9_-]*$", examples=["odd-fill"])]


class Tag(Shape):
    """One tag of a trade, with who put it there."""

    tag: TagName
    actor: str
    at: Moment


class Note(Shape):
    """One note to a trade; ``is_own``: whoever asks may take it away."""

    note_id: str
    actor: str
    at: Moment
    text: str
    is_own: bool


class Annotations(Shape):
    """What people said about one trade."""

    trade_id: str
    tags: list[Tag]
    notes: list[Note]


class TagCount(Shape):
    """One tag, and how many trades have it."""

    tag: str
    trades: int


class TagCounts(Shape):
    """Every tag that a trade has."""

    items: list[TagCount]


class NewTag(Shape):
    """A tag to put on a trade."""

    tag: TagName


class NewNote(Shape):
    """A note to write."""

    text: Annotated[str, Field(min_length=1, max_length=2_000)]
