"""Risk, controls and the shadow inventory."""

from typing import Annotated, Literal

from pydantic import Field

from streaming_worker.api.schemas.base import Exact, Moment, Page, Shape
from streaming_worker.core.outputs import RiskCause, RiskState

Reason = Annotated[str, Field(min_length=3, max_length=500, examples=["venue maintenance"])]


class Limit(Shape):
    """One limit: what it is now, what it may be, and how much of it is used, where it is a limit that is used up.

    ``expires_at`` and ``becomes`` are there while it holds for a time only.
    """

    name: Annotated[str, Field(examples=["daily_loss_usd"])]
    title: str
    unit: Annotated[str, Field(examples=["USD", "bps", "ms"])]
    value: Exact
    least: Exact
    greatest: Exact
    used: Exact | None
    used_percent: Exact | None
    headroom: Exact | None
    used_what: Annotated[str | None, Field(examples=["loss of the day"])]
    expires_at: Moment | None
    becomes: Exact | None


class Halt(Shape):
    """A venue or a pair on which nothing opens."""

    scope: Annotated[str, Field(examples=["venue:gemini"])]
    since_at: Moment
    actor: str
    reason: str


class HaltChanged(Shape):
    """A venue or a pair was halted or released; a refusal says why nothing was done."""

    at: Moment
    worker: str
    scope: str
    is_halted: bool
    actor: str
    reason: str
    refusal: str | None


class RiskChange(Shape):
    """One change of risk state, with who or what caused it."""

    at: Moment
    worker: str
    previous: RiskState
    current: RiskState
    cause: RiskCause
    actor: str
    reason: str
    daily_net_usd: Exact
    open_loss_usd: Exact


class LimitChanged(Shape):
    """One limit of a command; a refusal says why nothing was changed."""

    at: Moment
    worker: str
    actor: str
    reason: str
    name: str
    unit: str
    previous: Exact | None
    requested: Exact
    refusal: str | None


class Risk(Shape):
    """The risk state now; state is null while the worker does not answer."""

    state: RiskState | None
    cause: RiskCause | None
    since_at: Moment | None
    reason: str | None
    actor: str | None
    daily_net_usd: Exact | None
    open_usd: Exact | None
    cools_until_at: Moment | None
    pending_trades: int | None
    limits: list[Limit]
    history: list[RiskChange]
    limit_changes: list[LimitChanged]
    scopes: list[str]
    halts: list[Halt]
    halt_changes: list[HaltChanged]
    as_of: Moment


class LimitsWanted(Shape):
    """New values by the names that ``risk`` lists, in the units that it gives."""

    limits: Annotated[dict[str, Exact], Field(min_length=1, max_length=20, examples=[{"daily_loss_usd": "400"}])]


class LimitPreview(Shape):
    """What one limit would become; ``refusal`` is null where it is allowed."""

    name: str
    unit: str | None
    before: Exact | None
    after: Exact
    refusal: str | None


class LimitEffect(Shape):
    """What one wanted limit alone would have done to the opportunities of the last 24 hours."""

    name: str
    effect: Annotated[str, Field(examples=["rejected", "smaller"])]
    count: int
    of: int


class RiskPreview(Shape):
    """What new limits would do, from the state now and the last 24 hours; nothing is changed.

    ``opportunities_after`` are those that all wanted limits together would have let open. ``needs_approval``: it is
    looser than now, and a second person has to agree.
    """

    limits: list[LimitPreview]
    is_allowed: bool
    would_kill: bool
    opportunities_before: int
    opportunities_after: int
    effects: list[LimitEffect]
    needs_approval: bool
    warnings: list[str]


class Because(Shape):
    """Why a control is used; it is recorded with who and when."""

    reason: Reason


class HaltWanted(Because):
    """Which venue or pair, as ``risk`` lists them under ``scopes``, and why."""

    scope: Annotated[str, Field(pattern=r"^(venue|pair):[A-Za-z0-9/._-]{1,60}$", examples=["venue:gemini"])]


class ChangeLimits(LimitsWanted):
    """New limits and why; with ``minutes`` they become again what they were after that time."""

    reason: Reason
    minutes: Annotated[int, Field(ge=1, le=10_080)] | None = None


class LimitProposal(Shape):
    """Looser limits that one person asked for and another has to agree to."""

    proposal_id: str
    asked_at: Moment
    actor: str
    reason: str
    limits: dict[str, Exact]
    minutes: int | None
    status: Literal["waiting", "approved", "rejected", "expired"]
    expires_at: Moment
    decided_at: Moment | None
    decided_by: str | None


class ProposalPage(Page[LimitProposal]):
    """Proposals, newest first."""


class ControlResult(Shape):
    """What a command came to; ``state`` is null where the engine has not confirmed it in time.

    ``proposal`` is there where nothing was changed yet, because a second person has to agree.
    """

    command_id: str
    is_confirmed: bool
    seq: int | None
    state: RiskState | None
    changes: list[LimitPreview]
    proposal: LimitProposal | None = None


class Balance(Shape):
    """One shadow balance; ``drift`` is total minus target."""

    venue: str
    asset: str
    total: Exact
    reserved: Exact
    free: Exact
    target: Exact
    low: Exact
    drift: Exact
    drift_percent: Exact | None
    arriving: Exact
    is_low: bool
    price_usd: Exact | None
    value_usd: Exact | None


class Transfer(Shape):
    """A simulated transfer on its way."""

    transfer_id: str
    source: str
    destination: str
    asset: str
    received_asset: str
    amount: Exact
    fee: Exact
    departed_at: Moment
    arrives_at: Moment


class AdviceTransfer(Shape):
    """One transfer of an advice."""

    source: str
    destination: str
    asset: str
    received_asset: str
    amount: Exact
    fee: Exact
    duration_ms: int
    terms: str


class Acknowledgement(Shape):
    """Who has seen an advice, and when."""

    actor: str
    at: Moment
    note: str | None


class Advice(Shape):
    """The cheapest transfers towards the targets."""

    advice_id: str
    assets: list[str]
    transfers: list[AdviceTransfer]
    fee: Exact
    uncovered: Exact
    duration_ms: int
    cost_usd: Exact | None
    cost_of_waiting_usd: Exact | None
    acknowledged: Acknowledgement | None


class BalancePoint(Shape):
    """One balance at one minute."""

    at: Moment
    venue: str
    asset: str
    total: Exact
    reserved: Exact
    drift: Exact
    price_usd: Exact | None


class Inventory(Shape):
    """Shadow balances now, what is on its way, and what is advised. Nothing here moves real money."""

    is_kept: bool
    balances: list[Balance]
    value_usd: Exact | None
    transfers: list[Transfer]
    advice: list[Advice]
    as_of: Moment


class BalancePointPage(Page[BalancePoint]):
    """The history of the balances, newest first."""


class AdviceNote(Shape):
    """A note to an acknowledgement."""

    note: Annotated[str, Field(max_length=500)] | None = None
