"""Delay by the venue's clock: skew is not lateness, lateness does not wear off, and one false time does not count."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streaming_worker.core.units import NANOS_PER_SECOND
from streaming_worker.core.venue_clock import MOST_SKEW_NS, VenueClock

S = NANOS_PER_SECOND
T = 1_790_000_000 * S


def _run(clock: VenueClock, first_s: int, last_s: int, delay_ns: int) -> list[int | None]:
    """Let a message come every second, each as late, and return the delays that are seen."""
    return [clock.delay(T + second * S + delay_ns, T + second * S) for second in range(first_s, last_s)]


@pytest.mark.parametrize("skew_ns", [-6 * S, -S, 0, 2 * S, 6 * S])
def test_a_clock_that_is_off_delays_nothing(skew_ns: int) -> None:
    clock = VenueClock()
    assert clock.offset_ns is None
    assert clock.delay(T, None) is None
    assert set(_run(clock, 0, 500, skew_ns)) == {0}
    assert clock.offset_ns == skew_ns
    assert clock.delay(T + 500 * S + skew_ns + 700_000_000, T + 500 * S) == 700_000_000


def test_a_backlog_at_the_start_is_understood_as_soon_as_it_is_over() -> None:
    clock = VenueClock()
    assert [clock.delay(T + 6 * S, T + second * S) for second in (0, 2, 5)] == [0, 0, 0]
    assert clock.delay(T + 9 * S, T + 7 * S) == S


def test_a_feed_that_begins_to_deliver_late_stays_late() -> None:
    clock = VenueClock()
    _run(clock, 0, 600, 0)
    assert set(_run(clock, 600, 3_600, 8 * S)) == {8 * S}


def test_a_clock_that_was_set_anew_is_forgiven_within_the_hour() -> None:
    clock = VenueClock()
    _run(clock, 0, 600, 0)
    delays = _run(clock, 600, 600 + 4_000, 2 * S)
    assert delays[3_000] == 2 * S
    assert delays[-1] == 0


def test_old_prices_from_the_first_message_on_are_late_beyond_any_skew() -> None:
    clock = VenueClock()
    assert set(_run(clock, 0, 100, 35 * S)) == {35 * S - MOST_SKEW_NS}


def test_a_false_time_in_the_future_makes_nothing_late_for_long() -> None:
    clock = VenueClock()
    _run(clock, 0, 200, 0)
    assert clock.delay(T + 200 * S, T + 250 * S) == 0
    assert set(_run(clock, 201, 4_000, 0)) == {0}


def test_a_false_time_among_the_first_messages_counts_until_there_are_enough_others() -> None:
    clock = VenueClock()
    clock.delay(T, T + 50 * S)
    delays = _run(clock, 1, 400, 0)
    assert delays[0] == MOST_SKEW_NS
    assert set(delays[60:]) == {0}


@pytest.mark.parametrize("skew_ns", [-6 * S, -2 * S, 2 * S])
def test_a_clock_that_is_off_for_seconds_and_comes_back_makes_nothing_late_afterwards(skew_ns: int) -> None:
    # a feed once read as lagging for half a minute after its venue's clock had run ahead for two seconds
    clock = VenueClock()
    _run(clock, 0, 180, 0)
    assert set(_run(clock, 180, 183, skew_ns)) == {max(skew_ns, 0)}
    assert set(_run(clock, 183, 4_000, 0)) == {0}


def test_a_feed_that_was_prompt_for_some_of_its_time_is_held_against_that() -> None:
    clock = VenueClock()
    _run(clock, 0, 30, 0)
    assert set(_run(clock, 30, 1_200, 4 * S)) == {4 * S}


def test_of_many_windows_two_in_a_hundred_do_not_count() -> None:
    clock = VenueClock()
    _run(clock, 0, 3_000, 0)
    _run(clock, 3_000, 3_050, -6 * S)
    assert set(_run(clock, 3_055, 3_600, 0)) == {0}


@given(st.lists(st.tuples(st.integers(0, 40 * S), st.integers(-20 * S, 20 * S)), max_size=60))
def test_no_message_is_early_and_what_is_kept_is_bounded(messages: list[tuple[int, int]]) -> None:
    clock, now_ns = VenueClock(), T
    for step_ns, difference_ns in messages:
        now_ns += step_ns
        delay_ns = clock.delay(now_ns, now_ns - difference_ns)
        assert delay_ns is not None
        assert delay_ns >= 0
    assert len(clock.minima_ns) <= 720
    assert len(clock.low_ns) <= 2
