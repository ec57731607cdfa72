"""Rules by which people are told of an edge."""

from typing import Annotated, Literal

from pydantic import Field

from streaming_worker.api.schemas.base import Exact, Moment, Shape
from streaming_worker.core.outputs import Direction

Market = Annotated[str, Field(min_length=3, max_length=120, pattern=r"^[a-z]+:[A-Za-z0-9/_-]+$")]
Edge = Annotated[str, Field(pattern=r"^\d{1,4}(\.\d{1,2})?$", examples=["25", "12.5"])]


class NewAlertRule(Shape):
    """What to tell of: an open opportunity whose net edge has reached so much, and which has been open for so long.

    Without ``instrument``, ``pool`` or ``direction`` every one counts.
    """

    instrument: Market | None = None
    pool: Market | None = None
    direction: Direction | None = None
    least_edge_bps: Edge
    open_ms: Annotated[int, Field(ge=0, le=3_600_000)] = 0
    severity: Literal["info", "warning", "critical"] = "info"
    cooldown_s: Annotated[int, Field(ge=10, le=86_400, description="at most one alert in so long")] = 600
    hours: Annotated[int, Field(ge=1, le=8_760)] | None = Field(None, description="after so long the rule is over")


class AlertRule(Shape):
    """One rule as it is kept; ``fired_at`` is when it told the last time."""

    rule_id: str
    instrument: str | None
    pool: str | None
    direction: Direction | None
    least_edge_bps: Exact
    open_ms: int
    severity: Literal["info", "warning", "critical"]
    cooldown_s: int
    is_on: bool
    actor: str
    made_at: Moment
    expires_at: Moment | None
    fired_at: Moment | None


class AlertRules(Shape):
    """Every rule, the newest first."""

    items: list[AlertRule]


class AlertRuleSwitch(Shape):
    """Whether a rule holds."""

    is_on: bool
