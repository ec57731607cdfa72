"""One order of events: time passes on a fixed grid, everything is recorded, and a slow record stops the intake."""

import asyncio

from arb_pipeline_tests.fixtures.kept_record import KeptRecord
from arb_pipeline_tests.fixtures.market import COINBASE, START_NS, settings
from arb_pipeline_tests.fixtures.scripted_venue import until
from streaming_worker.adapters.clock import HandClock
from streaming_worker.core.events import BookSnapshot, ClockTick, Event, FeedConnected, FeedLost
from streaming_worker.core.outputs import Keyframe, Output
from streaming_worker.core.units import E8, NANOS_PER_HOUR, NANOS_PER_SECOND, TICK_NS
from streaming_worker.engine.engine import Engine
from streaming_worker.service.bus import Bus
from streaming_worker.service.gaps import GapLedger
from streaming_worker.service.pump import MAX_TICKS_AT_ONCE, Pump

MS = 1_000_000
START = START_NS - START_NS % TICK_NS


class Rig:
    def __init__(self) -> None:
        self.clock = HandClock(START)
        self.record = KeptRecord()
        self.engine = Engine(settings())
        self.seen: list[tuple[int, Event, int]] = []
        self.pump = Pump(
            self.engine,
            self.record,
            clock=self.clock,
            gaps=GapLedger(settings().feeds),
            observers=[lambda seq, event, outputs: self.seen.append((seq, event, len(outputs)))],
        )

    @property
    def times(self) -> list[int]:
        """Offsets of the recorded events from the start, in ms; a tick is negative."""
        offsets = [(event, (event.received_ns - START) // 1_000_000) for _, event in self.record.events]
        return [-offset if isinstance(event, ClockTick) else offset for event, offset in offsets]


def book(at_ms: int) -> BookSnapshot:
    return BookSnapshot(COINBASE, [(150 * E8, E8)], [(151 * E8, E8)], None, START + at_ms * 1_000_000)


def connected(at_ms: int) -> FeedConnected:
    return FeedConnected("coinbase", 1, START + at_ms * 1_000_000)


def test_ticks_stand_on_the_grid_between_events_and_start_with_the_first() -> None:
    rig = Rig()
    for event in (connected(50), book(80), book(250), book(300), book(301)):
        rig.pump.process(event)
    assert rig.times == [50, 80, -100, -200, 250, -300, 300, 301]


def test_every_event_is_recorded_under_its_number_with_its_outputs() -> None:
    rig = Rig()
    for event in (connected(50), book(150)):
        rig.pump.process(event)
    assert [seq for seq, _ in rig.record.events] == [1, 2, 3]
    ((seq, keyframe),) = rig.record.outputs
    assert isinstance(keyframe, Keyframe)
    assert (seq, keyframe.event_count) == (1, 0)
    assert [(seq, type(event), count) for seq, event, count in rig.seen] == [
        (1, FeedConnected, 1),
        (2, ClockTick, 0),
        (3, BookSnapshot, 0),
    ]
    assert rig.pump.latency.count == 3


def test_a_late_event_moves_no_time() -> None:
    rig = Rig()
    for event in (connected(50), book(150), book(90), book(199)):
        rig.pump.process(event)
    assert rig.times == [50, -100, 150, 90, 199]


def test_a_long_leap_gives_one_tick_and_counts_the_rest() -> None:
    """A machine that slept for a night does not owe the engine half a million ticks."""
    rig = Rig()
    rig.pump.process(connected(50))
    night_ms = 8 * NANOS_PER_HOUR // 1_000_000
    rig.pump.process(book(night_ms + 50))
    rig.pump.process(book(night_ms + 120))
    assert rig.times == [50, -night_ms, night_ms + 50, -(night_ms + 100), night_ms + 120]
    assert rig.pump.skipped_ticks == night_ms // 100 - 1


def test_a_leap_within_the_limit_gives_every_tick() -> None:
    rig = Rig()
    rig.pump.process(connected(0))
    rig.pump.process(book(100 * MAX_TICKS_AT_ONCE))
    assert (len(rig.times), rig.pump.skipped_ticks) == (MAX_TICKS_AT_ONCE + 2, 0)


def test_every_tick_of_one_catching_up_says_how_late_the_first_of_them_is() -> None:
    rig = Rig()
    rig.pump.process(connected(50), taken_ns=START + 50 * MS)
    rig.pump.process(book(140), taken_ns=START + 141 * MS)
    rig.pump.process(book(440), taken_ns=START + 440 * MS)
    rig.pump.process(book(510), taken_ns=START + 900 * MS)
    late = [event.late_ns // MS for _, event in rig.record.events if isinstance(event, ClockTick)]
    assert late == [41, 240, 240, 240, 400]
    assert rig.pump.late == {"loop": 1, "queue": 1}
    assert (rig.pump.reading()["late.loop"], rig.pump.reading()["late.queue"]) == (1, 1)


def test_the_past_is_never_late() -> None:
    rig = Rig()
    rig.clock.advance(3_600)
    for event in (connected(50), book(150)):
        rig.pump.process(event)
    assert [event.late_ns for _, event in rig.record.events if isinstance(event, ClockTick)] == [0]


async def test_what_waited_in_the_queue_makes_its_ticks_late() -> None:
    rig = Rig()
    bus = Bus()
    bus.announce([connected(1), book(150)])
    bus.close()
    rig.clock.advance(2)
    await rig.pump.run(bus)
    late = [event.late_ns // MS for _, event in rig.record.events if isinstance(event, ClockTick)]
    assert late[0] == 1_900
    assert rig.pump.late["queue"] >= 1


async def test_the_consumer_drains_the_bus_and_ends_with_it() -> None:
    rig = Rig()
    bus = Bus()
    events = [connected(1), *(book(1 + number) for number in range(200))]
    bus.announce(events)
    bus.close()
    await rig.pump.run(bus)
    recorded = [event for _, event in rig.record.events if not isinstance(event, ClockTick)]
    assert recorded == events
    assert rig.pump.queue_age.count == len(events)


async def test_when_nothing_comes_the_clock_carries_time_on() -> None:
    rig = Rig()
    bus = Bus()
    async with asyncio.TaskGroup() as group:
        running = group.create_task(rig.pump.run(bus))
        beat = group.create_task(rig.pump.keep_time(bus))
        await until(lambda: rig.clock.sleeper_count == 1, "the beat to wait")
        rig.clock.advance(0.1)
        await until(lambda: rig.pump.lateness.count == 1, "the beat")
        assert rig.times == []
        bus.announce([connected(130)])
        await until(lambda: rig.times == [130], "the first event")
        for _ in range(3):
            await until(lambda: rig.clock.sleeper_count == 1, "the beat to wait")
            rig.clock.advance(0.1)
        await until(lambda: rig.times == [130, -200, -300, -400], "the ticks")
        beat.cancel()
        bus.close()
        await running
    assert rig.pump.lateness.max_ns == 0


async def test_lateness_is_how_far_past_the_grid_the_loop_woke() -> None:
    rig = Rig()
    beat = asyncio.ensure_future(rig.pump.keep_time(Bus()))
    await until(lambda: rig.clock.sleeper_count == 1, "the beat to wait")
    rig.clock.advance(0.1 + 0.025)
    await until(lambda: rig.pump.lateness.count == 1, "the beat")
    beat.cancel()
    await asyncio.gather(beat, return_exceptions=True)
    assert rig.pump.lateness.max_ns == 25_000_000


async def test_a_sleeper_that_is_woken_early_goes_on_sleeping() -> None:
    """uvloop woke the beat up to a millisecond early: it beat twice, and the tick came 100 ms late."""

    class EarlyClock(HandClock):
        async def sleep(self, seconds: float) -> None:
            await super().sleep(seconds * 0.99 if seconds > 0.01 else seconds)

    rig = Rig()
    clock = EarlyClock(START)
    pump = Pump(rig.engine, rig.record, clock=clock, gaps=GapLedger(()))
    beat = asyncio.ensure_future(pump.keep_time(Bus()))
    await until(lambda: clock.sleeper_count == 1, "the beat to wait")
    clock.advance(0.099)
    await until(lambda: clock.sleeper_count == 1, "the beat to wait again")
    assert pump.lateness.count == 0
    clock.advance(0.001)
    await until(lambda: pump.lateness.count == 1, "the beat")
    beat.cancel()
    await asyncio.gather(beat, return_exceptions=True)
    assert pump.lateness.max_ns == 0


async def test_a_record_that_is_behind_stops_the_intake_until_it_caught_up() -> None:
    rig = Rig()
    rig.record.is_saturated = True
    said: list[list[str]] = []
    rig.record.on_wait = lambda: said.append(rig.pump.complaints())
    bus = Bus()
    bus.announce([connected(1)])
    bus.close()
    await rig.pump.run(bus)
    assert (rig.pump.sink_pauses, rig.record.waits) == (1, 1)
    assert said == [["record: the writer is behind, nothing is taken"]]
    assert (rig.pump.complaints(), rig.pump.is_paused_by_sink) == ([], False)
    assert rig.times == [1]


def test_a_gap_is_recorded_when_it_closes_and_an_open_one_at_the_end() -> None:
    rig = Rig()
    for event in (connected(0), book(10), FeedLost("coinbase", 1, "gone", 1006, START + 20_000_000), book(90)):
        rig.pump.process(event)
    assert rig.record.gaps == [("coinbase", COINBASE, "gone", START + 10_000_000, START + 90_000_000)]
    rig.pump.process(FeedLost("gemini", 0, "cannot reach", None, START + 95_000_000))
    assert rig.pump.reading()["open_gaps"] == 1
    rig.pump.finish(START + NANOS_PER_SECOND)
    assert rig.record.gaps[1] == (
        "gemini", "gemini:SOLUSD", "cannot reach", START + 95_000_000, START + NANOS_PER_SECOND,
    )  # fmt: skip


def test_replaying_what_was_recorded_gives_the_same_digest() -> None:
    rig = Rig()
    for event in (connected(0), book(10), book(1_234), book(2_000)):
        rig.pump.process(event)
    replayed = Engine(settings())
    outputs: list[Output] = [output for _, event in rig.record.events for output in replayed.process(event)]
    assert replayed.digest() == rig.engine.digest()
    assert outputs == [output for _, output in rig.record.outputs]
