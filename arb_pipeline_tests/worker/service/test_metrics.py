"""Every source is asked when someone looks."""

from streaming_worker.service.metrics import Metrics


def test_a_snapshot_asks_every_source_anew() -> None:
    metrics = Metrics()
    seen = {"events": 1}
    metrics.add_source("pump", lambda: dict(seen))
    assert metrics.snapshot() == {"pump": {"events": 1}}
    seen["events"] = 2
    metrics.add_source("bus", lambda: {"waiting": 0})
    assert metrics.snapshot() == {"pump": {"events": 2}, "bus": {"waiting": 0}}
