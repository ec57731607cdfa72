"""How long shadow balances last, and whether stable coins keep their peg."""

from typing import Annotated, Literal

from pydantic import Field

from streaming_worker.api.schemas.base import Exact, Moment, Shape


class Runway(Shape):
    """One balance and how long it lasts at the pace of the window, transfers included.

    ``runs_dry_at`` is null where it does not shrink. Figures per hour and hours are rounded down.
    """

    venue: str
    asset: str
    total: Exact
    change: Exact
    change_per_hour: Exact
    hours_left: Exact | None
    runs_dry_at: Moment | None
    from_at: Moment
    to_at: Moment


class Runways(Shape):
    """Every balance of the window, the one that runs dry first on top; from the minutes of the record."""

    minutes: int
    items: list[Runway]
    as_of: Moment


class Peg(Shape):
    """One stable coin against what it is counted as.

    ``state`` is assumed where no book of its own is configured: the configured costs are then all that is known.
    """

    asset: Annotated[str, Field(examples=["USDC"])]
    against: Annotated[str, Field(examples=["USD"])]
    instrument: str | None
    state: Literal["holds", "strained", "broken", "unknown", "assumed"]
    best_bid: Exact | None
    best_ask: Exact | None
    deviation_bps: Exact | None
    receive_cost_bps: Exact
    pay_cost_bps: Exact
    source: str
    age_ms: int | None


class Pegs(Shape):
    """Every stable coin that the engine reckons with; strained from 25, broken from 100 basis points off par."""

    items: list[Peg]
    as_of: Moment
