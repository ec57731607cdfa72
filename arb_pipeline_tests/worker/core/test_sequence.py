"""Each venue's numbering rule, number by number."""

from hypothesis import given
from hypothesis import strategies as st

from streaming_worker.core.sequence import (
    ConnectionSequence,
    Continuity,
    HeartbeatCounter,
    SlotOrder,
    SnapshotAlignment,
    UpdateIds,
)

NEXT, OLD, GAP = Continuity.NEXT, Continuity.OLD, Continuity.GAP


def test_coinbase_counts_from_zero_and_goes_on_after_a_gap() -> None:
    sequence = ConnectionSequence()
    assert [sequence.check(number) for number in (0, 1, 3, 4, 2, 4, 5)] == [NEXT, NEXT, GAP, NEXT, OLD, OLD, NEXT]


def test_coinbase_connection_that_does_not_start_at_zero_lost_its_first_messages() -> None:
    sequence = ConnectionSequence()
    assert sequence.check(2) is GAP
    assert sequence.expected == 3


@given(st.sets(st.integers(0, 60), min_size=1))
def test_coinbase_reports_one_gap_per_hole(numbers: set[int]) -> None:
    sequence = ConnectionSequence()
    gaps = sum(sequence.check(number) is GAP for number in sorted(numbers))
    assert gaps == sum(number > 0 and number - 1 not in numbers for number in numbers)


def test_heartbeat_counter_starts_anywhere_and_grows_by_one() -> None:
    counter = HeartbeatCounter()
    assert [counter.check(value) for value in (41_691, 41_692, 41_694, 41_695)] == [NEXT, NEXT, GAP, NEXT]
    assert [counter.check(value) for value in (41_695, 7)] == [GAP, GAP]
    counter.forget()
    assert counter.check(99) is NEXT


def test_gemini_updates_overlap_by_one_id() -> None:
    ids = UpdateIds()
    ids.start(100)
    assert [ids.check(100, 107), ids.check(107, 108), ids.check(90, 120)] == [NEXT, NEXT, NEXT]
    assert ids.one_id_steps == 0


def test_gemini_one_id_step_is_a_gap_counted_apart() -> None:
    ids = UpdateIds()
    ids.start(100)
    assert ids.check(101, 105) is GAP
    assert (ids.one_id_steps, ids.last) == (1, 100)
    assert ids.check(102, 105) is GAP
    assert ids.one_id_steps == 1


def test_gemini_one_id_step_is_contiguous_where_it_is_accepted() -> None:
    ids = UpdateIds(accepts_next_id=True)
    ids.start(100)
    assert [ids.check(101, 105), ids.check(106, 106), ids.check(108, 109)] == [NEXT, NEXT, GAP]
    assert (ids.one_id_steps, ids.last) == (2, 106)


def test_gemini_update_that_ends_at_or_below_the_last_id_is_old() -> None:
    ids = UpdateIds()
    ids.start(100)
    assert [ids.check(90, 99), ids.check(100, 100)] == [OLD, OLD]


def test_solana_equal_slot_replaces_and_an_older_one_is_ignored() -> None:
    order = SlotOrder()
    assert [order.check(slot) for slot in (10, 10, 9, 14, 12)] == [NEXT, NEXT, OLD, NEXT, OLD]


def test_solana_poll_of_an_equal_slot_may_be_older_than_the_notification() -> None:
    order = SlotOrder()
    assert [order.check_poll(slot) for slot in (10, 10, 11)] == [NEXT, OLD, NEXT]
    assert order.check(11) is NEXT
    assert order.check_poll(11) is OLD


def test_bitstamp_copy_is_covered_from_the_first_change_on() -> None:
    alignment = SnapshotAlignment()
    assert not alignment.covers(10**16)
    for micros in (5_000_000, 4_000_000, 6_000_000):
        alignment.note_change(micros)
    assert [alignment.covers(micros) for micros in (3_999_999, 4_000_000)] == [False, True]


def test_bitstamp_message_of_another_book_covers_what_is_two_seconds_younger() -> None:
    alignment = SnapshotAlignment()
    alignment.note_other(5_000_000)
    assert [alignment.covers(micros) for micros in (6_999_999, 7_000_000)] == [False, True]


def test_bitstamp_change_that_was_not_kept_must_be_held_by_the_copy() -> None:
    alignment = SnapshotAlignment()
    alignment.note_change(1_000_000)
    alignment.note_dropped(2_000_000)
    assert [alignment.covers(micros) for micros in (1_999_999, 2_000_000)] == [False, True]


def test_bitstamp_changes_go_on_from_the_copy_and_never_back() -> None:
    alignment = SnapshotAlignment()
    alignment.align(50)
    assert [alignment.check(micros) for micros in (40, 50, 51, 51, 60, 50, 55)] == [
        OLD, OLD, NEXT, NEXT, NEXT, OLD, GAP,
    ]  # fmt: skip
    assert alignment.last == 60
    alignment.restart()
    assert (alignment.last, alignment.covers(100), alignment.check(70)) == (None, False, NEXT)
