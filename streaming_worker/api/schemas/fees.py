"""The fee schedule and its changes."""

from typing import Annotated, Literal

from pydantic import Field

from streaming_worker.api.schemas.base import Day, Moment, Shape
from streaming_worker.api.schemas.risk import Reason

Exchange = Literal["coinbase", "gemini", "bitstamp"]
Symbol = Annotated[str, Field(pattern=r"^[A-Za-z0-9._/-]{1,30}$", examples=["SOL-USD"])]


class FeeLine(Shape):
    """One line of the fee schedule; ``is_added``: by an administrator, not by the configuration."""

    venue: str
    symbol: str | None
    taker_percent: Annotated[str, Field(pattern=r"^-?\d+(\.\d+)?$")]
    valid_from_at: Moment
    valid_to_at: Moment | None
    is_in_force: bool
    source: str
    is_added: bool


class FeeSchedule(Shape):
    """What the engine reckons with. ``is_waiting``: lines were changed since the worker started, which takes them over
    at its next start.
    """

    taker_fees: list[FeeLine]
    network_lamports: int
    network_source: str
    changed_at: Moment | None
    is_waiting: bool


class WhichFee(Shape):
    """Which line is meant, and why it goes. ``symbol`` null is the line for every pair of the venue."""

    venue: Exchange
    symbol: Symbol | None = None
    valid_from: Day
    reason: Reason


class NewFee(WhichFee):
    """A line from a UTC day on, until a later one. A line for the same venue, pair and day is replaced."""

    taker_percent: Annotated[str, Field(pattern=r"^([0-9](\.\d{1,4})?|10(\.0{1,4})?)$", examples=["0.25"])]
