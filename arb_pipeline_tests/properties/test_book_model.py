"""The order book agrees with a plain dictionary under any sequence of snapshots and deltas."""

from hypothesis import given
from hypothesis import strategies as st

from streaming_worker.core.book import Book
from streaming_worker.core.units import E8

LEVELS = st.lists(st.tuples(st.integers(1, 40), st.integers(0, 5)), max_size=12)
STEPS = st.lists(st.tuples(st.booleans(), LEVELS, LEVELS), max_size=12)


class _Model:
    """What the book must hold, in the slowest way."""

    def __init__(self) -> None:
        self.sides: list[dict[int, int]] = [{}, {}]
        self.absent = 0
        self.repeats = 0

    def apply(self, is_snapshot: bool, *sides: list[tuple[int, int]]) -> None:
        for index, levels in enumerate(sides):
            if is_snapshot:
                self.sides[index] = {price: size for price, size in dict(levels).items() if size > 0}
            else:
                for price, size in levels:
                    self._change(self.sides[index], price, size)

    def _change(self, side: dict[int, int], price: int, size: int) -> None:
        self.absent += size == 0 and price not in side
        self.repeats += size > 0 and side.get(price) == size
        side[price] = size
        if size == 0:
            del side[price]

    def dump(self) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
        return sorted(self.sides[0].items(), reverse=True), sorted(self.sides[1].items())


def _run(steps: list[tuple[bool, list[tuple[int, int]], list[tuple[int, int]]]]) -> tuple[Book, _Model]:
    book, model = Book(), _Model()
    for is_snapshot, bids, asks in steps:
        (book.apply_snapshot if is_snapshot else book.apply_delta)(bids, asks)
        model.apply(is_snapshot, bids, asks)
    return book, model


@given(STEPS)
def test_the_book_holds_what_the_model_holds(steps: list) -> None:
    book, model = _run(steps)
    bids, asks = model.dump()
    assert book.dump() == (bids, asks)
    assert (book.bid_count, book.ask_count) == (len(bids), len(asks))
    assert book.best_bid == (bids[0] if bids else None)
    assert book.best_ask == (asks[0] if asks else None)
    assert book.is_crossed is bool(bids and asks and bids[0][0] >= asks[0][0])
    assert (book.absent_removals, book.same_quantity_repeats) == (model.absent, model.repeats)


@given(STEPS, st.integers(1, 80))
def test_a_sweep_takes_the_cheapest_units_and_never_rounds_for_the_trader(steps: list, size: int) -> None:
    book, model = _run(steps)
    for side, sweep, rounding in (
        (model.dump()[1], book.sweep_asks(size), 1),
        (model.dump()[0], book.sweep_bids(size), -1),
    ):
        units = [price for price, held in side for _ in range(held)][:size]
        assert sweep.filled_e8 == len(units)
        assert sweep.is_complete is (len(units) == size)
        assert sweep.worst_price_e8 == (units[-1] if units else None)
        assert sweep.levels == len(set(units))
        excess = (sweep.notional_e8 * E8 - sum(units)) * rounding
        assert 0 <= excess < E8 * max(sweep.levels, 1)


@given(STEPS)
def test_load_is_the_inverse_of_dump(steps: list) -> None:
    book, _ = _run(steps)
    assert Book.load(*book.dump()).dump() == book.dump()
