"""A scrape of the real worker over real sockets: every metric of the catalogue, with the truth of the moment."""

import asyncio
from collections.abc import Callable

import msgspec
from prometheus_client.parser import text_string_to_metric_families

from arb_pipeline_tests.worker.app.test_worker import Running, venues, worker
from streaming_worker.app.exposition import of_standby
from streaming_worker.config import Config
from streaming_worker.service.disk_watch import DiskWatch
from streaming_worker.service.exposition.catalogue import METRICS
from streaming_worker.service.exposition.pipeline import FILE_NAME, PipelineReading
from streaming_worker.storage.disk import DiskGauge, DiskLimits

Samples = dict[tuple[str, ...], float]
# what only comes about with trouble, or after minutes
RARE = {
    "arb_queue_dropped_total",
    "arb_opportunities_total",
    "arb_rejections_total",
    "arb_simulated_trades_total",
    "arb_feed_lag_seconds",
}


def parsed(text: str) -> Samples:
    """Return the samples by name and label values."""
    families = text_string_to_metric_families(text)
    return {(s.name, *s.labels.values()): s.value for family in families for s in family.samples}


async def scraped(running: Running) -> Samples:
    """Scrape the worker once."""
    answer = await running.client.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain")
    return parsed(answer.text)


async def test_every_metric_is_exposed_and_a_lost_feed_shows(config: Config, with_feeds: Callable[..., Config]) -> None:
    config.paths.state.mkdir(parents=True)
    reading = PipelineReading(1, {"matched": 1}, 0, 1, 0)
    (config.paths.state / FILE_NAME).write_bytes(msgspec.json.encode(reading))
    async with venues(config, with_feeds) as (sandbox, at_venues), worker(at_venues) as running:
        await running.until("/ready", lambda answer: answer["is_ready"], "readiness")
        await running.until(
            "/health",
            lambda answer: answer["sink"]["sealed_segments"] >= 1 and answer["risk"]["state"] == "active",
            "a sealed segment",
        )
        healthy = await scraped(running)
        sandbox.hub.hang_up_all()
        async with asyncio.timeout(60):
            while (await scraped(running))["arb_feed_losses_total", "gemini"] < 1:
                pass
    names = {key[0].removesuffix("_bucket").removesuffix("_sum").removesuffix("_count") for key in healthy}
    assert sorted(set(METRICS) - names - RARE) == []
    assert {healthy["arb_connection_status", feed] for feed in ("coinbase", "gemini", "solana")} == {1}
    assert healthy["arb_worker_status", "ok"] == 1
    assert (healthy["arb_risk_paused",], healthy["arb_daily_pnl_usd",]) == (0, 0)
    assert healthy["arb_daily_loss_limit_usd",] == 500
    assert healthy["arb_ws_staleness_seconds", "coinbase"] < 10
    assert 0 < healthy["arb_frame_to_decision_seconds_count",] <= healthy["arb_events_total",]
    assert healthy["arb_frame_to_commit_seconds_count",] > 0
    assert healthy["arb_feed_losses_total", "gemini"] == 0


async def test_a_worker_that_waits_for_room_is_down_and_says_how_much_there_is(config: Config) -> None:
    limits = DiskLimits(warn=3, raw_frames=2, capture=1)
    config.paths.data_dir.mkdir(parents=True)
    watch = DiskWatch(DiskGauge(config.paths.data_dir, limits, lambda _: 0), None)
    await watch.look()
    shown = parsed(of_standby(config, watch).text().decode())
    assert (shown["arb_worker_status", "down"], shown["arb_worker_status", "ok"]) == (1, 0)
    assert (shown["arb_disk_free_bytes",], shown["arb_disk_level",]) == (0, 3)
