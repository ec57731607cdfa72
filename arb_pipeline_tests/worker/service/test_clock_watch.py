"""A clock that was moved, or that stands before the record, is complained about until it is right."""

from streaming_worker.adapters.clock import HandClock
from streaming_worker.core.units import NANOS_PER_HOUR, NANOS_PER_SECOND
from streaming_worker.service.clock_watch import ClockWatch

NOON = 1_767_268_800 * NANOS_PER_SECOND


class MovedClock(HandClock):
    """A clock from which the machine's has moved away."""

    moved_ns = 0

    def drift_ns(self) -> int:
        return self.moved_ns


def test_a_clock_that_runs_on_is_fine() -> None:
    watch = ClockWatch(HandClock(NOON), None)
    assert watch.complaints() == []
    assert ClockWatch(HandClock(NOON), NOON).complaints() == []
    assert watch.reading() == {"drift_ns": 0}


def test_a_jump_of_an_hour_each_way_is_named() -> None:
    clock = MovedClock(NOON)
    watch = ClockWatch(clock, None)
    for moved_ns, text in ((NANOS_PER_HOUR, "by 3,600 s"), (-NANOS_PER_HOUR, "by -3,600 s")):
        clock.moved_ns = moved_ns
        (line,) = watch.complaints()
        assert text in line
    clock.moved_ns = 4 * NANOS_PER_SECOND
    assert watch.complaints() == []


def test_a_start_in_the_past_is_named_until_the_record_is_caught_up() -> None:
    clock = HandClock(NOON)
    watch = ClockWatch(clock, NOON + NANOS_PER_HOUR)
    assert watch.complaints()[0].startswith("clock: 3,600 s before the newest row")
    clock.advance(3_600)
    assert watch.complaints() == []
