"""A feed's state follows from its transport, its books and their delay; the worker's from its feeds."""

import asyncio
from pathlib import Path

import msgspec

from arb_pipeline_tests.fixtures.market import COINBASE, GEMINI, START_NS, Script, settings, started
from arb_pipeline_tests.fixtures.scripted_venue import until
from streaming_worker.adapters.clock import HandClock
from streaming_worker.core.events import ChainClock, CommandKind, FeedGap, FeedLost, GapCause, OperatorCommand
from streaming_worker.core.feed_state import FeedLimits, FeedState
from streaming_worker.core.units import E8, NANOS_PER_SECOND
from streaming_worker.engine.engine import Engine
from streaming_worker.service.connection import TransportStatus
from streaming_worker.service.feed_watch import FeedWatch
from streaming_worker.service.health import Health, Status, replace_file, write_status

FEEDS = ("coinbase", "gemini", "solana")


class Rig:
    """A calm market whose transports are all open and alive at the script's time."""

    def __init__(self, script: Script | None = None) -> None:
        self.script = script or started()
        self.clock = HandClock(self.script.now_ns)
        self.complaints: list[str] = []
        self.transports = {
            feed: TransportStatus(host=f"{feed}.example", connection=1, is_open=True, last_frame_ns=self.script.now_ns)
            for feed in FEEDS
        }
        self.watch = FeedWatch(self.script.engine, self.transports, FeedLimits())
        self.health = Health(
            worker="main",
            run_id="run",
            engine=self.script.engine,
            transports=self.transports,
            sink=lambda: {"committed_rows": 7},
            complaints=lambda: self.complaints,
            clock=self.clock,
            watch=self.watch,
        )

    def states(self) -> list[FeedState]:
        report = self.health.report()
        return [report.feeds[feed].state for feed in FEEDS]

    def pass_seconds(self, seconds: float, *, alive: tuple[str, ...] = FEEDS) -> None:
        self.clock.advance(seconds)
        for feed in alive:
            self.transports[feed].last_frame_ns = self.clock.now_ns()

    def next_slot(self) -> None:
        self.script.now_ns = self.clock.now_ns()
        self.script.advance_slot()


def test_everything_synced_is_ok_and_ready() -> None:
    report = Rig().health.report()
    assert (report.status, report.is_ready, report.why) == (Status.OK, True, [])
    assert (report.worker, report.run_id, report.at_ns) == ("main", "run", START_NS)
    assert report.sink == {"committed_rows": 7}
    assert {feed.state for feed in report.feeds.values()} == {FeedState.SYNCED}


def test_a_fresh_worker_is_connecting_and_says_to_whom() -> None:
    rig = Rig(Script(Engine(settings())))
    for transport in rig.transports.values():
        transport.is_open = False
    report = rig.health.report()
    assert {feed.state for feed in report.feeds.values()} == {FeedState.CONNECTING}
    assert (report.status, report.is_ready) == (Status.DOWN, False)
    assert report.why[0] == "coinbase: connecting, trying coinbase.example"


def test_an_open_feed_without_its_first_state_is_still_connecting() -> None:
    rig = Rig(Script(Engine(settings())))
    assert rig.states() == [FeedState.CONNECTING] * 3
    assert rig.health.report().feeds["gemini"].detail == f"waits for the full state of {GEMINI}"


def test_silence_with_a_living_transport_is_quiet_and_healthy() -> None:
    """Healthy books were silent for 28 to 49 s."""
    rig = Rig()
    rig.pass_seconds(49.0)
    rig.next_slot()
    assert rig.states() == [FeedState.QUIET] * 3
    assert rig.health.report().status is Status.OK


def test_a_transport_without_a_sign_of_life_for_ten_seconds_is_dead() -> None:
    rig = Rig()
    rig.pass_seconds(10.0, alive=("coinbase", "solana"))
    assert rig.states()[1] is FeedState.SYNCED
    rig.pass_seconds(0.001, alive=("coinbase", "solana"))
    assert rig.states()[1] is FeedState.DEAD
    rig.next_slot()
    report = rig.health.report()
    assert report.why == ["gemini: dead, gemini.example is connected but sends nothing"]
    assert (report.status, report.is_ready) == (Status.DEGRADED, False)
    assert report.feeds["gemini"].alive_age_ms == 10_001


def test_a_loud_feed_that_delivers_late_by_its_own_clock_is_lagging() -> None:
    rig = Rig()
    rig.script.book(COINBASE, 150 * E8, 151 * E8, age_ns=501_000_000)
    assert rig.states()[0] is FeedState.LAGGING
    assert rig.health.report().feeds["coinbase"].lag_ms == 501
    rig.script.book(COINBASE, 150 * E8, 151 * E8)
    assert rig.states()[0] is FeedState.SYNCED


def test_prices_more_than_ten_seconds_old_make_a_loud_feed_dead() -> None:
    rig = Rig()
    rig.script.book(COINBASE, 150 * E8, 151 * E8, age_ns=10_001_000_000)
    report = rig.health.report()
    feed = report.feeds["coinbase"]
    assert (feed.state, feed.transport, feed.books) == (
        FeedState.DEAD,
        FeedState.SYNCED,
        {COINBASE: FeedState.DEAD},
    )
    assert report.why == [f"coinbase: dead, coinbase.example is connected but {COINBASE} is old from it"]


def test_a_chain_that_stands_makes_its_pools_dead_although_frames_come() -> None:
    rig = Rig()
    rig.pass_seconds(10.0)
    assert rig.states()[2] is FeedState.SYNCED
    rig.pass_seconds(0.001)
    assert rig.states()[2] is FeedState.DEAD
    feeds = rig.health.report().feeds
    assert (feeds["solana"].slot, feeds["solana"].slot_age_ms) == (rig.script.slot, 10_001)
    assert (feeds["gemini"].slot, feeds["gemini"].slot_age_ms) == (None, None)


def test_a_chain_that_is_old_by_its_own_clock_makes_its_pools_dead() -> None:
    rig = Rig()
    for second in (0, -11):
        chain_s = rig.script.now_ns // NANOS_PER_SECOND + second
        rig.script.send(ChainClock("solana", rig.script.slot, chain_s, rig.script.now_ns))
    assert rig.states()[2] is FeedState.DEAD
    assert rig.health.report().feeds["solana"].lag_ms == 11_000


def test_every_state_can_be_read_by_name() -> None:
    rig = Rig()
    rig.transports["gemini"].is_open = False
    reading = rig.watch.reading(rig.clock.now_ns())
    assert (reading["feed.gemini"], reading["transport.gemini"], reading[f"book.{GEMINI}"]) == ("connecting",) * 3
    assert (reading["feed.coinbase"], reading[f"book.{COINBASE}"]) == ("synced", "synced")
    assert len(reading) == 3 * 3


def test_a_book_that_is_being_rebuilt_is_a_gap() -> None:
    rig = Rig()
    rig.script.delta(GEMINI, bids=[(149 * E8, E8)])
    rig.script.send(FeedGap("gemini", GEMINI, GapCause.UPDATE_ID, 5, 9, rig.script.now_ns))
    assert rig.states()[1] is FeedState.GAP
    feeds = rig.health.report().feeds
    assert feeds["gemini"].unsynced == [GEMINI]
    assert (feeds["gemini"].gaps, feeds["coinbase"].gaps) == (1, 0)


def test_a_lost_feed_says_why_and_when_it_tries_again() -> None:
    rig = Rig()
    rig.script.send(FeedLost("gemini", 1, "gone", 1006, rig.script.now_ns))
    lost = rig.transports["gemini"]
    lost.is_open, lost.losses, lost.failures = False, 1, 4
    lost.reason, lost.close_code = "cannot reach gemini.example: Connection refused", 1006
    lost.retry_at_ns = rig.clock.now_ns() + 2 * NANOS_PER_SECOND
    report = rig.health.report()
    assert report.why == ["gemini: lost, cannot reach gemini.example: Connection refused"]
    shown = report.feeds["gemini"]
    assert (shown.state, shown.retry_in_ms, shown.close_code, shown.failures) == (FeedState.LOST, 2_000, 1006, 4)


def test_a_pause_and_a_complaint_degrade_a_worker_whose_feeds_are_fine() -> None:
    rig = Rig()
    rig.script.send(OperatorCommand("1", CommandKind.PAUSE, "ann", "lunch", rig.script.now_ns))
    rig.complaints.append("record: the writer is behind by 9 items")
    report = rig.health.report()
    assert report.why == ["risk is paused (operator)", "record: the writer is behind by 9 items"]
    assert (report.status, report.is_ready, report.risk.state.value) == (Status.DEGRADED, True, "paused")


async def test_the_status_file_is_rewritten_every_second_and_is_always_whole(tmp_path: Path) -> None:
    rig = Rig()
    path = tmp_path / "state" / "main-health.json"
    task = asyncio.ensure_future(write_status(rig.health, path, rig.clock))
    await until(lambda: rig.clock.sleeper_count == 1, "the first file")
    first = msgspec.json.decode(path.read_bytes())
    assert (first["status"], first["why"], first["at_ns"]) == ("ok", [], START_NS)
    rig.clock.advance(1.0)
    await until(lambda: rig.clock.sleeper_count == 1, "the second file")
    assert msgspec.json.decode(path.read_bytes())["at_ns"] == START_NS + NANOS_PER_SECOND
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert [entry.name for entry in path.parent.iterdir()] == ["main-health.json"]


def test_a_replaced_file_never_shows_a_part(tmp_path: Path) -> None:
    path = tmp_path / "health.json"
    path.write_bytes(b"old")
    with path.open("rb") as reader:
        replace_file(path, b"new and longer")
        assert reader.read() == b"old"
    assert path.read_bytes() == b"new and longer"
