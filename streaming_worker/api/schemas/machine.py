"""The machine behind the numbers: queues, the writer, files, disk and the pipeline."""

from typing import Literal

from streaming_worker.api.schemas.base import Moment, Shape


class Queue(Shape):
    """What waits for the engine. ``dropped`` counts by feed what was given up."""

    waiting: int
    capacity: int
    high_water: int
    dropped: dict[str, int]


class Writer(Shape):
    """The writer of the record. Delays of commits are in microseconds; null before the first."""

    committed_rows: int
    commits: int
    commit_p50_us: int | None
    commit_p95_us: int | None
    commit_p99_us: int | None
    queue_depth: int
    queue_limit: int
    saturated_puts: int
    committed_at: Moment | None
    live_rows: int
    failure: str | None


class FeedCounters(Shape):
    """What one feed has counted since the worker began: resynchronisations, checksums, retries."""

    feed: str
    counters: dict[str, int]


class Files(Shape):
    """The record on disk. ``days_left`` is at the pace of the last hour; null without one."""

    segments: int
    segment_bytes: int
    newest_segment_at: Moment | None
    published_at: Moment | None
    published_bytes: int | None
    free_bytes: int
    days_left: int | None


class PipelineRun(Shape):
    """One run of the pipeline."""

    run_id: str
    job: str
    status: str
    started_at: Moment | None
    duration_ms: int | None


class PipelineCheck(Shape):
    """A check of an asset whose last result is not a pass; ``waiting`` has no result yet."""

    asset: str
    name: str
    state: Literal["failed", "waiting"]


class Pipeline(Shape):
    """Dagster as it answers; nothing but ``detail`` where it does not."""

    is_reachable: bool
    detail: str
    assets: int
    assets_materialized: int
    checks_passed: int
    checks: list[PipelineCheck]
    daemons_down: list[str]
    runs: list[PipelineRun]


class SystemStatus(Shape):
    """Everything behind the numbers; parts of the worker are null while it does not answer."""

    queue: Queue | None
    writer: Writer | None
    feeds: list[FeedCounters]
    files: Files
    pipeline: Pipeline
    as_of: Moment
