"""Synthetic history is a capture like any other: what was recorded replays to the same digest."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from streaming_worker.adapters.clock import HandClock
from streaming_worker.app import capture_synthetic_history
from streaming_worker.app.past import _capture
from streaming_worker.config import Config
from streaming_worker.core.outputs import Opportunity, Output
from streaming_worker.core.units import NANOS_PER_HOUR, NANOS_PER_SECOND
from streaming_worker.engine.engine import Engine
from streaming_worker.engine.replay import replay
from streaming_worker.errors import ConfigError
from streaming_worker.sandbox.market.spec import HISTORY_PACE
from streaming_worker.sandbox.market.stepper import Market
from streaming_worker.storage.reader import SegmentReader, open_range

HOUR_NS = 497_000 * NANOS_PER_HOUR


def state_of(reader: SegmentReader, number: int) -> tuple[int, bytes]:
    row = reader.query("SELECT seq, state FROM keyframes ORDER BY seq").fetchall()[number]
    return int(row[0]), bytes(row[1])


async def test_a_minute_over_a_full_hour_replays_from_both_keyframes_to_the_same_digest(config: Config) -> None:
    market = Market.start(seed=3, start_ns=HOUR_NS - 30 * NANOS_PER_SECOND, pace=HISTORY_PACE)
    clock = HandClock(HOUR_NS + NANOS_PER_HOUR)
    report = await _capture(config, market, HOUR_NS + 30 * NANOS_PER_SECOND, clock, lambda _: None)
    assert report.events > 1_000
    with open_range(config.paths.data_dir, worker=config.worker.name) as reader:
        (run_id,) = reader.run_ids()
        for number in (0, 1):
            seq, state = state_of(reader, number)
            engine = Engine.resume(state)
            assert engine.event_count == seq
            for expected, event in reader.events(run_id, after_seq=seq):
                engine.process(event)
                assert engine.event_count == expected
            assert (engine.event_count, engine.digest()) == (report.events, report.digest)


async def test_what_the_record_says_was_found_is_what_a_fresh_engine_finds_in_it(config: Config) -> None:
    clock = HandClock(HOUR_NS + 120 * NANOS_PER_SECOND)
    saved = config.paths.state / "market.json"
    seen: list[tuple[int, int, int]] = []
    report = await capture_synthetic_history(
        config, hours=0, seed=1, market_state=saved, clock=clock, progress=lambda *at: seen.append(at)
    )
    assert report is not None
    with open_range(config.paths.data_dir) as reader:
        (run_id,) = reader.run_ids()
        events = [event for _, event in reader.events(run_id)]
        recorded = reader.query("SELECT opportunity_id FROM opportunities ORDER BY seq").fetchall()
        trades = reader.query("SELECT count(*) FROM simulated_trades").fetchall()[0][0]
        letters = reader.query("SELECT count(*) FROM dead_letters").fetchall()[0][0]
        kinds = dict(reader.query("SELECT kind, count(*) FROM raw_frames GROUP BY kind").fetchall())
    outputs: list[Output] = [output for _, output in replay(Engine(config.engine), events)]
    assert [(o.opportunity_id,) for o in outputs if isinstance(o, Opportunity)] == recorded
    assert len(recorded) > 0
    assert (trades, letters) == (7 * len(recorded), 0)
    assert kinds["recv"] + kinds["http"] + len(config.feeds) == report.frames
    assert (kinds["send"] > 5, report.segments) == (True, 1)
    market = Market.load(saved.read_bytes())
    assert market.now_ns == clock.now_ns()
    assert {(start, end) for start, _, end in seen} == {(HOUR_NS, clock.now_ns())}
    assert [now for _, now, _ in seen] == sorted(now for _, now, _ in seen)


async def test_a_worker_with_a_record_gets_no_history(config: Config) -> None:
    clock = HandClock(HOUR_NS + 5 * NANOS_PER_SECOND)
    saved = config.paths.state / "market.json"
    assert await capture_synthetic_history(config, hours=0, seed=1, market_state=saved, clock=clock) is not None
    saved.unlink()
    assert await capture_synthetic_history(config, hours=0, seed=1, market_state=saved, clock=clock) is None
    assert not saved.exists()


async def test_a_feed_that_no_local_venue_speaks_is_named(config: Config, tmp_path: Path) -> None:
    odd = replace(config, feeds=(replace(config.feeds[0], protocol="carrier_pigeon"),))
    with pytest.raises(ConfigError, match="no local venue speaks carrier_pigeon"):
        await capture_synthetic_history(
            odd, hours=0, seed=1, market_state=tmp_path / "market.json", clock=HandClock(HOUR_NS + 1)
        )


async def test_the_same_seed_gives_the_same_digest(config: Config, with_feeds: Callable[..., Config]) -> None:
    digests = set()
    for folder in ("first", "second"):
        own = replace(config, paths=replace(config.paths, data_dir=config.paths.data_dir / folder))
        clock = HandClock(HOUR_NS + 10 * NANOS_PER_SECOND)
        report = await capture_synthetic_history(
            own, hours=0, seed=2, market_state=own.paths.state / "market.json", clock=clock
        )
        assert report is not None
        digests.add(report.digest)
    assert len(digests) == 1
