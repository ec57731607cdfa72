"""Percentiles are upper bounds of what was counted, and counts below a power of two are exact."""

from hypothesis import given
from hypothesis import strategies as st

from streaming_worker.core.histogram import Histogram


@given(st.lists(st.integers(0, 10**12), min_size=1, max_size=200), st.integers(1, 100))
def test_a_percentile_is_at_most_a_quarter_too_high_and_never_too_low(durations: list[int], percent: int) -> None:
    histogram = Histogram()
    for elapsed_ns in durations:
        histogram.add(elapsed_ns)
    exact = sorted(durations)[-(-len(durations) * percent // 100) - 1]
    shown = histogram.percentile_ns(percent)
    assert shown is not None
    assert exact <= shown <= exact * 1.25
    assert (histogram.count, histogram.max_ns) == (len(durations), max(durations))


def test_nothing_counted_is_no_value() -> None:
    assert Histogram().reading() == {"count": 0, "p50_ns": None, "p99_ns": None, "max_ns": 0}


def test_a_negative_duration_counts_as_nought() -> None:
    histogram = Histogram()
    histogram.add(-5)
    assert histogram.reading() == {"count": 1, "p50_ns": 0, "p99_ns": 0, "max_ns": 0}


@given(st.lists(st.integers(0, 2**40), max_size=200), st.sets(st.integers(3, 41), min_size=1))
def test_counts_below_a_power_of_two_are_exact(durations: list[int], powers: set[int]) -> None:
    histogram = Histogram()
    for elapsed_ns in durations:
        histogram.add(elapsed_ns)
    rising = sorted(powers)
    assert histogram.counts_below(rising) == [sum(one < 2**power for one in durations) for power in rising]
    assert histogram.sum_ns == sum(durations)


@given(st.lists(st.integers(0, 10**12), max_size=50), st.lists(st.integers(0, 10**12), max_size=50))
def test_what_came_since_a_copy_is_what_a_new_one_would_have_counted(before: list[int], after: list[int]) -> None:
    histogram, fresh = Histogram(), Histogram()
    for elapsed_ns in before:
        histogram.add(elapsed_ns)
    copy = histogram.copy()
    for elapsed_ns in after:
        histogram.add(elapsed_ns)
        fresh.add(elapsed_ns)
    since = histogram.since(copy)
    assert (since.count, since.sum_ns, since.bounds()) == (fresh.count, fresh.sum_ns, fresh.bounds())
    assert fresh.max_ns <= since.max_ns <= fresh.max_ns * 1.25
    assert sum(count for _, count in since.bounds()) == len(after)
    assert copy.count == len(before)
