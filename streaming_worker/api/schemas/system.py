"""The whole at a glance: status, health, version, reports, alerts and analytics."""

from typing import Annotated, Literal, TypeAlias

from pydantic import Field

from streaming_worker.api.schemas.base import Day, Exact, Moment, Page, Shape
from streaming_worker.api.schemas.market import Feed, Link
from streaming_worker.core.outputs import Grade, RiskCause, RiskState


class WorkerLink(Shape):
    """Whether the worker is there. ``age_ms`` is the age of what the API last heard of it."""

    state: Link
    detail: str
    name: str | None
    run_id: str | None
    age_ms: int | None
    since_at: Moment
    started_at: Moment | None
    events: int | None
    digest: str | None
    restarts: int


class RiskNow(Shape):
    """The risk state in short."""

    state: RiskState | None
    cause: RiskCause | None
    actor: str | None
    reason: str | None
    since_at: Moment | None
    is_paused: bool
    daily_net_usd: Exact | None
    daily_loss_limit_usd: Exact | None


class Headline(Shape):
    """The UTC day so far, from the record, and the whole day before beside it.

    ``real`` are the opportunities graded A to C; shares are per cent.
    """

    opportunities: int
    real: int
    opportunities_last_minute: int
    accepted_percent: Exact | None
    best_net_edge_bps: Exact | None
    trades: int
    winning_trades: int
    realised_net_usd: Exact
    realised_net_yesterday_usd: Exact
    opportunities_yesterday: int
    best_net_edge_yesterday_bps: Exact | None
    trades_yesterday: int
    winning_trades_yesterday: int
    accepted_yesterday_percent: Exact | None
    decision_p50_us: int | None
    decision_p99_us: int | None
    rejected_evaluations: int
    open_opportunities: int
    gaps: int


class Alarm(Shape):
    """Something that is not as it should be now."""

    alarm_id: str
    severity: Literal["critical", "warning", "info"]
    title: str
    detail: str
    source: str
    since_at: Moment | None
    runbook: str | None


class Version(Shape):
    """What runs."""

    product: str
    version: str
    api: str
    python: str
    schema_version: int


class Package(Shape):
    """An installed package, with the licence that it states."""

    name: str
    version: str
    licence: str


class About(Shape):
    """What this platform is made of."""

    settings_hash: str | None = Field(
        description="SHA-256 of the settings that the worker's run began with, without secrets; none before it is read"
    )
    packages: list[Package]


class Status(Shape):
    """Is it running, healthy, and what is it finding."""

    mode: Literal["OBSERVE_ONLY"]
    profile: str
    as_of: Moment
    health: Literal["ok", "degraded", "down"]
    why: list[str]
    warnings: list[str]
    worker: WorkerLink
    risk: RiskNow
    feeds: list[Feed]
    today: Headline
    alarms: list[Alarm]
    version: Version


class Live(Shape):
    """The process answers; ``as_of`` is its clock, which a page sets beside its own."""

    status: Literal["alive"]
    as_of: Moment


class ReadyPart(Shape):
    """One thing that the API needs."""

    name: str
    is_ready: bool
    detail: str


class Ready(Shape):
    """Whether the API can do its work; without the worker it still serves the record."""

    is_ready: bool
    parts: list[ReadyPart]


ReportKind: TypeAlias = Literal["day", "week", "range"]
ReportName: TypeAlias = Annotated[
    str, Field(pattern=r"^\d{4}-\d\d-\d\d(_\d{4}-\d\d-\d\d)?$", examples=["2026-01-31", "2026-01-26_2026-02-01"])
]


class ReportFile(Shape):
    """One file of a report."""

    name: str
    size_bytes: int
    media_type: str
    url: str


class ReportLine(Shape):
    """One report with its headline: of a day, of a week from Monday to Sunday, or of any other range of UTC days."""

    name: ReportName
    kind: ReportKind
    date: Day = Field(description="its first day")
    last_date: Day
    edition: str | None
    data_verdict: str | None
    opportunities: int | None
    trades: int | None
    realised_net_usd: Exact | None
    completeness_percent: Exact | None
    is_reconciled: bool | None
    sent_to: int
    files: list[ReportFile]


class ReportPage(Page[ReportLine]):
    """Reports, the one that ends last first."""


class ReportDetail(Shape):
    """One report with every figure of its days, as text."""

    report: ReportLine
    figures: dict[str, str | None]


class ReportDifference(Shape):
    """One figure on two days."""

    name: str
    first: str | None
    second: str | None
    difference: Exact | None


class ReportComparison(Shape):
    """Two days side by side."""

    first: Day
    second: Day
    figures: list[ReportDifference]


class AlertEntry(Shape):
    """One thing that went wrong, from when it was first seen until it was over."""

    alert_id: str
    at: Moment
    kind: Annotated[str, Field(examples=["low_balance", "risk"])]
    severity: Literal["critical", "warning", "info"]
    subject: str
    detail: str
    source: str
    is_open: bool
    seen_count: int
    resolved_at: Moment | None
    resolution: str | None


class AlertPage(Page[AlertEntry]):
    """Alerts, newest first."""


class HeatCell(Shape):
    """One cell: an hour of the day on a route. Market, pool and direction choose its rows from the list."""

    hour: Annotated[int, Field(ge=0, le=23)]
    route: str
    instrument: Annotated[str, Field(examples=["coinbase:SOL-USD"])]
    pool: str
    direction: Annotated[str, Field(examples=["buy_cex_sell_pool"])]
    opportunities: int
    best_net_edge_bps: Exact | None
    net_usd: Exact


class Heatmap(Shape):
    """Opportunities by UTC hour of the day and route."""

    cells: list[HeatCell]
    as_of: Moment


class DecayRung(Shape):
    """What the edge is worth at one latency. Shares are per cent."""

    latency_ms: int
    trades: int
    winning_percent: Exact | None
    both_filled_percent: Exact | None
    predicted_net_usd: Exact
    realised_net_usd: Exact
    kept_percent: Exact | None
    realised_edge_bps: Exact | None


class EdgeDecay(Shape):
    """How fast an edge goes, by latency."""

    rungs: list[DecayRung]
    grades: dict[Grade, int]
    as_of: Moment


class LifetimeBucket(Shape):
    """Episodes whose life was at least ``from_ms`` and below ``to_ms``."""

    from_ms: int
    to_ms: int | None
    episodes: int


class Lifetimes(Shape):
    """How long episodes last; those that a lost feed cut off are counted apart."""

    episodes: int
    cut_off: int
    p10_ms: int | None
    p50_ms: int | None
    p90_ms: int | None
    p99_ms: int | None
    longest_ms: int | None
    buckets: list[LifetimeBucket]
    as_of: Moment


class LatencyLine(Shape):
    """One measured delay, by part. Units: microseconds."""

    name: str
    title: str
    count: int
    p50_us: int | None
    p99_us: int | None
    max_us: int | None


class Latency(Shape):
    """How fast the worker decides and how late feeds are."""

    worker: list[LatencyLine]
    feeds: list[LatencyLine]
    as_of: Moment


class LogLine(Shape):
    """One line of a log."""

    at: Moment | None
    program: str
    level: str
    event: str
    fields: dict[str, object]


class LogPage(Page[LogLine]):
    """Log lines, newest first."""
