"""One Bitstamp book: copies aligned with changes by microseconds, and two kinds of checks of the result."""

import json

from arb_pipeline_tests.fixtures.bitstamp import ASK, BID, SECOND, SOL, Client, T, aligned, change, levels, said, top
from arb_pipeline_tests.fixtures.frames import NOW_NS, frame
from streaming_worker.core.events import BookDelta, BookSnapshot, FeedGap, FeedHeartbeat, GapCause
from streaming_worker.core.units import E8, NANOS_PER_SECOND


def test_changes_not_newer_than_the_copy_are_dropped_and_newer_ones_applied() -> None:
    client = Client()
    for tenth in (0, 1, 2, 3):
        assert client.change(T + tenth * 100_000, ["150.00", str(tenth + 1)]) == []
    events = client.copy(T + 100_000, [BID], [ASK], late=0.5)
    received_ns = (T + 100_000) * 1_000 + NANOS_PER_SECOND // 2
    assert events == [
        BookSnapshot(SOL, [(15_001_000_000, 250_000_000)], [(15_003_000_000, E8)], None, received_ns, T + 100_000),
        BookDelta(SOL, [(150 * E8, 3 * E8)], [], (T + 200_000) * 1_000, (T + 200_000) * 1_000, T + 200_000),
        BookDelta(SOL, [(150 * E8, 4 * E8)], [], (T + 300_000) * 1_000, (T + 300_000) * 1_000, T + 300_000),
    ]
    assert client.protocol.counters[f"changes_discarded.{SOL}"] == 2


def test_a_change_that_the_copy_holds_is_dropped_whenever_it_comes() -> None:
    client = aligned()
    assert client.change(T + SECOND, ["1", "7"], late=2) == []
    assert len(client.change(T + SECOND + 1, ["1", "7"])) == 1
    assert client.change(T + 500_000, ["1", "8"], late=2) == []
    assert client.protocol.counters[f"changes_discarded.{SOL}"] == 3


def test_a_copy_older_than_the_first_change_is_not_used_and_another_one_is_asked_for() -> None:
    client = Client()
    client.change(T, BID)
    assert client.copy(T - 1, [BID], [ASK]) == []
    asked = []
    for tenth in range(1, 300):
        client.change(T + tenth * 100_000, BID)
        if calls := client.protocol.http_requests():
            asked.append(tenth)
            call = calls[0]
            client.protocol.receive_http(
                call, json.dumps(levels(T - 1, [BID], [ASK])).encode(), (T + tenth * 100_000) * 1_000
            )
    assert asked == [1, 11, 31, 71, 151, 231]


def test_a_message_of_another_book_shows_that_the_changes_ran_when_the_copy_was_taken() -> None:
    client = Client("solusd", "btcusd")
    assert client.copy(T + 2 * SECOND, [BID], [ASK]) == []
    assert client.take(top(T + 1, [], []), T + 1) == []  # changes are gathered for up to two seconds
    (snapshot,) = client.change(T - 1, BID, symbol="btcusd")
    assert isinstance(snapshot, BookSnapshot)


def test_a_message_left_over_from_an_earlier_connection_shows_nothing() -> None:
    client = Client()
    client.change(T, BID)
    client.protocol.opened(2, NOW_NS + 5 * NANOS_PER_SECOND)
    client.take(said("bts:subscription_succeeded", "diff_order_book_solusd"), T + 5 * SECOND)
    assert client.change(T + SECOND, BID, late=5) == []
    assert client.copy(T + 4 * SECOND, [BID], [ASK], late=3) == []
    assert client.change(T + 7 * SECOND, BID) == []
    assert len(client.copy(T + 8 * SECOND, [BID], [ASK])) == 1


def test_a_clock_that_was_set_back_costs_three_seconds() -> None:
    """Everything then looks late, for more than a minute: once it was the ten seconds of a silent market, and more."""
    client = aligned()
    for second in range(2, 60, 2):
        client.change(T + second * SECOND, BID)
    (gap,) = client.change(T + 54 * SECOND, BID, late=6)
    assert isinstance(gap, FeedGap)
    assert client.copy(T + 55 * SECOND, [BID], [ASK], late=6) == []
    for tenth in range(10, 30):
        assert client.change(T + 54 * SECOND + tenth * 100_000, BID, late=6) == []
    (snapshot, *_) = client.change(T + 58 * SECOND, BID, late=6)
    assert isinstance(snapshot, BookSnapshot)
    assert snapshot.sequence == T + 55 * SECOND


def test_late_changes_that_come_faster_than_they_were_made_show_nothing() -> None:
    client = Client()
    client.change(T, BID)
    client.protocol.opened(2, NOW_NS + 9 * NANOS_PER_SECOND)
    client.take(said("bts:subscription_succeeded", "diff_order_book_solusd"), T + 9 * SECOND)
    assert client.copy(T + 8 * SECOND, [BID], [ASK], late=1) == []
    for second in range(1, 8):
        assert client.change(T + second * SECOND, BID, late=9 - second / 2) == []


def test_changes_given_up_for_too_many_are_no_beginning() -> None:
    client = Client()
    client.change(T, BID)
    client.protocol.opened(2, NOW_NS)
    client.take(said("bts:subscription_succeeded", "diff_order_book_solusd"), T)
    for number in range(1_100):
        client.change(T + number * 10_000, BID, late=5)
    assert client.copy(T + 500_000, [BID], [ASK], late=12) == []


def test_a_silent_market_begins_with_a_copy_asked_for_ten_seconds_after_the_subscription() -> None:
    client = Client()
    beat = frame({"event": "bts:heartbeat", "data": {"status": "success"}})
    begun = []
    for second in range(0, 30, 4):
        at_ns = NOW_NS + second * NANOS_PER_SECOND
        client.protocol.receive(beat, at_ns)
        if client.copy(T - 60 * SECOND, [BID], [ASK], late=60 + second):
            begun.append(second)
    assert begun == [12]


def test_changes_kept_in_vain_are_bounded_and_the_copy_must_be_younger_then() -> None:
    client = Client()
    for number in range(1_500):
        client.change(T + number, BID)
    assert client.copy(T + 400, [BID], [ASK], late=0.01) == []
    client.change(T + SECOND, BID)
    assert len(client.copy(T + 500, [BID], [ASK], late=2)) == 1 + 1_000


def test_many_levels_in_few_changes_are_bounded_too() -> None:
    client = Client()
    for number in range(10):
        client.change(T + number, *[[str(price), "1"] for price in range(1, 9_001)])
    client.change(T + SECOND, BID)
    assert client.copy(T + 2, [BID], [ASK], late=2) == []
    client.change(T + 2 * SECOND, BID)
    assert len(client.copy(T + 5, [BID], [ASK], late=3)) == 1 + 4 + 2


def test_a_change_that_goes_back_is_a_gap_of_its_book_alone() -> None:
    client = aligned()
    client.change(T + 3 * SECOND, BID)
    now_ns = (T + 4 * SECOND) * 1_000
    assert client.take(change(T + 2 * SECOND, BID), T + 4 * SECOND) == [
        FeedGap("bitstamp", SOL, GapCause.SEQUENCE, T + 3 * SECOND, T + 2 * SECOND, now_ns)
    ]
    assert client.protocol.counters["disordered_changes"] == 1
    assert len(client.protocol.http_requests()) == 1


def test_changes_in_disorder_before_the_copy_are_a_gap_too() -> None:
    client = Client()
    client.change(T + SECOND, BID)
    (gap,) = client.change(T, BID, late=1)
    assert isinstance(gap, FeedGap)


def test_the_same_change_twice_is_no_gap() -> None:
    client = aligned()
    assert len(client.change(T + 2 * SECOND, BID)) == len(client.change(T + 2 * SECOND, BID)) == 1


def test_the_top_agrees_or_a_change_explains_it_or_it_is_a_gap() -> None:
    client = aligned()
    assert client.take(top(T + SECOND, [BID], [ASK]), T + SECOND) == []
    for tenth in range(1, 29):  # a lost change: the venue shows another size
        assert (
            client.take(top(T + SECOND + tenth * 100_000, [["150.01", "9"]], [ASK]), T + SECOND + tenth * 100_000) == []
        )
    at = T + 4 * SECOND
    assert len(client.change(at, ["150.01", "9"])) == 1
    for tenth in range(1, 31):
        assert client.take(top(at + tenth * 100_000, [["150.01", "8"]], [ASK]), at + tenth * 100_000) == []
    (gap,) = client.take(top(at + 3_200_000, [["150.01", "8"]], [ASK]), at + 3_200_000)
    assert gap == FeedGap("bitstamp", SOL, GapCause.CROSS_CHECK, None, None, (at + 3_200_000) * 1_000)


def test_a_top_older_than_the_book_says_nothing() -> None:
    client = aligned()
    for second in range(5):
        assert client.take(top(T, [], []), T + second * SECOND) == []


def test_a_silent_suspicion_is_found_by_the_next_heartbeat() -> None:
    client = aligned()
    client.take(top(T + 2 * SECOND, [BID], []), T + 2 * SECOND)
    beat, gap = client.take(frame({"event": "bts:heartbeat"}), T + 5 * SECOND)
    assert isinstance(beat, FeedHeartbeat)
    assert isinstance(gap, FeedGap)


def test_three_mismatches_on_a_connection_ask_for_a_new_one() -> None:
    client = aligned()
    reasons = []
    for number in range(3):
        at = T + (2 + 5 * number) * SECOND
        client.take(top(at, [], []), at)
        (gap,) = client.take(top(at + 3 * SECOND, [], []), at + 3 * SECOND)
        assert isinstance(gap, FeedGap)
        reasons.append(client.protocol.reconnect_reason)
        client.change(at + 3 * SECOND + 1, BID)
        client.copy(at + 4 * SECOND, [BID], [ASK])
    assert reasons == [None, None, "its changes do not make the books that it shows"]
    client.protocol.opened(2, NOW_NS)
    assert client.protocol.reconnect_reason is None


def test_a_whole_copy_is_compared_with_the_book_now_and_then() -> None:
    client = aligned(check_every_ns=5 * NANOS_PER_SECOND)
    client.change(T + 7 * SECOND, ["150", "3"])
    assert client.copy(T + 6 * SECOND, [BID], [ASK], late=1.5) == []
    assert client.protocol.counters["copies_equal"] == 1
    client.change(T + 13 * SECOND, ["150", "4"])
    (gap,) = client.copy(T + 12 * SECOND, [BID], [ASK, ["170", "1"]], late=1.5)
    assert isinstance(gap, FeedGap)
    assert (gap.instrument, gap.cause) == (SOL, GapCause.CROSS_CHECK)
    assert client.protocol.counters["copy_mismatches"] == 1


def test_a_copy_ahead_of_the_book_waits_for_the_change_that_leads_there() -> None:
    client = aligned(check_every_ns=5 * NANOS_PER_SECOND)
    client.change(T + 7 * SECOND, ["150", "3"])
    assert client.copy(T + 8 * SECOND, [BID, ["150", "5"]], [ASK]) == []
    assert client.protocol.counters["copies_equal"] == 0
    client.change(T + 7_500_000, ["150", "4"])
    client.change(T + 8_500_000, ["150", "5"])
    assert client.protocol.counters["copies_equal"] == 1


def test_a_copy_ahead_of_the_book_that_no_change_leads_to_shows_a_loss() -> None:
    client = aligned(check_every_ns=5 * NANOS_PER_SECOND)
    client.change(T + 7 * SECOND, ["150", "3"])
    client.copy(T + 8 * SECOND, [BID, ["150", "5"]], [ASK])
    beat = frame({"event": "bts:heartbeat"})
    assert len(client.take(beat, T + 10 * SECOND)) == 1
    assert len(client.take(beat, T + 11 * SECOND)) == 2


def test_a_copy_from_before_the_kept_changes_checks_nothing() -> None:
    client = aligned(check_every_ns=5 * NANOS_PER_SECOND)
    client.change(T + 7 * SECOND, ["150", "3"])
    assert client.copy(T, [], [], late=7) == []
    assert client.protocol.counters["copies_too_old"] == 1


def test_a_lost_answer_is_asked_for_again_after_half_a_minute() -> None:
    client = Client()
    client.take(frame({"event": "bts:heartbeat"}), T)
    assert len(client.protocol.http_requests()) == 1
    asked = [
        second
        for second in range(1, 70)
        if client.take(frame({"event": "bts:heartbeat"}), T + second * SECOND) and client.protocol.http_requests()
    ]
    assert asked == [29, 59]
