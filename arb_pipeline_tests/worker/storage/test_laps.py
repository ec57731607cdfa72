"""Percentiles are of the latest durations, and None where there are none."""

from streaming_worker.storage.laps import Laps


def test_no_lap_has_no_percentile() -> None:
    assert Laps().percentile(95) is None


def test_percentiles_are_values_that_occurred() -> None:
    laps = Laps()
    for duration in range(100, 0, -1):
        laps.add(duration)
    assert [laps.percentile(p) for p in (50, 95, 99, 100)] == [50, 95, 99, 100]


def test_old_laps_are_forgotten() -> None:
    laps = Laps()
    laps.add(10**9)
    for _ in range(2_048):
        laps.add(3)
    assert laps.percentile(100) == 3
    assert laps.count == 2_049


def test_what_was_added_since_is_returned_as_far_as_it_is_kept() -> None:
    laps = Laps()
    for duration in range(1, 6):
        laps.add(duration)
    assert laps.since(3) == [4, 5]
    assert laps.since(5) == []
    for duration in range(6, 3_000):
        laps.add(duration)
    assert laps.since(5) == list(range(2_999 - 2_047, 3_000))
