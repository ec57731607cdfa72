"""Trust in books: lost until a snapshot, asked for at growing intervals."""

from streaming_worker.core.events import FeedGap, GapCause
from streaming_worker.core.units import NANOS_PER_SECOND
from streaming_worker.protocols.resync import BookTrust

NOW_NS = 1_790_000_000 * NANOS_PER_SECOND


def _trust() -> BookTrust:
    trust = BookTrust("venue", ["venue:A", "venue:B"])
    trust.trust("venue:A")
    trust.trust("venue:B")
    return trust


def test_a_gap_of_one_book_leaves_the_other_trusted() -> None:
    trust = _trust()
    gap = trust.lose("venue:A", GapCause.UPDATE_ID, NOW_NS, expected=7, received=9)
    assert gap == FeedGap("venue", "venue:A", GapCause.UPDATE_ID, 7, 9, NOW_NS)
    assert (trust.is_trusted("venue:A"), trust.is_lost("venue:A")) == (False, True)
    assert (trust.is_trusted("venue:B"), trust.is_lost("venue:B")) == (True, False)


def test_a_gap_of_the_feed_loses_every_book() -> None:
    trust = _trust()
    assert trust.lose(None, GapCause.SEQUENCE, NOW_NS).instrument is None
    assert trust.take_due(NOW_NS) == ["venue:A", "venue:B"]


def test_a_lost_book_is_asked_for_at_once_then_ever_more_seldom_until_a_snapshot() -> None:
    trust = _trust()
    trust.lose("venue:A", GapCause.SEQUENCE, NOW_NS)
    asked = [second for second in range(400) if trust.take_due(NOW_NS + second * NANOS_PER_SECOND)]
    assert asked == [0, 2, 6, 14, 30, 62, 122, 182, 242, 302, 362]
    trust.trust("venue:A")
    assert trust.take_due(NOW_NS + 10**6 * NANOS_PER_SECOND) == []


def test_a_book_lost_again_right_after_its_snapshot_waits_for_the_interval() -> None:
    trust = _trust()
    trust.lose("venue:A", GapCause.SEQUENCE, NOW_NS)
    assert trust.take_due(NOW_NS) == ["venue:A"]
    trust.trust("venue:A")
    trust.lose("venue:A", GapCause.SEQUENCE, NOW_NS + 1)
    assert trust.take_due(NOW_NS + 1) == []
    assert trust.take_due(NOW_NS + 2 * NANOS_PER_SECOND) == ["venue:A"]


def test_a_new_connection_forgets_everything() -> None:
    trust = _trust()
    trust.lose("venue:A", GapCause.SEQUENCE, NOW_NS)
    trust.take_due(NOW_NS)
    trust.forget()
    assert not trust.is_trusted("venue:B")
    assert not trust.is_lost("venue:A")
    trust.lose("venue:A", GapCause.SEQUENCE, NOW_NS + 1)
    assert trust.take_due(NOW_NS + 1) == ["venue:A"]
