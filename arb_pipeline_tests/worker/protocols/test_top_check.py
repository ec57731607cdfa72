"""A book against the venue's copies of its top: what differs for too long without a change is a mismatch."""

import pytest

from streaming_worker.core.book import Book
from streaming_worker.core.events import Levels
from streaming_worker.core.units import NANOS_PER_SECOND
from streaming_worker.protocols.top_check import TopCheck

S = NANOS_PER_SECOND
BIDS, ASKS = [(100, 5), (99, 6), (98, 7)], [(101, 5), (102, 6), (103, 7)]


def _mismatch(bids: Levels, asks: Levels, *, depth: int = 3, held: tuple[Levels, Levels] = (BIDS, ASKS)) -> bool:
    check, book = TopCheck(), Book.load(*held)
    check.compare(book, bids, asks, 10 * S, depth=depth)
    check.compare(book, bids, asks, 13 * S - 1, depth=depth)
    assert not check.has_mismatch(13 * S - 1)
    return check.has_mismatch(13 * S)


@pytest.mark.parametrize("depth", [3, 4, 100])
def test_equal_levels_are_no_mismatch(depth: int) -> None:
    assert not _mismatch(BIDS, ASKS, depth=depth)


@pytest.mark.parametrize(
    ("bids", "asks"),
    [
        ([(100, 4), (99, 6), (98, 7)], ASKS),
        ([(100, 5), (98, 7), (97, 1)], ASKS),
        (BIDS, [(101, 5), (102, 6), (104, 7)]),
        (BIDS, [(100, 1), (101, 5), (102, 6)]),
    ],
)
def test_another_size_a_missing_level_and_a_level_too_many_are(bids: Levels, asks: Levels) -> None:
    assert _mismatch(bids, asks)


def test_levels_beyond_a_full_copy_are_not_compared_and_those_beyond_a_short_one_are() -> None:
    assert not _mismatch(BIDS[:2], ASKS[:2], depth=2)
    assert _mismatch(BIDS[:2], ASKS, depth=3)
    assert _mismatch(BIDS, ASKS[:2], depth=3)
    assert _mismatch([], [])
    assert not _mismatch([*BIDS, (97, 0)], ASKS, depth=5)  # a level of no size is none


def test_a_change_of_the_level_or_an_agreement_clears_the_suspicion() -> None:
    check, book = TopCheck(), Book.load(BIDS, ASKS)
    differing = [(100, 4), (99, 6), (98, 8)]
    check.compare(book, differing, [(101, 5), (102, 6), (103, 1)], 10 * S, depth=3)
    check.explain([(100, 4)], [(103, 1), (104, 1)])
    check.compare(book, [(100, 5), (99, 6), (98, 7)], ASKS, 12 * S, depth=3)
    check.compare(book, differing, ASKS, 12 * S, depth=3)
    assert not check.has_mismatch(15 * S - 1)
    assert check.has_mismatch(15 * S)
    check.explain([(100, 4), (98, 8)], [])
    assert not check.has_mismatch(100 * S)


def test_a_new_book_is_not_suspected() -> None:
    check, book = TopCheck(S), Book.load(BIDS, ASKS)
    check.compare(book, [], [], 10 * S, depth=3)
    assert check.has_mismatch(11 * S)
    check.forget()
    assert not check.has_mismatch(20 * S)
    check.explain(BIDS, ASKS)
