"""Which arrays a swap needs, and where it stops."""

import msgspec
import pytest

from arb_pipeline_tests.fixtures.pools import whirlpool_market
from streaming_worker.core.amm.pool_state import Tick, TickArray, WhirlpoolMarket
from streaming_worker.core.amm.whirlpool_math import MAX_TICK, MIN_TICK
from streaming_worker.core.amm.whirlpool_ticks import arrays_around, needed_array_starts, stops

SPLASH_SPACING = 32_896


def at_tick(tick: int, tick_spacing: int = 1) -> WhirlpoolMarket:
    return whirlpool_market([], tick=tick, tick_spacing=tick_spacing)


def stops_of(market: WhirlpoolMarket, *, a_to_b: bool) -> list[tuple[int, int | None]]:
    return list(stops(market, a_to_b=a_to_b))


@pytest.mark.parametrize(
    ("tick", "down", "up"),
    [
        (0, (0, -88, -176), (0, 88, 176)),
        (86, (0, -88, -176), (0, 88, 176)),
        (87, (0, -88, -176), (88, 176, 264)),
        (-1, (-88, -176, -264), (0, 88, 176)),
        (-2, (-88, -176, -264), (-88, 0, 88)),
    ],
)
def test_a_rising_swap_skips_the_array_of_its_last_slot(tick: int, down: tuple[int, ...], up: tuple[int, ...]) -> None:
    pool = at_tick(tick).pool
    assert needed_array_starts(pool, a_to_b=True) == down
    assert needed_array_starts(pool, a_to_b=False) == up


def test_arrays_around_cover_both_directions() -> None:
    for tick in (0, 86, 87, -1, -50):
        pool = at_tick(tick).pool
        both = {*needed_array_starts(pool, a_to_b=True), *needed_array_starts(pool, a_to_b=False)}
        assert both <= set(arrays_around(pool))
    assert len(arrays_around(at_tick(0).pool)) == 5
    assert len(arrays_around(at_tick(87).pool)) == 6


def test_arrays_beyond_the_tick_range_are_not_needed() -> None:
    assert needed_array_starts(at_tick(MIN_TICK).pool, a_to_b=True) == (-443_696,)
    assert needed_array_starts(at_tick(MAX_TICK).pool, a_to_b=False) == (443_608,)
    splash = at_tick(0, SPLASH_SPACING).pool
    assert needed_array_starts(splash, a_to_b=True) == (0, -88 * SPLASH_SPACING)
    assert arrays_around(splash) == (-88 * SPLASH_SPACING, 0)


def test_stops_are_the_ticks_ahead_and_the_end_of_the_sequence() -> None:
    market = whirlpool_market([(-640, 640, 5), (0, 1_280, 7)], tick=10, tick_spacing=64)
    size = 88 * 64
    assert stops_of(market, a_to_b=True) == [(0, 7), (-640, 5), (-2 * size, None)]
    assert stops_of(market, a_to_b=False) == [(640, -5), (1_280, -7), (3 * size - 1, None)]


def test_the_current_tick_is_a_stop_on_the_way_down_only() -> None:
    market = whirlpool_market([(0, 64, 5)], tick=0, tick_spacing=64)
    assert stops_of(market, a_to_b=True)[0] == (0, 5)
    assert stops_of(market, a_to_b=False)[0] == (64, -5)


def test_the_sequence_ends_before_an_array_that_was_not_read() -> None:
    market = whirlpool_market([], tick=0, tick_spacing=1)
    arrays = {start: array for start, array in market.arrays.items() if start not in (-88, 176)}
    market = msgspec.structs.replace(market, arrays=arrays)
    assert stops_of(market, a_to_b=True) == [(0, None)]
    assert stops_of(market, a_to_b=False) == [(175, None)]


def test_an_end_that_is_an_initialised_tick_is_not_repeated() -> None:
    market = whirlpool_market([(-176, 100, 5)], tick=0, tick_spacing=1)
    assert stops_of(market, a_to_b=True) == [(-176, 5)]


def test_a_tick_in_the_last_slot_of_the_last_array_ends_the_rising_sequence_there() -> None:
    last_slot = 3 * 88 * 64 - 64
    market = whirlpool_market([(0, last_slot, 5)], tick=0, tick_spacing=64)
    assert stops_of(market, a_to_b=False) == [(last_slot, -5)]


def test_the_outermost_arrays_end_at_the_tick_limits() -> None:
    market = at_tick(0, SPLASH_SPACING)
    assert stops_of(market, a_to_b=True) == [(MIN_TICK, None)]
    assert stops_of(market, a_to_b=False) == [(MAX_TICK, None)]


def test_ticks_behind_the_current_one_are_passed_over() -> None:
    array = TickArray(0, tuple(Tick(tick, 1, 1) for tick in (3, 10, 20, 40)))
    market = at_tick(15)
    market = msgspec.structs.replace(market, arrays={**market.arrays, 0: array})
    assert [tick for tick, _ in stops_of(market, a_to_b=True)][:2] == [10, 3]
    assert [tick for tick, _ in stops_of(market, a_to_b=False)][:2] == [20, 40]
