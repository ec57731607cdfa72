"""Least delays: what is late against them is not of now."""

import pytest

from streaming_worker.core.units import NANOS_PER_SECOND
from streaming_worker.protocols.promptness import ConnectionAge, Promptness

S = NANOS_PER_SECOND
T = 1_790_000_000 * S


@pytest.mark.parametrize("skew_s", [-2, 0, 6])
def test_a_clock_that_is_always_off_changes_nothing(skew_s: int) -> None:
    promptness = Promptness()
    came = [
        promptness.is_prompt(T + (number + skew_s) * S, T + number * S - delay_ms * S // 1_000)
        for number, delay_ms in enumerate((5_000, 4_000, 250, 1_000, 1_250, 1_251))
    ]
    assert came == [True, True, True, True, True, False]


def test_what_was_left_over_from_before_an_outage_is_late() -> None:
    promptness = Promptness()
    assert promptness.is_prompt(T, T)
    assert not promptness.is_prompt(T + 500 * S, T + 490 * S)
    assert promptness.is_prompt(T + 501 * S, T + 501 * S)


def test_a_false_time_does_not_count_for_long() -> None:
    promptness = Promptness()
    assert promptness.is_prompt(T, T + 50 * S)
    late = [second for second in range(1, 100) if not promptness.is_prompt(T + second * S, T + second * S)]
    assert late == list(range(1, 10))


@pytest.mark.parametrize("far_s", [-60, 60, 10**9])
def test_a_time_that_cannot_be_shows_nothing_and_teaches_nothing(far_s: int) -> None:
    promptness = Promptness()
    assert not promptness.is_prompt(T, T + far_s * S)
    assert promptness.is_prompt(T, T)


def test_what_was_sent_before_the_connection_is_of_another_one() -> None:
    age = ConnectionAge()
    age.opened(T)
    assert not any(age.is_older(T + second * S, T + second * S) for second in range(60))
    age.opened(T + 100 * S)
    came_ns = T + 101 * S
    old_ms = (0, 1_000, 1_500, 1_501, 3_000, 60_000)
    came = [age.is_older(came_ns, came_ns - ms * S // 1_000) for ms in old_ms]
    assert came == [False, False, False, True, True, True]
    assert not age.is_older(came_ns, None)


def test_a_backlog_of_this_connection_is_not_of_another_one() -> None:
    age = ConnectionAge()
    age.opened(T)
    assert not any(age.is_older(T + 30 * S, T + second * S) for second in range(30))


def test_without_any_other_message_nothing_is_old_and_a_prompt_one_ends_that() -> None:
    first = ConnectionAge()
    first.opened(T)
    assert not first.is_older(T, T - 1_000 * S)
    assert not first.is_older(T, T)
    assert first.is_older(T, T - 1_000 * S)


@pytest.mark.parametrize("ahead_s", [-(10**8), 10**8])
def test_it_does_not_matter_what_our_clock_says(ahead_s: int) -> None:
    age = ConnectionAge()
    age.opened(T)
    assert not age.is_older(T + S, T + (ahead_s + 1) * S)
    assert age.is_older(T + S, T + (ahead_s - 1) * S)
