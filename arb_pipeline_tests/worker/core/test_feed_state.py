"""Transport and data judged apart: what each combination of signs is called."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streaming_worker.core.feed_state import (
    HEALTHY,
    BookSigns,
    FeedLimits,
    FeedState,
    TransportSigns,
    book_state,
    feed_state,
    transport_state,
)
from streaming_worker.core.units import NANOS_PER_SECOND

S = NANOS_PER_SECOND
LIMITS = FeedLimits()
ALIVE = FeedState.SYNCED


@pytest.mark.parametrize(
    ("signs", "state"),
    [
        (TransportSigns(False, False, 0), FeedState.CONNECTING),
        (TransportSigns(False, True, 0), FeedState.LOST),
        (TransportSigns(True, True, 10 * S), ALIVE),
        (TransportSigns(True, False, 10 * S + 1), FeedState.DEAD),
    ],
)
def test_a_transport_is_judged_by_its_signs_of_life(signs: TransportSigns, state: FeedState) -> None:
    assert transport_state(signs, LIMITS) is state


@pytest.mark.parametrize(
    ("signs", "state"),
    [
        (BookSigns(False, False, None, None), FeedState.CONNECTING),
        (BookSigns(False, True, 0, 0), FeedState.GAP),
        (BookSigns(True, True, 0, 0), FeedState.SYNCED),
        (BookSigns(True, True, None, 10 * S), FeedState.SYNCED),
        (BookSigns(True, True, None, 10 * S + 1), FeedState.QUIET),
        (BookSigns(True, True, None, None), FeedState.QUIET),
        (BookSigns(True, True, S // 2, 0), FeedState.SYNCED),
        (BookSigns(True, True, S // 2 + 1, 0), FeedState.LAGGING),
        (BookSigns(True, True, 10 * S, 0), FeedState.LAGGING),
        (BookSigns(True, True, 10 * S + 1, 0), FeedState.DEAD),
        (BookSigns(True, True, 10 * S + 1, 60 * S), FeedState.DEAD),
        (BookSigns(True, True, 0, 49 * S), FeedState.QUIET),
    ],
)
def test_a_book_on_a_living_transport(signs: BookSigns, state: FeedState) -> None:
    assert book_state(ALIVE, signs, LIMITS) is state


@pytest.mark.parametrize("transport", [FeedState.CONNECTING, FeedState.LOST, FeedState.DEAD])
def test_no_book_is_better_than_its_transport(transport: FeedState) -> None:
    assert book_state(transport, BookSigns(True, True, 0, 0), LIMITS) is transport
    assert feed_state(transport, [FeedState.SYNCED]) is transport


@pytest.mark.parametrize(
    ("books", "state"),
    [
        ([], FeedState.QUIET),
        ([FeedState.QUIET, FeedState.SYNCED], FeedState.SYNCED),
        ([FeedState.QUIET, FeedState.QUIET], FeedState.QUIET),
        ([FeedState.SYNCED, FeedState.LAGGING], FeedState.LAGGING),
        ([FeedState.LAGGING, FeedState.CONNECTING], FeedState.CONNECTING),
        ([FeedState.CONNECTING, FeedState.GAP], FeedState.GAP),
        ([FeedState.GAP, FeedState.DEAD], FeedState.DEAD),
    ],
)
def test_a_feed_is_as_its_worst_book(books: list[FeedState], state: FeedState) -> None:
    assert feed_state(ALIVE, books) is state


TIME = st.none() | st.integers(0, 100 * S)


@given(st.builds(TransportSigns, st.booleans(), st.booleans(), st.integers(0, 100 * S)),
       st.lists(st.builds(BookSigns, st.booleans(), st.booleans(), TIME, TIME), max_size=4))  # fmt: skip
def test_a_feed_is_healthy_exactly_when_all_of_it_is(transport: TransportSigns, books: list[BookSigns]) -> None:
    line = transport_state(transport, LIMITS)
    states = [book_state(line, signs, LIMITS) for signs in books]
    assert (feed_state(line, states) in HEALTHY) == (line is ALIVE and all(state in HEALTHY for state in states))
