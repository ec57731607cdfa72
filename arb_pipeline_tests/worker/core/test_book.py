"""The order book against examples whose numbers fail on a wrong side, sign or rounding."""

import pytest

from streaming_worker.core.book import Book, Sweep


def _book() -> Book:
    book = Book()
    book.apply_snapshot([(100, 5), (98, 7), (99, 1)], [(105, 2), (101, 3), (103, 4)])
    return book


def test_an_empty_book_has_no_top() -> None:
    book = Book()
    assert (book.best_bid, book.best_ask, book.bid_count, book.ask_count) == (None, None, 0, 0)
    assert not book.is_crossed


def test_unsorted_levels_give_the_best_prices() -> None:
    book = _book()
    assert book.best_bid == (100, 5)
    assert book.best_ask == (101, 3)
    assert book.dump() == ([(100, 5), (99, 1), (98, 7)], [(101, 3), (103, 4), (105, 2)])


def test_a_snapshot_replaces_everything() -> None:
    book = _book()
    book.apply_snapshot([(50, 1)], [])
    assert book.dump() == ([(50, 1)], [])
    assert book.best_ask is None


def test_a_snapshot_leaves_out_empty_levels_and_keeps_the_last_of_a_repeated_price() -> None:
    book = Book()
    book.apply_snapshot([(10, 0), (9, 4), (9, 6)], [(11, 2), (11, 0)])
    assert book.dump() == ([(9, 6)], [])


def test_a_delta_sets_removes_and_counts_odd_changes() -> None:
    book = _book()
    book.apply_delta([(100, 0), (97, 2), (99, 1), (42, 0)], [(101, 9), (102, 1), (7, 0)])
    assert book.dump() == ([(99, 1), (98, 7), (97, 2)], [(101, 9), (102, 1), (103, 4), (105, 2)])
    assert (book.absent_removals, book.same_quantity_repeats) == (2, 1)


def test_a_price_changed_twice_in_one_delta_ends_as_the_last_change() -> None:
    book = _book()
    book.apply_delta([], [(101, 0), (101, 8), (103, 1), (103, 0)])
    assert book.dump()[1] == [(101, 8), (105, 2)]


@pytest.mark.parametrize(("bid", "crossed"), [(100, False), (101, True), (102, True)])
def test_touching_is_crossed(bid: int, crossed: bool) -> None:
    book = _book()
    book.apply_delta([(bid, 1)], [])
    assert book.is_crossed is crossed


def test_a_one_sided_book_is_not_crossed() -> None:
    book = Book()
    book.apply_delta([(100, 1)], [])
    assert not book.is_crossed
    book.apply_delta([(100, 0)], [(90, 1)])
    assert not book.is_crossed


def test_a_sweep_walks_from_the_best_and_rounds_against_the_trader_per_level() -> None:
    book = Book()
    price = 150_000_001  # 1.50000001
    book.apply_snapshot([(price, 3), (price - 1, 9)], [(price, 3), (price + 1, 9)])
    assert book.sweep_asks(5) == Sweep(5, 5 + 4, price + 1, 2, True)  # 4.5.. -> 5 and 3.0..04 -> 4
    assert book.sweep_bids(5) == Sweep(5, 4 + 3, price - 1, 2, True)  # 4.5.. -> 4 and 3.0 -> 3


def test_a_sweep_says_when_the_depth_ends() -> None:
    book = _book()
    assert book.sweep_bids(100) == Sweep(13, 0, 98, 3, False)
    assert Book().sweep_asks(1) == Sweep(0, 0, None, 0, False)


def test_a_sweep_of_nothing_touches_nothing() -> None:
    assert _book().sweep_asks(0) == Sweep(0, 0, None, 0, True)


def test_a_sweep_ends_exactly_on_a_level() -> None:
    assert _book().sweep_asks(3).levels == 1


def test_load_continues_where_dump_stopped() -> None:
    book = _book()
    book.apply_delta([(1, 0), (100, 5)], [(101, 3)])
    bids, asks = book.dump()
    again = Book.load(
        bids, asks, absent_removals=book.absent_removals, same_quantity_repeats=book.same_quantity_repeats
    )
    assert again.dump() == book.dump()
    assert (again.absent_removals, again.same_quantity_repeats) == (1, 2)
    assert list(again.bids_from_best()) == bids
    assert list(again.asks_from_best()) == asks
