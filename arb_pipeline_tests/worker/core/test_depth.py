"""The inverse of a sweep: never more than the notional pays for, and always the most."""

from hypothesis import given
from hypothesis import strategies as st

from streaming_worker.core.book import Book
from streaming_worker.core.depth import size_for_notional
from streaming_worker.core.units import E8

ASKS = [(150 * E8, 2 * E8), (151 * E8, E8)]


def test_a_notional_buys_level_by_level() -> None:
    assert size_for_notional(ASKS, 75 * E8) == E8 // 2
    assert size_for_notional(ASKS, 300 * E8) == 2 * E8
    assert size_for_notional(ASKS, 451 * E8) == 3 * E8
    assert size_for_notional(ASKS, 10**6 * E8) == 3 * E8
    assert size_for_notional([], E8) == 0


def test_a_size_can_bound_it() -> None:
    assert size_for_notional(ASKS, 10**6 * E8, most_e8=E8 * 5 // 2) == E8 * 5 // 2
    assert size_for_notional(ASKS, 75 * E8, most_e8=E8) == E8 // 2


LEVELS = st.lists(
    st.tuples(st.integers(1, 10**10), st.integers(1, 10**10)), max_size=5, unique_by=lambda level: level[0]
)


@given(LEVELS, st.integers(0, 10**13))
def test_the_sweep_of_the_size_fits_and_one_unit_more_does_not(levels: list[tuple[int, int]], notional: int) -> None:
    book = Book.load([], levels)
    size = size_for_notional(book.asks_from_best(), notional)
    assert book.sweep_asks(size).notional_e8 <= notional
    more = book.sweep_asks(size + 1)
    assert more.notional_e8 > notional or not more.is_complete
