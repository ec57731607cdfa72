"""Which numbers a scrape of the worker shows: while it captures, and while it waits for room on the disk."""

from streaming_worker.adapters.clock import Clock
from streaming_worker.config import Config
from streaming_worker.engine.engine import Engine
from streaming_worker.service.disk_watch import DiskWatch
from streaming_worker.service.exposition.pipeline import FILE_NAME, PipelineFile
from streaming_worker.service.exposition.readings import disk_samples, plain_samples, reading_samples
from streaming_worker.service.exposition.text import Exposition
from streaming_worker.service.exposition.worker import engine_samples, health_samples, status_samples, tally_samples
from streaming_worker.service.health import Health, Status
from streaming_worker.service.metrics import Metrics
from streaming_worker.service.pump import Pump
from streaming_worker.service.tally import Tally
from streaming_worker.storage.sink import Sink


def of_run(
    config: Config,
    *,
    clock: Clock,
    engine: Engine,
    health: Health,
    metrics: Metrics,
    pump: Pump,
    sink: Sink,
    tally: Tally,
) -> Exposition:
    """Return what a run exposes."""
    return Exposition(
        [
            lambda: health_samples(health),
            lambda: engine_samples(engine, clock.now_ns()),
            lambda: tally_samples(tally),
            lambda: reading_samples(metrics),
            pipeline_file(config).samples,
        ],
        {
            "arb_frame_to_decision_seconds": pump.decision,
            "arb_frame_to_commit_seconds": sink.commit_age,
            "arb_decision_seconds": pump.latency,
            "arb_queue_age_seconds": pump.queue_age,
            "arb_loop_lateness_seconds": pump.lateness,
        },
    )


def of_standby(config: Config, watch: DiskWatch) -> Exposition:
    """Return what a worker without a run exposes."""
    return Exposition(
        [
            lambda: status_samples(Status.DOWN),
            lambda: plain_samples(watch.reading(), {"free_bytes": "arb_disk_free_bytes"}),
            lambda: disk_samples(watch.reading()),
            pipeline_file(config).samples,
        ]
    )


def pipeline_file(config: Config) -> PipelineFile:
    """Return the reader of what the pipeline says of itself."""
    return PipelineFile(config.paths.state / FILE_NAME)
