"""Solana pools over JSON-RPC: opening, notifications, checks by call, and what a refusal does."""

import json

import pytest

from arb_pipeline_tests.fixtures.frames import NOW_NS, sent
from arb_pipeline_tests.fixtures.market import ADDRESS, POOL, SLOT
from arb_pipeline_tests.fixtures.node import SYSTEM_OWNER, UNIX_TIMESTAMP, Node, error
from streaming_worker.core.amm.whirlpool import arrays_around
from streaming_worker.core.events import (
    ChainClock,
    Event,
    FeedConnected,
    FeedGap,
    GapCause,
    PoolUpdate,
    SlotAdvanced,
    TickArrayUpdate,
)
from streaming_worker.core.instrument import Pool, Venue
from streaming_worker.core.units import E8
from streaming_worker.errors import FeedFormatError
from streaming_worker.protocols.base import HttpRequest
from streaming_worker.protocols.solana import Solana
from streaming_worker.protocols.solana_pool import CLOCK_ADDRESS
from streaming_worker.sandbox.faces.solana_accounts import Account, tick_array_address

POOLS = [Pool(venue=Venue.ORCA, address=ADDRESS, base="SOL", quote="USDC", base_decimals=9, quote_decimals=6)]


class Session:
    """A protocol and a node that talk to each other."""

    def __init__(self) -> None:
        self.node = Node()
        self.protocol = Solana("solana", POOLS, check_every_slots=10)
        self.events: list[Event] = self.protocol.opened(1, NOW_NS)
        self.opening = self.protocol.opening_messages()

    def confirm(self, frames: list[bytes]) -> list[Event]:
        """Let the node confirm subscriptions."""
        events = [event for reply in self.node.replies(frames) for event in self.protocol.receive(reply, NOW_NS)]
        self.events += events
        return events

    def call(self) -> HttpRequest:
        """Return the only call that is waiting."""
        (request,) = self.protocol.http_requests()
        return request

    def answer(self) -> list[Event]:
        """Let the node answer the only call that is waiting."""
        request = self.call()
        events = self.protocol.receive_http(request, self.node.answer(request), NOW_NS)
        self.events += events
        return events

    def settle(self) -> "Session":
        """Run the opening to its end: every account subscribed and read."""
        self.answer()
        self.confirm([*self.opening, *self.protocol.outgoing()])
        self.answer()
        return self


def _addresses(request: HttpRequest) -> list[str]:
    return json.loads(request.body or b"")["params"][0]


def _arrays(price_e8: int = 150 * E8) -> list[str]:
    return [tick_array_address(ADDRESS, start) for start in arrays_around(Node(price_e8).move(price_e8))]


def test_opening_asks_for_slots_then_pools_and_reads_them_at_once() -> None:
    session = Session()
    assert session.events == [FeedConnected("solana", 1, NOW_NS)]
    options = {"encoding": "base64", "commitment": "processed"}
    assert sent(session.opening) == [
        {"jsonrpc": "2.0", "id": 1, "method": "slotSubscribe", "params": []},
        {"jsonrpc": "2.0", "id": 2, "method": "accountSubscribe", "params": [ADDRESS, options]},
    ]
    request = session.call()
    assert (request.method, request.path) == ("POST", "")
    assert sent([request.body or b""])[0]["params"] == [[ADDRESS, CLOCK_ADDRESS, ADDRESS], options]
    assert (session.protocol.keepalive, session.protocol.outgoing()) == (None, [])


def test_the_first_state_tells_which_arrays_to_subscribe_in_ascending_order() -> None:
    session = Session()
    clock, pool = session.answer()
    assert isinstance(pool, ChainClock | PoolUpdate)
    assert {type(clock), type(pool)} == {ChainClock, PoolUpdate}
    asked = sent(session.protocol.outgoing())
    assert [message["id"] for message in asked] == [3, 4, 5, 6, 7]
    assert [message["params"][0] for message in asked] == _arrays()


def test_once_every_subscription_stands_the_market_is_read_in_one_call() -> None:
    session = Session()
    session.answer()
    session.protocol.receive(session.node.next_slot(0), NOW_NS)
    waiting = [*session.opening, *session.protocol.outgoing()]
    session.confirm(waiting[:-1])
    assert session.protocol.http_requests() == []
    session.confirm(waiting[-1:])
    request = session.call()
    assert _addresses(request) == [ADDRESS, CLOCK_ADDRESS, *_arrays(), ADDRESS]
    assert sent([request.body or b""])[0]["params"][1]["minContextSlot"] == SLOT
    session.node.slot += 2
    events = session.protocol.receive_http(request, session.node.answer(request), NOW_NS)
    assert [type(event) for event in events] == [PoolUpdate, ChainClock, *[TickArrayUpdate] * 5]
    assert events[1] == ChainClock("solana", SLOT + 2, UNIX_TIMESTAMP, NOW_NS)
    arrays = [event.array for event in events if isinstance(event, TickArrayUpdate)]
    assert [len(array.ticks) for array in arrays] == [0, 1, 1, 1, 1]  # the lowest account does not exist
    assert {event.slot for event in events if isinstance(event, PoolUpdate | TickArrayUpdate)} == {SLOT + 2}


def test_a_notification_becomes_a_pool_state() -> None:
    session = Session().settle()
    state = session.node.move(151 * E8)
    session.node.slot += 3
    assert session.protocol.receive(session.node.notification(ADDRESS), NOW_NS + 1) == [
        PoolUpdate(POOL, SLOT + 3, state, NOW_NS + 1)
    ]


def test_an_equal_slot_replaces_and_an_older_one_is_ignored() -> None:
    session = Session().settle()
    session.node.slot += 3
    session.protocol.receive(session.node.notification(ADDRESS), NOW_NS)
    state = session.node.move(152 * E8)
    (again,) = session.protocol.receive(session.node.notification(ADDRESS), NOW_NS)
    assert again == PoolUpdate(POOL, SLOT + 3, state, NOW_NS)
    assert session.protocol.receive(session.node.notification(ADDRESS, slot=SLOT + 2), NOW_NS) == []
    assert session.protocol.counters["old_or_repeated"] == 1


def test_an_array_repeated_without_a_change_says_nothing_new() -> None:
    session = Session().settle()
    session.node.slot += 1
    assert session.protocol.receive(session.node.notification(_arrays()[2]), NOW_NS) == []


def test_a_closed_array_has_no_ticks() -> None:
    session = Session().settle()
    closed = Account(b"", SYSTEM_OWNER, 0)
    (event,) = session.protocol.receive(session.node.notification(_arrays()[2], slot=SLOT + 1, account=closed), NOW_NS)
    assert isinstance(event, TickArrayUpdate)
    assert event.array.ticks == ()


def test_a_notification_before_the_reply_waits_for_it_and_keeps_its_time() -> None:
    session = Session()
    session.node.replies(session.opening)
    assert session.protocol.receive(session.node.notification(ADDRESS), NOW_NS + 5) == []
    assert session.protocol.counters["early_notifications"] == 1
    (event,) = session.confirm(session.opening)
    assert (type(event), event.received_ns) == (PoolUpdate, NOW_NS + 5)


def test_notifications_of_unknown_subscriptions_are_kept_within_bounds() -> None:
    session = Session()
    session.node.subscriptions[ADDRESS] = 9_999
    for _ in range(300):
        session.protocol.receive(session.node.notification(ADDRESS), NOW_NS)
    assert len(session.protocol._unknown) == 256


def test_a_pool_that_leaves_its_arrays_gets_new_ones_subscribed_then_read() -> None:
    session = Session().settle()
    session.node.move(170 * E8)
    session.node.slot += 1
    session.protocol.receive(session.node.notification(ADDRESS), NOW_NS)
    frames = session.protocol.outgoing()
    assert [message["params"][0] for message in sent(frames)] == [
        address for address in _arrays(170 * E8) if address not in _arrays()
    ]
    session.confirm(frames)
    request = session.call()
    assert _addresses(request) == [ADDRESS, CLOCK_ADDRESS, *_arrays(170 * E8), ADDRESS]


def test_slots_are_the_heartbeat_and_time_the_checks() -> None:
    session = Session().settle()
    calls = []
    for _ in range(25):
        (event,) = session.protocol.receive(session.node.next_slot(), NOW_NS)
        assert event == SlotAdvanced("solana", session.node.slot, NOW_NS)
        for request in session.protocol.http_requests():
            calls.append(session.node.slot - SLOT)
            session.protocol.receive_http(request, session.node.answer(request), NOW_NS)
    assert calls == [6, 16]
    assert session.protocol.counters["checks"] == 2


def test_a_slot_that_goes_backwards_is_told_but_times_nothing() -> None:
    session = Session().settle()
    session.protocol.receive(session.node.next_slot(5), NOW_NS)
    (event,) = session.protocol.receive(session.node.next_slot(-3), NOW_NS)
    assert event == SlotAdvanced("solana", SLOT + 2, NOW_NS)
    assert session.protocol.http_requests() == []


def test_a_check_heals_what_was_never_notified() -> None:
    session = Session().settle()
    session.protocol.receive(session.node.next_slot(), NOW_NS)
    session.protocol.receive(session.node.next_slot(10), NOW_NS)
    state = session.node.move(149 * E8)
    events = session.answer()
    assert PoolUpdate(POOL, SLOT + 11, state, NOW_NS) in events
    assert not any(isinstance(event, TickArrayUpdate) for event in events)


def test_a_check_that_is_not_newer_than_a_notification_changes_nothing() -> None:
    session = Session().settle()
    session.protocol.receive(session.node.next_slot(6), NOW_NS)
    session.protocol.receive(session.node.next_slot(6), NOW_NS)
    session.protocol.receive(session.node.notification(ADDRESS), NOW_NS)
    request = session.call()
    session.node.move(140 * E8)
    events = session.protocol.receive_http(request, session.node.answer(request), NOW_NS)
    assert [type(event) for event in events] == [ChainClock]


def test_two_different_copies_of_the_pool_in_one_answer_are_a_torn_read() -> None:
    session = Session().settle()
    session.protocol.receive(session.node.next_slot(), NOW_NS)
    session.protocol.receive(session.node.next_slot(10), NOW_NS)
    request = session.call()
    answer = json.loads(session.node.answer(request))
    session.node.move(149 * E8)
    answer["result"]["value"][-1] = json.loads(session.node.answer(request))["result"]["value"][-1]
    assert session.protocol.receive_http(request, json.dumps(answer).encode(), NOW_NS) == []
    assert session.protocol.counters["torn_reads"] == 1
    session.protocol.receive(session.node.next_slot(), NOW_NS)
    assert len(session.protocol.http_requests()) == 1


@pytest.mark.parametrize("code", [-32016, -32005, 429])
def test_a_busy_node_is_asked_again_some_slots_later(code: int) -> None:
    session = Session().settle()
    session.protocol.receive(session.node.next_slot(), NOW_NS)
    session.protocol.receive(session.node.next_slot(10), NOW_NS)
    assert session.protocol.receive_http(session.call(), error(1, code, "busy"), NOW_NS) == []
    assert session.protocol.counters["busy_answers"] == 1
    due = [slots for slots in range(1, 8) if (session.protocol.receive(session.node.next_slot(), NOW_NS),
                                              session.protocol.http_requests())[1]]  # fmt: skip
    assert due == [5]


def test_a_resync_subscribes_everything_again_with_the_next_ids_then_reads_it() -> None:
    session = Session().settle()
    assert session.protocol.resync(POOL, GapCause.CROSS_CHECK, NOW_NS) == [
        FeedGap("solana", POOL, GapCause.CROSS_CHECK, None, None, NOW_NS)
    ]
    frames = session.protocol.outgoing()
    assert [message["id"] for message in sent(frames)] == list(range(8, 20))
    assert [message["method"] for message in sent(frames)] == ["accountUnsubscribe"] * 6 + ["accountSubscribe"] * 6
    assert [message["params"][0] for message in sent(frames)[6:]] == [ADDRESS, *_arrays()]
    session.confirm(frames)
    assert sorted(session.node.unsubscribed) == list(range(502, 508))
    assert [type(event) for event in session.answer()] == [PoolUpdate, *[TickArrayUpdate] * 5]


def test_a_resync_of_one_pool_leaves_the_other_alone() -> None:
    other = Pool(venue=Venue.ORCA, address=CLOCK_ADDRESS, base="SOL", quote="X", base_decimals=9, quote_decimals=6)
    protocol = Solana("solana", [*POOLS, other])
    protocol.opened(1, NOW_NS)
    protocol.opening_messages()
    protocol.resync(other.key, GapCause.CROSS_CHECK, NOW_NS)
    assert [message["params"][:1] for message in sent(protocol.outgoing())] == [[], [CLOCK_ADDRESS]]


def test_a_resync_without_slots_asks_for_them_again() -> None:
    session = Session()
    session.protocol.resync(None, GapCause.BAD_FRAME, NOW_NS)
    assert sent(session.protocol.outgoing())[0]["method"] == "slotSubscribe"


@pytest.mark.parametrize(
    ("request_id", "words", "instrument"),
    [(1, "subscribe to slots: -32601 Method not found", None), (2, f"{ADDRESS} of {POOL}: -32601", POOL)],
)
def test_a_refused_subscription_is_passed_on_in_words(request_id: int, words: str, instrument: str | None) -> None:
    with pytest.raises(FeedFormatError, match=words) as caught:
        Session().protocol.receive(error(request_id, -32601, "Method not found"), NOW_NS)
    assert caught.value.instrument == instrument


def test_an_account_that_does_not_decode_names_its_pool() -> None:
    session = Session().settle()
    foreign = Account(session.node.accounts[ADDRESS].data, SYSTEM_OWNER, 1)
    with pytest.raises(FeedFormatError, match="owner") as caught:
        session.protocol.receive(session.node.notification(ADDRESS, slot=SLOT + 1, account=foreign), NOW_NS)
    assert caught.value.instrument == POOL


def test_an_array_of_another_place_is_refused() -> None:
    session = Session().settle()
    low, high = _arrays()[1:3]
    with pytest.raises(FeedFormatError, match="tick array"):
        session.protocol.receive(
            session.node.notification(low, slot=SLOT + 1, account=session.node.accounts[high]), NOW_NS
        )


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b'{"result":{"context":{"slot":1},"value":[]}}', "expected 3 accounts"),
        (b'{"result":{"context":{"slot":1},"value":[null,null,null]}}', "whirlpool|clock|owner"),
        (b'{"id":1}', "expected 3 accounts"),
        (error(1, -32601, "Method not found"), "Method not found"),
        (b"<html>", "answer"),
        (b'{"error":{"code":1,"message":"\xff"}}', "answer"),
    ],
)
def test_an_unusable_answer_names_the_pool(body: bytes, words: str) -> None:
    session = Session()
    with pytest.raises(FeedFormatError, match=words) as caught:
        session.protocol.receive_http(session.call(), body, NOW_NS)
    assert caught.value.instrument == POOL


def test_an_answer_without_the_clock_is_refused() -> None:
    session = Session()
    request = session.call()
    answer = json.loads(session.node.answer(request))
    answer["result"]["value"][1] = None
    with pytest.raises(FeedFormatError, match="clock"):
        session.protocol.receive_http(request, json.dumps(answer).encode(), NOW_NS)


def test_a_clock_beyond_64_bits_is_refused() -> None:
    session = Session()
    request = session.call()
    endless = Account((2**63).to_bytes(8, "little") + bytes(32), SYSTEM_OWNER, 1)
    with pytest.raises(FeedFormatError, match="clock slot"):
        session.protocol.receive_http(request, session.node.answer(request, **{CLOCK_ADDRESS: endless}), NOW_NS)


@pytest.mark.parametrize("request_body", [None, b"{}", b'{"params":[["other"],{}]}'])
def test_an_answer_to_a_call_of_somebody_else_is_refused(request_body: bytes | None) -> None:
    with pytest.raises(FeedFormatError):
        Session().protocol.receive_http(HttpRequest("x", "POST", "", request_body), b"{}", NOW_NS)


@pytest.mark.parametrize(
    "bad",
    [b"", b"\xff", b'{"id":99,"result":1}', b'{"id":"x"}', b'{"id":2,"result":"no"}',
     b'{"method":"slotNotification","params":{"result":{"slot":-1}}}', b'{"method":"\xff"}',
     b'{"method":"accountNotification","params":{}}'],
)  # fmt: skip
def test_hostile_frames_are_refused(bad: bytes) -> None:
    with pytest.raises(FeedFormatError):
        Session().protocol.receive(bad, NOW_NS)


def test_an_unknown_notification_is_counted() -> None:
    session = Session()
    assert session.protocol.receive(b'{"method":"rootNotification","params":{}}', NOW_NS) == []
    assert session.protocol.counters["unknown_channels"] == 1


def test_a_new_connection_starts_over() -> None:
    session = Session().settle()
    assert session.protocol.opened(2, NOW_NS) == [FeedConnected("solana", 2, NOW_NS)]
    assert [message["id"] for message in sent(session.protocol.opening_messages())] == [1, 2]
    assert _addresses(session.call()) == [ADDRESS, CLOCK_ADDRESS, ADDRESS]
