"""Least delays: what is late against them is not of now."""

import pytest

from streaming_worker.core.units import NANOS_PER_SECOND
from streaming_worker.protocols.promptness import Promptness

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
    assert late == list(range(1, 60))


@pytest.mark.parametrize("far_s", [-60, 60, 10**9])
def test_a_time_that_cannot_be_shows_nothing_and_teaches_nothing(far_s: int) -> None:
    promptness = Promptness()
    assert not promptness.is_prompt(T, T + far_s * S)
    assert promptness.is_prompt(T, T)
