"""Solana subscriptions whose request or reply is lost: asked for again, and in the end on a new connection."""

import json

from arb_pipeline_tests.fixtures.frames import NOW_NS, sent
from arb_pipeline_tests.fixtures.market import ADDRESS
from arb_pipeline_tests.fixtures.node import Node, error
from streaming_worker.core.events import PoolUpdate
from streaming_worker.core.instrument import Pool, Venue
from streaming_worker.core.units import NANOS_PER_SECOND
from streaming_worker.protocols.solana import Solana

S = NANOS_PER_SECOND
POOL = Pool(venue=Venue.ORCA, address=ADDRESS, base="SOL", quote="USDC", base_decimals=9, quote_decimals=6)


def _opened() -> tuple[Solana, Node]:
    protocol, node = Solana("solana", [POOL]), Node()
    protocol.opened(1, NOW_NS)
    protocol.opening_messages()
    protocol.http_requests()
    return protocol, node


def _reply(request: int, result: object) -> bytes:
    return json.dumps({"jsonrpc": "2.0", "result": result, "id": request}).encode()


def _asked_at(protocol: Solana, node: Node, second: int) -> list[tuple[int, str]]:
    """Let a slot come, and return the subscriptions that are asked for then, by number."""
    protocol.receive(node.next_slot(), NOW_NS + second * S)
    return [(message["id"], message["method"]) for message in sent(protocol.outgoing())]


def test_what_is_not_answered_is_asked_for_again() -> None:
    protocol, node = _opened()
    assert _asked_at(protocol, node, 3) == []
    assert _asked_at(protocol, node, 5) == [(3, "slotSubscribe"), (4, "accountSubscribe")]
    assert _asked_at(protocol, node, 6) == []
    protocol.receive(_reply(3, 501), NOW_NS + 6 * S)
    protocol.receive(_reply(4, 502), NOW_NS + 6 * S)
    assert _asked_at(protocol, node, 60) == []
    assert protocol.counters["subscriptions_asked_again"] == 2
    node.subscriptions[ADDRESS] = 502
    (event,) = protocol.receive(node.notification(ADDRESS), NOW_NS + 60 * S)
    assert isinstance(event, PoolUpdate)


def test_a_reply_that_only_comes_late_ends_what_nobody_waits_for() -> None:
    protocol, node = _opened()
    _asked_at(protocol, node, 5)
    protocol.receive(_reply(4, 502), NOW_NS + 6 * S)
    assert protocol.receive(_reply(2, 77), NOW_NS + 7 * S) == []
    (ending,) = sent(protocol.outgoing())
    assert (ending["method"], ending["params"]) == ("accountUnsubscribe", [77])
    assert protocol.receive(_reply(ending["id"], True), NOW_NS + 7 * S) == []
    assert protocol.receive(_reply(1, 501), NOW_NS + 7 * S) == []
    assert protocol.outgoing() == []


def test_a_late_refusal_of_what_was_asked_for_again_changes_nothing() -> None:
    protocol, node = _opened()
    _asked_at(protocol, node, 5)
    assert protocol.receive(error(2, -32_000, "busy"), NOW_NS + 6 * S) == []
    assert protocol.outgoing() == []


def test_a_node_that_never_answers_is_connected_anew() -> None:
    protocol, node = _opened()
    for second in range(5, 60, 5):
        _asked_at(protocol, node, second)
    assert protocol.reconnect_reason == "it does not answer subscriptions"
    assert protocol.counters["subscriptions_asked_again"] == 2 * 3
    protocol.opened(2, NOW_NS + 60 * S)
    assert protocol.reconnect_reason is None


def test_requests_behind_many_others_are_given_the_time_until_they_are_sent() -> None:
    pools = [POOL, *(Pool(venue=Venue.ORCA, address=f"{ADDRESS[:-2]}{n:02d}", base="SOL", quote="USDC",
                          base_decimals=9, quote_decimals=6) for n in range(40))]  # fmt: skip
    protocol, node = Solana("solana", pools), Node()
    protocol.opened(1, NOW_NS)
    protocol.opening_messages()
    first = _asked_at(protocol, node, 5)
    assert len(first) < 8
